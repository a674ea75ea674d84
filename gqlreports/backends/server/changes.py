"""What others change on a server while this process uses it.

They write, so the server is asked for its version before an answer that was kept is given again.  And they renew its
dictionaries: ClickHouse looks up block by block, each in the dictionary that is there at its moment, so a report under
which one is renewed has the former values in some of its rows and the new ones in others.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import orjson

from gqlreports.backends.base import Statement
from gqlreports.backends.failures import ACCESS_DENIED
from gqlreports.backends.isolation import Ask
from gqlreports.backends.request import without_deadline
from gqlreports.backends.sharing import SharedTask
from gqlreports.errors import StoreError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


# The hash of a part is that of what it holds.  Times of dictionaries are whole seconds: while one is that new, or
# loads, another load might not be told from it.
_VERSION = Statement("""
SELECT
    (
        SELECT hex(sipHash128(arraySort(groupArray((table, name, hash_of_all_files)))))
        FROM system.parts WHERE active AND database = {database:String}
    ) AS parts,
    (
        SELECT if(
            countIf(status NOT IN ('NOT_LOADED', 'LOADED', 'FAILED') OR last_successful_update_time > now() - 3) > 0,
            'unsettled',
            toString(arraySort(groupArray((name, toString(status), toUnixTimestamp(last_successful_update_time)))))
        )
        FROM system.dictionaries WHERE database = {database:String}
    ) AS dictionaries
""")
_UNSETTLED = "unsettled"
# All tables whose rows are not in parts of this server alone.
_ELSEWHERE = Statement("""
SELECT count() AS tables FROM system.tables WHERE database = {database:String}
AND engine NOT IN ('View', 'MaterializedView', 'Dictionary')
AND (NOT endsWith(engine, 'MergeTree') OR startsWith(engine, 'Replicated') OR startsWith(engine, 'Shared'))
""")


class ServerVersion:
    """Asks the server by `ask`; of several who want to know at once, those who came first share one question.

    In a cluster there is no version: one replica knows more than another.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._told: bool | None = None
        self._running: SharedTask[str | None] | None = None
        self._next: SharedTask[str | None] | None = None

    async def now(self) -> str | None:
        """The version at some moment after the call; None if there is none, or if the server does not say."""
        if self._told is False:
            return None
        if self._next is None or self._next.done:
            self._next = SharedTask(self._after(self._running), context=without_deadline())
        return await self._next.result()

    async def _after(self, running: SharedTask[str | None] | None) -> str | None:
        """Asked once the question before has its answer, which may be older than the call."""
        if running is not None:
            await running.end()
        self._running, self._next = self._next, None
        try:
            return await self._asked()
        except StoreError as error:
            if getattr(error.__cause__, "code", None) == ACCESS_DENIED:
                self._told = False
                logger.warning("No answers are kept: grant SELECT on system.parts and system.dictionaries for that.")
            return None

    async def _asked(self) -> str | None:
        if self._told is None:
            [found] = orjson.loads((await self._ask(_ELSEWHERE)).json)
            self._told = not found["tables"]
        if not self._told:
            return None
        [found] = orjson.loads((await self._ask(_VERSION)).json)
        return None if found["dictionaries"] == _UNSETTLED else f"{found['parts']} {found['dictionaries']}"


_RENEWED = Statement("""
SELECT toUnixTimestamp64Milli(now64(3)) / 1000 AS now, toUnixTimestamp(max(last_successful_update_time)) AS renewed
FROM system.dictionaries WHERE database = {database:String}
""")


class ServerDictionaries:
    """Asks the server by `ask` when they were renewed last; of a cluster, the one server that it is connected to."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._told = True

    async def consistent(self, statement: Statement, run: Callable[[], Awaitable[Result]]) -> Result:
        """The outcome of a statement, which is run again where a dictionary may have been renewed under it."""
        while True:
            began = time.monotonic()
            outcome = await run()
            if not (self._looks_up(statement) and await self._renewed_since(began)):
                return outcome

    def _looks_up(self, statement: Statement) -> bool:
        return self._told and statement.customer is not None and "dict" in statement.sql.lower()

    async def _renewed_since(self, began: float) -> bool:
        """`began` is by the monotonic clock.

        ClickHouse reports times in whole seconds: whatever runs after this call begins in a later second than a
        renewal.
        """
        try:
            [found] = orjson.loads((await self._ask(_RENEWED)).json)
        except StoreError as error:
            if getattr(error.__cause__, "code", None) != ACCESS_DENIED:
                raise
            self._told = False
            logger.warning("A report may mix renewed data with former: grant SELECT on system.dictionaries.")
            return False
        settled = found["renewed"] + 1
        if settled <= found["now"] - (time.monotonic() - began):
            return False
        await asyncio.sleep(max(settled - found["now"], 0))
        return True
