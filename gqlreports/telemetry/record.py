"""What one request asked for, and what it cost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

OK = "OK"
LEFT = "CANCELLED"
"""The code of a request whose caller disconnected before the answer."""


class Stopwatch:
    """Measures the seconds in which at least one of several activities is running; overlapping ones count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._running = 0
        self._since = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        if self._running == 0:
            self._since = time.perf_counter()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self.seconds += time.perf_counter() - self._since


@dataclass(frozen=True)
class ReportRecord:
    """One report of a request: what the store read for it, how long that took, and how the report ended.

    `cached` is the number of its statements that were answered without the store.
    """

    type: str
    customer: str
    code: str
    statements: int
    cached: int
    rows_read: int
    bytes_read: int
    store_ms: float


@dataclass
class Record:
    """What one request asked for, and what it cost.

    `parse` times parsing and validation, `execution` everything after them, and `store` the waiting for the store.
    `rows` is the number of rows in the store's answers, and `code` is the code of the first error.
    """

    operation: str | None = None
    code: str = OK
    status: int | None = None
    reports: list[ReportRecord] = field(default_factory=list)
    rows: int = 0
    rows_read: int = 0
    bytes_read: int = 0
    whole: Stopwatch = field(default_factory=Stopwatch)
    parse: Stopwatch = field(default_factory=Stopwatch)
    execution: Stopwatch = field(default_factory=Stopwatch)
    store: Stopwatch = field(default_factory=Stopwatch)

    def printed(self) -> dict[str, object]:
        """The fields of the log line, with times in milliseconds.

        `plan_ms` is the time of the execution without the waiting for the store.
        """
        return {
            "operation": self.operation,
            "status": self.status,
            "code": self.code,
            "reports": [vars(report) for report in self.reports],
            "rows": self.rows,
            "rows_read": self.rows_read,
            "bytes_read": self.bytes_read,
            "parse_ms": _milliseconds(self.parse.seconds),
            "plan_ms": _milliseconds(max(0, self.execution.seconds - self.store.seconds)),
            "store_ms": _milliseconds(self.store.seconds),
            "total_ms": _milliseconds(self.whole.seconds),
        }


RECORD: ContextVar[Record | None] = ContextVar("record", default=None)
"""The record of the current request."""


def current() -> Record:
    """The record of the current request.  Outside a request, it is a new record that nobody reads."""
    return RECORD.get() or Record()


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
