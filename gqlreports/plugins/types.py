"""The types that a column may have, each with everything that differs between types.

No attribute has a default.  So a new type is one complete entry here, listed in `TYPES`.  If it needs something from
another layer (for example a scalar of the schema), that layer's module checks this on import (`complete`).

The first part defines the scalars of GraphQL and how callers filter by them.  The second defines how a value is
printed in a file: functions that build SQL from the SQL of the value and of the name of a time zone.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from clickhouse_connect.cc_sqlalchemy.datatypes import sqltypes as clickhouse
from clickhouse_connect.cc_sqlalchemy.datatypes.base import ChSqlaType
from sqlalchemy import ColumnElement, and_, case, func, literal_column, not_
from sqlalchemy.types import TypeEngine

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

Expression: TypeAlias = ColumnElement[Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Operator(Enum):
    """How a filter compares a column.  A member's value is the name that callers use."""

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
    """How the value of a filter is passed to a statement.

    `sql` is the type of the query parameter, `sent` converts the scalar's value to the parameter's, and `read` returns
    the SQL that compares with it, given the parameter.
    """

    sql: ChSqlaType
    sent: Callable[[Any], object]
    read: Callable[[Expression], Expression]


@dataclass(frozen=True, eq=False)
class Scalar:
    """A scalar of GraphQL.  Column types with the same scalar share its filters and comparisons.

    `json` is the Python type of a value that is read from JSON.  `numeric` says whether a comparison of two ranges
    gives its change.  `operators` are the operators of its filters, besides the tests for null.
    """

    name: str
    json: type[Any]
    numeric: bool
    operators: tuple[Operator, ...]
    operand: Operand


def identity(value: Any) -> Any:
    return value


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _of_microseconds(microseconds: Expression) -> Expression:
    return func.fromUnixTimestamp64Micro(microseconds, literal_column("'UTC'"))


STRING = Scalar("String", str, False, TEXTUAL, Operand(clickhouse.String(), identity, identity))
BOOLEAN = Scalar("Boolean", bool, False, EQUAL, Operand(clickhouse.Bool(), identity, identity))
BIG_INT = Scalar("BigInt", int, True, ORDERED, Operand(clickhouse.Int64(), identity, identity))
FLOAT = Scalar("Float", float, True, ORDERED, Operand(clickhouse.Float64(), identity, identity))
# Wider than any column, so that no digit of a caller's value is lost.
DECIMAL = Scalar("Decimal", str, True, ORDERED, Operand(clickhouse.Decimal(76, 20), identity, identity))
DATE_TIME = Scalar("DateTime", str, False, ORDERED, Operand(clickhouse.Int64(), _microseconds, _of_microseconds))


Print: TypeAlias = Callable[[Expression, Expression], Expression]
"""Builds the SQL of the printed value from the SQL of the value and of the time zone."""

# RE2, escaped for a SQL literal: the beginning of a text that a spreadsheet reads as a formula.  It allows for leading
# blanks, because some spreadsheets drop them.
_FORMULA: Expression = literal_column(r"'^(?:[\\t\\r\\n]|[\\x00-\\x20]*[-=+@\\x{FF0B}\\x{FF0D}\\x{FF1D}\\x{FF20}])'")
_SIGNED_DIGITS: Expression = literal_column("'^[-+][0-9]+$'")
_APOSTROPHE: Expression = literal_column(r"'\''")
# formatDateTime prints microseconds, and the offset without a colon; RFC 3339 requires the colon.
_FORM: Expression = literal_column("'%Y-%m-%dT%H:%i:%S.%f%z'")
_END: Expression = literal_column("'[0-9]{3}([-+][0-9]{2})([0-9]{2})$'")
_NEW_END: Expression = literal_column(r"'\\1:\\2'")
_NO_OFFSET: Expression = literal_column("'[+]00:00$'")


def unchanged(value: Expression, zone: Expression) -> Expression:
    return value


def unicode(value: Expression, zone: Expression) -> Expression:
    """A text with invalid UTF-8 replaced."""
    return func.toValidUTF8(value)


def no_formula(value: Expression, zone: Expression) -> Expression:
    """A text, prefixed with an apostrophe if a spreadsheet would read it as a formula.

    A sign followed by digits only is a telephone number and stays unchanged.
    """
    text = unicode(value, zone)
    formula = and_(func.match(text, _FORMULA), not_(func.match(text, _SIGNED_DIGITS)))
    return case((formula, func.concat(_APOSTROPHE, text)), else_=text)


def rfc3339(value: Expression, zone: Expression) -> Expression:
    """A moment as RFC 3339, with the offset of the zone; `Z` if the offset is 0."""
    printed = func.formatDateTime(_moment(value), _FORM, zone)
    return func.replaceRegexpOne(func.replaceRegexpOne(printed, _END, _NEW_END), _NO_OFFSET, literal_column("'Z'"))


def in_zone(value: Expression, zone: Expression) -> Expression:
    """A moment whose ClickHouse type carries the zone."""
    return func.toTimeZone(_moment(value), zone)


def _moment(value: Expression) -> Expression:
    return func.toDateTime64(value, literal_column("3"), literal_column("'UTC'"))


WHOLE_NUMBERS = tuple(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Look:
    """How values are shown: `format` is the name that the catalogue gives frontends, `excel` an Excel number format."""

    format: str
    excel: str


@dataclass(frozen=True, eq=False)
class ColumnType:
    """The type of a column.

    `name` is the name that authors use, `sql` the type in ClickHouse, and `gives` the names of the types in ClickHouse
    whose values are printed as this type's, without parentheses.  `python` is the type that Arrow converts a value to,
    and `scalar` the scalar that callers see.  `default` is some value of the type in SQL; it replaces null where keys
    are compared.  An `in_currency` column is an amount of money, and its unit may be the column that names its
    currency.  An `is_time` column can be the axis of a chart.

    `look` says how values are shown, `looks` overrides it for some units, and `width` is the width in a spreadsheet, in
    characters.  `jsonl`, `csv` and `arrow` print a value for files; Parquet and Excel files are written from Arrow.
    `arrow_type` returns the type in Arrow for a time zone.  Its first argument is the module `pyarrow`, which is
    optional and so cannot be imported here.
    """

    name: str
    sql: TypeEngine[Any]
    gives: tuple[str, ...]
    python: type[Any]
    scalar: Scalar
    default: str
    in_currency: bool
    is_time: bool
    look: Look
    looks: Mapping[str, Look]
    width: int
    jsonl: Print
    csv: Print
    arrow: Print
    arrow_type: Callable[[Any, str], Any]

    @property
    def clickhouse(self) -> str:
        """The name of the type in ClickHouse."""
        return str(self.sql)

    def fault(self, given: str, nullable: bool) -> str | None:
        """What is wrong with SQL of ClickHouse's type `given`, in words; None if it may stand for this type."""
        words = _WORD.findall(given)
        bare = [word for word in words if word not in ("Nullable", "LowCardinality")]
        if bare[0] not in self.gives and not (nullable and bare[0] == "Nothing"):
            return f"its SQL gives {given}; declare another type, or write cast(..., {self.name}.sql)"
        if "Nullable" in words and not nullable:
            return f"its SQL gives {given}, and it cannot be null; write func.ifNull(..., {self.default})"
        return None

    def look_in(self, unit: str | None) -> Look:
        return self.looks.get(unit or "", self.look)


TEXT = ColumnType(
    name="TEXT",
    sql=clickhouse.String(),
    gives=("String", "FixedString"),
    python=str,
    scalar=STRING,
    default="''",
    in_currency=False,
    is_time=False,
    look=Look("TEXT", "@"),
    looks={},
    width=18,
    jsonl=unchanged,
    csv=no_formula,
    arrow=unicode,
    arrow_type=lambda arrow, zone: arrow.string(),
)
FLAG = ColumnType(
    name="FLAG",
    sql=clickhouse.Bool(),
    gives=("Bool",),
    python=bool,
    scalar=BOOLEAN,
    default="false",
    in_currency=False,
    is_time=False,
    look=Look("BOOLEAN", "General"),
    looks={},
    width=14,
    jsonl=unchanged,
    csv=unchanged,
    arrow=unchanged,
    arrow_type=lambda arrow, zone: arrow.bool_(),
)
COUNT = ColumnType(
    name="COUNT",
    sql=clickhouse.Int64(),
    gives=WHOLE_NUMBERS,
    python=int,
    scalar=BIG_INT,
    default="0",
    in_currency=False,
    is_time=False,
    look=Look("INTEGER", "#,##0"),
    looks={},
    width=14,
    jsonl=unchanged,
    csv=unchanged,
    arrow=unchanged,
    arrow_type=lambda arrow, zone: arrow.int64(),
)
RATIO = ColumnType(
    name="RATIO",
    sql=clickhouse.Float64(),
    gives=("Float64", "Float32", *WHOLE_NUMBERS),
    python=float,
    scalar=FLOAT,
    default="toFloat64(0)",
    in_currency=False,
    is_time=False,
    look=Look("NUMBER", "#,##0.00"),
    looks={"0..1": Look("PERCENT", "0.0%"), "s": Look("DURATION", "#,##0.00")},
    width=14,
    jsonl=unchanged,
    csv=unchanged,
    arrow=unchanged,
    arrow_type=lambda arrow, zone: arrow.float64(),
)
MONEY = ColumnType(
    name="MONEY",
    sql=clickhouse.Decimal(38, 8),
    gives=("Decimal",),
    python=Decimal,
    scalar=DECIMAL,
    default="toDecimal128(0, 8)",
    in_currency=True,
    is_time=False,
    look=Look("MONEY", "#,##0.00######"),
    looks={},
    width=14,
    jsonl=unchanged,
    csv=unchanged,
    arrow=unchanged,
    arrow_type=lambda arrow, zone: arrow.decimal128(38, 8),
)
SECONDS = ColumnType(
    name="SECONDS",
    sql=clickhouse.Decimal(38, 3),
    gives=("Decimal",),
    python=Decimal,
    scalar=DECIMAL,
    default="toDecimal128(0, 3)",
    in_currency=False,
    is_time=False,
    look=Look("DURATION", "#,##0.000"),
    looks={},
    width=14,
    jsonl=unchanged,
    csv=unchanged,
    arrow=unchanged,
    arrow_type=lambda arrow, zone: arrow.decimal128(38, 3),
)
MOMENT = ColumnType(
    name="MOMENT",
    sql=clickhouse.DateTime64(3, "UTC"),
    gives=("DateTime64", "DateTime"),
    python=datetime,
    scalar=DATE_TIME,
    default="toDateTime64(0, 3, 'UTC')",
    in_currency=False,
    is_time=True,
    look=Look("MOMENT", "yyyy-mm-dd hh:mm:ss.000"),
    looks={},
    width=24,
    jsonl=rfc3339,
    csv=rfc3339,
    arrow=in_zone,
    arrow_type=lambda arrow, zone: arrow.timestamp("ms", zone),
)
TYPES = (TEXT, FLAG, COUNT, RATIO, MONEY, SECONDS, MOMENT)


def complete(
    answers: Mapping[Asked, Answer], asked: Callable[[ColumnType], Iterable[Asked]], what: str
) -> Mapping[Asked, Answer]:
    """Return a module's `answers` after checking that they cover everything the types need.

    Raises TypeError if one is missing.
    """
    for each in TYPES:
        for question in asked(each):
            if question not in answers:
                raise TypeError(f"the type {each.name} asks for {what} that is not there: {question}")
    return answers
