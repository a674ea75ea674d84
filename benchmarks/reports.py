"""Every report over 1, 30 and 365 days, for a large, a middling and a small customer.

Three are measured in turn: the product over HTTP, the engine with the statement that the product asks of it, and the
engine with the plain statement on the rows of the table, without projections.  Each time the range is another one, an
hour later, so that no answer is one that was kept.
"""

import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta

import orjson

from benchmarks.calls import LARGE, MIDDLING, SMALL
from benchmarks.results import Section, Table
from benchmarks.server import Answer, Client, read_by, rows_of, server
from benchmarks.statements import REPORTS, Question, day
from benchmarks.store import Home
from benchmarks.timing import Times, summed_up

RUNS = 9
SECONDS = 20
"""After which a question is let be, with 3 runs at least."""
CUSTOMERS = {"large": LARGE, "middling": MIDDLING, "small": SMALL}
FIRST_DAYS = {1: 200, 30: 100, 365: 0}
"""The day on which a range of so many days begins."""
RAGGED = timedelta(minutes=17, seconds=11, milliseconds=13)
"""By how much a range is off whole hours, that is."""
CONTESTANTS = ("product", "engine", "raw")
_HEADINGS = [
    "report",
    "days",
    "rows",
    "product p50, ms",
    "p95",
    "engine p50, ms",
    "p95",
    "raw p50, ms",
    "p95",
    "product / raw",
    "CDRs or sums read",
    "of raw",
    "MB read",
    "of raw",
]


@dataclass
class Contest:
    """What a question took: milliseconds by contestant, and the rows and bytes that each read."""

    rows: int
    times: dict[str, Times] = field(default_factory=dict)
    read: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def cells(self) -> list[str]:
        product, engine, raw = (self.times[name] for name in CONTESTANTS)
        (rows, size), (raw_rows, raw_size) = self.read["product"], self.read["raw"]
        times = [cell for each in (product, engine, raw) for cell in (f"{each.p50:.1f}", f"{each.p95:.1f}")]
        read = [f"{rows:,}", f"{raw_rows:,}", f"{size / 1e6:,.1f}", f"{raw_size / 1e6:,.1f}"]
        return [f"{self.rows:,}", *times, f"{product.p50 / raw.p50:.2f}", *read]


def contest(client: Client, question: Question, runs: int = RUNS, seconds: float = SECONDS) -> Contest:
    """Raises RuntimeError where one of them gives no answer."""
    answer = client.product(question.body)
    asked = client.asked()
    _check(answer, client.raw(question), question)
    found = Contest(len(orjson.loads(rows_of(answer))))
    taken: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    begun = time.perf_counter()
    for run in range(runs):
        later = question.shifted(timedelta(hours=1 + run))
        following = asked
        for name in CONTESTANTS[:: -1 if run % 2 else 1]:
            if name == "product":
                answer = client.product(later.body)
                following = client.asked()
                found.read[name] = read_by(answer)
            else:
                answer = client.engine(asked) if name == "engine" else client.raw(later)
                found.read[name] = answer.rows_read, answer.bytes_read
            taken[name].append(answer.milliseconds)
        asked = following
        if run >= 2 and time.perf_counter() - begun > seconds:
            break
    found.times = {name: summed_up(each) for name, each in taken.items()}
    return found


def _check(product: Answer, raw: Answer, question: Question) -> None:
    """The product's rows must be those of the plain statement, byte by byte."""
    if rows_of(product) != raw.body:
        raise SystemExit(
            f"{question} has other rows than the plain statement: {rows_of(product)[:300]!r}, {raw.body[:300]!r}"
        )


def measured(home: Home, millions: float, runs: int = RUNS, seconds: float = SECONDS) -> Section:
    """All reports on a store of so many million CDRs."""
    figures: dict[str, float] = {}
    tables = []
    with server(home) as client:
        for size, customer in CUSTOMERS.items():
            rows = []
            for report in REPORTS:
                for days, first_day in FIRST_DAYS.items():
                    question = Question(report, customer, day(first_day), day(first_day + days))
                    name = f"{report} {size} {days}"
                    rows.append([report, str(days), *_found(client, question, name, figures, runs, seconds)])
            tables.append(Table(f"{millions:g} million CDRs, {size} customer", _HEADINGS, rows))
        ragged = Question("GROUP_BY_TECH_PREFIX", LARGE, day(100) + RAGGED, day(130) + RAGGED)
        cells = _found(client, ragged, "GROUP_BY_TECH_PREFIX ragged 30", figures, runs, seconds)
        title = f"{millions:g} million CDRs, large customer, range off whole hours"
        tables.append(Table(title, _HEADINGS, [["GROUP_BY_TECH_PREFIX", "30", *cells]]))
    return Section(figures, tables)


def _found(
    client: Client, question: Question, name: str, figures: dict[str, float], runs: int, seconds: float
) -> list[str]:
    """The cells of a question, its figures put among the others."""
    print(f"\r{name:<60}", end="", file=sys.stderr, flush=True)
    try:
        found = contest(client, question, runs, seconds)
    except RuntimeError as error:
        code, _, _ = str(error).partition(":")
        return [code, *["" for _ in _HEADINGS[3:]]]
    figures |= {f"{name} {contestant}": times.p50 for contestant, times in found.times.items()}
    figures |= {f"{name} {contestant} rows": rows for contestant, (rows, _) in found.read.items()}
    return found.cells
