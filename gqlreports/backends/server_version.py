"""What the answers of a server depend on: others write to it too, so it is asked each time."""

import asyncio
import logging
import math
from contextvars import copy_context

import orjson

from gqlreports.backends.base import Statement
from gqlreports.backends.deadline import DEADLINE
from gqlreports.backends.failures import ACCESS_DENIED
from gqlreports.backends.wall import Ask
from gqlreports.errors import StoreError

logger = logging.getLogger(__name__)

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
        self._running: asyncio.Task[str | None] | None = None
        self._next: asyncio.Task[str | None] | None = None

    async def now(self) -> str | None:
        """The version at some moment after the call; None where there is none, or where the server does not tell."""
        if self._told is False:
            return None
        if self._next is None or self._next.done():
            context = copy_context()
            context.run(DEADLINE.set, math.inf)
            self._next = asyncio.get_running_loop().create_task(self._after(self._running), context=context)
        return await asyncio.shield(self._next)

    async def _after(self, running: "asyncio.Task[str | None] | None") -> str | None:
        """Asked once the question before has its answer, which may be older than the call."""
        if running is not None and not running.done():
            await asyncio.wait((running,))
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
