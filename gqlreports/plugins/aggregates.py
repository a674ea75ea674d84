"""Figures as algebra: the sums that each is made of, and how it is made of them.

Each sum is over the rows of a fact with their sign, so it adds up over any parts of a range and holds before, during
and after corrections.  What two rows that cancel each other leave behind counts as nothing.

A sum over rows is the sum of its parts over any division of them.  So a figure that is made of sums can be computed
from sums that were taken before: of each hour, of each currency, of each shard (`Parts`), or of each row (`Atoms`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Function, SelectBase, case, column, func, literal_column, null
from sqlalchemy.sql.visitors import iterate

from gqlreports.plugins.types import COUNT, MONEY, RATIO, ColumnType
from gqlreports.tables import Fact

Expression = ColumnElement[Any]


class CountingBasis(Enum):
    """What counts as one attempt: a call (its first branch) or each route attempt (every branch)."""

    CALL = "CALL"
    ATTEMPT = "ATTEMPT"


class Additivity(Enum):
    """Whether a figure of several groups of CDRs together is the sum of their figures."""

    ADDITIVE = "ADDITIVE"
    WITHIN_CURRENCY = "WITHIN_CURRENCY"
    NOT_ADDITIVE = "NOT_ADDITIVE"


@dataclass(frozen=True, eq=False)
class Sum:
    """The sum of a value over the rows of a fact that meet a condition, or their number where no value is given."""

    value: Expression | None = None
    condition: ColumnElement[bool] | None = None

    def over(self, fact: Fact) -> Expression:
        signed = fact.sign if self.value is None else self.value * fact.sign
        return func.sum(signed) if self.condition is None else func.sumIf(signed, self.condition)


@dataclass(frozen=True, eq=False)
class Tally:
    """A map of the values of an expression to how many of the rows that meet a condition have each.

    It is kept as a sum for each of its values, so it is for an expression of few, as a currency.
    """

    value: Expression
    condition: ColumnElement[bool]

    @property
    def number(self) -> Sum:
        """How many rows have one value."""
        return Sum(condition=self.condition)

    def over(self, fact: Fact) -> Expression:
        return func.sumMapIf(func.map(self.value, func.toInt64(fact.sign)), self.condition)


@dataclass(frozen=True, eq=False)
class Whole:
    """Whatever ClickHouse can aggregate, over the whole group at once; it may be a function of the fact.

    It is made of no sums: where it is asked for, the rows are read, whatever the store keeps.
    """

    expression: Expression | Callable[[Fact], Expression]

    def over(self, fact: Fact) -> Expression:
        return self.expression(fact) if callable(self.expression) else self.expression


Term: TypeAlias = Sum | Tally | Whole
Terms: TypeAlias = tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Aggregate:
    """One figure over a group of rows of a fact: what `combine` makes of the values of its `sums`, in their order.

    `sums` may be a function of the counting basis, with as many for each.  `type` is that of the figure's
    values, `formula` says in words what it is.
    """

    sums: Terms | Callable[[CountingBasis], Terms]
    combine: Callable[..., Expression]
    type: ColumnType
    formula: str
    nullable: bool = False
    additivity: Additivity = Additivity.ADDITIVE

    def terms(self, basis: CountingBasis) -> Terms:
        return self.sums(basis) if callable(self.sums) else self.sums

    def build(self, basis: CountingBasis, value: Callable[[Term], Expression]) -> Expression:
        """Its SQL, given that of each of its sums."""
        return self.combine(*map(value, self.terms(basis)))

    def over(self, fact: Fact, basis: CountingBasis) -> Expression:
        """Its SQL over the rows of a fact."""
        return self.build(basis, lambda term: term.over(fact))


def itself(value: Expression) -> Expression:
    """For a figure that is one sum."""
    return value


def count(condition: ColumnElement[bool] | None, formula: str) -> Aggregate:
    """The number of rows, or of those that meet a condition."""
    return Aggregate((Sum(condition=condition),), itself, COUNT, formula)


def total(
    value: Expression,
    formula: str,
    condition: ColumnElement[bool] | None = None,
    unit: ColumnType = COUNT,
) -> Aggregate:
    """The sum of a value over all rows, or over those that meet a condition."""
    return Aggregate((Sum(value, condition),), itself, unit, formula)


def whole(
    expression: Expression | Callable[[Fact], Expression],
    type: ColumnType,
    formula: str,
    nullable: bool = False,
    additivity: Additivity = Additivity.NOT_ADDITIVE,
) -> Aggregate:
    """A figure that is made of no sums: an aggregate function of ClickHouse over a whole group, see `Whole`."""
    return Aggregate((Whole(expression),), itself, type, formula, nullable, additivity)


EVERY = Sum()
"""The number of rows."""


def is_present(number: Expression) -> ColumnElement[bool]:
    """Whether a group has a row that was not taken back, given the number of its rows."""
    return number > literal_column("0")


def quotient(numerator: Aggregate, denominator: Aggregate) -> Aggregate:
    """One figure over another, null where the other is 0.

    Money stays decimal, rounded to 8 places; money over money, which must be in one currency, is a plain ratio.
    """
    in_money = numerator.type.in_currency and not denominator.type.in_currency
    divide = _money_divided if in_money else _divided

    def sums(basis: CountingBasis) -> Terms:
        return (*numerator.terms(basis), *denominator.terms(basis))

    own = len(numerator.terms(CountingBasis.CALL))

    def combine(*values: Expression) -> Expression:
        return divide(numerator.combine(*values[:own]), denominator.combine(*values[own:]))

    formula = f"{numerator.formula} / {denominator.formula}"
    type = MONEY if in_money else RATIO
    return Aggregate(sums, combine, type, formula, nullable=True, additivity=Additivity.NOT_ADDITIVE)


def _divided(numerator: Expression, denominator: Expression) -> Expression:
    return func.divide(func.toFloat64(numerator), func.toFloat64(func.nullIf(denominator, literal_column("0"))))


def _money_divided(numerator: Expression, denominator: Expression) -> Expression:
    nothing = denominator == literal_column("0")
    # Decimal division fails on a 0 even where its result is not used.
    divisor = func.toDecimal128(case((nothing, literal_column("1")), else_=denominator), literal_column("8"))
    exact = func.divideDecimal(numerator, divisor, literal_column("18"))
    return case((nothing, null()), else_=func.round(exact, literal_column("8")))


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
    """The place of an expression in a list of others; None if it is not among them."""
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
