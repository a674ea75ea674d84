"""Lets commands work on an embedded store while this process has it open."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gqlreports import __version__
from gqlreports.backends.base import Fetched, Limits, OnRead, Session, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.backends.embedded.command_socket import listening, peer_of, stop_listening
from gqlreports.backends.embedded.frames import (
    ROOM,
    Frame,
    Json,
    packed_error,
    packed_rows,
    read_frame,
    unpacked_limits,
    unpacked_statement,
    write_frame,
)
from gqlreports.backends.embedded.write_lock import WriteLock
from gqlreports.backends.failures import store_error
from gqlreports.errors import StoreError, StoreUnavailable

logger = logging.getLogger(__name__)

_TURNS = 4
"""Turns of the event loop until a connection that waits has begun."""
_LAST = 1.0
"""Seconds that a command has to take the notice that the server shuts down."""


class HostedBackend:
    """The embedded store in the directory `path`, on which commands may work from `open` to `close`.

    `limits` are those of the `backend`; a command has its own.  If no socket can be made in the directory, the log says
    so, and commands find the store in use.
    """

    def __init__(self, backend: EmbeddedBackend, path: Path, limits: Limits) -> None:
        self._backend = backend
        self._path = path
        self._limits = limits
        self._write_lock = WriteLock()
        self._server: asyncio.Server | None = None
        self._begun = False
        self._conversations: set[_Conversation] = set()
        self.version = backend.version

    async def open(self) -> None:
        await self._backend.open()
        await self._listen()

    async def check(self) -> None:
        await self._backend.check()
        # The store may have come after the server.
        await self._listen()

    async def fetch_json(self, statement: Statement) -> Fetched:
        return await self._backend.fetch_json(statement)

    def stream(
        self, statement: Statement, form: str, on_read: OnRead | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._backend.stream(statement, form, on_read)

    def session(self) -> AbstractAsyncContextManager[Session]:
        return self._backend.session()

    async def close(self) -> None:
        if self._server:
            stop_listening(self._path)
            # The loop lets in who has connected already, so that they are told; asyncio would log them as failures.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            self._server.close()
        await asyncio.gather(*(each.end() for each in self._conversations))
        await self._backend.close()

    async def _listen(self) -> None:
        if self._begun:
            return
        self._begun = True
        try:
            socket = listening(self._path)
        except OSError as error:
            logger.warning("No command can use the store while this process has it open: %s", error)
            return
        self._server = await asyncio.start_unix_server(self._received, sock=socket, limit=ROOM)

    async def _received(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = peer_of(writer.get_extra_info("socket"))
        conversation = _Conversation(reader, writer, self._backend, self._limits, self._write_lock, peer.process)
        self._conversations.add(conversation)
        try:
            if peer.trusted:
                await conversation.hold()
            else:
                logger.warning("Process %s of user %s may not use the store.", peer.process, peer.user)
        finally:
            await conversation.close()
            self._conversations.discard(conversation)


@dataclass(eq=False)
class _Conversation:
    """One connection of a command.  It ends when the command closes it or dies, or when the server shuts down."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    backend: EmbeddedBackend
    limits: Limits
    write_lock: WriteLock
    process: int | None
    _session: Session | None = None
    _taken: AsyncExitStack = field(default_factory=AsyncExitStack)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self) -> None:
        """Answer requests until the end, and then give back all that they took."""
        stop = asyncio.ensure_future(self._stop.wait())
        following = asyncio.ensure_future(read_frame(self.reader))
        try:
            async with self._taken:
                while await _first(following, stop) is following:
                    request, following = following.result(), asyncio.ensure_future(read_frame(self.reader))
                    await self._answer(request, following, stop)
                await self._tell_end()
        except (OSError, EOFError):
            # The command has closed the connection, or is gone.
            pass
        finally:
            for each in (stop, following):
                each.cancel()
            await asyncio.gather(stop, following, return_exceptions=True)

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()
        self._ended.set()

    async def end(self) -> None:
        """Stop what runs, tell the command, and return when all is given back."""
        self._stop.set()
        await self._ended.wait()

    async def _answer(self, request: Frame, *ends: asyncio.Future[Any]) -> None:
        """Answer a request, unless one of the `ends` comes first: a command sends nothing while it waits."""
        work = asyncio.ensure_future(self._answered(request))
        # A session that is opened half would never be closed, and opening it takes no time.
        if request.head["ask"] != "session" and await _first(work, *ends) is not work:
            work.cancel()
            await asyncio.wait((work,))
        else:
            await work

    async def _answered(self, request: Frame) -> None:
        try:
            _check_version(request.head["version"])
            await getattr(self, f"_on_{request.head['ask']}")(request.head, request.body)
        except StoreError as error:
            await self._send({"error": packed_error(error)})
        except (OSError, EOFError):
            raise
        except Exception as error:
            logger.exception("A command's request failed.")
            await self._send({"error": packed_error(store_error(error))})

    async def _on_check(self, head: Json, body: bytes) -> None:
        await self.backend.check()
        await self._send({})

    async def _on_fetch(self, head: Json, body: bytes) -> None:
        found = await self.backend.fetch_json(unpacked_statement(head["statement"]), self._limits_of(head))
        names = ("rows", "rows_read", "bytes_read", "milliseconds", "cached")
        await self._send({name: getattr(found, name) for name in names}, found.json)

    async def _on_version(self, head: Json, body: bytes) -> None:
        await self._send({"version": await self.backend.version(unpacked_statement(head["statement"]))})

    async def _on_stream(self, head: Json, body: bytes) -> None:
        statement = unpacked_statement(head["statement"])
        async with self.backend.stream(statement, head["form"], limits=self._limits_of(head)) as pieces:
            await self._send({})
            async for piece in pieces:
                await self._send({"more": True}, piece)
        await self._send({"more": False})

    async def _on_write(self, head: Json, body: bytes) -> None:
        await self._taken.enter_async_context(self.write_lock.held(head["client"], self.process))
        await self._send({})

    async def _on_session(self, head: Json, body: bytes) -> None:
        self.write_lock.lend(head["client"], self.end)
        self._session = await self._taken.enter_async_context(self.backend.session())
        await self._send({})

    async def _on_query(self, head: Json, body: bytes) -> None:
        rows = await self._writing.query(unpacked_statement(head["statement"]))
        # In a thread, since many rows would keep the reports of this process waiting.
        await self._send({}, await asyncio.to_thread(packed_rows, rows))

    async def _on_command(self, head: Json, body: bytes) -> None:
        await self._writing.command(unpacked_statement(head["statement"]))
        await self._send({})

    async def _on_insert(self, head: Json, body: bytes) -> None:
        await self._writing.insert(head["table"], head["columns"], body, head["form"])
        await self._send({})

    @property
    def _writing(self) -> Session:
        if self._session is None:
            raise StoreError("There is no session.")
        return self._session

    def _limits_of(self, head: Json) -> Limits | None:
        """The command's limits, or None if they are those of the server, whose idle connections then can be used."""
        limits = unpacked_limits(head["limits"])
        return None if limits == self.limits else limits

    async def _send(self, head: dict[str, Json], body: bytes = b"") -> None:
        await write_frame(self.writer, Frame(head, body))

    async def _tell_end(self) -> None:
        error = StoreUnavailable("The server that has the store open shuts down: run this again in a moment.")
        try:
            async with asyncio.timeout(_LAST):
                await self._send({"error": packed_error(error)})
        except TimeoutError:
            # It takes nothing, and will see the end of the connection.
            pass


async def _first(*awaited: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """The first of these that is done, in their order."""
    await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    return next(each for each in awaited if each.done())


def _check_version(version: str) -> None:
    if version != __version__:
        raise StoreUnavailable(
            f"The server that has the store open is version {__version__}, and this is {version}: restart the server."
        )
