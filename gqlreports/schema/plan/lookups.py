"""The look-ups of a statement in the store's dictionaries: where they are, and what was known at an earlier moment."""

from collections.abc import Callable
from typing import Any, cast

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Int64, String
from sqlalchemy import BindParameter, ColumnElement, Function, Select, and_, bindparam, case, func, literal_column
from sqlalchemy.sql.visitors import ExternallyTraversible, replacement_traverse

from gqlreports.tables import DICTIONARIES

AS_OF = "as_of"
"""The query parameter for the moment as of which a statement reads the store, in milliseconds since 1970."""
_EMPTY: ColumnElement[Any] = literal_column("''")


def of_store(statement: Select[Any]) -> Select[Any]:
    """The statement with the names of the store's dictionaries qualified with their database.

    A shard of a cluster looks up a bare name in its own default database, not in the store's.
    """

    def qualified(element: Function[Any]) -> ColumnElement[Any]:
        name, *others = element.clauses
        place = func.concat(bindparam("database", None, type_=String), literal_column(f"'.{_text(name)}'"))
        return Function(element.name, place, *(_replaced(each, qualified) for each in others))

    return cast(Select[Any], _replaced(statement, qualified))


def as_known_then(statement: Select[Any]) -> Select[Any]:
    """The statement with its look-ups of numbers over time answered by what was known at the moment `AS_OF`."""

    def then(element: Function[Any]) -> ColumnElement[Any] | None:
        name, *others = element.clauses
        known = (element.name, _text(name))
        if known == ("dictGetOrDefault", "rate_center_before"):
            attribute, block, moment, _ = others
            return _numbering_then(attribute, block, moment)
        if known == ("dictHas", "did_window"):
            return _did_then(*others)
        return None

    return cast(Select[Any], _replaced(statement, then))


def _replaced(statement: ExternallyTraversible, by: Callable[[Function[Any]], ColumnElement[Any] | None]) -> Any:
    def replaced(element: Any, **_: Any) -> Any:
        if not isinstance(element, Function) or not element.name.startswith("dict"):
            return None
        return by(element) if _text(next(iter(element.clauses))) in DICTIONARIES else None

    return replacement_traverse(statement, {}, replaced)


def _text(name: Any) -> str:
    """The text of a literal, written as `literal_column("'text'")` or as a bound value."""
    return str(name.value) if isinstance(name, BindParameter) else str(getattr(name, "name", "")).strip("'")


def _numbering_then(
    attribute: ColumnElement[Any], block: ColumnElement[Any], moment: ColumnElement[Any]
) -> ColumnElement[Any]:
    """As in the dictionaries of today: the block's own rate center if it has one, otherwise that of its code."""

    def said(what: str, prefix: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.dictGet(literal_column("'numbering_history'"), literal_column(f"'{what}'"), prefix)

    def told(what: str, prefix: ColumnElement[Any]) -> ColumnElement[Any]:
        place = func.arrayLastIndex(
            _counts_then(moment), *(said(each, prefix) for each in ("valid_from", "known_from", "known_until"))
        )
        return func.arrayElement(said(what, prefix), place)

    code = func.intDiv(block, literal_column("10"))
    return case(
        *((told("rate_center", prefix) != _EMPTY, told(_text(attribute), prefix)) for prefix in (block, code)),
        else_=_EMPTY,
    )


def _did_then(key: ColumnElement[Any], moment: ColumnElement[Any]) -> ColumnElement[Any]:
    arrays = ("valid_from", "known_from", "known_until", "valid_to")
    found = (func.dictGet(literal_column("'did_history'"), literal_column(f"'{each}'"), key) for each in arrays)
    return func.arrayExists(_counts_then(moment, _column("valid_to") >= moment), *found)


def _counts_then(moment: ColumnElement[Any], *more: ColumnElement[bool]) -> ColumnElement[Any]:
    """The function of what was said that tells whether it was known then, and counts for a call of that moment."""
    then: ColumnElement[Any] = bindparam(AS_OF, None, type_=Int64)
    names = ", ".join(("valid_from", "known_from", "known_until", *(["valid_to"] if more else [])))
    valid_from, known_from, known_until = map(_column, ("valid_from", "known_from", "known_until"))
    condition = and_(valid_from <= moment, known_from <= then, then < known_until, *more)
    return literal_column(f"({names})").op("->")(condition)


def _column(name: str) -> ColumnElement[Any]:
    return literal_column(name)
