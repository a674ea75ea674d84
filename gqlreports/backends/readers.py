"""The connections to chDB that are kept for the next query."""

import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from gqlreports.backends.base import Statement
from gqlreports.backends.reader import Purpose, Reader
from gqlreports.backends.settings import projections
from gqlreports.backends.wall import Wall

KEPT = 64
"""How many connections wait at most, each about 60 kB; then the one that has waited longest is closed."""


class Readers:
    """Makes and keeps read-only connections, each with the filter of one customer for good, or with none.

    A filter is set where a connection begins, since nothing can be set on one that is read-only, and so is the rollup
    that is read.  So the reports of a customer share theirs, and take no longer than without a filter.
    """

    def __init__(self, path: Path, settings: Mapping[str, str], wall: Wall) -> None:
        self._path = path
        self._wall = wall
        self._settings = dict(settings)
        self._idle: list[Reader] = []
        self._lock = threading.Lock()
        self._numbers = count()

    def take(self, statement: Statement) -> Reader:
        """One that is idle, or a new one."""
        purpose = _purpose(statement)
        with self._lock:
            alike = [place for place, reader in enumerate(self._idle) if reader.purpose == purpose]
            if alike:
                return self._idle.pop(alike[-1])
        return self.new(statement)

    def new(self, statement: Statement, more: Mapping[str, str] | None = None) -> Reader:
        """One of its own, with `more` settings; it is not given back."""
        own = projections(statement.rollup) | self._wall.settings(statement.customer)
        settings = {**self._settings, **(more or {}), **own}
        return Reader(self._path, f"reader-{next(self._numbers)}", settings, _purpose(statement))

    def give_back(self, reader: Reader) -> None:
        """After a success alone: chDB hands what a failed query left behind to the next one."""
        with self._lock:
            self._idle.append(reader)
            oldest = self._idle.pop(0) if len(self._idle) > KEPT else None
        if oldest:
            oldest.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.close()


def _purpose(statement: Statement) -> Purpose:
    return statement.customer, statement.rollup
