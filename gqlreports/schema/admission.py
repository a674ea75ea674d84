"""How many reports run at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gqlreports.errors import StoreBusy, TooManyRequests

PAUSE = 1
"""Seconds after which a refused caller is told to try again."""


@dataclass
class Admission:
    """Counts the reports that run, or wait for a free connection to the store, in this process.

    `at_once` of all keys together are let in, and `for_one` of each key.
    """

    at_once: int = 400
    for_one: int = 100
    _running: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def admitted(self, key: str, reports: int) -> Iterator[None]:
        """Room for some reports of a key.

        Raises TooManyRequests where the key has too many, StoreBusy where all have.
        """
        if (running := self._running[key] + reports) > self.for_one:
            raise TooManyRequests("concurrentReports", running, self.for_one, PAUSE)
        if self._running.total() + reports > self.at_once:
            raise StoreBusy("The store has too much to do; try again in a moment.")
        self._running[key] += reports
        try:
            yield
        finally:
            self._running[key] -= reports
            if not self._running[key]:
                del self._running[key]
