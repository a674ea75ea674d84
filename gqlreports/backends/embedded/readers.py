"""Read-only connections to chDB, and a pool of idle ones.

They are chDB's own connections, since the client of clickhouse-connect does not report what a query read.  Parameters
are bound by clickhouse-connect, since chDB does not escape them.
"""

import threading
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

from chdb.state.sqlitelike import Connection
from clickhouse_connect.driver.binding import bind_query

from gqlreports.backends.base import Customers, Fetched, OnRead, Statement
from gqlreports.backends.failures import ReadFailed
from gqlreports.backends.isolation import Isolation
from gqlreports.backends.settings import LINES, READING, projections

STREAMING = LINES | {
    # A NUL character stands for no text, since chDB takes an empty value as 1.
    "format_csv_null_representation": "\0",
    "max_execution_time": "0",
    "max_threads": "1",
    "max_block_size": "4096",
    "max_read_buffer_size": "131072",
    "max_bytes_before_external_group_by": "20000000",
    "max_bytes_before_external_sort": "20000000",
    "temporary_files_buffer_size": "65536",
}
"""For any number of rows in bounded memory: large groupings and sorts spill to disk.

The engine's own time limit is off, since its clock also runs while nobody takes the next piece.
"""

Purpose: TypeAlias = tuple[Customers | None, str | None]
"""The customers whose rows a connection finds, and the rollup that it reads; each may be None."""
DATABASE = "default"
"""The database of every embedded store."""


class Reader:
    """One connection, which runs one query at a time; `name` is the `log_comment` of all its queries.

    Its `settings`, which include those for its `purpose`, never change.

    chDB hands the leftovers of a failed query to the next one, so a reader that has failed must be closed.
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

    def stream(self, statement: Statement, form: str, on_read: OnRead | None = None) -> Iterator[bytes]:
        """The printed rows, one block at a time.  Raises ReadFailed, possibly midway."""
        try:
            for piece in self._connection.send_query(*_bound(statement, form)):
                if on_read:
                    on_read(piece.storage_rows_read(), piece.storage_bytes_read(), piece.elapsed() * 1000)
                yield piece.bytes()
        except RuntimeError as error:
            raise ReadFailed(str(error)) from error

    def close(self) -> None:
        self._connection.close()


def _bound(statement: Statement, form: str) -> tuple[str, str, dict[str, str]]:
    sql, values = bind_query(statement.sql, statement.values(DATABASE), None)
    return str(sql), form, {name.removeprefix("param_"): value for name, value in values.items()}


IDLE = 64
"""How many idle connections are kept, at about 60 kB each.  Beyond that, the oldest one is closed."""


class Readers:
    """Creates and pools read-only connections, each permanently filtered to some customers, or without a filter.

    The filter and the rollup are set when a connection is created, since a read-only connection accepts no settings
    later.  Reports on the same customers share their connections, so they take no longer than without a filter.
    """

    def __init__(self, path: Path, settings: Mapping[str, str], wall: Isolation) -> None:
        self._path = path
        self._wall = wall
        self._settings = dict(settings)
        self._idle: list[Reader] = []
        self._lock = threading.Lock()
        self._numbers = count()

    def take(self, statement: Statement) -> Reader:
        """An idle connection for the statement's purpose, or a new one."""
        purpose = _purpose(statement)
        with self._lock:
            alike = [place for place, reader in enumerate(self._idle) if reader.purpose == purpose]
            if alike:
                return self._idle.pop(alike[-1])
        return self.new(statement)

    def new(self, statement: Statement, more: Mapping[str, str] | None = None) -> Reader:
        """A new connection, with `more` settings; such a connection must not be reused."""
        own = projections(statement.rollup) | self._wall.settings(statement.customers)
        settings = {**self._settings, **(more or {}), **own}
        return Reader(self._path, f"reader-{next(self._numbers)}", settings, _purpose(statement))

    def give_back(self, reader: Reader) -> None:
        """Return a connection to the pool, only after a success: a failed query's rows would go to the next query."""
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
    return statement.customers, statement.rollup
