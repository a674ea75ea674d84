"""Many callers at once, on `gqlreports serve`: the same report again and again, and one that nobody has asked yet.

The callers are a process of their own on the same cores; each sends its next request once the answer to the last is
there.  Told are requests/s, p50 and p99, errors, and the server's resident memory before and after.
"""

import asyncio
import multiprocessing
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, repeat
from pathlib import Path
from statistics import quantiles

from benchmarks.calls import LARGE
from benchmarks.results import Section, Table
from benchmarks.statements import Question, day
from benchmarks.store import Home
from tests.clickhouse.server import free_port

CALLERS = (1, 16, 64)
SECONDS = 10
_REPORT = Question("GROUP_BY_TECH_PREFIX", LARGE, day(100), day(130))
_HEADINGS = ["", "callers", "requests/s", "p50, ms", "p99, ms", "errors", "memory at first, MiB", "at last"]


@dataclass(frozen=True)
class Load:
    """What became of the requests of some callers in `seconds`."""

    milliseconds: list[float]
    errors: int
    seconds: float
    mebibytes: tuple[int, int]

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds

    @property
    def cells(self) -> list[str]:
        cuts = quantiles(self.milliseconds * 2, n=100)
        first, last = self.mebibytes
        return [f"{self.rate:,.0f}", f"{cuts[49]:.2f}", f"{cuts[98]:.2f}", str(self.errors), str(first), str(last)]


def measured(home: Home, seconds: float = SECONDS) -> Section:
    figures: dict[str, float] = {}
    rows = []
    with served(home) as (port, key, process):
        for name, repeated in (("the same report", True), ("another range each time", False)):
            for callers in CALLERS:
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    load = pool.submit(_loaded, port, key, process, callers, repeated, seconds).result()
                figures[f"{name} {callers}"] = load.rate
                rows.append([name, str(callers), *load.cells])
    return Section(figures, [Table("Many callers", _HEADINGS, rows)])


@contextmanager
def served(home: Home) -> Iterator[tuple[int, str, int]]:
    """The real server: its port, a key, and its process."""
    key, port = home.new_key(), free_port()
    limits = {"GQLREPORTS_LIMITS_REQUESTS_PER_MINUTE": str(10_000_000)}
    log = (home.path / "serve.log").open("wb")
    process = subprocess.Popen(
        home.command("serve", "--port", str(port)), env=home.environment(**limits), stdout=log, stderr=log
    )
    try:
        asyncio.run(_until_it_answers(port))
        yield port, key, process.pid
    finally:
        process.terminate()
        process.wait()
        log.close()


def _loaded(port: int, key: str, process: int, callers: int, repeated: bool, seconds: float) -> Load:
    return asyncio.run(_load(port, key, process, callers, repeated, seconds))


async def _load(port: int, key: str, process: int, callers: int, repeated: bool, seconds: float) -> Load:
    later = (_REPORT.shifted(timedelta(seconds=callers, milliseconds=place)) for place in count(1))
    requests = (_request(each, key) for each in (repeat(_REPORT) if repeated else later))
    taken: list[float] = []
    wrong = 0
    begun = time.perf_counter()

    async def call() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (start := time.perf_counter()) < begun + seconds:
            writer.write(next(requests))
            body = await _body(reader)
            taken.append((time.perf_counter() - start) * 1000)
            wrong += b'"rows":[{' not in body and b'"rows":[\n{' not in body
        writer.close()

    first = resident(process)
    await asyncio.gather(*(call() for _ in range(callers)))
    return Load(taken, wrong, time.perf_counter() - begun, (first, resident(process)))


def _request(question: Question, key: str) -> bytes:
    body = question.body
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, length = head.partition(b"content-length: ")
    return await reader.readexactly(int(length.split(b"\r\n", 1)[0]))


async def _until_it_answers(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            return writer.close()
        except ConnectionError:
            await asyncio.sleep(0.1)
    raise RuntimeError("The server did not start.")


def resident(process: int) -> int:
    """The resident memory of a process, in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024**2
