"""Many callers at once: the API on an embedded store and on one over HTTP, beside the engine alone.

Run it with `python -m benchmarks.concurrency`.  The small report of `benchmarks.server` is asked for by 64 callers
without a pause; each kind is told as requests/s, p50 and p99 in milliseconds, errors, and the API's resident memory in
MiB after each tenth of the requests.  The callers run on the same cores.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from subprocess import DEVNULL, Popen
from urllib.parse import urlencode

import aiohttp

from benchmarks.server import CUSTOMER, WORKLOADS, connect, fill, statement_of
from gqlreports.backends.embedded import EmbeddedBackend
from gqlreports.backends.settings import READING
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.plugins.registry import Registry
from gqlreports.store.definition import definition
from tests.clickhouse.process import ClickHouse, free_port
from tests.stores import new_database

CALLERS = 64
SMALL = WORKLOADS[0]
STATEMENT = statement_of(Registry.load(strict=True), SMALL)
VALUES = {name: str(value) for name, value in STATEMENT.parameters.items()}
Ask = Callable[[], Awaitable[None]]


class Load:
    """What became of `count` requests by CALLERS callers; `memory` is asked ten times on the way."""

    def __init__(self, count: int, memory: Callable[[], int] | None = None) -> None:
        self._left = count
        self._every = max(1, count // 10)
        self._memory = memory
        self.milliseconds: list[float] = []
        self.errors = 0
        self.mebibytes: list[int] = []

    async def run(self, ask: Ask) -> None:
        start = time.perf_counter()
        await asyncio.gather(*(self._call(ask) for _ in range(CALLERS)))
        self.seconds = time.perf_counter() - start

    async def _call(self, ask: Ask) -> None:
        while self._left > 0:
            self._left -= 1
            number, start = self._left, time.perf_counter()
            try:
                await ask()
                self.milliseconds.append((time.perf_counter() - start) * 1000)
            except (aiohttp.ClientError, ValueError, KeyError):
                self.errors += 1
            if self._memory and number % self._every == 0:
                self.mebibytes.append(self._memory())

    def __str__(self) -> str:
        cuts = quantiles(self.milliseconds, n=100)
        p50, p99 = cuts[49], cuts[98]
        rate = len(self.milliseconds) / self.seconds
        memory = f"  memory {' '.join(map(str, self.mebibytes))}" if self.mebibytes else ""
        return f"{rate:7.0f}/s  p50 {p50:6.1f}  p99 {p99:6.1f}  p99/p50 {p99 / p50:4.1f}  errors {self.errors}{memory}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="to the API; a fifth to the engine")
    parser.add_argument("--calls", type=int, default=200_000, help="in the store")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _embedded(Path(folder) / "embedded", given.requests, given.calls)
    with tempfile.TemporaryDirectory() as folder:
        _over_http(Path(folder), given.requests, given.calls)


def _embedded(home: Path, requests: int, calls: int) -> None:
    store = home / "store"
    asyncio.run(fill(EmbeddedBackend(store, definition()), calls))
    with _served(home, {}) as (url, key, process):
        print("embedded  API   ", asyncio.run(_api(url, key, process, requests)), flush=True)
    connections = [connect(f"{store}?{urlencode(READING)}") for _ in range(os.cpu_count() or 1)]
    print("embedded  engine", asyncio.run(_chdb(connections, requests // 5)), flush=True)
    for each in connections:
        each.close()


def _over_http(home: Path, requests: int, calls: int) -> None:
    clickhouse = ClickHouse(home / "clickhouse")
    clickhouse.start()
    try:
        store = new_database(clickhouse.url("").rstrip("/"))
        asyncio.run(fill(store.backend(), calls))
        with _served(home, {"GQLREPORTS_STORE": f"{store.url}/{store.database}"}) as (url, key, process):
            print("http      API   ", asyncio.run(_api(url, key, process, requests)), flush=True)
        engine = f"http://127.0.0.1:{clickhouse.port}/"
        print("http      engine", asyncio.run(_front(engine, store.database, requests // 5)), flush=True)
    finally:
        clickhouse.stop()


@contextmanager
def _served(home: Path, settings: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    """The real server: its address, a key, and its process."""
    directory = Directory(f"sqlite:///{home / 'directory.db'}")
    directory.save_customers([Customer(id=CUSTOMER, name="Alder Voice", currency="USD")])
    key, port = directory.create_key("benchmark", Role.STAFF), free_port()
    directory.close()
    command = [sys.executable, "-c", "from gqlreports.cli import app; app()", "serve", "--port", str(port)]
    environment = os.environ | {"GQLREPORTS_HOME": str(home), "GQLREPORTS_ANSWERS_BYTES": "0"} | settings
    process = Popen(command, env=environment, stderr=DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/graphql", key, process.pid
    finally:
        process.terminate()
        process.wait()


async def _api(url: str, key: str, process: int, requests: int) -> Load:
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=CALLERS)) as session:

        async def ask() -> None:
            async with session.post(url, json={"query": SMALL.query}) as response:
                answer = await response.json()
                if len(answer["data"]["customReport"]["rows"]) != SMALL.rows:
                    raise ValueError("not all rows")

        await _until_it_answers(ask)
        load = Load(requests, lambda: _resident(process))
        await load.run(ask)
        return load


async def _chdb(connections: list[object], requests: int) -> Load:
    free: asyncio.Queue[object] = asyncio.Queue()
    for each in connections:
        free.put_nowait(each)

    async def ask() -> None:
        connection = await free.get()
        values = {"database": "default", **VALUES}
        await asyncio.to_thread(connection.query, STATEMENT.sql, "JSONEachRow", params=values)  # type: ignore[attr-defined]
        free.put_nowait(connection)

    load = Load(requests)
    await load.run(ask)
    return load


async def _front(url: str, database: str, requests: int) -> Load:
    values = {f"param_{name}": value for name, value in {"database": database, **VALUES}.items()}
    parameters = READING | values | {"database": database, "wait_end_of_query": "1", "readonly": "1"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CALLERS)) as session:

        async def ask() -> None:
            async with session.post(url, params=parameters, data=f"{STATEMENT.sql} FORMAT JSONEachRow") as response:
                if len(await response.json(content_type=None)) != SMALL.rows:
                    raise ValueError("not all rows")

        load = Load(requests)
        await load.run(ask)
        return load


async def _until_it_answers(ask: Ask) -> None:
    for _ in range(600):
        try:
            return await ask()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


def _resident(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024**2


if __name__ == "__main__":
    main()
