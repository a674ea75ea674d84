"""How many CDRs there are, from what the store keeps of them apart from their values."""

from datetime import datetime
from functools import cache

from sqlalchemy import func, select

from gqlreports.backends.base import Statement
from gqlreports.schema.plan.narrowing import OWN, STORED, compiled, in_range, milliseconds

_IN_ALL = Statement("SELECT total_rows AS rows FROM system.tables WHERE database = currentDatabase() AND name = 'cdr'")


def calls_in_all() -> Statement:
    """The rows of the table, as the column `rows`; null where the store does not know."""
    return _IN_ALL


def calls_in_range(customer: str, start: datetime, end: datetime) -> Statement:
    """The rows of one customer with `start <= dt < end`, as the column `rows`: a matter of the primary index."""
    statement = _in_range()
    values = {"customer": customer, "from": milliseconds(start), "to": milliseconds(end)}
    return Statement(statement.sql, {**statement.parameters, **values})


@cache
def _in_range() -> Statement:
    return compiled(select(func.count().label("rows")).select_from(STORED).where(*in_range(OWN)))
