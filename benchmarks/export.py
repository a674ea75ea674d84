"""What an export of the whole of a report takes, in each format: time, size, and the server's memory."""

import sys
import threading
import time
from http.client import HTTPConnection
from urllib.parse import urlencode

from benchmarks.callers import resident, served
from benchmarks.calls import LARGE
from benchmarks.responses import shortest
from benchmarks.results import Section, Table
from benchmarks.server import server
from benchmarks.statements import Question, day
from benchmarks.store import Home

FORMATS = ("csv", "jsonl", "parquet", "xlsx")
ROWS = 500_000
_WHOLE = Question("PER_NUMBER", LARGE, day(0), day(300))
_PIECE = 1 << 20
_HEADINGS = ["format", "rows/s", "s", "MB", "memory over idle, MiB"]


def measured(home: Home, rows: int = ROWS) -> Section:
    """The numbers of the large customer over a range with so many of them, or over 300 days."""
    with server(home) as client:
        question = shortest(client, rows) or _WHOLE
    figures: dict[str, float] = {}
    cells = []
    for form in FORMATS:
        print(f"\rexport as {form:<8}", end="", file=sys.stderr, flush=True)
        with served(home) as (port, key, process):
            _exported(port, key, question, "csv", "GROUP_BY_TECH_PREFIX")
            idle = resident(process)
            with _Watch(process) as watch:
                begun = time.perf_counter()
                size, lines = _exported(port, key, question, form, question.report)
                seconds = time.perf_counter() - begun
        # The first of them has a line of names, and one that tells how many rows there are.
        rows = lines - 2 if form == "csv" else rows
        figures |= {f"{form} seconds": seconds, f"{form} MiB": watch.peak - idle}
        cells.append([form, f"{rows / seconds:,.0f}", f"{seconds:.1f}", f"{size / 1e6:.1f}", str(watch.peak - idle)])
    return Section(figures, [Table(f"Exports of {rows:,} rows", _HEADINGS, cells)])


def _exported(port: int, key: str, question: Question, form: str, report: str) -> tuple[int, int]:
    """The bytes of an export, and the ends of lines among them."""
    connection = HTTPConnection("127.0.0.1", port)
    asked = {"customer": question.customer, "from": question.start.isoformat(), "to": question.end.isoformat()}
    connection.request("GET", f"/export/{report}.{form}?{urlencode(asked)}", headers={"Authorization": f"Bearer {key}"})
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{form}: {response.read().decode()}")
    size = lines = 0
    while piece := response.read(_PIECE):
        size += len(piece)
        lines += piece.count(b"\n")
    connection.close()
    return size, lines


class _Watch(threading.Thread):
    """Follows the resident memory of a process, in MiB."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.peak = resident(process)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.01):
            self.peak = max(self.peak, resident(self._process))

    def __enter__(self) -> "_Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
