"""The types that a column may have, each with all that differs from type to type.

Nothing has a default: a new type is one entry here, which answers every question, and a place in `TYPES`.  What it
needs of a layer below (a scalar of the schema, say) is checked when that layer's module is imported (`complete`).

The first part holds the scalars of GraphQL, and how callers filter by them; the second how a value is printed in a
file: SQL that is made of the value's own and of the name of a time zone.
"""

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
# Wider than any column, so that no digit of a caller's is lost.
DECIMAL = Scalar("Decimal", str, True, ORDERED, Operand(clickhouse.Decimal(76, 20), identity, identity))
DATE_TIME = Scalar("DateTime", str, False, ORDERED, Operand(clickhouse.Int64(), _microseconds, _of_microseconds))


Print: TypeAlias = Callable[[Expression, Expression], Expression]
"""The SQL of a value as it is printed, from the value and the zone."""

# RE2, escaped for a SQL literal: how what a spreadsheet takes for a formula begins; some drop blanks in front.
_FORMULA: Expression = literal_column(r"'^(?:[\\t\\r\\n]|[\\x00-\\x20]*[-=+@\\x{FF0B}\\x{FF0D}\\x{FF1D}\\x{FF20}])'")
_SIGNED_DIGITS: Expression = literal_column("'^[-+][0-9]+$'")
_APOSTROPHE: Expression = literal_column(r"'\''")
# formatDateTime prints microseconds, and an offset without its colon.
_FORM: Expression = literal_column("'%Y-%m-%dT%H:%i:%S.%f%z'")
_END: Expression = literal_column("'[0-9]{3}([-+][0-9]{2})([0-9]{2})$'")
_NEW_END: Expression = literal_column(r"'\\1:\\2'")
_NO_OFFSET: Expression = literal_column("'[+]00:00$'")


def unchanged(value: Expression, zone: Expression) -> Expression:
    return value


def unicode(value: Expression, zone: Expression) -> Expression:
    """A text in valid UTF-8."""
    return func.toValidUTF8(value)


def no_formula(value: Expression, zone: Expression) -> Expression:
    """A text, with an apostrophe in front where a spreadsheet takes it for a formula.

    A sign and digits alone are a telephone number, and stay as they are.
    """
    text = unicode(value, zone)
    formula = and_(func.match(text, _FORMULA), not_(func.match(text, _SIGNED_DIGITS)))
    return case((formula, func.concat(_APOSTROPHE, text)), else_=text)


def rfc3339(value: Expression, zone: Expression) -> Expression:
    """A moment with the offset of the zone, `Z` where that is 0."""
    printed = func.formatDateTime(_moment(value), _FORM, zone)
    return func.replaceRegexpOne(func.replaceRegexpOne(printed, _END, _NEW_END), _NO_OFFSET, literal_column("'Z'"))


def in_zone(value: Expression, zone: Expression) -> Expression:
    """A moment, whose type has the zone."""
    return func.toTimeZone(_moment(value), zone)


def _moment(value: Expression) -> Expression:
    return func.toDateTime64(value, literal_column("3"), literal_column("'UTC'"))


@dataclass(frozen=True)
class Look:
    """How values are shown: `format` is what the catalogue tells frontends, `excel` a number format of Excel."""

    format: str
    excel: str


@dataclass(frozen=True, eq=False)
class ColumnType:
    """What a column may be.

    `name` is what authors call it, `sql` its type in ClickHouse, `python` what Arrow makes of a value in Python, and
    `scalar` what callers see of it.  `default` is a value of it in SQL, for a null where keys are compared.  A column
    that is `in_currency` is an amount of money, and its unit may be the column that names its currency; one that
    `is_time` is an axis to draw figures along.

    `look` is how values are shown, `looks` how in some units, and `width` how many characters wide in a spreadsheet.
    `jsonl`, `csv` and `arrow` print a value for files; Parquet and Excel are made of Arrow's, which are of the type
    that `arrow_type` gives for a time zone: it is given the module `pyarrow`, which not every installation has.
    """

    name: str
    sql: TypeEngine[Any]
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
        """Its type as ClickHouse writes it."""
        return str(self.sql)

    def look_in(self, unit: str | None) -> Look:
        return self.looks.get(unit or "", self.look)


TEXT = ColumnType(
    name="TEXT",
    sql=clickhouse.String(),
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
    """The answers of a module to what it is asked of each type; raises TypeError where it lacks one."""
    for each in TYPES:
        for question in asked(each):
            if question not in answers:
                raise TypeError(f"the type {each.name} asks for {what} that is not there: {question}")
    return answers
