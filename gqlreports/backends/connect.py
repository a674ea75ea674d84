"""From the URL of a store to its backend."""

from collections.abc import Sequence
from pathlib import Path

from gqlreports.backends.base import Backend
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.errors import InvalidInput


def connect(url: str, definition: Sequence[str], query_timeout: float) -> Backend:
    """`chdb://PATH` is the embedded store in a directory.  Raises InvalidInput for any other URL."""
    scheme, _, path = url.partition("://")
    if scheme != "chdb" or not path or "?" in path:
        raise InvalidInput("The store's URL must be chdb://PATH, and PATH without a ?; check GQLREPORTS_STORE.")
    return EmbeddedBackend(Path(path), definition, query_timeout)
