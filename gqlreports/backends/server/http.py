"""The address of a ClickHouse server, and clickhouse-connect's async client with what its own raw queries keep back.

They hand a result that ClickHouse broke off to the caller as if it were whole, and leave out the headers, in which
ClickHouse says what it read.
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


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_BLOCK = 1 << 18
# Less than any server keeps an idle connection: what writes is not sent again where the server has just closed it.
_KEPT_ALIVE = 3.0
# Servers before 25.11 write a failure behind the rows without a tag.
_UNTAGGED = re.compile(rb"Code: \d+\. DB::Exception: .*\(version [^)]*\)\s*$", re.DOTALL)
_TAIL = 4096
_FORMAT = "X-ClickHouse-Format"


class HttpClient(AsyncClient):
    """A client for one database of one server."""

    @classmethod
    async def connect(cls, address: Address, seconds: float, connections: int, **options: Any) -> "HttpClient":
        """`seconds` is how long the server may be silent.  Raises the driver's errors."""
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
            # With a password the certificate is for the connection alone, as a proxy may ask for one.
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
        """Send a query; the answer comes once its first bytes are there, and must be closed.

        Raises ReadFailed where it is printed in another format than `form`.
        """
        sql, values, runtime = self._prep_raw_query_runtime(
            statement.sql,
            statement.values(self.database or "default"),
            {**settings, "enable_http_compression": "1"},
            None,
            True,
        )
        # Not as FORMAT behind the statement: EXPLAIN AST takes that for a part of what it explains.
        headers = {"Accept-Encoding": "zstd", _FORMAT: form}
        propagate.inject(headers)
        answer = Answer(await self._backend.execute_raw_stream(sql, values, None, runtime, headers))
        if answer.form != form:
            answer.close()
            raise ReadFailed(f"The answer is {answer.form}, not {form}: is the header {_FORMAT} lost on the way?")
        return answer


class Answer:
    """What ClickHouse prints for a query, and what it says of it."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.ended = False
        self.form: str | None = response.headers.get(_FORMAT)
        self.facts: dict[str, str] = orjson.loads(response.headers.get("X-ClickHouse-Summary", "{}"))

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes as they come.

        Raises ReadFailed where ClickHouse broke off, and what aiohttp raises: what came before is no answer then.
        """
        tag = self._response.headers.get("X-ClickHouse-Exception-Tag", "")
        marker = b"\r\n__exception__\r\n" + tag.encode() if tag else None
        held, tail = b"", b""
        async for piece in self._decompressed():
            held += piece
            if marker and marker in held:
                raise ReadFailed(held.partition(marker)[2].decode(errors="replace"))
            # The marker may begin in this piece and end in the next.
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
