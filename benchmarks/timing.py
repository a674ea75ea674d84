"""Times of several contestants, taken in turn."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True)
class Times:
    """Milliseconds."""

    p50: float
    p95: float
    runs: int


def summed_up(milliseconds: list[float]) -> Times:
    cuts = quantiles(milliseconds * 2 if len(milliseconds) == 1 else milliseconds, n=20, method="inclusive")
    return Times(round(cuts[9], 3), round(cuts[18], 3), len(milliseconds))


def milliseconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def in_turn(contestants: Mapping[str, Callable[[], object]], runs: int, seconds: float = 60) -> dict[str, Times]:
    """Each contestant's times over `runs` rounds, fewer where those take more than `seconds`, behind one to warm up.

    Every other round goes the other way about, so that none is always behind the same.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for work in contestants.values():
        work()
    begun = time.perf_counter()
    for number in range(runs):
        for name in list(contestants)[:: -1 if number % 2 else 1]:
            taken[name].append(milliseconds_of(contestants[name]))
        if number >= 2 and time.perf_counter() - begun > seconds:
            break
    return {name: summed_up(each) for name, each in taken.items()}
