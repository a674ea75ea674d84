"""A ClickHouse server or cluster, over HTTP."""

import asyncio
import io
import logging
import math
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

from clickhouse_connect.driver.asyncclient import AsyncClient

from gqlreports.backends.answer_cache import Determinism
from gqlreports.backends.base import Definition, Fetched, Limits, OnRead, Session, Statement
from gqlreports.backends.failures import FAILURES, log_text, lost_connection, may_still_run, store_error
from gqlreports.backends.isolation import Isolation
from gqlreports.backends.request import new_query_id, seconds_left
from gqlreports.backends.server.changes import ServerDictionaries, ServerVersion
from gqlreports.backends.server.http import Address, Answer, HttpClient
from gqlreports.backends.settings import LINES, READING, WRITING, projections
from gqlreports.errors import QueryCancelled, StoreUnavailable

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

PATIENCE = 5.0
"""Seconds after the start of a read in which it may be retried."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5


async def retry(read: Callable[[], Awaitable[Result]]) -> Result:
    """Run a read, and retry it after growing pauses if its connection failed.  Other failures are not retried."""
    pause, give_up = FIRST_PAUSE, time.monotonic() + PATIENCE
    while True:
        try:
            return await read()
        except FAILURES as error:
            if not lost_connection(error) or time.monotonic() + pause > give_up:
                raise
            logger.warning("The store's connection failed, trying again: %s", error)
        # The pause is random, or all callers would come back at the same moment.
        await asyncio.sleep(pause * random.uniform(0.5, 1))
        pause = min(2 * pause, LONGEST_PAUSE)


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SESSION = {
    "session_timeout": "600",
    # In a cluster an insert ends only when its rows are on their shards, and reads go to the replica that took them.
    "distributed_foreground_insert": "1",
    "load_balancing": "in_order",
}
_TEMPORARY = "SELECT name FROM system.tables WHERE is_temporary"


class ServerSession:
    """A session on a server.  `error_boundary` turns the driver's failures into StoreError."""

    def __init__(self, client: AsyncClient, error_boundary: Callable[[], AbstractContextManager[None]]) -> None:
        self._client = client
        self._told = error_boundary

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        with self._told():
            result = await self._client.query(statement.sql, dict(statement.parameters))
        rows: Sequence[Sequence[Any]] = result.result_rows
        return rows

    async def command(self, statement: Statement) -> None:
        with self._told():
            await self._client.command(statement.sql, dict(statement.parameters))

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        # A stream, since the driver resends plain bytes after a broken connection, and could insert the rows twice.
        body = io.BytesIO(zstd.compress(data, level=1))
        with self._told():
            await self._client.raw_insert(table, columns, body, fmt=form, compression="zstd")

    async def drop_temporary_tables(self) -> None:
        """Free their memory at once; the server would otherwise keep them until the session times out."""
        try:
            for [name] in (await self._client.query(_TEMPORARY)).result_rows:
                await self._client.command(f"DROP TEMPORARY TABLE IF EXISTS `{name}`")
        except FAILURES as error:
            logger.warning("A session's temporary tables go later: %s", error)


CONNECTIONS = 32
"""How many queries run at once.  Others wait for their turn, and the wait counts against their time limit."""
_SILENCE = 5.0
"""Seconds that a server may stay silent beyond a query's time limit."""
_FACTS = ("result_rows", "read_rows", "read_bytes", "elapsed_ns")
_WHERE_KNOWN = {
    # A mutation takes effect only when the parts change, because `version` is derived from the parts.
    "apply_mutations_on_fly": "0",
    # A query that reads a table twice finds the same rows both times.
    "enable_shared_storage_snapshot_in_query": "1",
}
"""Settings that only some servers have."""
_WRITING = 600.0
"""Seconds that the server may stay silent while it writes, or while a cluster runs a statement."""
_SERVED = {
    # A failure is written after the rows, where it is detected, and never among them as if it were a row.
    "http_write_exception_in_output_format": "0",
    "cancel_http_readonly_queries_on_client_close": "1",
    # In a cluster a plugin's subquery runs once for all shards.
    "distributed_product_mode": "global",
    # ZSTD needs half the bytes of LZ4 for the groups that shards send.
    "network_compression_method": "ZSTD",
}


# A batch of Arrow is a block, and is read as a whole: calls have so many columns that 65,409 of them are 60 MB.
_STREAMING = LINES | {"format_csv_null_representation": "", "max_block_size": "8192"}


class ServerBackend:
    """The database at `address`.

    The backend belongs to the event loop that opens it, and opens itself on first use.  Every query is read-only and
    subject to `limits`.  With a `definition`, the backend refuses a store that lacks some of its migrations.
    """

    def __init__(self, address: Address, definition: Definition | None = None, limits: Limits | None = None) -> None:
        self._address = address
        self._definition = definition
        self._limits = limits or Limits()
        self._wall = Isolation(address.database)
        self._determinism = Determinism()
        self._version = ServerVersion(self.fetch_json)
        self._dictionaries = ServerDictionaries(self.fetch_json)
        self._opening = asyncio.Lock()
        self._client: HttpClient | None = None
        self._control: HttpClient | None = None
        self._reading: dict[str, str] = {}
        self._running: set[str] = set()
        self._kills: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(self) -> None:
        with _error_boundary():
            await self._opened()

    async def check(self) -> None:
        with _error_boundary():
            await self._opened()
            if self._control:
                await self._control.command("SELECT 1")

    async def fetch_json(self, statement: Statement) -> Fetched:
        await self._wall.check(statement, self.fetch_json)

        async def fetched() -> Fetched:
            async with self._answer(statement, "JSONEachRow", {"wait_end_of_query": "1"}) as answer:
                json = b"".join([piece async for piece in answer.pieces()])
            rows, read, size, time = _facts(answer)
            return Fetched(json, rows, read, size, time / 1e6)

        with _error_boundary():
            async with asyncio.timeout(seconds_left(self._limits.seconds)):
                return await self._dictionaries.consistent(statement, lambda: retry(fetched))

    async def version(self, statement: Statement) -> str | None:
        return (
            await self._version.now() if await self._determinism.is_deterministic(statement, self.fetch_json) else None
        )

    @asynccontextmanager
    async def stream(
        self, statement: Statement, form: str, on_read: OnRead | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        await self._wall.check(statement, self.fetch_json)
        async with AsyncExitStack() as stack:

            async def answered() -> Answer:
                await stack.aclose()
                return await stack.enter_async_context(self._answer(statement, form, _STREAMING))

            with _error_boundary():
                async with asyncio.timeout(seconds_left(self._limits.seconds)):
                    # The answer arrives with the first groups, and by then all dictionary lookups are done.
                    answer = await self._dictionaries.consistent(statement, lambda: retry(answered))
            if on_read:
                # The server tells what it has read before the first rows, and grouping reads all rows before that.
                _, rows, size, time = _facts(answer)
                on_read(rows, size, time / 1e6)
            yield _pieces(answer)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        with _error_boundary():
            if self._definition:
                await self._opened()
            client = await self._connect(2, _WRITING, session_id=str(uuid.uuid4()), settings=WRITING | SESSION)
        session = ServerSession(client, _error_boundary)
        try:
            yield session
        finally:
            try:
                await session.drop_temporary_tables()
            finally:
                await client.close()

    async def close(self) -> None:
        self._closed = True
        for query_id in self._running:
            self._kill(query_id)
        await asyncio.gather(*self._kills)
        for client in (self._client, self._control):
            if client:
                with suppress(TimeoutError):
                    # `close` waits for outstanding answers, so the timeout cuts off those that never come.
                    async with asyncio.timeout(_SILENCE):
                        await client.close()
        self._client = self._control = None

    async def _opened(self) -> HttpClient:
        """The client for reads.  A second client is opened for kills, which must not wait for a read to end."""
        async with self._opening:
            if self._closed:
                raise StoreUnavailable("The store is closed.")
            if self._client is None:
                client = await self._connect(CONNECTIONS, self._limits.seconds + _SILENCE)
                try:
                    self._reading = self._settings(client)
                    await self._check(client)
                    self._control = await self._connect(2, _SILENCE)
                except BaseException:
                    await client.close()
                    raise
                self._client = client
            return self._client

    async def _connect(self, connections: int, silence: float, **options: Any) -> HttpClient:
        return await HttpClient.connect(self._address, silence, connections, **options)

    def _settings(self, client: HttpClient) -> dict[str, str]:
        """The settings of a read, as strict as the user's profile allows."""
        profile = client.server_settings["readonly"].value
        if profile == "1":
            raise StoreUnavailable("The store's user may set nothing: its profile needs readonly = 2, not 1.")
        own = {"readonly": "1"} if profile == "0" else {}
        own |= {name: value for name, value in _WHERE_KNOWN.items() if name in client.server_settings}
        return READING | _SERVED | self._limits.settings | own

    async def _check(self, client: HttpClient) -> None:
        """Raise StoreUnavailable if migrations are pending."""
        if self._definition is None:
            return
        [[there]] = (await client.query(self._definition.record_query)).result_rows
        applied = (await client.query(self._definition.applied_query)).result_rows if there else []
        if pending := self._definition.pending({number for number, _ in applied}):
            raise StoreUnavailable(f"The store lacks {', '.join(pending)}: run `gqlreports migrate`, then start again.")

    @asynccontextmanager
    async def _answer(self, statement: Statement, form: str, settings: Mapping[str, str]) -> AsyncIterator[Answer]:
        """The answer to a query.  Leaving the context before the end of the answer stops the query."""
        client, query_id, answer, runs = await self._opened(), new_query_id(), None, True
        self._running.add(query_id)
        try:
            # Whole seconds suffice: the exact deadline is enforced here, and equal settings can be reused.
            seconds = math.ceil(seconds_left(self._limits.seconds))
            own = {"query_id": query_id, "max_execution_time": str(seconds)}
            own |= self._wall.settings(statement.customers) | projections(statement.rollup)
            answer = await client.ask(statement, form, self._reading | dict(settings) | own)
            yield answer
            runs = not answer.ended
        except FAILURES as error:
            runs = may_still_run(error) and (answer is not None or not lost_connection(error))
            raise
        finally:
            self._running.discard(query_id)
            if answer:
                answer.close()
            if runs:
                self._kill(query_id)

    def _kill(self, query_id: str) -> None:
        """Stop a query without waiting for it to end."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._killed(query_id))
        self._kills.add(task)
        task.add_done_callback(self._kills.discard)

    async def _killed(self, query_id: str) -> None:
        control = self._control
        if control is None:
            return
        try:
            async with asyncio.timeout(_SILENCE):
                await retry(lambda: control.command("KILL QUERY WHERE query_id = {id:String}", {"id": query_id}))
        except FAILURES as error:
            logger.warning("Query %s could not be stopped: %s", query_id, error)


@contextmanager
def _error_boundary() -> Iterator[None]:
    """Log the store's failures, and translate them to StoreError."""
    try:
        yield
    except FAILURES as error:
        meaning = store_error(error)
        logger.log(
            logging.DEBUG if isinstance(meaning, QueryCancelled) else logging.ERROR,
            "The store: %s",
            log_text(error),
        )
        raise meaning from error


def _facts(answer: Answer) -> tuple[int, ...]:
    return tuple(int(answer.facts.get(name, 0)) for name in _FACTS)


async def _pieces(answer: Answer) -> AsyncIterator[bytes]:
    with _error_boundary():
        async for piece in answer.pieces():
            yield piece
