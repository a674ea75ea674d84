"""How many rows of a fact the store holds, as its own metadata and primary index tell, without reading them."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.schema.plan.stored import rows_in_all, rows_in_range
from gqlreports.tables import Fact

FRESH = 60.0
"""Seconds for which a number is taken for true."""
KEPT = 1000
"""Of how many ranges the number is kept."""
UNKNOWN = 1 << 62


class StoredCalls:
    """Each number is asked for once a minute at most."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    async def in_all(self, fact: Fact) -> int:
        """The rows of all customers and times; UNKNOWN in a cluster, where no server knows."""
        return await self._counted(fact, lambda: rows_in_all(fact))

    async def in_range(self, fact: Fact, customer: str, start: datetime, end: datetime) -> int:
        """The rows of one customer with `start <= time < end`."""
        key = fact, customer, start, end
        return await self._counted(key, lambda: rows_in_range(fact, customer, start, end))

    async def _counted(self, key: Hashable, statement: Callable[[], Statement]) -> int:
        at, number = self._known.get(key, (-FRESH, 0))
        if time.monotonic() - at < FRESH:
            return number
        [found] = orjson.loads((await self._backend.fetch_json(statement())).json)
        number = UNKNOWN if found["rows"] is None else found["rows"]
        self._known[key] = time.monotonic(), number
        self._known.move_to_end(key)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return number
