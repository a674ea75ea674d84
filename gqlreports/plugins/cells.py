"""How a value is printed in a file: SQL made of the value's own and of the name of a time zone."""

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, case, func, literal_column, not_

Expression: TypeAlias = ColumnElement[Any]
Printed: TypeAlias = Callable[[Expression, Expression], Expression]
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
