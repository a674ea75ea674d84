"""Counts the stored rows of a fact from ClickHouse's metadata and primary index, without reading the rows."""

import time
from collections.abc import Callable, Hashable
from datetime import datetime
from functools import cache

import orjson
from cachetools import TTLCache
from sqlalchemy import func, select

from gqlreports.backends.base import Backend, Customers, Statement
from gqlreports.schema.plan.source import OWN, compile_statement, customer_parameters, milliseconds, source_for
from gqlreports.tables import Fact

_IN_ALL = "SELECT total_rows AS rows FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"


def rows_in_all(fact: Fact) -> Statement:
    """The number of rows of a fact, as the column `rows`; null if the store does not know it."""
    return Statement(_IN_ALL, {"table": fact.name})


def rows_in_range(fact: Fact, customers: Customers, start: datetime, end: datetime) -> Statement:
    """The number of rows of some customers with `start <= time < end`, as the column `rows`.

    ClickHouse finds it with the primary index.
    """
    statement = _statement_in_range(fact, customers.several)
    values = {**customer_parameters(customers), "from": milliseconds(start), "to": milliseconds(end)}
    return Statement(statement.sql, {**statement.parameters, **values})


@cache
def _statement_in_range(fact: Fact, several: bool) -> Statement:
    stored = source_for(fact, several)
    return compile_statement(select(func.count().label("rows")).select_from(stored.table).where(*stored.in_range(OWN)))


FRESH = 60.0
"""How long a number is cached, in seconds."""
RANGES = 1000
"""How many numbers are cached."""
UNKNOWN = 1 << 62


class StoredRows:
    """The numbers of stored rows; each is fetched at most once a minute."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: TTLCache[Hashable, int] = TTLCache(RANGES, FRESH, timer=lambda: time.monotonic())

    async def in_all(self, fact: Fact) -> int:
        """The number of rows of all customers at all times; UNKNOWN in a cluster, where no server knows it."""
        return await self._counted(fact, lambda: rows_in_all(fact))

    async def in_range(self, fact: Fact, customers: Customers, start: datetime, end: datetime) -> int:
        """The number of rows of some customers with `start <= time < end`."""
        key = fact, customers, start, end
        return await self._counted(key, lambda: rows_in_range(fact, customers, start, end))

    async def _counted(self, key: Hashable, statement: Callable[[], Statement]) -> int:
        if (known := self._known.get(key)) is not None:
            return known
        [found] = orjson.loads((await self._backend.fetch_json(statement())).json)
        number = UNKNOWN if found["rows"] is None else found["rows"]
        self._known[key] = number
        return number
