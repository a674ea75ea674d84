"""What a small report costs besides the store.

The application is called in one process, one request behind the other.  `executed` is a document that was never sent
before, `repeated` one that was, while the store runs each time, and `kept` one whose answer is kept; the three take
turns.  They are measured three times: with the engine; with what it answered before in its place, in the same thread;
and with that after a pause as long as a call of the engine, since a processor that has waited is slower at first.
"""

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import quantiles
from typing import Any

import orjson
import uvloop
from starlette.applications import Starlette

from benchmarks.calls import LARGE
from benchmarks.results import Section, Table
from benchmarks.statements import Question, day
from benchmarks.store import Home
from gqlreports.backends.base import Fetched
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.directory.directory import Directory
from gqlreports.limits import RequestLimits
from gqlreports.plugins.registry import Registry
from gqlreports.store.definition import definition
from gqlreports.telemetry.logs import configure_logs
from gqlreports.web.app import HttpOptions, create_app

ROUNDS = 300
_QUESTION = Question("GROUP_BY_TECH_PREFIX", LARGE, day(100), day(130))
_HEADINGS = ["", "", "CPU, ms", "besides the store, ms", "the same, first decile", "in all, ms"]
_MODES = {"with the engine": (False, 0.0), "with a pause instead": (True, 0.012), "without the engine": (True, 0.0)}
_numbers = itertools.count()
Ask = Callable[[], Awaitable[None]]


class TimedBackend(EmbeddedBackend):
    """Adds up the seconds of the engine's calls, the change of threads not among them, or spares them."""

    seconds = 0.0
    remembering = False
    pause = 0.0

    def __init__(self, path: Path) -> None:
        super().__init__(path, definition(Registry.load()))
        self._remembered: dict[str, Fetched] = {}

    def _fetch(self, query: Any) -> Fetched:
        start, name = time.perf_counter(), repr(query.statement)
        if not self.remembering or name not in self._remembered:
            self._remembered[name] = super()._fetch(query)
        elif self.pause:
            time.sleep(self.pause)
        self.seconds += time.perf_counter() - start
        return self._remembered[name]


def measured(home: Home, rounds: int = ROUNDS) -> Section:
    key = home.new_key()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        figures = pool.submit(_measured, home, key, rounds).result()
    rows = [[*name.split(", "), *(f"{each:.2f}" for each in told)] for name, told in figures.items()]
    return Section({name: told[1] for name, told in figures.items()}, [Table("A small report", _HEADINGS, rows)])


def _measured(home: Home, key: str, rounds: int) -> dict[str, list[float]]:
    with (home.path / "log").open("w") as log:
        configure_logs(log)
        return uvloop.run(_in_process(home, key, rounds))


def _app(home: Home, backend: EmbeddedBackend, answers_bytes: int) -> Starlette:
    http = HttpOptions(RequestLimits(requests_per_minute=10_000_000), answers_bytes=answers_bytes)
    directory = Directory(f"sqlite:///{(home.path / 'directory.db').absolute()}")
    return create_app(Registry.load(strict=True), backend, directory, http=http)


async def _in_process(home: Home, key: str, rounds: int) -> dict[str, list[float]]:
    backend = TimedBackend(home.store)
    running, keeping = _app(home, backend, 0), _app(home, backend, 1 << 20)
    query = orjson.loads(_QUESTION.body)
    asks: dict[str, Ask] = {
        "executed": lambda: _call(
            running, key, orjson.dumps({**query, "query": f"{query['query']} # {next(_numbers)}"})
        ),
        "repeated": lambda: _call(running, key, _QUESTION.body),
        "kept": lambda: _call(keeping, key, _QUESTION.body),
    }
    figures: dict[str, list[float]] = {}
    async with running.router.lifespan_context(running):
        for ask in [*asks.values()] * 20:
            await ask()
        for where, (backend.remembering, backend.pause) in _MODES.items():
            found = await _compared(asks, backend, rounds)
            figures |= {f"{name}, {where}": each for name, each in found.items()}
    return figures


async def _compared(asks: Mapping[str, Ask], backend: TimedBackend, rounds: int) -> dict[str, list[float]]:
    """Medians in milliseconds of each way: CPU time, the time besides the store with its first decile, and all."""
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in asks}
    for _ in range(rounds):
        for name, ask in asks.items():
            store, cpu, start = backend.seconds, time.thread_time(), time.perf_counter()
            await ask()
            whole = time.perf_counter() - start
            taken[name].append((time.thread_time() - cpu, whole - (backend.seconds - store), whole))
    return {name: _told(each) for name, each in taken.items()}


def _told(taken: list[tuple[float, float, float]]) -> list[float]:
    cpu, besides, whole = ([cut * 1000 for cut in quantiles(column, n=10)] for column in zip(*taken, strict=True))
    return [cpu[4], besides[4], besides[0], whole[4]]


async def _call(app: Starlette, key: str, body: bytes) -> None:
    """One request, as a server hands it to the application."""
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
