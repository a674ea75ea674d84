"""How many rows of a fact the store holds, as its own metadata and primary index tell, without reading them."""

import time
from collections.abc import Callable, Hashable
from datetime import datetime
from functools import cache

import orjson
from cachetools import TTLCache
from sqlalchemy import func, select

from gqlreports.backends.base import Backend, Statement
from gqlreports.schema.plan.source import OWN, compile_statement, milliseconds, source_of
from gqlreports.tables import Fact

_IN_ALL = "SELECT total_rows AS rows FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"


def rows_in_all(fact: Fact) -> Statement:
    """How many rows a fact has, as the column `rows`; null where the store does not know."""
    return Statement(_IN_ALL, {"table": fact.name})


def rows_in_range(fact: Fact, customer: str, start: datetime, end: datetime) -> Statement:
    """The rows of one customer with `start <= time < end`, as the column `rows`: a matter of the primary index."""
    statement = _statement_in_range(fact)
    values = {"customer": customer, "from": milliseconds(start), "to": milliseconds(end)}
    return Statement(statement.sql, {**statement.parameters, **values})


@cache
def _statement_in_range(fact: Fact) -> Statement:
    source = source_of(fact)
    return compile_statement(select(func.count().label("rows")).select_from(source.table).where(*source.in_range(OWN)))


FRESH = 60.0
"""Seconds for which a number is taken for true."""
RANGES = 1000
"""Of how many ranges the number is kept."""
UNKNOWN = 1 << 62


class StoredRows:
    """Each number is asked for once a minute at most."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: TTLCache[Hashable, int] = TTLCache(RANGES, FRESH, timer=lambda: time.monotonic())

    async def in_all(self, fact: Fact) -> int:
        """The rows of all customers and times; UNKNOWN in a cluster, where no server knows."""
        return await self._counted(fact, lambda: rows_in_all(fact))

    async def in_range(self, fact: Fact, customer: str, start: datetime, end: datetime) -> int:
        """The rows of one customer with `start <= time < end`."""
        key = fact, customer, start, end
        return await self._counted(key, lambda: rows_in_range(fact, customer, start, end))

    async def _counted(self, key: Hashable, statement: Callable[[], Statement]) -> int:
        if (known := self._known.get(key)) is not None:
            return known
        [found] = orjson.loads((await self._backend.fetch_json(statement())).json)
        number = UNKNOWN if found["rows"] is None else found["rows"]
        self._known[key] = number
        return number
