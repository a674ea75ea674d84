"""Reports while a command loads into the store that their server has open.

A caller asks for a small report of a small customer again and again, each time over another range, at first of a server
at rest, then while `gqlreports load` runs.  Both are processes on the same cores as the server.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import quantiles

from benchmarks.callers import served
from benchmarks.calls import CALLS, SMALL, months
from benchmarks.engine import WRITING, Engine
from benchmarks.loading import FILE, fresh
from benchmarks.results import Section, Table
from benchmarks.statements import Question, day
from benchmarks.store import Home, empty

ROWS = 1_000_000
SECONDS = 30
_FIRST = 1_000_000_000
"""The number of the first call of the file: none that is in the store."""
_REPORT = Question("GROUP_BY_TECH_PREFIX", SMALL, day(100), day(130))


@dataclass(frozen=True)
class Asking:
    """The milliseconds that each of the requests took."""

    milliseconds: list[float]

    def percentile(self, number: int) -> float:
        return quantiles(self.milliseconds * 2, n=100)[number - 1]

    @property
    def cells(self) -> list[str]:
        return [f"{self.percentile(50):.1f}", f"{self.percentile(99):.1f}", f"{max(self.milliseconds):.1f}"]


def measured(home: Home, folder: Path, rows: int = ROWS, seconds: float = SECONDS) -> Section:
    file = (folder / "beside.parquet").absolute()
    number = fresh(_generate, folder / "generator", file, rows)
    beside = Home(folder / "beside")
    shutil.rmtree(beside.path, ignore_errors=True)
    beside.path.mkdir(parents=True)
    home.linked().rename(beside.store)
    with served(beside) as (port, key, _):
        ask = _caller(port, key)
        _asked(ask, _until(3))
        alone = _asked(ask, _until(seconds))
        load = subprocess.Popen(beside.command("load", "cdrs", str(file)), env=beside.environment())
        start = time.perf_counter()
        loading = _asked(ask, lambda: load.poll() is not None)
        rate = number / (time.perf_counter() - start)
        if load.returncode:
            raise RuntimeError("The load failed.")
    for each in ("generator", "beside"):
        shutil.rmtree(folder / each, ignore_errors=True)
    file.unlink()
    ratio = loading.percentile(99) / alone.percentile(99)
    figures = {"alone p99": alone.percentile(99), "loading p99": loading.percentile(99), "ratio": ratio, "CDRs/s": rate}
    headings = ["", "p50, ms", "p99, ms", "most, ms", "CDRs/s"]
    cells = [["at rest", *alone.cells, ""], ["while a command loads", *loading.cells, f"{rate:,.0f}"]]
    print(f"p99 is {ratio:.2f} times that at rest", file=sys.stderr)
    return Section(figures, [Table("Reports beside a load", headings, cells)])


def _generate(folder: Path, file: Path, rows: int) -> int:
    """Write the file, and tell how many rows it has."""
    engine = Engine(empty(folder).store, WRITING)
    month = months(rows * 365 // 31)[0]
    engine.run(CALLS, {**month.parameters, "first": _FIRST})
    file.unlink(missing_ok=True)
    engine.run(FILE, {"path": file})
    [[number]] = engine.rows("SELECT count() FROM cdr")
    engine.close()
    return int(number)


def _caller(port: int, key: str) -> Callable[[], None]:
    """Asks for the report over a range that was not asked for before, so that no kept answer is given."""
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    numbers = count(1)

    def ask() -> None:
        question = _REPORT.shifted(timedelta(milliseconds=next(numbers)))
        connection.request("POST", "/graphql", question.body, headers)
        answer = connection.getresponse().read()
        if b'"errors":' in answer:
            raise RuntimeError(answer.decode())

    return ask


def _asked(ask: Callable[[], None], ended: Callable[[], bool]) -> Asking:
    taken = []
    while not ended():
        start = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - start) * 1000)
    return Asking(taken)


def _until(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end
