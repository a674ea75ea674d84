"""Read-only connections to chDB, and those that are kept for the next query.

chDB's own connection, since the client of clickhouse-connect leaves out what a query read.  Values are bound by
clickhouse-connect, for chDB does not escape them.
"""

import threading
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

from chdb.state.sqlitelike import Connection
from clickhouse_connect.driver.binding import bind_query

from gqlreports.backends.base import Fetched, Statement
from gqlreports.backends.failures import ReadFailed
from gqlreports.backends.isolation import Isolation
from gqlreports.backends.settings import LINES, READING, projections

STREAMING = LINES | {
    # Nothing: in chDB an empty value stands for 1.
    "format_csv_null_representation": "\0",
    "max_execution_time": "0",
    "max_threads": "1",
    "max_block_size": "4096",
    "max_read_buffer_size": "131072",
    "max_bytes_before_external_group_by": "20000000",
    "max_bytes_before_external_sort": "20000000",
    "temporary_files_buffer_size": "65536",
}
"""For any number of rows in bounded memory: groups and sorted rows of which there are many go to disk.

The engine's own time limit is off: its clock also runs while nobody takes the next piece.
"""

Purpose: TypeAlias = tuple[str | None, str | None]
"""The customer whose rows are found, and the rollup that is read."""
DATABASE = "default"
"""The one of every embedded store."""


class Reader:
    """One connection, one query at a time; `name` is the `log_comment` of all that it runs.

    Its `settings` hold from its beginning to its end, those of its `purpose` among them.

    chDB hands what a failed query left behind to the next one, so a reader that has failed must be closed.
    """

    def __init__(self, path: Path, name: str, settings: dict[str, str], purpose: Purpose) -> None:
        self.name = name
        self.purpose = purpose
        options = urlencode(READING | settings | {"readonly": "1", "log_comment": name})
        self._connection = Connection(f"{path}?{options}")

    def fetch_json(self, statement: Statement) -> Fetched:
        """Raises ReadFailed."""
        try:
            result = self._connection.query(*_bound(statement, "JSONEachRow"))
        except RuntimeError as error:
            raise ReadFailed(str(error)) from error
        milliseconds = result.elapsed() * 1000
        return Fetched(
            result.bytes() or b"",
            result.rows_read(),
            result.storage_rows_read(),
            result.storage_bytes_read(),
            milliseconds,
        )

    def stream(self, statement: Statement, form: str) -> Iterator[bytes]:
        """The printed rows, a block of them at a time.  Raises ReadFailed, also on the way."""
        try:
            for piece in self._connection.send_query(*_bound(statement, form)):
                yield piece.bytes()
        except RuntimeError as error:
            raise ReadFailed(str(error)) from error

    def close(self) -> None:
        self._connection.close()


def _bound(statement: Statement, form: str) -> tuple[str, str, dict[str, str]]:
    sql, values = bind_query(statement.sql, statement.values(DATABASE), None)
    return str(sql), form, {name.removeprefix("param_"): value for name, value in values.items()}


IDLE = 64
"""How many idle connections are kept, about 60 kB each.  Beyond that the oldest is closed."""


class Readers:
    """Makes and keeps read-only connections, each with the filter of one customer for good, or with none.

    A filter is set where a connection begins, since nothing can be set on one that is read-only, and so is the rollup
    that is read.  So the reports of a customer share theirs, and take no longer than without a filter.
    """

    def __init__(self, path: Path, settings: Mapping[str, str], wall: Isolation) -> None:
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
        """A new connection with `more` settings, which is not reused."""
        own = projections(statement.rollup) | self._wall.settings(statement.customer)
        settings = {**self._settings, **(more or {}), **own}
        return Reader(self._path, f"reader-{next(self._numbers)}", settings, _purpose(statement))

    def give_back(self, reader: Reader) -> None:
        """Only after a success: chDB gives the rows that a failed query left to the next query."""
        with self._lock:
            self._idle.append(reader)
            oldest = self._idle.pop(0) if len(self._idle) > IDLE else None
        if oldest:
            oldest.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.close()


def _purpose(statement: Statement) -> Purpose:
    return statement.customer, statement.rollup
