"""ClickHouse in this process: chDB on its own directory, queried from worker threads."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from clickhouse_connect.driver import Client
from clickhouse_connect.driver._backend.models import ClientConfig
from clickhouse_connect.driver._backend.orchestration import InitializationResult, init_sequence, run_sync
from clickhouse_connect.driver._chdbclient import ChdbClient
from clickhouse_connect.driver.query import TzSource

from gqlreports.backends.answer_cache import Determinism
from gqlreports.backends.base import Definition, Fetched, Limits, OnRead, Session, Statement
from gqlreports.backends.embedded.folder import make_ready
from gqlreports.backends.embedded.readers import DATABASE, STREAMING, Reader, Readers
from gqlreports.backends.failures import FAILURES, is_of_statement, rollup_failed, store_error, with_words
from gqlreports.backends.isolation import Isolation
from gqlreports.backends.request import TimeBudget, seconds_left
from gqlreports.backends.settings import WRITING
from gqlreports.errors import QueryCancelled, StoreUnavailable

Result = TypeVar("Result")
_HALF = max(1, (os.cpu_count() or 1) // 2)
"""Half of the processors."""
logger = logging.getLogger(__name__)


class Writes:
    """Counts the writes of this process, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._ended = 0

    @property
    def version(self) -> str | None:
        """A value that changes with each write; None during a write, since a reader may see a part of it."""
        with self._lock:
            return None if self._running else str(self._ended)

    def counted(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Run some work that writes, and count it even if it fails."""
        with self._lock:
            self._running += 1
        try:
            return work(*arguments)
        finally:
            with self._lock:
                self._running -= 1
                self._ended += 1


class _WritingClient(ChdbClient):
    """A client that takes from an `earlier` one what the engine told it: its version, time zone and settings.

    All clients of an engine are told the same, and asking takes a sixth of the time of a small load.
    """

    def __init__(self, path: Path, options: dict[str, str], earlier: "_WritingClient | None") -> None:
        self._told: InitializationResult | None = earlier._told if earlier else None
        super().__init__(str(path), chdb_options=options)

    def _init_common_settings(self, tz_source: TzSource) -> None:
        if self._told is None:
            self._told = run_sync(init_sequence(ClientConfig(timezone_policy=tz_source)), self._execute_operation)
        self._apply_init_result(self._told)


class EmbeddedSession:
    """A session on chDB.

    `in_thread` runs the client's blocking calls and translates their failures to StoreError; `kill` stops what runs.
    """

    def __init__(self, client: Client, in_thread: Callable[..., Any], kill: Callable[[], None]) -> None:
        self._client = client
        self._in_thread = in_thread
        self._kill = kill
        self._running: asyncio.Future[Any] | None = None

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        result = await self._run(self._client.query, statement.sql, dict(statement.parameters))
        rows: Sequence[Sequence[Any]] = result.result_rows
        return rows

    async def command(self, statement: Statement) -> None:
        await self._run(self._client.command, statement.sql, dict(statement.parameters))

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        await self._run(self._client.raw_insert, table, columns, data, None, form)

    async def end(self) -> None:
        """Close the session, once the statement that still runs for a cancelled caller is stopped.

        Closing a connection while a statement is starting on it can hang the whole process.
        """
        while self._running and not self._running.done():
            await asyncio.to_thread(self._kill)
            await asyncio.wait((self._running,), timeout=0.1)
        await self._in_thread(self._client.close)

    async def _run(self, work: Callable[..., Any], *arguments: object) -> Any:
        self._running = running = asyncio.ensure_future(self._in_thread(work, *arguments))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(_forget)
            raise


@dataclass(eq=False, slots=True)
class _Query:
    """The state of a statement while threads work on it."""

    statement: Statement
    limits: Limits | None = None
    reader: Reader | None = None
    running: asyncio.Future[Any] | None = None
    cancelled: bool = False


class EmbeddedBackend:
    """chDB on the directory `path`, which is created if it is missing.

    Opening the backend brings the store to its `definition`.  Only one process at a time may have a directory open.  A
    connection runs one query at a time, so up to `connections` queries run at once, each in a thread.  chDB hands the
    leftovers of a failed query to the next query on the same connection.  So a connection on which anything failed is
    closed and never used again.

    A `serving` backend answers reports while its sessions write.  So the sessions have threads of their own, and use at
    most half of the processors.
    """

    def __init__(
        self,
        path: Path,
        definition: Definition | None = None,
        limits: Limits | None = None,
        connections: int = max(2, os.cpu_count() or 1),
        serving: bool = False,
    ) -> None:
        self._path = path
        self._definition = definition
        self._limits = limits or Limits()
        self._threads = self._session_threads = ThreadPoolExecutor(connections, thread_name_prefix="chdb")
        self._writing = WRITING
        if serving:
            at_once = min(2, _HALF)
            self._session_threads = ThreadPoolExecutor(at_once, thread_name_prefix="chdb-session")
            self._writing = WRITING | {"max_threads": str(_HALF // at_once)}
        self._sessions = count()
        self._lock = threading.Lock()
        self._control: _WritingClient | None = None
        self._wall = Isolation(DATABASE)
        self._determinism = Determinism()
        self._writes = Writes()
        self._readers = Readers(path, self._limits.settings, self._wall)
        self._queries: set[_Query] = set()
        self._closed = False

    async def open(self) -> None:
        await self._in_thread(self._opened)

    async def check(self) -> None:
        if self._control is None:
            await self.open()
        try:
            await asyncio.to_thread(self._checked)
        except FAILURES as error:
            raise store_error(error) from error

    async def fetch_json(self, statement: Statement, limits: Limits | None = None) -> Fetched:
        """The same as for every backend, with `limits` in place of the backend's own."""
        await self._wall.check(statement, self.fetch_json)
        query = _Query(statement, limits)
        try:
            async with asyncio.timeout(seconds_left((limits or self._limits).seconds)):
                return await self._cancellable(query, self._fetch, query)
        except TimeoutError as error:
            raise store_error(error) from error

    async def version(self, statement: Statement) -> str | None:
        """The number of writes: no other process can write to an open store, so counting those of this one suffices."""
        return self._writes.version if await self._determinism.is_deterministic(statement, self.fetch_json) else None

    @asynccontextmanager
    async def stream(
        self, statement: Statement, form: str, on_read: OnRead | None = None, limits: Limits | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The same as for every backend, with `limits` in place of the backend's own."""
        await self._wall.check(statement, self.fetch_json)
        query = _Query(statement, limits)
        try:
            reader = await self._cancellable(query, self._take, query, STREAMING)
            yield self._pieces(query, reader.stream(statement, form, on_read))
        finally:
            await asyncio.shield(self._stop(query))

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        await self.open()
        name = f"session-{next(self._sessions)}"
        in_thread = partial(self._in_session_thread, self._writes.counted)
        client = await self._in_session_thread(self._connect, self._writing | {"log_comment": name})
        session = EmbeddedSession(client, in_thread, partial(self._kill, name))
        try:
            yield session
        finally:
            await session.end()

    async def close(self) -> None:
        self._closed = True
        for query in list(self._queries):
            await asyncio.to_thread(self._cancel, query)
        await asyncio.to_thread(self._session_threads.shutdown)
        await asyncio.to_thread(self._threads.shutdown)
        self._readers.close()
        if self._control:
            self._control.close()

    async def _pieces(self, query: _Query, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces of a result.  Only the store's time counts, not the time that the caller spends on the pieces."""
        allowance = TimeBudget((query.limits or self._limits).seconds)
        while True:
            async with allowance.part():
                piece = await self._cancellable(query, next, pieces, None)
            if piece is None:
                return
            yield piece

    async def _cancellable(self, query: _Query, work: Callable[..., Result], *arguments: object) -> Result:
        """Run some work for a query in a thread.  If the caller is cancelled, the query is stopped."""
        query.running = running = asyncio.ensure_future(self._in_thread(work, *arguments))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(_forget)
            await asyncio.to_thread(self._cancel, query)
            raise

    async def _stop(self, query: _Query) -> None:
        """End a stream.

        The work must have ended before its connection is closed: closing a connection while a query is starting on it
        can hang the whole process.
        """
        await asyncio.to_thread(self._cancel, query)
        while query.running and not query.running.done():
            await asyncio.wait((query.running,), timeout=0.1)
            await asyncio.to_thread(self._cancel, query)
        self._finish(query)
        if query.reader:
            await asyncio.to_thread(query.reader.close)

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await self._in_thread_of(self._threads, work, *arguments)

    async def _in_session_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await self._in_thread_of(self._session_threads, work, *arguments)

    async def _in_thread_of(
        self, threads: ThreadPoolExecutor, work: Callable[..., Result], *arguments: object
    ) -> Result:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work, *arguments)
        except FAILURES as error:
            meaning = store_error(error)
            logger.log(logging.DEBUG if isinstance(meaning, QueryCancelled) else logging.ERROR, "The store: %s", error)
            raise meaning from error

    def _opened(self) -> Client:
        """The connection that stays open until the end: the engine stops when its last connection closes."""
        with self._lock:
            if self._control is None:
                self._control = self._first_connection()
            return self._control

    def _first_connection(self) -> _WritingClient:
        try:
            make_ready(self._path)
            client = self._connect(WRITING)
            self._migrate(client)
        except StoreUnavailable:
            raise
        except Exception as error:
            logger.error("The store at %s could not be opened: %s", self._path, error)
            meaning = store_error(error)
            if isinstance(meaning, StoreUnavailable):
                raise meaning from error
            message = "The store cannot be opened; the log says why."
            raise StoreUnavailable(message, with_words(message, error)) from error
        return client

    def _migrate(self, client: Client) -> None:
        if self._definition is None:
            return
        for statement in self._definition.record:
            client.command(statement)
        applied = {number for number, _ in client.query(self._definition.applied_query).result_rows}
        kept = {name for (name,) in client.query(self._definition.rollups_query).result_rows}
        for statement in self._definition.statements(applied):
            client.command(statement)
        for report, statements in self._definition.rollup_statements(kept).items():
            try:
                for statement in statements:
                    client.command(statement)
            except FAILURES as error:
                if not is_of_statement(error):
                    raise
                rollup_failed(report, error)

    def _checked(self) -> None:
        with self._lock:
            if self._control:
                self._control.command("SELECT 1")

    def _connect(self, options: dict[str, str]) -> _WritingClient:
        return _WritingClient(self._path, options, self._control)

    def _fetch(self, query: _Query) -> Fetched:
        reader = self._take(query)
        try:
            fetched = reader.fetch_json(query.statement)
        except BaseException:
            self._finish(query)
            reader.close()
            raise
        self._finish(query)
        if query.limits is None:
            self._readers.give_back(reader)
        else:
            reader.close()
        return fetched

    def _take(self, query: _Query, more: Mapping[str, str] | None = None) -> Reader:
        """A connection for a query: an idle one if possible, or a new one if the query needs `more` settings."""
        self._opened()
        if query.limits is not None:
            more = {**query.limits.settings, **(more or {})}
        with self._lock:
            if query.cancelled:
                raise QueryCancelled("The report was cancelled.")
            statement = query.statement
            query.reader = self._readers.take(statement) if more is None else self._readers.new(statement, more)
            self._queries.add(query)
            return query.reader

    def _finish(self, query: _Query) -> None:
        with self._lock:
            self._queries.discard(query)

    def _cancel(self, query: _Query) -> None:
        """Stop a query.  The lock keeps its connection from starting another query in the meantime."""
        with self._lock:
            query.cancelled = True
            if query in self._queries and query.reader:
                self._kill_named(query.reader.name)

    def _kill(self, name: str) -> None:
        with self._lock:
            self._kill_named(name)

    def _kill_named(self, name: str) -> None:
        """Stop the query with that `log_comment`.  The lock must be held."""
        if self._control:
            self._control.command("KILL QUERY WHERE Settings['log_comment'] = {name:String}", {"name": name})


def _forget(work: asyncio.Future[Any]) -> None:
    """Retrieve the outcome of a query that nobody waits for, so that asyncio does not report it as unhandled."""
    if not work.cancelled():
        work.exception()
