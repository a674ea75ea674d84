"""What callers see of a column's values: the GraphQL scalar of a type, and how they filter by it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeAlias

from clickhouse_connect.cc_sqlalchemy.datatypes import sqltypes as clickhouse
from clickhouse_connect.cc_sqlalchemy.datatypes.base import ChSqlaType
from sqlalchemy import ColumnElement, func, literal_column

Expression: TypeAlias = ColumnElement[Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Operator(Enum):
    """How a column is compared; the name is the one callers use, but for the case of its letters."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    NOT_IN = "notIn"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    CONTAINS = "contains"
    IS_NULL = "isNull"
    IS_NOT_NULL = "isNotNull"


EQUAL = (Operator.EQ,)
ORDERED = (
    *(Operator.EQ, Operator.NE),
    *(Operator.LT, Operator.LTE, Operator.GT, Operator.GTE),
    *(Operator.IN, Operator.NOT_IN),
)
TEXTUAL = (*ORDERED, Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.CONTAINS)


@dataclass(frozen=True, eq=False)
class Operand:
    """The value of a filter on its way into a statement.

    `sql` is the type of the parameter that it travels as, `sent` makes the parameter's value of the scalar's, and
    `read` what is compared of the parameter.
    """

    sql: ChSqlaType
    sent: Callable[[Any], object]
    read: Callable[[Expression], Expression]


@dataclass(frozen=True, eq=False)
class Scalar:
    """A scalar of GraphQL.  Types that have one in common have its filters and its comparison in common.

    `json` is what a value is in JSON, as Python reads it; `numeric` says whether it has a change in a comparison.
    `operators` are those of filters, besides whether it is null.
    """

    name: str
    json: type[Any]
    numeric: bool
    operators: tuple[Operator, ...]
    operand: Operand


def as_it_is(value: Any) -> Any:
    return value


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: Expression) -> Expression:
    return func.fromUnixTimestamp64Micro(microseconds, literal_column("'UTC'"))


STRING = Scalar("String", str, False, TEXTUAL, Operand(clickhouse.String(), as_it_is, as_it_is))
BOOLEAN = Scalar("Boolean", bool, False, EQUAL, Operand(clickhouse.Bool(), as_it_is, as_it_is))
BIG_INT = Scalar("BigInt", int, True, ORDERED, Operand(clickhouse.Int64(), as_it_is, as_it_is))
FLOAT = Scalar("Float", float, True, ORDERED, Operand(clickhouse.Float64(), as_it_is, as_it_is))
# Wider than any column, so that no digit of a caller's is lost.
DECIMAL = Scalar("Decimal", str, True, ORDERED, Operand(clickhouse.Decimal(76, 20), as_it_is, as_it_is))
DATE_TIME = Scalar("DateTime", str, False, ORDERED, Operand(clickhouse.Int64(), _microseconds, _moment))
