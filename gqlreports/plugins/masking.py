"""Hides the last characters of telephone numbers from callers who may not see them whole.

A masked number is replaced wherever an expression would show it.  So rows are grouped, filtered and traced to their
calls by what the caller sees of a number.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    Alias,
    BinaryExpression,
    Column,
    ColumnClause,
    ColumnElement,
    Function,
    Integer,
    Select,
    TextClause,
    func,
    literal_column,
)
from sqlalchemy.sql.operators import is_comparison
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from gqlreports.errors import InvalidInput
from gqlreports.plugins.aggregates import Element, is_column, rewritten
from gqlreports.tables import Fact, did

_HIDDEN: ColumnElement[Any] = literal_column("'*'")
_DIGIT: ColumnElement[Any] = literal_column(r"'(\\\\u[0-9a-fA-F]{4})|[0-9]'")
"""Also finds the escapes of JSON, which stay whole."""
_CONDITIONS = {"empty", "notEmpty", "startsWith", "endsWith", "match", "has", "length", "lengthUTF8"}
"""Functions whose results tell no digits that their author did not write."""
PLAN_DIGITS = 10
"""How many digits the integer columns with numbers have: NPA-NXX-XXXX."""


def masked(expression: Element, fact: Fact, hidden: int, conditions: bool = False, integers: bool = True) -> Element:
    """The expression over numbers without their last `hidden` characters.

    Look-ups in dictionaries read whole numbers, because what they tell of a number is not the number.  So do
    conditions, unless `conditions` says that a caller has a part in them.  Without `integers`, numbers that are kept as
    integers stay.  Raises InvalidInput for what cannot be masked: SQL text that names a number, another name of the
    table, and all of its columns at once.
    """
    if not hidden:
        return expression
    return _checked(rewritten(expression, _Shown(fact, hidden, conditions, integers)), fact)


def masked_statement(statement: Select[Any], fact: Fact, hidden: int, conditions: bool) -> Select[Any]:
    """The same for a whole statement, in which each column keeps its name."""
    shown = _Shown(fact, hidden, conditions)

    def named(element: Any, **_: Any) -> Any:
        found = shown(element)
        return found if found is None or found is element else found.label(element.name)

    return _checked(rewritten(statement, named), fact) if hidden else statement


def _checked(expression: Element, fact: Fact) -> Element:
    """Raise InvalidInput if an expression reads a table with numbers by another name, or all columns of one."""
    for part in iterate(expression):
        alias = isinstance(part, Alias) and part.element in (fact.table, did)
        everything = isinstance(part, Select) and any(_is_number(each, fact) for each in part.selected_columns)
        if alias or everything:
            raise InvalidInput("Numbers are hidden from you, and this report would show them whole.")
    return expression


@dataclass(frozen=True)
class _Shown:
    """Tells what takes the place of an element; None if its parts are to be looked at."""

    fact: Fact
    hidden: int
    conditions: bool
    integers: bool = True

    def __call__(self, element: Any, **_: Any) -> Any:
        if _tells_no_digits(element, self.conditions):
            return element
        if _names_number(element, self.fact):
            raise InvalidInput("Numbers are hidden from you, and this report reads them in SQL text.")
        if not _is_number(element, self.fact) or (not self.integers and _is_integer(element)):
            return None
        return masked_column(element, self.fact, self.hidden)


def without_end(text: ColumnElement[Any], hidden: int) -> ColumnElement[Any]:
    """A text with asterisks for its last `hidden` characters."""
    if not hidden:
        return text
    length = func.lengthUTF8(text)
    away = func.least(length, literal_column(str(hidden)))
    shown = func.substringUTF8(text, literal_column("1"), length - away)
    return func.concat(shown, func.repeat(_HIDDEN, away))


def masked_column(column: Any, fact: Fact, hidden: int) -> ColumnElement[Any]:
    """A column as a caller sees it: itself, unless it is one of the fact's numbers or notes.

    The last digits of an integer are 0.
    """
    if not hidden or not (column is did.c.number or _named(column, fact)):
        return column  # type: ignore[no-any-return]
    if column.name in _names(fact.notes):
        return func.replaceRegexpAll(column, _DIGIT, literal_column(r"'\\1*'"))
    if _is_integer(column):
        unit: ColumnElement[Any] = literal_column(str(10 ** min(hidden, PLAN_DIGITS)))
        return func.intDiv(column, unit) * unit
    return without_end(column, hidden)


def shows_integer(expression: ColumnElement[Any], fact: Fact) -> bool:
    """Whether an expression shows a number that is kept as an integer, outside of look-ups and conditions."""
    found = []

    def look(element: Any, **_: Any) -> Any:
        if _tells_no_digits(element, conditions=False):
            return element
        if _is_number(element, fact):
            found.append(_is_integer(element))
        return None

    replacement_traverse(expression, {}, look)
    return any(found)


def asks_for_text(parameters: BaseModel) -> bool:
    """Whether a caller may give a text or a number, with which digits could be guessed one by one."""
    return any(field.annotation in (str, int) for field in type(parameters).model_fields.values())


def _tells_no_digits(element: Any, conditions: bool) -> bool:
    """Whether it is a look-up in a dictionary or, if these are not to be masked, a condition."""
    if isinstance(element, Function):
        return element.name.startswith("dict") or (not conditions and element.name in _CONDITIONS)
    return not conditions and isinstance(element, BinaryExpression) and is_comparison(element.operator)


def _names_number(element: Any, fact: Fact) -> bool:
    """Whether it is SQL text with the name of a column that may be masked."""
    if isinstance(element, TextClause):
        text = element.text
    elif isinstance(element, ColumnClause) and element.is_literal:
        text = element.name
    else:
        return False
    return not (_names(fact.numbers) | _names(fact.notes)).isdisjoint(re.findall(r"\w+", text))


def _is_number(element: Any, fact: Fact) -> bool:
    return element is did.c.number or (is_column(element, fact) and _named(element, fact))


def _is_integer(column: Any) -> bool:
    return isinstance(column.type, Integer)


def _named(column: Any, fact: Fact) -> bool:
    return column.name in _names(fact.numbers) | _names(fact.notes)


def _names(columns: tuple[Column[Any], ...]) -> frozenset[str]:
    return frozenset(each.name for each in columns)
