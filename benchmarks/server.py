"""The process that is measured: the product, with the bare engine and ordinary resolvers beside it.

All run on one engine and the same data, so that caches, threads and memory are the same for each.

- `/graphql` is the product.
- `/engine` runs a statement on a raw chDB connection and tells, in a header, the time until its bytes were there.
- `/ordinary` is a GraphQL server with resolvers as they come.
- `/asked` tells the last statement that the product asked of its store.
"""

import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import orjson
import uvicorn
from clickhouse_connect.driver.asyncclient import AsyncClient
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from benchmarks.engine import PRODUCT, Engine
from benchmarks.ordinary import ordinary
from benchmarks.statements import Question, plain
from benchmarks.store import Home
from gqlreports.backends.base import Fetched, Statement
from gqlreports.backends.settings import READING, projections
from gqlreports.cli.support import backend_of, directory_of
from gqlreports.config import Settings
from gqlreports.limits import RequestLimits
from gqlreports.plugins.registry import Registry
from gqlreports.web.app import HttpOptions, create_app

LIMITS = RequestLimits(requests_per_minute=10_000_000)
_READ = ("x-milliseconds", "x-rows-read", "x-bytes-read")


@dataclass(frozen=True)
class Answer:
    """Bytes, the milliseconds until they were there, and what was read for them, where that is known."""

    body: bytes
    milliseconds: float
    rows_read: int = 0
    bytes_read: int = 0


@dataclass(frozen=True)
class Asked:
    """A statement, its values, and the rollup that it reads."""

    sql: str
    values: dict[str, object]
    rollup: str | None


class Client:
    """Asks each of the contestants in the server's process."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def product(self, body: bytes) -> Answer:
        """Raises RuntimeError where there is no answer."""
        answer = self._timed("/graphql", body)
        # Nobody's data has this text.
        if b'"errors":' in answer.body:
            [error] = orjson.loads(answer.body)["errors"]
            raise RuntimeError(f"{error['extensions']['code']}: {error['message']}")
        return answer

    def ordinary(self, body: bytes) -> Answer:
        return self._timed("/ordinary/", body)

    def asked(self) -> Asked:
        """The statement that the product asked last."""
        return Asked(**orjson.loads(self._send("GET", "/asked").body))

    def engine(self, asked: Asked) -> Answer:
        """Raises RuntimeError where the engine gives up."""
        return self._run({"sql": asked.sql, "values": asked.values, "rollup": asked.rollup})

    def raw(self, question: Question) -> Answer:
        """The plain statement of a question on the rows of the table.  Raises as `engine` does."""
        values = {**question.values, "table": "cdr"}
        return self._run({"sql": plain(question.report), "values": values, "rollup": None})

    def _run(self, body: dict[str, object]) -> Answer:
        answer = self._send("POST", "/engine", orjson.dumps(body))
        if not answer.milliseconds:
            raise RuntimeError(answer.body.decode())
        return answer

    def _timed(self, path: str, body: bytes) -> Answer:
        start = time.perf_counter()
        answer = self._send("POST", path, body)
        return Answer(answer.body, (time.perf_counter() - start) * 1000)

    def _send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        milliseconds, rows, size = (float(response.headers.get(name, 0)) for name in _READ)
        return Answer(response.read(), milliseconds, int(rows), int(size))


def read_by(answer: Answer) -> tuple[int, int]:
    """The rows and bytes that the store read for an answer of the product's."""
    [statistics] = orjson.loads(answer.body)["extensions"]["statistics"].values()
    return statistics["rowsRead"], statistics["bytesRead"]


def rows_of(answer: Answer) -> bytes:
    """The rows of an answer of the product's, as the store printed them."""
    start = answer.body.index(b'"rows":') + len(b'"rows":')
    end = answer.body.rindex(b'}},"extensions"') if b'}},"extensions"' in answer.body else answer.body.rindex(b"}}}")
    return answer.body[start:end]


@contextmanager
def server(home: Home, store: str | None = None) -> Iterator[Client]:
    """A server in a process of its own, on the home's store or on the one at the URL `store`."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    key = home.new_key()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = context.Process(target=_serve, args=(listener, home, store, sender), daemon=True)
        process.start()
        sender.close()
        try:
            receiver.recv()
            yield Client(listener.getsockname()[1], key)
        finally:
            process.terminate()
            process.join()


def _serve(listener: socket.socket, home: Home, store: str | None, ready: Connection) -> None:
    """Serve until killed."""
    settings = Settings(home=home.path, store=store, limits=LIMITS)
    registry = Registry.load(strict=True)
    backend = _Recording(backend_of(settings, registry))
    http = HttpOptions(LIMITS, answers_bytes=0)
    app = create_app(registry, backend, directory_of(settings), http=http)
    app.router.routes.append(Route("/asked", backend.answer))
    if store is None:
        engines = _Engines(home)
        app.router.routes.append(Route("/engine", engines.answer, methods=["POST"]))
        app.router.routes.append(Mount("/ordinary", ordinary(engines.rows)))
    else:
        app.router.routes.append(Mount("/ordinary", ordinary(_OverHttp(store).rows)))
    ready.send(None)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listener])


class _Recording:
    """A backend that keeps the last report's statement."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._last = Statement("")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    async def fetch_json(self, statement: Statement) -> Fetched:
        if statement.customers is not None:
            self._last = statement
        fetched: Fetched = await self._backend.fetch_json(statement)
        return fetched

    async def answer(self, request: Request) -> Response:
        asked = {"sql": self._last.sql, "values": self._last.values("default"), "rollup": self._last.rollup}
        return Response(orjson.dumps(asked))


class _OverHttp:
    """The driver's own client of the store at a URL."""

    def __init__(self, store: str) -> None:
        self._address = urlsplit(store)
        self._client: AsyncClient | None = None

    async def rows(self, sql: str, values: dict[str, object]) -> bytes:
        """What `ordinary` reads with."""
        if self._client is None:
            host, port = self._address.hostname, self._address.port
            self._client = await clickhouse_connect.get_async_client(host=host, port=port, settings=READING)
        return await self._client.raw_query(sql, values, fmt="JSONEachRow")


class _Engines:
    """Raw connections to the store; the engine must have been opened by the product."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._opened: dict[str | None, Engine] = {}

    async def answer(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        try:
            result, seconds = await run_in_threadpool(self._timed, asked["sql"], asked["values"], asked["rollup"])
        except RuntimeError as error:
            return Response(str(error), 500)
        read = seconds * 1000, result.storage_rows_read(), result.storage_bytes_read()
        return Response(result.bytes(), headers=dict(zip(_READ, map(str, read), strict=True)))

    async def rows(self, sql: str, values: dict[str, object]) -> bytes:
        """What `ordinary` reads with."""
        result, _ = await run_in_threadpool(self._timed, sql, values, None)
        return bytes(result.bytes())

    def _timed(self, sql: str, values: dict[str, object], rollup: str | None) -> tuple[Any, float]:
        if rollup not in self._opened:
            self._opened[rollup] = Engine(self._home.store, PRODUCT | projections(rollup))
        start = time.perf_counter()
        try:
            result = self._opened[rollup].ask(sql, values)
            result.bytes()
        except RuntimeError:
            # What a failed query leaves behind comes in front of the connection's next answer.
            self._opened.pop(rollup).close()
            raise
        return result, time.perf_counter() - start
