"""How the values of columns are printed in a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import String
from sqlalchemy import ColumnElement, and_, case, func, literal_column, not_

from gqlreports.plugins.aggregates import TEXT
from gqlreports.plugins.contract import MOMENT, AnyColumn
from gqlreports.schema.plan.narrowing import value

Expression: TypeAlias = ColumnElement[Any]
Cell: TypeAlias = Callable[[AnyColumn, Expression], Expression]
"""The SQL of a value as it is printed, from its column and its SQL; it may use the parameter `zone`."""

UTC = "UTC"

# RE2, escaped for a SQL literal: how what a spreadsheet takes for a formula begins; some drop blanks in front.
_FORMULA: Expression = literal_column(r"'^(?:[\\t\\r\\n]|[\\x00-\\x20]*[-=+@\\x{FF0B}\\x{FF0D}\\x{FF1D}\\x{FF20}])'")
_SIGNED_DIGITS: Expression = literal_column("'^[-+][0-9]+$'")
_APOSTROPHE: Expression = literal_column(r"'\''")
# formatDateTime prints microseconds, and an offset without its colon.
_FORM: Expression = literal_column("'%Y-%m-%dT%H:%i:%S.%f%z'")
_END: Expression = literal_column("'[0-9]{3}([-+][0-9]{2})([0-9]{2})$'")
_NEW_END: Expression = literal_column(r"'\\1:\\2'")
_NO_OFFSET: Expression = literal_column("'[+]00:00$'")


@dataclass(frozen=True)
class Cells:
    """How the values of rows are printed, moments in the time zone of that name."""

    cell: Cell
    zone: str = UTC

    @property
    def parameters(self) -> dict[str, object]:
        return {} if self.cell is as_it_is else {"zone": self.zone}


def as_it_is(column: AnyColumn, expression: Expression) -> Expression:
    return expression


AS_THEY_ARE = Cells(as_it_is)


def readable(column: AnyColumn, expression: Expression) -> Expression:
    """A moment as RFC 3339 has it, with the offset of the zone, `Z` where that is 0; others as they are."""
    if column.type is not MOMENT:
        return expression
    printed = func.formatDateTime(_moment(expression), _FORM, value("zone", String))
    return func.replaceRegexpOne(func.replaceRegexpOne(printed, _END, _NEW_END), _NO_OFFSET, literal_column("'Z'"))


def safe(column: AnyColumn, expression: Expression) -> Expression:
    """As `readable`; a text that a spreadsheet takes for a formula has an apostrophe in front of it.

    A sign and digits alone are a telephone number, and stay as they are.
    """
    if column.type is not TEXT:
        return readable(column, expression)
    text = func.toValidUTF8(expression)
    formula = and_(func.match(text, _FORMULA), not_(func.match(text, _SIGNED_DIGITS)))
    return case((formula, func.concat(_APOSTROPHE, text)), else_=text)


def typed(column: AnyColumn, expression: Expression) -> Expression:
    """For a format with types of its own: a moment in the zone, and texts that are Unicode."""
    if column.type is MOMENT:
        return func.toTimeZone(_moment(expression), value("zone", String))
    return func.toValidUTF8(expression) if column.type is TEXT else expression


def _moment(expression: Expression) -> Expression:
    return func.toDateTime64(expression, literal_column("3"), literal_column("'UTC'"))
