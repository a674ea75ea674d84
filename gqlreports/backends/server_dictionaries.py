"""The dictionaries of a server, which others renew while a report looks up in them.

ClickHouse looks up block by block, each in the dictionary that is there at its moment.  So a report under which one is
renewed has the former values in some of its rows and the new ones in others.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import orjson

from gqlreports.backends.base import Statement
from gqlreports.backends.failures import ACCESS_DENIED
from gqlreports.backends.wall import Ask
from gqlreports.errors import StoreError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

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

        ClickHouse tells times in whole seconds: what runs behind this call begins in another second than a renewal.
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
