"""The ASGI application."""

import asyncio
import json
import random
import re
import string
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import chdb
from starlette.types import Receive, Scope, Send

from tests.clickhouse.coding import Plain, compressor, decompressor
from tests.clickhouse.engine import Engine, Handle
from tests.clickhouse.request import COMMENT, Problem, Request

Result = TypeVar("Result")
Header: TypeAlias = tuple[bytes, bytes]
Started: TypeAlias = tuple[Handle, bytes, Iterator[Any] | None, str]

CONTENT_TYPES = {"json": "application/json", "csv": "text/csv", "tab": "text/tab-separated-values"}
STATUS = {194: 401, 192: 403, 193: 403, 516: 403, 291: 403, 48: 501, 159: 408, 160: 408, 202: 503, 439: 503}
STATUS |= dict.fromkeys((6, 26, 27, 36, 38, 41, 43, 53, 62, 69, 70, 72, 117, 130, 131, 321, 456, 457), 400)
STATUS |= dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 81, 115, 372), 404)
INSERT = re.compile(
    rf"{COMMENT}(insert\b(?:(?!\b(?:select|values)\b).)*?)\bformat\s+(\w+)[ \t]*\r?\n?".encode(),
    re.IGNORECASE | re.DOTALL,
)
RESULT = re.compile(rf"{COMMENT}\(*(select|with|show|describe|desc|explain|exists|check|kill)\b", re.I | re.DOTALL)
BLOCK = 1 << 20


def summary(result: Any = None, **more: int) -> str:
    if result is not None:
        more |= {"read_rows": result.storage_rows_read(), "read_bytes": result.storage_bytes_read()}
        more |= {"written_rows": result.rows_written(), "written_bytes": result.bytes_written()}
        more |= {"result_rows": result.rows_read(), "result_bytes": result.bytes_read()}
        more |= {"total_rows_to_read": more["read_rows"], "elapsed_ns": int(result.elapsed() * 1e9)}
    return json.dumps({name: str(value) for name, value in more.items()})


class App:
    def __init__(self, path: str, password: str | None = None, threads: int = 16) -> None:
        self._engine = Engine(path)
        self._password = password
        self._threads = ThreadPoolExecutor(threads, "chdb")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/ping" or (
            scope["path"] == "/" and scope["method"] == "GET" and not scope["query_string"]
        ):
            return await reply(send, 200, b"Ok.\n")
        try:
            await self._answer(Request(scope, self._password), receive, send)
        except Problem as error:
            version = "" if "(version" in error.text else f" (version {chdb.engine_version})"
            head = [(b"x-clickhouse-exception-code", str(error.code).encode())]
            await reply(send, STATUS.get(error.code, 500), f"{error.text}{version}\n".encode(), head)

    def _work(self, work: Callable[..., Result], *arguments: Any) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        body = blocks(request, receive)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            request.read_form(b"".join([block async for block in body]))
            statement = request.sql.encode()
        else:
            statement = request.sql.encode() or await anext(body, b"")
            if insert := INSERT.match(statement):
                request.settle("")
                return await self._insert(request, insert, statement[insert.end() :], body, send)
            rest = b"".join([block async for block in body])
            statement += (b"\n" if statement and rest and request.sql else b"") + rest
        if not statement.strip():
            raise Problem("Empty query. (SYNTAX_ERROR)", 62)
        request.settle(statement.decode("utf-8", "surrogateescape"))
        started = await self._started_while_connected(request, receive)
        await self._respond(request, started, send)
        return None

    async def _started_while_connected(self, request: Request, receive: Receive) -> Started:
        job = asyncio.ensure_future(self._work(self._start, request))
        if request.parameters.get("cancel_http_readonly_queries_on_client_close") != "1":
            return await job
        gone = asyncio.ensure_future(receive())
        both: set[asyncio.Future[Any]] = {gone, job}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                await self._work(self._engine.keep.query, self._engine.kill(request.id))
            return await job
        finally:
            gone.cancel()

    def _start(self, request: Request) -> Started:
        """Run the statement as far as its first bytes: the connection, bytes, further chunks if any, summary."""
        if (killed := request.killed()) is not None:
            request.sql, request.values = self._engine.kill(killed), {}
        handle = self._engine.take(request)
        try:
            if not request.streams:
                result = handle.connection.query(request.sql, request.format, params=request.values)
                data, facts = result.bytes() or b"", summary(result)
                self._engine.give(request, handle)
                return handle, data, None, facts
            chunks = handle.connection.send_query(request.sql, request.format, params=request.values)
            first = next(chunks, None)
            return handle, (first.bytes() if first else b""), chunks, summary(first)
        except Exception as error:
            self._engine.give(request, handle, spoilt=True)
            raise Problem(str(error)) from error

    async def _respond(self, request: Request, started: Started, send: Send) -> None:
        handle, first, chunks, facts = started
        coding, squeeze = None, Plain()
        if request.parameters.get("enable_http_compression") == "1":
            coding, squeeze = compressor(request.headers.get("accept-encoding", ""))  # type: ignore[assignment]
        tag = "".join(random.choices(string.ascii_lowercase, k=16))
        head = self._head(request, facts, tag, coding)
        if chunks is None:
            return await reply(send, 200, squeeze.compress(first) + squeeze.flush(), head)
        whole = False
        try:
            await reply(send, 200, squeeze.compress(first), head, more=True)
            while (data := await self._next(chunks, tag)) is not None:
                whole = not data.startswith(b"\r\n__exception__")
                await send({"type": "http.response.body", "body": squeeze.compress(data), "more_body": True})
                if not whole:
                    break
            else:
                whole = True
            await send({"type": "http.response.body", "body": squeeze.flush()})
        finally:
            await self._work(self._finish, request, handle, chunks, not whole)

    async def _next(self, chunks: Iterator[Any], tag: str) -> bytes | None:
        """The next bytes of a result, or an exception as a server writes it into one, or None at the end."""
        try:
            chunk = await self._work(next, chunks, None)
            return chunk.bytes() if chunk else None
        except Exception as error:
            text = Problem(str(error)).text
            return f"\r\n__exception__\r\n{tag}\r\n{text}\n{len(text) + 1} {tag}\r\n__exception__\r\n".encode()

    def _head(self, request: Request, facts: str, tag: str, coding: str | None) -> list[Header]:
        kind = next((value for name, value in CONTENT_TYPES.items() if request.format.lower().startswith(name)), None)
        head = {
            "content-type": f"{kind or 'application/octet-stream'}; charset=UTF-8",
            "x-clickhouse-query-id": request.id,
            "x-clickhouse-summary": facts,
            "x-clickhouse-timezone": self._engine.timezone,
            "x-clickhouse-exception-tag": tag,
        }
        if RESULT.match(request.sql):
            head["x-clickhouse-format"] = request.format
        if coding:
            head["content-encoding"] = coding
        return [(name.encode(), value.encode()) for name, value in head.items()]

    def _finish(self, request: Request, handle: Handle, chunks: Any, spoilt: bool) -> None:
        try:
            chunks.close()
        finally:
            self._engine.give(request, handle, spoilt)

    async def _insert(
        self, request: Request, match: re.Match[bytes], first: bytes, body: AsyncIterator[bytes], send: Send
    ) -> None:
        """INSERT ... FORMAT x, its data streamed to the engine."""
        handle = await self._work(self._engine.take, request)
        into = done = None
        try:
            into = await self._work(handle.connection.send_insert, match[1].decode(), match[2].decode())
            if first:
                await self._work(into.append, first)
            async for block in body:
                await self._work(into.append, block)
            done = await self._work(into.finish)
        except Exception as error:
            if into:
                await self._work(into.cancel)
            raise error if isinstance(error, Problem) else Problem(str(error)) from error
        finally:
            self._engine.give(request, handle, spoilt=not done)
        facts = summary(written_rows=done.rows_written, written_bytes=done.bytes_written)
        ids = [(b"x-clickhouse-summary", facts.encode()), (b"x-clickhouse-query-id", request.id.encode())]
        await reply(send, 200, b"", ids)


async def reply(send: Send, status: int, body: bytes, head: Sequence[Header] = (), more: bool = False) -> None:
    base = [] if more else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*base, *head]})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def blocks(request: Request, receive: Receive) -> AsyncIterator[bytes]:
    """The request body, decompressed, in blocks of at least BLOCK bytes but for the last."""
    decode, parts, held, more = decompressor(request.headers.get("content-encoding")), [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("client went away", 210)
        more = message.get("more_body", False)
        parts.append(decode(message["body"]) if message.get("body") else b"")
        held += len(parts[-1])
        if held and (held >= BLOCK or not more):
            yield b"".join(parts)
            parts, held = [], 0
