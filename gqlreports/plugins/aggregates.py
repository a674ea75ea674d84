"""The figures that reports are made of.

Each is a sum over CDRs with their sign, so it adds up over any parts of a range and holds before, during and after
corrections.  What two CDRs that cancel each other leave behind counts as nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal_column, null, or_
from sqlalchemy.sql.functions import GenericFunction

from gqlreports.plugins.types import COUNT, MONEY, RATIO, SECONDS, TEXT, ColumnType
from gqlreports.tables import cdr

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


@dataclass(frozen=True)
class Aggregate:
    """One figure over a group of CDRs.

    `build` makes its SQL for a counting basis, `type` is that of its values, `formula` says in words what it is.
    """

    build: Callable[[CountingBasis], Expression]
    type: ColumnType
    formula: str
    nullable: bool = False
    additivity: Additivity = Additivity.ADDITIVE


class Tally(GenericFunction[Any]):
    """A map of the values of an expression to how many of the CDRs that meet a condition have each.

    For an expression of few values: statements tell them apart.
    """

    name = "sumMapIf"
    identifier = "gqlreports_tally"
    inherit_cache = True

    def __init__(self, value: Expression, condition: ColumnElement[bool]) -> None:
        super().__init__(func.map(value, func.toInt64(cdr.c.sign)), condition)
        self.value = value
        self.number = func.sumIf(cdr.c.sign, condition)


def count(condition: ColumnElement[bool], formula: str) -> Aggregate:
    """The number of CDRs that meet a condition."""
    return Aggregate(lambda basis: func.sumIf(cdr.c.sign, condition), COUNT, formula)


def total(
    value: Expression,
    formula: str,
    condition: ColumnElement[bool] | None = None,
    unit: ColumnType = COUNT,
) -> Aggregate:
    """The sum of a value over the CDRs, or over those that meet a condition."""
    signed = value * cdr.c.sign
    summed = func.sum(signed) if condition is None else func.sumIf(signed, condition)
    return Aggregate(lambda basis: summed, unit, formula)


def _attempts(basis: CountingBasis) -> Expression:
    if basis is CountingBasis.ATTEMPT:
        return func.sum(cdr.c.sign)
    return func.sumIf(cdr.c.sign, cdr.c.branch_idx == literal_column("0"))


present = func.sum(cdr.c.sign) > literal_column("0")
"""Whether a group holds a CDR that was not taken back."""

is_answered: ColumnElement[bool] = cdr.c.answered
attempts = Aggregate(_attempts, COUNT, "calls (basis CALL) or route attempts (basis ATTEMPT)")
route_attempts = Aggregate(
    lambda basis: func.sum(cdr.c.sign), COUNT, "route attempts: all branches, whatever the basis"
)
answered = count(is_answered, "answered calls")
effective = count(
    or_(is_answered, cdr.c.sip_code.in_([literal_column(code) for code in ("480", "486", "600", "603")])),
    "route attempts that were answered, or ended with SIP status 480, 486, 600 or 603",
)
"""Numerator of the network effectiveness ratio; its denominator is `route_attempts`, so that it never exceeds 1.

ITU-T E.411 and E.425 take as effective an answer, user busy, ring no answer and terminal rejection; RFC 6076, section
4.7, names their SIP statuses.
"""
talk_time = total(cdr.c.duration, "seconds of answered calls", is_answered, SECONDS)


@dataclass(frozen=True)
class Charge:
    """Money in a column, and the column that names its currency.

    A sum never mixes currencies: `total` is null where the non-zero charges are in several, `currency` where they
    are in several or there are none.
    """

    amount: Expression
    currency_code: Expression
    payer: str

    @property
    def total(self) -> Aggregate:
        """Exact sum of the charges, with 8 decimals."""
        amount = func.sum(self.amount * cdr.c.sign)

        def build(basis: CountingBasis) -> Expression:
            several = func.length(self._currencies()) > literal_column("1")
            return case((several, null()), else_=amount)

        formula = f"sum of the {self.payer}'s charges"
        return Aggregate(build, MONEY, formula, nullable=True, additivity=Additivity.WITHIN_CURRENCY)

    @property
    def currency(self) -> Aggregate:
        """ISO 4217 code of the non-zero charges."""

        def build(basis: CountingBasis) -> Expression:
            return _the_one(func.mapKeys(self._currencies()))

        formula = f"the one currency of the {self.payer}'s non-zero charges"
        return Aggregate(build, TEXT, formula, nullable=True, additivity=Additivity.NOT_ADDITIVE)

    def minus(self, other: "Charge") -> "Difference":
        """This charge less another."""
        return Difference(self, other)

    def _currencies(self) -> Expression:
        """Map of the currencies of non-zero charges to how many CDRs there are in each."""
        by_currency = Tally(self.currency_code, self.amount != literal_column("0"))
        return func.mapFilter(literal_column("(currency, rows) -> rows > 0"), by_currency)


@dataclass(frozen=True)
class Difference:
    """One charge less another.

    It never mixes currencies: `total` is null where the non-zero charges of both together are in several, `currency`
    where they are in several or there are none.
    """

    minuend: Charge
    subtrahend: Charge

    @property
    def total(self) -> Aggregate:
        """Exact difference of the sums, with 8 decimals."""
        left, right = self.minuend, self.subtrahend
        amount = func.sum(left.amount * cdr.c.sign) - func.sum(right.amount * cdr.c.sign)

        def build(basis: CountingBasis) -> Expression:
            return case((func.length(self._codes()) > literal_column("1"), null()), else_=amount)

        formula = f"{left.total.formula} - {right.total.formula}"
        return Aggregate(build, MONEY, formula, nullable=True, additivity=Additivity.WITHIN_CURRENCY)

    @property
    def currency(self) -> Aggregate:
        """ISO 4217 code of the non-zero charges of both."""
        payers = f"{self.minuend.payer}'s and the {self.subtrahend.payer}'s"
        formula = f"the one currency of the {payers} non-zero charges"
        return Aggregate(
            lambda basis: _the_one(self._codes()), TEXT, formula, nullable=True, additivity=Additivity.NOT_ADDITIVE
        )

    def _codes(self) -> Expression:
        each = (func.mapKeys(charge._currencies()) for charge in (self.minuend, self.subtrahend))
        return func.arrayDistinct(func.arrayConcat(*each))


def _the_one(codes: Expression) -> Expression:
    """The only code of an array, null where it holds several, none or an empty one."""
    only = func.nullIf(func.arrayElement(codes, literal_column("1")), literal_column("''"))
    return case((func.length(codes) == literal_column("1"), only), else_=null())


customer_charge = Charge(cdr.c.customer_charge, cdr.c.customer_card_currency, "customer")
provider_charge = Charge(cdr.c.provider_charge, cdr.c.provider_card_currency, "provider")


def quotient(numerator: Aggregate, denominator: Aggregate) -> Aggregate:
    """One figure over another, null where the other is 0.

    Money stays decimal, rounded to 8 places; money over money, which must be in one currency, is a plain ratio.
    """
    if not numerator.type.in_currency or denominator.type.in_currency:
        return Aggregate(
            lambda basis: func.divide(
                func.toFloat64(numerator.build(basis)),
                func.toFloat64(func.nullIf(denominator.build(basis), literal_column("0"))),
            ),
            RATIO,
            f"{numerator.formula} / {denominator.formula}",
            nullable=True,
            additivity=Additivity.NOT_ADDITIVE,
        )

    def build(basis: CountingBasis) -> Expression:
        over = denominator.build(basis)
        nothing = over == literal_column("0")
        # Decimal division fails on a 0 even where its result is not used.
        divisor = func.toDecimal128(case((nothing, literal_column("1")), else_=over), literal_column("8"))
        exact = func.divideDecimal(numerator.build(basis), divisor, literal_column("18"))
        return case((nothing, null()), else_=func.round(exact, literal_column("8")))

    formula = f"{numerator.formula} / {denominator.formula}"
    return Aggregate(build, MONEY, formula, nullable=True, additivity=Additivity.NOT_ADDITIVE)
