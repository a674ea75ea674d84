"""ClickHouse in this process: chDB on a directory of its own, queried from worker threads."""

import asyncio
import fcntl
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import clickhouse_connect
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import Error

from gqlreports.backends.allowance import Allowance
from gqlreports.backends.base import Fetched, Session, Statement, store_error
from gqlreports.backends.reader import STREAMING, Reader, ReadFailed
from gqlreports.errors import QueryCancelled, StoreUnavailable

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

WRITING = {
    "async_insert": "0",
    "session_timezone": "UTC",
    "max_partitions_per_insert_block": "0",
    "input_format_csv_allow_variable_number_of_columns": "1",
    "input_format_csv_empty_as_default": "0",
    "input_format_null_as_default": "0",
    "input_format_csv_trim_whitespaces": "0",
    "input_format_skip_unknown_fields": "1",
}


@dataclass(eq=False, slots=True)
class _Query:
    """A statement on its way through the threads."""

    statement: Statement
    reader: Reader | None = None
    running: asyncio.Future[Any] | None = None
    cancelled: bool = False


class EmbeddedBackend:
    """chDB on the directory `path`, which is made where it is missing.

    `definition` holds the statements that create what the store must have; they run at every opening.  One
    process may have a directory open at a time.  A connection runs one query at a time, so there are as many as
    `connections`, and as many threads.  chDB hands what a failed query left behind to the next caller of its
    connection: a connection on which anything failed is closed and never used again.
    """

    def __init__(
        self,
        path: Path,
        definition: Sequence[str] = (),
        query_timeout: float = 60,
        connections: int = max(2, os.cpu_count() or 1),
    ) -> None:
        self._path = path
        self._definition = definition
        self._query_timeout = query_timeout
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="chdb")
        self._lock = threading.Lock()
        self._control: Client | None = None
        self._idle: list[Reader] = []
        self._queries: set[_Query] = set()
        self._numbers = count()
        self._closed = False

    async def open(self) -> None:
        await self._in_thread(self._opened)

    async def fetch_json(self, statement: Statement) -> Fetched:
        query = _Query(statement)
        return await self._cancellable(query, self._fetch, query)

    @asynccontextmanager
    async def stream(self, statement: Statement, form: str) -> AsyncIterator[AsyncIterator[bytes]]:
        query = _Query(statement)
        try:
            reader = await self._cancellable(query, self._take, query, STREAMING)
            yield self._pieces(query, reader.stream(statement, form))
        finally:
            await asyncio.shield(self._stop(query))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        await self.open()
        client = await self._in_thread(self._connect, WRITING)
        try:
            yield _EmbeddedSession(client, self._in_thread)
        finally:
            await self._in_thread(client.close)

    async def close(self) -> None:
        self._closed = True
        for query in list(self._queries):
            await asyncio.to_thread(self._cancel, query)
        await asyncio.to_thread(self._threads.shutdown)
        for reader in self._idle:
            reader.close()
        if self._control:
            self._control.close()

    async def _pieces(self, query: _Query, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Only the store's time counts, not that which the caller takes for the pieces."""
        allowance = Allowance(self._query_timeout)
        while True:
            async with allowance.part():
                piece = await self._cancellable(query, next, pieces, None)
            if piece is None:
                return
            yield piece

    async def _cancellable(self, query: _Query, work: Callable[..., Result], *arguments: object) -> Result:
        """Some work for a query in a thread; if its caller is cancelled, the query is stopped."""
        query.running = running = asyncio.ensure_future(self._in_thread(work, *arguments))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(_forget)
            await asyncio.to_thread(self._cancel, query)
            raise

    async def _stop(self, query: _Query) -> None:
        """End a stream.  To close a connection on which something still begins can stop the whole process for good."""
        await asyncio.to_thread(self._cancel, query)
        while query.running and not query.running.done():
            await asyncio.wait((query.running,), timeout=0.1)
            await asyncio.to_thread(self._cancel, query)
        self._finish(query)
        if query.reader:
            await asyncio.to_thread(query.reader.close)

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except (ReadFailed, Error) as error:
            meaning = store_error(error.code)
            logger.log(logging.DEBUG if isinstance(meaning, QueryCancelled) else logging.ERROR, "The store: %s", error)
            raise meaning from error

    def _opened(self) -> Client:
        """The connection that is kept to the end: when the last one closes, the engine goes."""
        with self._lock:
            if self._control is None:
                self._control = self._first_connection()
            return self._control

    def _first_connection(self) -> Client:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            if holder := _holder(self._path):
                raise StoreUnavailable(f"The store is in use by process {holder}: stop that one, then try again.")
            client = self._connect(WRITING)
            for statement in self._definition:
                client.command(statement)
        except StoreUnavailable:
            raise
        except Exception as error:
            logger.error("The store at %s could not be opened: %s", self._path, error)
            raise StoreUnavailable("The store cannot be opened; the log says why.") from error
        return client

    def _connect(self, options: dict[str, str]) -> Client:
        return clickhouse_connect.get_client(interface="chdb", path=str(self._path), chdb_options=options)

    def _fetch(self, query: _Query) -> Fetched:
        reader = self._take(query)
        try:
            fetched = reader.fetch_json(query.statement)
        except BaseException:
            self._finish(query)
            reader.close()
            raise
        self._finish(query)
        self._idle.append(reader)
        return fetched

    def _take(self, query: _Query, more: Mapping[str, str] | None = None) -> Reader:
        """A connection for a query: one that is idle, or one of its own where it needs `more` settings."""
        self._opened()
        with self._lock:
            if query.cancelled:
                raise QueryCancelled("The report was cancelled.")
            if self._idle and more is None:
                query.reader = self._idle.pop()
            else:
                settings = {"max_execution_time": str(self._query_timeout), **(more or {})}
                query.reader = Reader(self._path, f"reader-{next(self._numbers)}", settings)
            self._queries.add(query)
            return query.reader

    def _finish(self, query: _Query) -> None:
        with self._lock:
            self._queries.discard(query)

    def _cancel(self, query: _Query) -> None:
        """Stop a query.  The lock keeps its connection from running another meanwhile."""
        with self._lock:
            query.cancelled = True
            if query in self._queries and query.reader and self._control:
                comment = {"comment": query.reader.name}
                self._control.command("KILL QUERY WHERE Settings['log_comment'] = {comment:String}", comment)


class _EmbeddedSession:
    def __init__(self, client: Client, in_thread: Callable[..., Any]) -> None:
        self._client = client
        self._in_thread = in_thread

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        result = await self._in_thread(self._client.query, statement.sql, dict(statement.parameters))
        rows: Sequence[Sequence[Any]] = result.result_rows
        return rows

    async def command(self, statement: Statement) -> None:
        await self._in_thread(self._client.command, statement.sql, dict(statement.parameters))

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        await self._in_thread(self._client.raw_insert, table, columns, data, None, form)


def _forget(work: asyncio.Future[Any]) -> None:
    """Take note of how a query ended that nobody waits for."""
    if not work.cancelled():
        work.exception()


def _holder(path: Path) -> str | None:
    """The process that has the engine's directory open, by the lock that the engine keeps on its status file."""
    status = path / "status"
    if not status.exists():
        return None
    with status.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return file.readline().removeprefix("PID:").strip() or "unknown"
    return None
