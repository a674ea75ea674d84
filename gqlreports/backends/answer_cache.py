"""The answers of a store, kept for whoever asks the same of the same data.

Only the answer to a deterministic statement is kept: one that changes with the data, and neither with the time nor by
chance.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import TypeAlias

from gqlreports.backends.base import Backend, Fetched, Session, Statement
from gqlreports.backends.failures import store_error
from gqlreports.backends.isolation import Ask, called, rows_of, tree_of
from gqlreports.backends.request import DEADLINE, time_left
from gqlreports.errors import StoreError

TEXTS = 4096
"""For how many texts it is remembered; each is looked at once."""
# ClickHouse has renamed the column, and may give up that with the origin.
_FUNCTIONS = (
    "SELECT lower(name) AS function, COLUMNS('^(origin|(is_)?deterministic)$') FROM system.functions "
    "WHERE lower(name) IN {names:Array(String)}"
)
_NOT_DETERMINISTIC = (0, "SQLUserDefined", "ExecutableUserDefined", "WasmUserDefined")
# ClickHouse calls them not deterministic, since more than their arguments decides; dictionaries are a part of the data.
_BY_DATA = ("arrayjoin", "dict")


class Determinism:
    """Asks the store what it knows of a statement's functions."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, bool] = OrderedDict()

    async def is_deterministic(self, statement: Statement, ask: Ask) -> bool:
        """False also where the store cannot tell now."""
        if (known := self._known.get(statement.sql)) is not None:
            return known
        try:
            is_deterministic = await _is_deterministic(statement, ask)
        except StoreError:
            return False
        self._known[statement.sql] = is_deterministic
        if len(self._known) > TEXTS:
            self._known.popitem(last=False)
        return is_deterministic


async def _is_deterministic(statement: Statement, ask: Ask) -> bool:
    names = [name for name in called(await tree_of(statement, ask)) if not name.startswith(_BY_DATA)]
    found = await rows_of(Statement(_FUNCTIONS, {"names": names}), ask)
    return not any(value in _NOT_DETERMINISTIC for row in found for value in row.values())


_LARGEST_PART = 8
"""An answer that would take more than this part of the room is not kept."""
_ENTRY = 1000
"""Bytes that an entry takes besides its texts, at most."""

Key: TypeAlias = tuple[str, str, str | None]
"""The text of a statement, its values, and its customer, whose rows alone it may find."""


@dataclass
class CacheCounts:
    """How many statements were answered from what was kept, with others that asked the same, and by the store.

    `bytes` is what is kept.
    """

    hits: int = 0
    shared: int = 0
    misses: int = 0
    bytes: int = 0


@dataclass(eq=False)
class _Flight:
    """A statement that runs for all who wait for it."""

    task: asyncio.Task[Fetched]
    waiting: int = 0


class AnswerCache:
    """The same as `backend`, but it runs a statement once for each version of the data, and keeps the answer.

    What is kept takes at most `room` bytes, and what was asked for least recently goes first.  The version is asked
    for with each statement, before anything is looked for or run: so an answer is never older than its question.  A
    failure is told to all who wait, and never kept.  A statement that runs is stopped when all who asked have left.
    """

    def __init__(self, backend: Backend, room: int) -> None:
        self._backend = backend
        self._room = room
        self._version: str | None = None
        self._kept: OrderedDict[Key, Fetched] = OrderedDict()
        self._flights: dict[tuple[str, Key], _Flight] = {}
        self.counts = CacheCounts()
        self.open = backend.open
        self.check = backend.check
        self.close = backend.close
        self.version = backend.version

    async def fetch_json(self, statement: Statement) -> Fetched:
        try:
            async with asyncio.timeout(time_left()):
                version = await self._backend.version(statement)
                if version is not None:
                    return await self._answered(version, statement)
        except TimeoutError as error:
            raise store_error(error) from error
        self.counts.misses += 1
        return await self._backend.fetch_json(statement)

    def stream(self, statement: Statement, form: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._backend.stream(statement, form)

    def session(self) -> AbstractAsyncContextManager[Session]:
        return self._backend.session()

    async def _answered(self, version: str, statement: Statement) -> Fetched:
        if version != self._version:
            self._forget(version)
        key = statement.sql, repr(statement.parameters), statement.customer
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            self.counts.hits += 1
            return kept
        if (flight := self._flights.get((version, key))) is not None:
            self.counts.shared += 1
            return _cached(await self._landed(flight, version, key))
        self.counts.misses += 1
        return await self._landed(self._begun(version, key, statement), version, key)

    def _begun(self, version: str, key: Key, statement: Statement) -> _Flight:
        """It has no deadline of its own: some may wait for longer than others."""
        context = copy_context()
        context.run(DEADLINE.set, math.inf)
        task = asyncio.get_running_loop().create_task(self._run(version, key, statement), context=context)
        flight = self._flights[version, key] = _Flight(task)
        task.add_done_callback(lambda _: self._end(flight, version, key))
        return flight

    async def _landed(self, flight: _Flight, version: str, key: Key) -> Fetched:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._end(flight, version, key)
                flight.task.cancel()
                await asyncio.wait((flight.task,))

    def _end(self, flight: _Flight, version: str, key: Key) -> None:
        """Nobody joins it any more."""
        if self._flights.get((version, key)) is flight:
            del self._flights[version, key]

    async def _run(self, version: str, key: Key, statement: Statement) -> Fetched:
        fetched = await self._backend.fetch_json(statement)
        if version == self._version and _size(key, fetched) <= self._room // _LARGEST_PART:
            self._keep(key, _cached(fetched))
        return fetched

    def _keep(self, key: Key, fetched: Fetched) -> None:
        if before := self._kept.pop(key, None):
            self.counts.bytes -= _size(key, before)
        self._kept[key] = fetched
        self.counts.bytes += _size(key, fetched)
        while self.counts.bytes > self._room:
            self.counts.bytes -= _size(*self._kept.popitem(last=False))

    def _forget(self, version: str) -> None:
        """All answers of another version."""
        self._version = version
        self._kept.clear()
        self.counts.bytes = 0


def _cached(fetched: Fetched) -> Fetched:
    return replace(fetched, rows_read=0, bytes_read=0, milliseconds=0, cached=True)


def _size(key: Key, fetched: Fetched) -> int:
    return len(fetched.json) + sum(len(part or "") for part in key) + _ENTRY
