"""The sums that figures are made of, from which they can be put together again.

A sum over rows is the sum of its parts over any division of them.  So a figure that is made of sums can be computed
from sums that were taken before: of each hour, of each currency, of each shard.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Function, SelectBase, column, func
from sqlalchemy.sql.visitors import iterate

from gqlreports.plugins.aggregates import Expression, Tally, Term, Whole
from gqlreports.tables import Fact


class NoSums(Exception):
    """A figure is made of no sums."""


class Parts:
    """Sums over the rows of a fact, each once.

    `keys` are what the rows are grouped by, `by` what tallies tell them apart by besides, such as currencies, and
    `sums` what is summed.  Their names are `key_name(place)`, `by_name(place)` and `sum_name(place)`.
    """

    def __init__(self, fact: Fact, keys: Iterable[Expression] = ()) -> None:
        self.fact = fact
        self.keys = list(keys)
        self.by: list[Expression] = []
        self.sums: list[Expression] = []

    def add(self, term: Term) -> Function[Any]:
        """The term, over these sums in place of rows of the fact.  Raises NoSums for what is made of none."""
        if isinstance(term, Whole):
            raise NoSums
        if isinstance(term, Tally):
            by: Expression = column(by_name(_add(self.by, term.value)))
            number: Expression = column(sum_name(_add(self.sums, term.number.over(self.fact))))
            return func.sumMap(func.map(by, number))
        return func.sum(column(sum_name(_add(self.sums, term.over(self.fact)))))

    def labels(self) -> list[Expression]:
        """All of them under their names, over the rows of the fact."""
        named = [(key_name, self.keys), (by_name, self.by), (sum_name, self.sums)]
        return [each.label(name(place)) for name, found in named for place, each in enumerate(found)]


class Atoms:
    """The terms of figures as they are for each row of a report, so that those of rows can be summed up again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.found: list[Expression] = []

    def of_row(self, term: Term) -> Expression:
        """A term of a row."""
        return column(atom_name(_add(self.found, self._parts.add(term))))

    def of_rows(self, term: Term) -> Expression:
        """The same term of any rows together."""
        over_parts = self._parts.add(term)
        return Function(over_parts.name, column(atom_name(_add(self.found, over_parts))))

    def labels(self) -> list[Expression]:
        """All of them under their names, over the parts."""
        return [each.label(atom_name(place)) for place, each in enumerate(self.found)]


def atom_name(place: int) -> str:
    return f"_atom_{place}"


def key_name(place: int) -> str:
    return f"_key_{place}"


def by_name(place: int) -> str:
    return f"_by_{place}"


def sum_name(place: int) -> str:
    return f"_sum_{place}"


def place_of(expression: Any, expressions: Sequence[Expression]) -> int | None:
    """The place of an expression among others; None where it is none of them."""
    places = (place for place, each in enumerate(expressions) if each is expression or each.compare(expression))
    return next(places, None)


def is_column(element: Any, fact: Fact) -> bool:
    """Whether it is a column of a fact's table."""
    return getattr(element, "table", None) is fact.table


def reads(expression: Expression, fact: Fact) -> bool:
    """Whether it reads a column of the fact."""
    return any(is_column(part, fact) for part in iterate(expression))


def has_subquery(expression: Expression) -> bool:
    return any(isinstance(part, SelectBase) for part in iterate(expression))


def _add(found: list[Expression], expression: Expression) -> int:
    place = place_of(expression, found)
    if place is None:
        found.append(expression)
        return len(found) - 1
    return place
