"""How many rows of a fact there are, from what the store keeps of them apart from their values."""

from datetime import datetime
from functools import cache

from sqlalchemy import func, select

from gqlreports.backends.base import Statement
from gqlreports.schema.plan.narrowing import OWN, compiled, milliseconds, stored
from gqlreports.tables import Fact

_IN_ALL = "SELECT total_rows AS rows FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"


def rows_in_all(fact: Fact) -> Statement:
    """How many rows a fact has, as the column `rows`; null where the store does not know."""
    return Statement(_IN_ALL, {"table": fact.name})


def rows_in_range(fact: Fact, customer: str, start: datetime, end: datetime) -> Statement:
    """The rows of one customer with `start <= time < end`, as the column `rows`: a matter of the primary index."""
    statement = _in_range(fact)
    values = {"customer": customer, "from": milliseconds(start), "to": milliseconds(end)}
    return Statement(statement.sql, {**statement.parameters, **values})


@cache
def _in_range(fact: Fact) -> Statement:
    here = stored(fact)
    return compiled(select(func.count().label("rows")).select_from(here.table).where(*here.in_range(OWN)))
