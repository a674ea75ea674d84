"""How many calls the store holds, as its own metadata and primary index tell, without reading them."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.schema.plan.stored import calls_in_all, calls_in_range

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

    async def in_all(self) -> int:
        """The rows of all customers and times; UNKNOWN in a cluster, where no server knows."""
        return await self._counted("all", calls_in_all)

    async def in_range(self, customer: str, start: datetime, end: datetime) -> int:
        """The rows of one customer with `start <= dt < end`."""
        return await self._counted((customer, start, end), lambda: calls_in_range(customer, start, end))

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
