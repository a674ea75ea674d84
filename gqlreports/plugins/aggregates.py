"""Figures as algebra: the sums that a figure needs, and the formula that combines them.

Each sum multiplies the rows of a fact by their sign (1, or -1 for a row that takes another back).  So it adds up over
any parts of a range, and it is correct before, during and after corrections.  A pair of rows that cancel each other
counts as nothing.

However rows are divided into parts, their sum is the sum of the parts' sums.  So a figure that consists of sums can be
computed from partial sums: of each hour, each currency, each shard (`Parts`), or each row of a report (`Atoms`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias, TypeVar, cast

from sqlalchemy import ColumnElement, Function, SelectBase, case, column, func, literal_column, null
from sqlalchemy.sql.visitors import ExternallyTraversible, iterate, replacement_traverse

from gqlreports.plugins.types import COUNT, MONEY, RATIO, ColumnType
from gqlreports.tables import Fact

Expression = ColumnElement[Any]
Element = TypeVar("Element", bound=ExternallyTraversible)
Rewriting: TypeAlias = Callable[[Any], Any]


class CountingBasis(Enum):
    """What counts as one attempt: each call (only its first branch) or each route attempt (every branch)."""

    CALL = "CALL"
    ATTEMPT = "ATTEMPT"


class Additivity(Enum):
    """Whether the figure of several groups of CDRs taken together is the sum of the groups' figures."""

    ADDITIVE = "ADDITIVE"
    WITHIN_CURRENCY = "WITHIN_CURRENCY"
    NOT_ADDITIVE = "NOT_ADDITIVE"


@dataclass(frozen=True, eq=False)
class Sum:
    """The sum of a value over the rows of a fact that meet a condition; without a value, the number of these rows."""

    value: Expression | None = None
    condition: ColumnElement[bool] | None = None

    def over_values(self, fact: Fact, by: Rewriting) -> "Sum":
        value, condition = (None if each is None else by(each) for each in (self.value, self.condition))
        return Sum(value, condition)

    def over(self, fact: Fact) -> Expression:
        signed = fact.sign if self.value is None else self.value * fact.sign
        return func.sum(signed) if self.condition is None else func.sumIf(signed, self.condition)


@dataclass(frozen=True, eq=False)
class Tally:
    """A map from each value of an expression to the number of rows with that value that meet a condition.

    It is kept as one sum for each value, so use it for an expression with few values, for example a currency.
    """

    value: Expression
    condition: ColumnElement[bool]

    @property
    def number(self) -> Sum:
        """The number of rows with one of the values."""
        return Sum(condition=self.condition)

    def over_values(self, fact: Fact, by: Rewriting) -> "Tally":
        return Tally(by(self.value), by(self.condition))

    def over(self, fact: Fact) -> Expression:
        return func.sumMapIf(func.map(self.value, func.toInt64(fact.sign)), self.condition)


@dataclass(frozen=True, eq=False)
class Whole:
    """Any aggregate expression of ClickHouse over a whole group; it may be a function of the fact.

    It has no partial sums, so it is always computed from the rows, even if the store keeps a rollup.
    """

    expression: Expression | Callable[[Fact], Expression]

    def over_values(self, fact: Fact, by: Rewriting) -> "Whole":
        return Whole(by(self.over(fact)))

    def over(self, fact: Fact) -> Expression:
        return self.expression(fact) if callable(self.expression) else self.expression


Term: TypeAlias = Sum | Tally | Whole
Terms: TypeAlias = tuple[Term, ...]


@dataclass(frozen=True, eq=False)
class Aggregate:
    """One figure over a group of rows of a fact: `combine` is called with the values of `sums`, in their order.

    `sums` may be a function of the counting basis; it must return the same number of sums for each basis.  `type` is
    the type of the figure's values, and `formula` describes the figure in words.  A `quotient` keeps its numerator and
    denominator in `parts`.
    """

    sums: Terms | Callable[[CountingBasis], Terms]
    combine: Callable[..., Expression]
    type: ColumnType
    formula: str
    nullable: bool = False
    additivity: Additivity = Additivity.ADDITIVE
    parts: "tuple[Aggregate, Aggregate] | None" = None

    def terms(self, basis: CountingBasis) -> Terms:
        return self.sums(basis) if callable(self.sums) else self.sums

    def build(self, basis: CountingBasis, value: Callable[[Term], Expression]) -> Expression:
        """The figure's SQL; `value` returns the SQL of each of its sums."""
        return self.combine(*map(value, self.terms(basis)))

    def over_values(self, fact: Fact, by: Rewriting) -> "Aggregate":
        """The figure over values and conditions that are rewritten."""

        def sums(basis: CountingBasis) -> Terms:
            return tuple(each.over_values(fact, by) for each in self.terms(basis))

        return replace(self, sums=sums)

    def over(self, fact: Fact, basis: CountingBasis) -> Expression:
        """The figure's SQL over the rows of a fact."""
        return self.build(basis, lambda term: term.over(fact))


def itself(value: Expression) -> Expression:
    """Return the value; the `combine` of a figure that is a single sum."""
    return value


def count(condition: ColumnElement[bool] | None, formula: str) -> Aggregate:
    """The number of rows, or of the rows that meet a condition."""
    return Aggregate((Sum(condition=condition),), itself, COUNT, formula)


def total(
    value: Expression,
    formula: str,
    condition: ColumnElement[bool] | None = None,
    unit: ColumnType = COUNT,
) -> Aggregate:
    """The sum of a value over all rows, or over the rows that meet a condition."""
    return Aggregate((Sum(value, condition),), itself, unit, formula)


def whole(
    expression: Expression | Callable[[Fact], Expression],
    type: ColumnType,
    formula: str,
    nullable: bool = False,
    additivity: Additivity = Additivity.NOT_ADDITIVE,
) -> Aggregate:
    """A figure without partial sums: an aggregate function of ClickHouse over a whole group, see `Whole`."""
    return Aggregate((Whole(expression),), itself, type, formula, nullable, additivity)


EVERY = Sum()
"""The number of rows."""


def is_present(number: Expression) -> ColumnElement[bool]:
    """Whether a group has a row that no correction took back, given the signed number of its rows."""
    return number > literal_column("0")


def quotient(numerator: Aggregate, denominator: Aggregate) -> Aggregate:
    """One figure divided by another; null if the denominator is 0.

    Money stays decimal and is rounded to 8 places.  Money over money is a plain ratio; both must be in one currency.
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
    parts = (numerator, denominator)
    return Aggregate(sums, combine, type, formula, nullable=True, additivity=Additivity.NOT_ADDITIVE, parts=parts)


def _divided(numerator: Expression, denominator: Expression) -> Expression:
    return func.divide(func.toFloat64(numerator), func.toFloat64(func.nullIf(denominator, literal_column("0"))))


def _money_divided(numerator: Expression, denominator: Expression) -> Expression:
    nothing = denominator == literal_column("0")
    # ClickHouse evaluates the division even if `case` drops its result, and decimal division by 0 fails.
    divisor = func.toDecimal128(case((nothing, literal_column("1")), else_=denominator), literal_column("8"))
    exact = func.divideDecimal(numerator, divisor, literal_column("18"))
    return case((nothing, null()), else_=func.round(exact, literal_column("8")))


class NoSums(Exception):
    """Raised for a figure that cannot be computed from partial sums."""


class Parts:
    """Collects the partial sums that figures need over the rows of a fact, each once.

    The rows are grouped by `keys` and also by `by`, the values that tallies count, for example currencies.  `sums` are
    the sums.  The columns are named `key_name(place)`, `by_name(place)` and `sum_name(place)`.
    """

    def __init__(self, fact: Fact, keys: Iterable[Expression] = ()) -> None:
        self.fact = fact
        self.keys = list(keys)
        self.by: list[Expression] = []
        self.sums: list[Expression] = []

    def add(self, term: Term) -> Function[Any]:
        """The SQL of a term over these sums instead of rows.  Raises NoSums for a `Whole`."""
        if isinstance(term, Whole):
            raise NoSums
        if isinstance(term, Tally):
            by: Expression = column(by_name(_add(self.by, term.value)))
            number: Expression = column(sum_name(_add(self.sums, term.number.over(self.fact))))
            return func.sumMap(func.map(by, number))
        return func.sum(column(sum_name(_add(self.sums, term.over(self.fact)))))

    def labels(self) -> list[Expression]:
        """All keys, `by` values and sums over the rows of the fact, labelled with their names."""
        named = [(key_name, self.keys), (by_name, self.by), (sum_name, self.sums)]
        return [each.label(name(place)) for name, found in named for place, each in enumerate(found)]


class Atoms:
    """Collects the terms of figures for each row of a report, so that they can be summed again over several rows."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.found: list[Expression] = []

    def of_row(self, term: Term) -> Expression:
        """The SQL of a term for one row."""
        return column(atom_name(_add(self.found, self._parts.add(term))))

    def of_rows(self, term: Term) -> Expression:
        """The SQL of the same term over several rows."""
        over_parts = self._parts.add(term)
        # A sum of sums: the same aggregate function is applied once more.
        return Function(over_parts.name, column(atom_name(_add(self.found, over_parts))))

    def labels(self) -> list[Expression]:
        """All collected terms over the parts, labelled with their names."""
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
    """The index of an expression in a list; None if the list does not hold it."""
    places = (place for place, each in enumerate(expressions) if each is expression or each.compare(expression))
    return next(places, None)


def is_column(element: Any, fact: Fact) -> bool:
    """Whether an element is a column of the fact's table."""
    return getattr(element, "table", None) is fact.table


def rewritten(expression: Element, by: Callable[..., Any]) -> Element:
    """The expression with the elements for which `by` returns others replaced by these."""
    found = replacement_traverse(expression, {}, by)
    for part in iterate(found):
        if isinstance(part, Function):
            # GROUP BY reads a function's column, and a copy keeps the column of its original.
            vars(part).pop("c", None)
    return cast(Element, found)


def reads(expression: Expression, fact: Fact) -> bool:
    """Whether an expression reads a column of the fact."""
    return any(is_column(part, fact) for part in iterate(expression))


def has_subquery(expression: Expression) -> bool:
    return any(isinstance(part, SelectBase) for part in iterate(expression))


def _add(found: list[Expression], expression: Expression) -> int:
    place = place_of(expression, found)
    if place is None:
        found.append(expression)
        return len(found) - 1
    return place
