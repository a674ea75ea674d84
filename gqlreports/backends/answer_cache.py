"""A cache of the store's answers, valid as long as the data stays the same.

It only keeps answers to deterministic statements.  Such an answer depends on the data alone, and not on the time or on
chance.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TypeAlias

from cachetools import LRUCache

from gqlreports.backends.base import Backend, Customers, Fetched, OnRead, Session, Statement
from gqlreports.backends.failures import store_error
from gqlreports.backends.isolation import Ask, called_functions, fetch_rows, syntax_tree
from gqlreports.backends.request import time_left, without_deadline
from gqlreports.backends.sharing import SharedTask
from gqlreports.errors import StoreError

TEXTS = 4096
"""The number of statements whose result is remembered.  A remembered statement is not examined again."""
# The columns are matched by pattern: ClickHouse has renamed `deterministic` once, and may drop `origin`.
_FUNCTIONS = (
    "SELECT lower(name) AS function, COLUMNS('^(origin|(is_)?deterministic)$') FROM system.functions "
    "WHERE lower(name) IN {names:Array(String)}"
)
_NOT_DETERMINISTIC = (0, "SQLUserDefined", "ExecutableUserDefined", "WasmUserDefined")
# ClickHouse calls these non-deterministic because their result depends on more than their arguments.  Here it still
# depends on the data alone, since dictionaries are part of the data.
_BY_DATA = ("arrayjoin", "dict")


class Determinism:
    """Finds out whether a statement is deterministic, by asking the store about the functions that it calls."""

    def __init__(self) -> None:
        self._known: LRUCache[str, bool] = LRUCache(TEXTS)

    async def is_deterministic(self, statement: Statement, ask: Ask) -> bool:
        """Whether the statement is deterministic.  Also False if the store cannot answer now."""
        if (known := self._known.get(statement.sql)) is not None:
            return known
        try:
            is_deterministic = await _is_deterministic(statement, ask)
        except StoreError:
            return False
        self._known[statement.sql] = is_deterministic
        return is_deterministic


async def _is_deterministic(statement: Statement, ask: Ask) -> bool:
    names = [name for name in called_functions(await syntax_tree(statement, ask)) if not name.startswith(_BY_DATA)]
    found = await fetch_rows(Statement(_FUNCTIONS, {"names": names}), ask)
    return not any(value in _NOT_DETERMINISTIC for row in found for value in row.values())


_LARGEST_PART = 8
"""An answer is not kept if it is larger than the cache's size divided by this number."""
_ENTRY = 1000
"""An upper bound for the bytes that an entry takes in addition to its texts."""

Key: TypeAlias = tuple[str, str, Customers | None]
"""The text of a statement, its parameters, and the customers whose rows it may see."""


@dataclass
class CacheCounts:
    """The number of statements by the way in which they were answered.

    `hits` came from the cache, `shared` joined an identical running statement, and `misses` went to the store.  `bytes`
    is the size of the cache.
    """

    hits: int = 0
    shared: int = 0
    misses: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and its size in bytes."""

    fetched: Fetched
    size: int


class AnswerCache:
    """Wraps a `backend` so that a statement runs once for each version of the data, and keeps the answer.

    The cache holds at most `room` bytes and evicts the least recently used answer.  Each call asks for the version
    before it looks up or runs anything, so an answer is never older than the call.  A failure is raised for every
    caller that waits for it, and is never kept.  A running statement is stopped once all callers have left.
    """

    def __init__(self, backend: Backend, room: int) -> None:
        self._backend = backend
        self._version: str | None = None
        self._kept: LRUCache[Key, _Kept] = LRUCache(room, lambda kept: kept.size)
        self._running: dict[tuple[str, Key], SharedTask[Fetched]] = {}
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

    def stream(
        self, statement: Statement, form: str, on_read: OnRead | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._backend.stream(statement, form, on_read)

    def session(self) -> AbstractAsyncContextManager[Session]:
        return self._backend.session()

    async def _answered(self, version: str, statement: Statement) -> Fetched:
        if version != self._version:
            self._forget(version)
        key = statement.sql, repr(statement.parameters), statement.customers
        if (kept := self._kept.get(key)) is not None:
            self.counts.hits += 1
            return kept.fetched
        if (running := self._running.get((version, key))) is not None:
            self.counts.shared += 1
            return _cached(await running.result())
        self.counts.misses += 1
        return await self._begin(version, key, statement).result()

    def _begin(self, version: str, key: Key, statement: Statement) -> SharedTask[Fetched]:
        """Run a statement for this caller, and for all who send the same statement while it runs."""

        def end() -> None:
            if self._running.get((version, key)) is task:
                del self._running[version, key]

        # Without a deadline: some callers may wait longer than others.
        task = SharedTask(self._run(version, key, statement), end, without_deadline())
        self._running[version, key] = task
        return task

    async def _run(self, version: str, key: Key, statement: Statement) -> Fetched:
        fetched = await self._backend.fetch_json(statement)
        sql, parameters, customers = key
        ids = customers.ids if customers else ()
        size = len(fetched.json) + len(sql) + len(parameters) + sum(map(len, ids)) + _ENTRY
        if version == self._version and size <= self._kept.maxsize // _LARGEST_PART:
            self._kept[key] = _Kept(_cached(fetched), size)
            self.counts.bytes = int(self._kept.currsize)
        return fetched

    def _forget(self, version: str) -> None:
        """Drop all answers of an earlier version."""
        self._version = version
        self._kept.clear()
        self.counts.bytes = 0


def _cached(fetched: Fetched) -> Fetched:
    return replace(fetched, rows_read=0, bytes_read=0, milliseconds=0, cached=True)
