"""What a small report costs besides the store, and how often a second one process answers a kept one.

Run it with `python -m benchmarks.overhead`.  The first figures are of the application called in this process, one
request behind the other, in milliseconds: the CPU time of the thread that serves, the whole time without that of the
engine's call, and the whole time.  `executed` is a document that was never sent before, `repeated` one that was, while
the store runs each time, and `kept` one whose answer is kept; the three take turns.  They are measured twice: with the
engine, after whose calls all code is cold, and with what it answered before in its place, in the same thread.  The
figures are medians, and in parentheses the first deciles, which a busy machine spoils less.

The last is the rate at which one process of the server answers the kept one over HTTP, asked by another process.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from statistics import quantiles
from typing import Any

import orjson
import uvloop
from starlette.applications import Starlette

from benchmarks.server import CUSTOMER, WORKLOADS, fill
from gqlreports.backends.base import Fetched
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.limits import RequestLimits
from gqlreports.plugins.registry import Registry
from gqlreports.store.definition import definition
from gqlreports.telemetry.logs import configure_logs
from gqlreports.web.app import create_app
from gqlreports.web.draining import Draining
from gqlreports.web.options import HttpOptions
from gqlreports.web.server import DrainingServer

SMALL = WORKLOADS[0]
CONNECTIONS = 16
_numbers = itertools.count()
Ask = Callable[[], Awaitable[None]]


class TimedBackend(EmbeddedBackend):
    """Adds up the seconds of the engine's calls, the change of threads not among them, or spares them."""

    seconds = 0.0
    remembering = False

    def __init__(self, path: Path) -> None:
        super().__init__(path, definition())
        self._remembered: dict[str, Fetched] = {}

    def _fetch(self, query: Any) -> Fetched:
        start, name = time.perf_counter(), repr(query.statement)
        if not self.remembering or name not in self._remembered:
            self._remembered[name] = super()._fetch(query)
        self.seconds += time.perf_counter() - start
        return self._remembered[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--requests", type=int, default=20_000, help="over HTTP")
    parser.add_argument("--calls", type=int, default=200_000, help="in the store")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        key = _prepared(home, given.calls)
        with (home / "log").open("w") as log:
            configure_logs(log)
            uvloop.run(_in_process(home, key, given.rounds))
        _over_http(home, key, given.requests)


def _prepared(home: Path, calls: int) -> str:
    """A key for a new store and directory.  The engine runs in a process of its own, for it cannot be opened twice."""
    filling = multiprocessing.get_context("spawn").Process(target=_fill, args=(home, calls))
    filling.start()
    filling.join()
    directory = Directory(f"sqlite:///{home / 'directory.db'}")
    directory.save_customers([Customer(id=CUSTOMER, name="Alder Voice", currency="USD")])
    key = directory.create_key("benchmark", Role.STAFF)
    directory.close()
    return key


def _fill(home: Path, calls: int) -> None:
    asyncio.run(fill(EmbeddedBackend(home / "store", definition()), calls))


def _app(home: Path, backend: EmbeddedBackend, answers_bytes: int) -> Starlette:
    http = HttpOptions(RequestLimits(requests_per_minute=10_000_000), answers_bytes=answers_bytes)
    directory = Directory(f"sqlite:///{home / 'directory.db'}")
    return create_app(Registry.load(strict=True), backend, directory, http=http)


async def _in_process(home: Path, key: str, rounds: int) -> None:
    backend = TimedBackend(home / "store")
    running, keeping = _app(home, backend, 0), _app(home, backend, 1 << 20)
    asks: dict[str, Ask] = {
        "executed": lambda: _call(running, key, f"{SMALL.query} # {next(_numbers)}"),
        "repeated": lambda: _call(running, key, SMALL.query),
        "kept": lambda: _call(keeping, key, SMALL.query),
    }
    async with running.router.lifespan_context(running):
        for ask in [*asks.values()] * 20:
            await ask()
        for backend.remembering in (False, True):
            print("without the engine" if backend.remembering else "with the engine")
            await _compared(asks, backend, rounds)


async def _compared(asks: Mapping[str, Ask], backend: TimedBackend, rounds: int) -> None:
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in asks}
    for _ in range(rounds):
        for name, ask in asks.items():
            store, cpu, start = backend.seconds, time.thread_time(), time.perf_counter()
            await ask()
            whole = time.perf_counter() - start
            taken[name].append((time.thread_time() - cpu, whole - (backend.seconds - store), whole))
    for name, each in taken.items():
        deciles = [quantiles(column, n=10) for column in zip(*each, strict=True)]
        told = ("CPU", "besides the store", "in all")
        figures = [
            f"{what} {cuts[4] * 1000:6.3f} ({cuts[0] * 1000:.3f})" for what, cuts in zip(told, deciles, strict=True)
        ]
        print(f"{name:9}", *figures, sep="  ", flush=True)


async def _call(app: Starlette, key: str, query: str) -> None:
    """One request, as a server hands it to the application."""
    body = orjson.dumps({"query": query})
    headers = [(b"authorization", f"Bearer {key}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])
    left: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    sent: list[Any] = []

    async def receive() -> Any:
        return next(parts, None) or await left

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200
    assert b'"errors"' not in sent[1]["body"]


def _serve(home: Path, port: int) -> None:
    with (home / "log").open("w") as log:
        configure_logs(log)
        app = _app(home, EmbeddedBackend(home / "store", definition()), 1 << 20)
        DrainingServer(app, "127.0.0.1", port, Draining(), 0).run()


def _over_http(home: Path, key: str, requests: int) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(home, port))
    server.start()
    try:
        seconds, milliseconds = uvloop.run(_load(port, key, requests))
    finally:
        server.terminate()
        server.join()
    cuts = quantiles(milliseconds, n=100)
    print(f"kept over HTTP  {requests / seconds:6.0f} requests/s  p50 {cuts[49]:6.2f}  p99 {cuts[98]:6.2f}")


async def _load(port: int, key: str, requests: int) -> tuple[float, list[float]]:
    """The seconds that it took, and the milliseconds of each; connections are kept open."""
    body = orjson.dumps({"query": SMALL.query})
    asked = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    milliseconds: list[float] = []

    async def caller(count: int) -> None:
        reader, writer = await _connected(port)
        for _ in range(count):
            start = time.perf_counter()
            writer.write(asked)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(size)
            assert b'"rows":[' in answer
            milliseconds.append((time.perf_counter() - start) * 1000)
        writer.close()

    await caller(100)
    milliseconds.clear()
    start = time.perf_counter()
    await asyncio.gather(*(caller(requests // CONNECTIONS) for _ in range(CONNECTIONS)))
    return time.perf_counter() - start, milliseconds


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(300):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
    raise RuntimeError("The server did not start.")


if __name__ == "__main__":
    main()
