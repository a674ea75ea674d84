"""What one request was, and what it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

OK = "OK"


class Stopwatch:
    """Seconds in which at least one of some things went on; things at the same time count once."""

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
    """One report of a request: what the store read for it in how long, and how it ended.

    `cached` is how many of its statements were answered without the store.
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
    """What one request was, and what it took.  `parse` is parsing and validating, `execution` all behind them.

    `store` is waiting for the store.  `rows` are those that the store answered with, `code` is the first error's.
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
        """As a log line has it, times in milliseconds; `plan_ms` is what execution took besides the store."""
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
"""That of the request that is being answered."""


def current() -> Record:
    """The record of this request.  Outside a request it is a new one, which nobody reads."""
    return RECORD.get() or Record()


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
