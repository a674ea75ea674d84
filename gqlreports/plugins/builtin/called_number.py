"""SQL that looks up the called number in the numbering data."""

from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal_column

from gqlreports.plugins import cdr

ZERO: ColumnElement[Any] = literal_column("0")
EMPTY: ColumnElement[Any] = literal_column("''")


class Number(Enum):
    """Which number of the called party is looked up."""

    DIALED = "DIALED"
    LRN = "LRN"


def called_number(number: Number) -> ColumnElement[Any]:
    """The 10 digits of the called number, or 0 outside the North American Numbering Plan.

    With LRN they are those of the routing number, if the call has one.
    """
    if number is Number.LRN:
        return case((cdr.c.lrn != EMPTY, cdr.c.lrn_nanp), else_=cdr.c.dest_nanp)
    return cdr.c.dest_nanp


def numbering_data(attribute: str, number: ColumnElement[Any]) -> ColumnElement[Any]:
    """The `rate_center` or `state` that a number of 10 digits had at the time of the call; empty if unknown."""
    # The dictionaries are keyed by thousands-block: the first 7 digits.
    block = func.intDiv(number, literal_column("1000"))
    name: ColumnElement[Any] = literal_column(f"'{attribute}'")
    latest = func.dictGet(literal_column("'rate_center'"), name, block)
    moment = func.toUnixTimestamp64Milli(cdr.c.dt)
    return func.dictGetOrDefault(literal_column("'rate_center_before'"), name, block, moment, latest)
