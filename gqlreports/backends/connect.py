"""Creates the backend of the store from the settings."""

from enum import Enum, auto
from pathlib import Path

from gqlreports.backends.base import Backend, Definition, Limits
from gqlreports.backends.embedded.command_socket import is_hosted
from gqlreports.backends.embedded.shared import SharedBackend
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import SCHEMES, Address, parse_address
from gqlreports.config import Settings
from gqlreports.errors import InvalidInput
from gqlreports.extras import needed


class Use(Enum):
    """How a process uses an embedded store, which one process at a time can have open."""

    SHARED = auto()
    """A server that has it open does the work; without one, this process opens it."""
    ALONE = auto()
    """This process opens it, or fails."""
    SERVING = auto()
    """This process opens it, or fails, and does what others ask for."""


def connect(settings: Settings, definition: Definition | None, use: Use = Use.SHARED) -> Backend:
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
    # The engine must know a store by one path, whichever links and dots lead there.
    place = Path(path).resolve()
    if use is Use.SHARED and is_hosted(place):
        return SharedBackend(place, definition, limits)
    with needed("embedded", "An embedded store needs"):
        from gqlreports.backends.embedded.backend import EmbeddedBackend
        from gqlreports.backends.embedded.host import HostedBackend
    if use is Use.SERVING:
        return HostedBackend(EmbeddedBackend(place, definition, limits, serving=True), place, limits)
    return EmbeddedBackend(place, definition, limits)


def missing_store(settings: Settings) -> Path | None:
    """The directory of an embedded store that is not there yet; None for any other store."""
    scheme, _, path = settings.store_url.partition("://")
    if scheme != "chdb":
        return None
    place = Path(path)
    try:
        return None if any(place.iterdir()) else place
    except FileNotFoundError:
        return place
    except OSError:
        # Opening the store tells what is wrong with the place.
        return None


def address_of(settings: Settings) -> Address:
    """The address of the server in GQLREPORTS_STORE.  Raises InvalidInput if it is not the URL of a server."""
    return parse_address(
        settings.store_url,
        settings.store_ca,
        settings.store_certificate,
        settings.store_key,
        settings.store_token.get_secret_value() if settings.store_token else None,
    )
