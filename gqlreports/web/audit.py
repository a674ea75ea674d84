"""Records who ran which report, without delaying the request."""

import logging
import queue
import threading
import time
from collections.abc import Mapping
from datetime import UTC
from typing import TypeAlias

from gqlreports.backends.base import Customers
from gqlreports.backends.request import REQUEST_ID
from gqlreports.directory.database import utc_now
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal
from gqlreports.errors import DirectoryUnavailable
from gqlreports.schema.request import ReportRequest

logger = logging.getLogger(__name__)


MOST_WAITING = 10_000
"""How many runs may wait to be written.  Further runs go to the log instead."""
_BATCH = 500
Run: TypeAlias = Mapping[str, object]
_GATHERED_FOR = 0.2
_BETWEEN_TRIES = 1.0
_LONGEST_END = 5.0


class AuditTrail:
    """Queues runs for a thread, which writes them to the directory five times a second.

    While the directory fails, the runs stay queued and the thread retries.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._waiting: queue.Queue[tuple[Run, Customers]] = queue.Queue(MOST_WAITING)
        self._taken: list[Run] = []
        self._ended = threading.Event()
        self._writer = threading.Thread(target=self._write_until_the_end, name="audit", daemon=True)

    def start(self) -> None:
        self._writer.start()

    def end(self) -> None:
        """Write the queued runs.  If the directory keeps failing for 5 seconds, the rest goes to the log."""
        self._ended.set()
        self._writer.join()
        while self._take():
            for each in self._taken:
                _log(each)
            self._taken = []

    def add(self, principal: Principal, source: str | None, request: ReportRequest) -> None:
        """Queue a run, which is written once for each of its customers.  Never blocks."""
        run = {
            "at": utc_now(),
            "request_id": REQUEST_ID.get(),
            "caller": principal.key_id,
            "name": principal.name,
            "source": source,
            "report_type": request.report.name,
            "range_start": request.start.astimezone(UTC).replace(tzinfo=None),
            "range_end": request.end.astimezone(UTC).replace(tzinfo=None),
        }
        try:
            self._waiting.put_nowait((run, request.customers))
        except queue.Full:
            for each in _for_each(run, request.customers):
                _log(each)

    def _write_until_the_end(self) -> None:
        pause = _GATHERED_FOR
        while not self._ended.wait(pause):
            pause = _GATHERED_FOR if self._written() else _BETWEEN_TRIES
        give_up = time.monotonic() + _LONGEST_END
        while not self._written() and time.monotonic() < give_up:
            time.sleep(_GATHERED_FOR)

    def _written(self) -> bool:
        """Write all queued runs.  Returns False if the directory fails."""
        while self._take():
            try:
                self._directory.record_runs(self._taken)
            except DirectoryUnavailable:
                return False
            self._taken = []
        return True

    def _take(self) -> bool:
        """Move the next batch to `_taken`, if that is empty, and return whether there is anything to write."""
        if not self._taken:
            while len(self._taken) < _BATCH and not self._waiting.empty():
                self._taken += _for_each(*self._waiting.get_nowait())
        return bool(self._taken)


def _for_each(run: Run, customers: Customers) -> list[Run]:
    return [{**run, "customer_id": each} for each in customers.ids]


def _log(run: Run) -> None:
    known = {name: str(value) for name, value in run.items()}
    logger.error("A report is not in the audit: %s", known)
