"""Figures taken apart into sums over CDRs, from which they can be put together again.

A sum over CDRs is the sum of its parts over any division of them.  So a figure that is made of such sums can be
computed from sums that were taken before: of each hour, or of each currency.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ClauseList, ColumnClause, Function, Select, SelectBase, column, func
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from gqlreports.plugins.aggregates import Expression, Tally
from gqlreports.tables import cdr

_SUMS = ("sum", "sumIf")
_COUNTING = re.compile("count|uniq|any|group", re.IGNORECASE)
# Of what SQL is written out: values, and the names and bodies of lambdas.
_HARMLESS = re.compile(r"'(?:[^'\\]|\\.)*'|[0-9.]+|[a-z]+|\([a-z_, ]+\)(?: -> [a-z_ <>=0-9]+)?", re.DOTALL)


class NoSums(Exception):
    """An expression that cannot be put together from sums."""


class Sums:
    """The sums that some expressions are made of.

    `keys` are what the CDRs are grouped by, `by` what else they must be told apart by, such as currencies, and
    `sums` what is summed: each once.  Their names are `key(place)`, `by_name(place)` and `sum_name(place)`.
    """

    def __init__(self, keys: Iterable[Expression] = ()) -> None:
        self.keys = list(keys)
        self.by: list[Expression] = []
        self.sums: list[Expression] = []

    def whole(self, expression: Expression) -> Expression:
        """The expression over the sums in place of CDRs.  Raises NoSums where there is none."""
        found: Expression = replacement_traverse(expression, {}, self._replaced)
        if reads_calls(found) or any(_unknown(part) for part in iterate(found)):
            raise NoSums
        return found

    def parts(self) -> list[Expression]:
        """All of them under their names, over CDRs."""
        named = [(key_name, self.keys), (by_name, self.by), (sum_name, self.sums)]
        return [each.label(name(place)) for name, found in named for place, each in enumerate(found)]

    def _replaced(self, element: Any, **_: Any) -> Any:
        if isinstance(element, Tally):
            by: Expression = column(by_name(_place(self.by, element.value)))
            number: Expression = column(sum_name(_place(self.sums, element.number)))
            return func.sumMap(func.map(by, number))
        if isinstance(element, Function) and element.name in _SUMS:
            return func.sum(column(sum_name(_place(self.sums, element))))
        if (place := found_at(self.keys, element)) is not None:
            return column(key_name(place))
        return None


class Atoms:
    """The sums that whole figures are made of, as they are for a row, so that those of rows can be summed up again."""

    def __init__(self) -> None:
        self.found: list[Expression] = []

    def of_row(self, whole: Expression) -> Expression:
        """A figure, from `Sums.whole`, over the atoms of its row."""
        return self._over(whole, lambda name, atom: atom)

    def of_rows(self, whole: Expression) -> Expression:
        """The same over the atoms of any rows together."""
        return self._over(whole, lambda name, atom: Function(name, atom))

    def named(self) -> list[Expression]:
        """All of them under their names, over sums."""
        return [each.label(atom_name(place)) for place, each in enumerate(self.found)]

    def _over(self, whole: Expression, made: Callable[[str, Expression], Expression]) -> Expression:
        def replaced(element: Any, **_: Any) -> Any:
            if isinstance(element, Function) and element.name in ("sum", "sumMap"):
                return made(element.name, column(atom_name(_place(self.found, element))))
            return None

        found: Expression = replacement_traverse(whole, {}, replaced)
        return found


def atom_name(place: int) -> str:
    return f"_atom_{place}"


def key_name(place: int) -> str:
    return f"_key_{place}"


def by_name(place: int) -> str:
    return f"_by_{place}"


def sum_name(place: int) -> str:
    return f"_sum_{place}"


def found_at(expressions: Sequence[Expression], expression: Any) -> int | None:
    """The place of an expression among others; None where it is none of them."""
    places = (place for place, each in enumerate(expressions) if each is expression or each.compare(expression))
    return next(places, None)


def reads_calls(expression: Expression) -> bool:
    """Whether it reads a column of a CDR."""
    return any(getattr(part, "table", None) is cdr for part in iterate(expression))


def is_plain(statement: Select[Any], keys: Sequence[Expression]) -> bool:
    """Whether it does nothing but group the CDRs that meet a condition by some keys."""
    more = (
        statement._distinct,
        statement._limit_clause is not None,
        statement._offset_clause is not None,
        statement._order_by_clauses,
        statement._independent_ctes,
    )
    if any(more) or statement.get_final_froms() != [cdr]:
        return False
    grouped_by = [_bare(each) for each in statement._group_by_clauses]
    if len(grouped_by) != len(keys) or any(found_at(grouped_by, key) is None for key in keys):
        return False
    figures = [each for each in map(_bare, statement.selected_columns) if found_at(keys, each) is None]
    expressions = [*figures, *statement._where_criteria, *statement._having_criteria]
    return not any(isinstance(part, SelectBase) for each in expressions for part in iterate(each))


def _bare(element: Any) -> Any:
    """What is grouped by, without what SQLAlchemy puts around it."""
    while True:
        if isinstance(element, ClauseList) and len(element.clauses) == 1:
            [element] = element.clauses
        elif hasattr(element, "element"):
            element = element.element
        else:
            return element


def _place(found: list[Expression], expression: Expression) -> int:
    place = found_at(found, expression)
    if place is None:
        found.append(expression)
        return len(found) - 1
    return place


def _unknown(part: Any) -> bool:
    """Whether a part may aggregate over rows in a way that is not known here."""
    if isinstance(part, Function):
        return bool(_COUNTING.match(part.name))
    return isinstance(part, ColumnClause) and part.is_literal and not _HARMLESS.fullmatch(part.name)
