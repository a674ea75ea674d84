"""What the product adds to the engine's time: a report of 30 to 100,000 rows, beside ordinary Strawberry resolvers.

It is PER_NUMBER, five columns and the cheapest statement, over the shortest range of whole hours in which it has
as many rows and the engine reads 100,000 CDRs.
"""

import sys
import time
from collections.abc import Mapping
from datetime import timedelta

import orjson

from benchmarks.calls import LARGE
from benchmarks.ordinary import body_of
from benchmarks.results import Section, Table
from benchmarks.server import Answer, Client, server
from benchmarks.statements import Question, day
from benchmarks.store import Home
from benchmarks.timing import Times, summed_up

ROWS = (30, 1_000, 20_000, 100_000)
RUNS = 41
SECONDS = 30
CALLS = 100_000
_HOURS = 300 * 24
_HEADINGS = ["rows", "runs", "product p50, ms", "p95", "engine p50, ms", "p95", "product / engine",
             "product - engine, ms", "Strawberry p50, ms", "p95", "Strawberry / product"]  # fmt: skip


def shortest(client: Client, rows: int, calls: int = 0) -> Question | None:
    """The question of so many rows over the shortest range of whole hours with them, None where there are less.

    For it the engine reads `calls` CDRs at least.
    """

    def question(hours: int) -> Question:
        return Question("PER_NUMBER", LARGE, day(0), day(0) + timedelta(hours=hours), rows)

    def enough(hours: int) -> bool:
        answer = client.raw(question(hours))
        return answer.body.count(b'"number":') >= rows and answer.rows_read >= calls

    high = 1
    while not enough(high):
        if high >= _HOURS:
            return None
        high = min(2 * high, _HOURS)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    # Later ranges have a few calls more or less.
    return question(high + max(1, high // 10))


def measured(home: Home, runs: int = RUNS, seconds: float = SECONDS) -> Section:
    figures: dict[str, float] = {}
    rows = []
    with server(home) as client:
        for count in ROWS:
            question = shortest(client, count, CALLS)
            if question is None:
                continue
            times = _measured(client, question, runs, seconds)
            figures |= {f"{count} {name}": each.p50 for name, each in times.items()}
            rows.append([f"{count:,}", *_cells(times)])
    return Section(figures, [Table("What the product adds to the engine's time", _HEADINGS, rows)])


def _measured(client: Client, question: Question, runs: int, seconds: float) -> dict[str, Times]:
    """Ordinary resolvers have no more than a third of the time, for they may take long."""
    client.product(question.body)
    asked = client.asked()
    _check(client.ordinary(body_of(question)), client.engine(asked))
    taken: dict[str, list[float]] = {"product": [], "engine": [], "ordinary": []}
    begun = time.perf_counter()
    for run in range(runs):
        print(f"\r{question.first} rows: {run + 1}", end="", file=sys.stderr, flush=True)
        later = question.shifted(timedelta(hours=1 + run))
        following = asked
        for name in ("product", "engine")[:: -1 if run % 2 else 1]:
            if name == "product":
                taken[name].append(client.product(later.body).milliseconds)
                following = client.asked()
            else:
                taken[name].append(client.engine(asked).milliseconds)
        asked = following
        elapsed = time.perf_counter() - begun
        if run < 3 or sum(taken["ordinary"]) / 1000 < elapsed / 3:
            taken["ordinary"].append(client.ordinary(body_of(later)).milliseconds)
        if run >= 2 and elapsed > seconds:
            break
    return {name: summed_up(each) for name, each in taken.items()}


def _check(ordinary: Answer, engine: Answer) -> None:
    """Ordinary resolvers must give the same rows; they print a whole number as a float."""
    if orjson.loads(ordinary.body)["data"]["numbers"] != orjson.loads(engine.body):
        raise SystemExit(f"Ordinary resolvers answer differently: {ordinary.body[:300]!r}, {engine.body[:300]!r}")


def _cells(times: Mapping[str, Times]) -> list[str]:
    product, engine, ordinary = (times[name] for name in ("product", "engine", "ordinary"))
    cells = [f"{value:.2f}" for each in (product, engine) for value in (each.p50, each.p95)]
    more = [f"{product.p50 / engine.p50:.3f}", f"{product.p50 - engine.p50:.2f}"]
    return [
        str(product.runs),
        *cells,
        *more,
        f"{ordinary.p50:.1f}",
        f"{ordinary.p95:.1f}",
        f"{ordinary.p50 / product.p50:.1f}",
    ]
