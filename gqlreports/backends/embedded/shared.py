"""An embedded store that a server has open, as a command uses it: the server does the work.

The command does all else itself: it reads files, counts, and prints.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson

from gqlreports import __version__
from gqlreports.backends.base import Definition, Fetched, Limits, OnRead, Session, Statement
from gqlreports.backends.embedded.command_socket import connected
from gqlreports.backends.embedded.frames import (
    ROOM,
    Frame,
    Json,
    packed_limits,
    packed_statement,
    read_frame,
    unpacked_error,
    unpacked_rows,
    write_frame,
)
from gqlreports.backends.failures import is_of_statement, rollup_failed, store_error
from gqlreports.backends.request import time_left
from gqlreports.errors import StoreError, StoreUnavailable

_GONE = "The server that has the store open ended before this was done: run it again."

PATIENCE = 20.0
"""Seconds within which a server answers that it is there."""


class Connection:
    """A connection to the server, which carries one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._aborted = False

    async def ask(self, what: str, body: bytes = b"", **values: Json) -> Frame:
        """The answer to a request.  Raises the StoreError that the server answers with."""
        with self._translated():
            await write_frame(self._writer, Frame({"ask": what, "version": __version__, **values}, body))
        return await self.receive()

    async def receive(self) -> Frame:
        with self._translated():
            frame = await read_frame(self._reader)
        if error := frame.head.get("error"):
            raise unpacked_error(error)
        return frame

    async def end(self) -> None:
        """Close the connection.  Returns once the server has ended all that it did for it."""
        try:
            self._writer.write_eof()
            while await self._reader.read(ROOM):
                pass
        except OSError:
            # The server is gone, and with it all that it did.
            pass
        finally:
            self._writer.close()

    def abort(self) -> None:
        """Close the connection at once; who waits for an answer is told that the store is closed."""
        self._aborted = True
        self._writer.transport.abort()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError) as error:
            raise StoreUnavailable("The store is closed." if self._aborted else _GONE) from error


class SharedSession:
    """A session in the server, for as long as its connection is open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        answer = await self._connection.ask("query", statement=packed_statement(statement))
        return unpacked_rows(answer.body)

    async def command(self, statement: Statement) -> None:
        await self._connection.ask("command", statement=packed_statement(statement))

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        names = None if columns is None else list(columns)
        await self._connection.ask("insert", data, table=table, columns=names, form=form)


class SharedBackend:
    """The embedded store in the directory `path`, which a server has open.

    Opening the backend brings the store's rollups to its `definition`.  Each read and each session has a connection of
    its own.  The first session asks the server for the right to write, which one command at a time has; it keeps it
    until the backend is closed.
    """

    def __init__(self, path: Path, definition: Definition | None = None, limits: Limits | None = None) -> None:
        self._path = path
        self._definition = definition
        self._limits = packed_limits(limits or Limits())
        self._connections: set[Connection] = set()
        self._client = secrets.token_hex(8)
        self._right: Connection | None = None
        self._asking = asyncio.Lock()
        self._closed = False

    async def open(self) -> None:
        await self.check()
        if self._definition is None:
            return
        applied = {number for number, _ in await self._rows(self._definition.applied_query)}
        kept = {name for (name,) in await self._rows(self._definition.rollups_query)}
        if not self._definition.lacking(kept):
            return
        async with self.session() as session:
            for statement in self._definition.statements(applied):
                await session.command(Statement(statement))
            for report, statements in self._definition.rollup_statements(kept).items():
                try:
                    for statement in statements:
                        await session.command(Statement(statement))
                except StoreError as error:
                    if not is_of_statement(error):
                        raise
                    rollup_failed(report, error.__cause__ or error)

    async def check(self) -> None:
        connection = await self._connect()
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.ask("check")
                await self._end(connection)
        except TimeoutError as error:
            raise StoreUnavailable("The server that has the store open does not answer.") from error
        finally:
            connection.abort()
            self._connections.discard(connection)

    async def fetch_json(self, statement: Statement) -> Fetched:
        try:
            async with asyncio.timeout(time_left()), self._connection() as connection:
                answer = await connection.ask("fetch", statement=packed_statement(statement), limits=self._limits)
        except TimeoutError as error:
            raise store_error(error) from error
        return Fetched(answer.body, **answer.head)

    async def version(self, statement: Statement) -> str | None:
        async with self._connection() as connection:
            answer = await connection.ask("version", statement=packed_statement(statement))
        version: str | None = answer.head["version"]
        return version

    @asynccontextmanager
    async def stream(
        self, statement: Statement, form: str, on_read: OnRead | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The same as for every backend, but `on_read` is not called: the server keeps the account."""
        async with self._connection() as connection:
            await connection.ask("stream", statement=packed_statement(statement), limits=self._limits, form=form)
            yield _pieces(connection)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        await self._may_write()
        async with self._connection() as connection:
            await connection.ask("session", client=self._client)
            yield SharedSession(connection)

    async def close(self) -> None:
        self._closed = True
        if self._right:
            self._connections.discard(self._right)
            await self._right.end()
        for connection in self._connections:
            connection.abort()

    async def _may_write(self) -> None:
        async with self._asking:
            if self._right is None:
                connection = await self._connect()
                try:
                    await connection.ask("write", client=self._client)
                except BaseException:
                    await self._end(connection)
                    raise
                self._right = connection

    async def _rows(self, query: str) -> list[list[Any]]:
        rows = orjson.loads((await self.fetch_json(Statement(query))).json)
        return [list(row.values()) for row in rows]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await self._connect()
        try:
            yield connection
        finally:
            await self._end(connection)

    async def _connect(self) -> Connection:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        try:
            streams = await asyncio.open_unix_connection(sock=connected(self._path), limit=ROOM)
        except OSError as error:
            raise StoreUnavailable(_GONE) from error
        connection = Connection(*streams)
        self._connections.add(connection)
        return connection

    async def _end(self, connection: Connection) -> None:
        await connection.end()
        self._connections.discard(connection)


async def _pieces(connection: Connection) -> AsyncIterator[bytes]:
    while (piece := await connection.receive()).head["more"]:
        yield piece.body
