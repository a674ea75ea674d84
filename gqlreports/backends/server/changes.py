"""Detects what other processes change on a server while this process uses it.

Others write data, so the server is asked for its version before a cached answer is reused.  Others also reload its
dictionaries.  ClickHouse looks up values block by block, each in the dictionary that is loaded at that moment.  So if a
dictionary is reloaded during a report, some rows have the former values and some the new ones.
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


# The hash of a part depends on its content.  Update times of dictionaries are in whole seconds.  So the version is
# unsettled while a dictionary is loading or was just loaded: a further load might have the same time.
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
# Counts the tables whose rows are not only in parts of this server.
_ELSEWHERE = Statement("""
SELECT count() AS tables FROM system.tables WHERE database = {database:String}
AND engine NOT IN ('View', 'MaterializedView', 'Dictionary')
AND (NOT endsWith(engine, 'MergeTree') OR startsWith(engine, 'Replicated') OR startsWith(engine, 'Shared'))
""")


class ServerVersion:
    """Asks the server for its version, using `ask`; callers that ask at the same time share one query.

    In a cluster there is no version, since replicas may differ in what they know.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._told: bool | None = None
        self._running: SharedTask[str | None] | None = None
        self._next: SharedTask[str | None] | None = None

    async def now(self) -> str | None:
        """The version at some moment after the call; None if there is none, or if the server does not report it."""
        if self._told is False:
            return None
        if self._next is None or self._next.done:
            self._next = SharedTask(self._after(self._running), context=without_deadline())
        return await self._next.result()

    async def _after(self, running: SharedTask[str | None] | None) -> str | None:
        """Ask once the running query has ended; its answer may be older than the call, so it cannot be shared."""
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
    """Asks the server, using `ask`, when its dictionaries were last reloaded.

    In a cluster it asks only the server that it is connected to.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._told = True

    async def consistent(self, statement: Statement, run: Callable[[], Awaitable[Result]]) -> Result:
        """Run a statement, and repeat it as long as a dictionary may have been reloaded during it."""
        while True:
            began = time.monotonic()
            outcome = await run()
            if not (self._looks_up(statement) and await self._renewed_since(began)):
                return outcome

    def _looks_up(self, statement: Statement) -> bool:
        return self._told and statement.customers is not None and "dict" in statement.sql.lower()

    async def _renewed_since(self, began: float) -> bool:
        """Whether a dictionary may have been reloaded since `began`, a time of the monotonic clock.

        ClickHouse reports reload times in whole seconds.  After a possible reload, the call sleeps until the next
        second, so that a repeated statement starts in a later second than the reload.
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
