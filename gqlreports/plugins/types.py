"""The types that a column may have, each with all that is not the same for every type.

Nothing has a default: a new type is one entry here, which answers every question, and a place in `TYPES`.  What it asks
of a layer below, a scalar in the schema, say, is looked for as that layer's module is imported (`complete`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from clickhouse_connect.cc_sqlalchemy.datatypes import sqltypes as clickhouse
from sqlalchemy.types import TypeEngine

from gqlreports.plugins.cells import Printed, in_zone, no_formula, rfc3339, unchanged, unicode
from gqlreports.plugins.scalars import BIG_INT, BOOLEAN, DATE_TIME, DECIMAL, FLOAT, STRING, Scalar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


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
    jsonl: Printed
    csv: Printed
    arrow: Printed
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
