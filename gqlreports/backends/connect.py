"""Creates the backend of the store from the settings."""

from pathlib import Path

from gqlreports.backends.base import Backend, Definition, Limits
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import SCHEMES, Address, parse_address
from gqlreports.config import Settings
from gqlreports.errors import InvalidInput
from gqlreports.extras import needed


def connect(settings: Settings, definition: Definition | None) -> Backend:
    """The backend for the store's URL: `chdb://PATH` is an embedded store in a directory, `clickhouse://HOST` a server.

    Raises InvalidInput for any other URL, and NotInstalled if an embedded store needs chDB and it is not installed.
    """
    url = settings.store_url
    scheme, _, path = url.partition("://")
    limits = Limits(
        settings.query_timeout, settings.query_memory, settings.query_rows, settings.limits.bytes_per_report
    )
    if scheme in SCHEMES:
        return ServerBackend(address_of(settings), definition, limits)
    if scheme != "chdb" or not path or "?" in path:
        raise InvalidInput(
            "The store's URL must be chdb://PATH, and PATH without a ?, or clickhouse://HOST; check GQLREPORTS_STORE."
        )
    with needed("embedded", "An embedded store needs"):
        from gqlreports.backends.embedded.backend import EmbeddedBackend
    return EmbeddedBackend(Path(path), definition, limits)


def address_of(settings: Settings) -> Address:
    """The address of the server in GQLREPORTS_STORE.  Raises InvalidInput if it is not the URL of a server."""
    return parse_address(
        settings.store_url,
        settings.store_ca,
        settings.store_certificate,
        settings.store_key,
        settings.store_token.get_secret_value() if settings.store_token else None,
    )
