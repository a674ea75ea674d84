"""Where a ClickHouse server is, and who asks it."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gqlreports.errors import InvalidInput

SCHEMES = {"clickhouse": 8123, "clickhouses": 8443}
"""With and without TLS, and the usual port of each."""
_FORM = "The store's URL must be clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, or clickhouses:// for TLS"


@dataclass(frozen=True)
class Address:
    """A server, a database there, and what to show it: a password, a token or a client certificate."""

    host: str
    port: int
    database: str = "default"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    secure: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    token: str | None = field(default=None, repr=False)


def parse_address(
    url: str,
    ca: Path | None = None,
    certificate: Path | None = None,
    certificate_key: Path | None = None,
    token: str | None = None,
) -> Address:
    """`clickhouse://USER:PASSWORD@HOST:PORT/DATABASE`, all but HOST optional, `clickhouses` for TLS.

    Raises InvalidInput, which never repeats the URL, since it holds the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput(f"{_FORM}; its port is none. Check GQLREPORTS_STORE.") from None
    if parts.scheme not in SCHEMES or not parts.hostname or parts.query or parts.fragment:
        raise InvalidInput(f"{_FORM}, and nothing behind it. Check GQLREPORTS_STORE.")
    if token and parts.password:
        raise InvalidInput("The store is given a password and a token; leave one out.")
    if not _is_host(parts.hostname):
        raise InvalidInput("The host in the store's URL is no name and no address. Check GQLREPORTS_STORE.")
    secure = parts.scheme == "clickhouses"
    if not secure and (ca or certificate):
        raise InvalidInput("Certificates need TLS: write clickhouses:// in GQLREPORTS_STORE.")
    return Address(
        host=parts.hostname,
        port=port or SCHEMES[parts.scheme],
        database=unquote(parts.path.strip("/")) or "default",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        secure=secure,
        ca=ca,
        certificate=certificate,
        certificate_key=certificate_key,
        token=token,
    )


def _is_host(name: str) -> bool:
    """Whether it may be looked up: labels of 1 to 63 characters (RFC 1035), as `socket` wants them."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True
