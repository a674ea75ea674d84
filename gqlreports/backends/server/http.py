"""The address of a ClickHouse server, and an HTTP client based on clickhouse-connect's async client.

The client's own raw queries return a result that ClickHouse broke off as if it were complete.  They also drop the
headers in which ClickHouse reports what it read.  This module corrects both.
"""

import re
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
from aiohttp import ClientResponse
from clickhouse_connect.driver._backend.http_async import release_lease
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import StreamFailureError
from opentelemetry import propagate

from gqlreports.backends.base import Statement
from gqlreports.backends.failures import ReadFailed
from gqlreports.errors import InvalidInput

SCHEMES = {"clickhouse": 8123, "clickhouses": 8443}
"""The URL schemes without and with TLS, and the default port of each."""
_FORM = "The store's URL must be clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, or clickhouses:// for TLS"


@dataclass(frozen=True)
class Address:
    """A server, a database on it, and the credentials: a password, a token or a client certificate."""

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
    """Parse `clickhouse://USER:PASSWORD@HOST:PORT/DATABASE`; all but HOST is optional, and `clickhouses` means TLS.

    Raises InvalidInput.  Its message never repeats the URL, which contains the password.
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
    """Whether `socket` can look up a name: its labels need 1 to 63 characters (RFC 1035)."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_BLOCK = 1 << 18
# Seconds that an idle connection is reused, fewer than any server keeps it open.  A write on a connection that the
# server has just closed would fail, since writes are not sent again.
_KEPT_ALIVE = 3.0
# Servers before 25.11 write a failure after the rows without a tag.
_UNTAGGED = re.compile(rb"Code: \d+\. DB::Exception: .*\(version [^)]*\)\s*$", re.DOTALL)
_TAIL = 4096
_FORMAT = "X-ClickHouse-Format"


class HttpClient(AsyncClient):
    """A client for one database of one server."""

    @classmethod
    async def connect(cls, address: Address, seconds: float, connections: int, **options: Any) -> "HttpClient":
        """Connect to a server, which may stay silent for `seconds`.  Raises the driver's errors."""
        client = cls(
            "https" if address.secure else "http",
            address.host,
            address.port,
            address.user or "default",
            address.password or "",
            address.database,
            access_token=address.token,
            ca_cert=_path(address.ca),
            client_cert=_path(address.certificate),
            client_cert_key=_path(address.certificate_key),
            # With a password, the certificate only secures the connection, for example for a proxy that requires one.
            tls_mode="strict" if address.password else None,
            connect_timeout=min(seconds, 10),
            send_receive_timeout=seconds,
            connector_limit=connections,
            connector_limit_per_host=connections,
            keepalive_timeout=_KEPT_ALIVE,
            query_retries=0,
            form_encode_query_params=True,
            client_name="gqlreports",
            **{"autogenerate_session_id": False, **options},
        )
        await client._initialize()
        return client

    async def ask(self, statement: Statement, form: str, settings: Mapping[str, str]) -> "Answer":
        """Send a query, and return the answer as soon as it begins to arrive.  The caller must close it.

        Raises ReadFailed if the answer is in another format than `form`.
        """
        sql, values, runtime = self._prep_raw_query_runtime(
            statement.sql,
            statement.values(self.database or "default"),
            {**settings, "enable_http_compression": "1"},
            None,
            True,
        )
        # The format is a header, since EXPLAIN AST would take FORMAT as part of the statement that it explains.
        headers = {"Accept-Encoding": "zstd", _FORMAT: form}
        propagate.inject(headers)
        answer = Answer(await self._backend.execute_raw_stream(sql, values, None, runtime, headers))
        if answer.form != form:
            answer.close()
            raise ReadFailed(f"The answer is {answer.form}, not {form}: is the header {_FORMAT} lost on the way?")
        return answer


class Answer:
    """The body that ClickHouse prints for a query, and the facts that it reports about the query."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.ended = False
        self.form: str | None = response.headers.get(_FORMAT)
        self.facts: dict[str, str] = orjson.loads(response.headers.get("X-ClickHouse-Summary", "{}"))

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes as they arrive.

        Raises ReadFailed if ClickHouse broke off, and any error of aiohttp.  The bytes before an error are not an
        answer.
        """
        tag = self._response.headers.get("X-ClickHouse-Exception-Tag", "")
        marker = b"\r\n__exception__\r\n" + tag.encode() if tag else None
        held, tail = b"", b""
        async for piece in self._decompressed():
            held += piece
            if marker and marker in held:
                raise ReadFailed(held.partition(marker)[2].decode(errors="replace"))
            # The marker may begin in this piece and end in the next, so as many bytes are held back.
            kept = len(held) - len(marker) if marker else len(held)
            if kept > 0:
                tail = (tail + held[:kept])[-_TAIL:]
                yield held[:kept]
                held = held[kept:]
        if marker is None and (failure := _UNTAGGED.search(tail + held)):
            raise ReadFailed(failure[0].decode(errors="replace"))
        self.ended = True
        if held:
            yield held

    def close(self) -> None:
        try:
            self._response.close()
        finally:
            release_lease(self._response)

    async def _decompressed(self) -> AsyncIterator[bytes]:
        blocks = self._response.content.iter_chunked(_BLOCK)
        if self._response.headers.get("Content-Encoding") != "zstd":
            async for block in blocks:
                yield block
            return
        decompressor, whole = zstd.ZstdDecompressor(), True
        async for block in blocks:
            # A server may begin a new frame for each of its buffers.
            while block:
                if decompressor.eof:
                    decompressor = zstd.ZstdDecompressor()
                yield decompressor.decompress(block)
                whole = decompressor.eof
                block = decompressor.unused_data if whole else b""
        if not whole:
            raise StreamFailureError("The result was cut off.")


def _path(path: object) -> str | None:
    return str(path) if path else None
