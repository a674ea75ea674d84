"""Ready-made figures over calls, for the columns of reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import ColumnElement, case, func, literal_column, null, or_

from gqlreports.plugins.aggregates import (
    EVERY,
    Additivity,
    Aggregate,
    CountingBasis,
    Expression,
    Sum,
    Tally,
    count,
    itself,
    quotient,
    total,
    whole,
)
from gqlreports.plugins.types import COUNT, MONEY, SECONDS, TEXT
from gqlreports.tables import Fact, cdr

_FIRST_BRANCHES = Sum(condition=cdr.c.branch_idx == literal_column("0"))
is_answered: ColumnElement[bool] = cdr.c.answered
attempts = Aggregate(
    lambda basis: (EVERY if basis is CountingBasis.ATTEMPT else _FIRST_BRANCHES,),
    itself,
    COUNT,
    "calls (basis CALL) or route attempts (basis ATTEMPT)",
)
route_attempts = Aggregate((EVERY,), itself, COUNT, "route attempts: all branches, whatever the basis")
answered = count(is_answered, "answered calls")
effective = count(
    or_(is_answered, cdr.c.sip_code.in_([literal_column(code) for code in ("480", "486", "600", "603")])),
    "route attempts that were answered, or ended with SIP status 480, 486, 600 or 603",
)
"""The numerator of the network effectiveness ratio.  The denominator is `route_attempts`, so it never exceeds 1.

ITU-T E.411 and E.425 count an answer, user busy, ring no answer and terminal rejection as effective.  RFC 6076,
section 4.7, lists the SIP statuses for them.
"""
talk_time = total(cdr.c.duration, "seconds of answered calls", is_answered, SECONDS)


@dataclass(frozen=True)
class Charge:
    """Money in a column, and the column that names its currency.

    A sum never mixes currencies.  `total` is null if the non-zero charges are in several currencies; `currency` is
    null if they are in several or if there are none.
    """

    amount: Expression
    currency_code: Expression
    payer: str

    @property
    def total(self) -> Aggregate:
        """The exact sum of the charges, with 8 decimals."""

        def combine(tally: Expression, amount: Expression) -> Expression:
            return case((func.length(_held(tally)) > literal_column("1"), null()), else_=amount)

        formula = f"sum of the {self.payer}'s charges"
        sums = (self._currencies, Sum(self.amount))
        return Aggregate(sums, combine, MONEY, formula, nullable=True, additivity=Additivity.WITHIN_CURRENCY)

    @property
    def currency(self) -> Aggregate:
        """The ISO 4217 code of the non-zero charges."""

        def combine(tally: Expression) -> Expression:
            return _the_one(func.mapKeys(_held(tally)))

        formula = f"the one currency of the {self.payer}'s non-zero charges"
        sums = (self._currencies,)
        return Aggregate(sums, combine, TEXT, formula, nullable=True, additivity=Additivity.NOT_ADDITIVE)

    def minus(self, other: "Charge") -> "Difference":
        """This charge minus another."""
        return Difference(self, other)

    @property
    def _currencies(self) -> Tally:
        """The currencies of non-zero charges."""
        return Tally(self.currency_code, self.amount != literal_column("0"))


@dataclass(frozen=True)
class Difference:
    """One charge minus another.

    It never mixes currencies.  `total` is null if the non-zero charges of both are in several currencies; `currency`
    is null if they are in several or if there are none.
    """

    minuend: Charge
    subtrahend: Charge

    @property
    def total(self) -> Aggregate:
        """The exact difference of the sums, with 8 decimals."""
        left, right = self.minuend, self.subtrahend

        def combine(
            left_tally: Expression, right_tally: Expression, left_amount: Expression, right_amount: Expression
        ) -> Expression:
            several = func.length(_codes(left_tally, right_tally)) > literal_column("1")
            return case((several, null()), else_=left_amount - right_amount)

        formula = f"{left.total.formula} - {right.total.formula}"
        sums = (*self._currencies, Sum(left.amount), Sum(right.amount))
        return Aggregate(sums, combine, MONEY, formula, nullable=True, additivity=Additivity.WITHIN_CURRENCY)

    @property
    def currency(self) -> Aggregate:
        """The ISO 4217 code of the non-zero charges of both."""

        def combine(left_tally: Expression, right_tally: Expression) -> Expression:
            return _the_one(_codes(left_tally, right_tally))

        payers = f"{self.minuend.payer}'s and the {self.subtrahend.payer}'s"
        formula = f"the one currency of the {payers} non-zero charges"
        additivity = Additivity.NOT_ADDITIVE
        return Aggregate(self._currencies, combine, TEXT, formula, nullable=True, additivity=additivity)

    @property
    def _currencies(self) -> tuple[Tally, Tally]:
        return self.minuend._currencies, self.subtrahend._currencies


def _held(tally: Expression) -> Expression:
    """The tally without values whose CDRs have cancelled each other."""
    return func.mapFilter(literal_column("(currency, rows) -> rows > 0"), tally)


def _codes(*tallies: Expression) -> Expression:
    """All codes of the tallies, each once."""
    return func.arrayDistinct(func.arrayConcat(*(func.mapKeys(_held(each)) for each in tallies)))


def _the_one(codes: Expression) -> Expression:
    """The only code in an array; null if there are several or none, or if it is empty."""
    only = func.nullIf(func.arrayElement(codes, literal_column("1")), literal_column("''"))
    return case((func.length(codes) == literal_column("1"), only), else_=null())


customer_charge = Charge(cdr.c.customer_charge, cdr.c.customer_card_currency, "customer")
provider_charge = Charge(cdr.c.provider_charge, cdr.c.provider_card_currency, "provider")


def percentile(value: Expression, level: float, values: str) -> Aggregate:
    """The smallest value v such that at least ceil(`level` * n) of the n values are <= v (the nearest rank).

    The values are whole numbers of the CDRs that were not taken back; nulls are left out.  `values` describes them in
    words.  The result is null if there are no values.  Raises ValueError unless 0 < level <= 1.
    """
    if not 0 < level <= 1:
        raise ValueError(f"the level of a percentile is above 0 and at most 1, not {level}")

    def nearest_rank(fact: Fact) -> Expression:
        rows = func.map(func.assumeNotNull(value), func.toInt64(fact.sign))
        held = func.mapFilter(literal_column("(value, rows) -> rows > 0"), func.sumMapIf(rows, func.isNotNull(value)))
        counts = func.mapValues(held)
        enough = literal_column("(value, reached)").op("->")(_at_least(level, func.arraySum(counts)))
        return func.arrayFirstOrNull(enough, func.mapKeys(held), func.arrayCumSum(counts))

    return whole(nearest_rank, COUNT, f"nearest-rank {level} percentile of the {values}", nullable=True)


def _at_least(level: float, number: Expression) -> Expression:
    """Whether `reached` is at least `level` times a number.

    It compares whole numbers, because in binary floating point 0.07 * 100 is more than 7.  They have 128 bits, because
    a level may have 17 digits.
    """
    exact = Fraction(str(level))
    part: Expression = literal_column(str(exact.numerator))
    whole: Expression = literal_column(str(exact.denominator))
    return func.toInt128(literal_column("reached")) * whole >= func.toInt128(number) * part


_DELAYS = "post-dial delays"
_profit = customer_charge.minus(provider_charge)
FIGURES: Mapping[str, Aggregate] = {
    "attempts": attempts,
    "route_attempts": route_attempts,
    "answered": answered,
    "effective": effective,
    "talk_time": talk_time,
    "asr": quotient(answered, attempts),
    "route_asr": quotient(answered, route_attempts),
    "ner": quotient(effective, route_attempts),
    "acd": quotient(talk_time, answered),
    "pdd_p50": percentile(cdr.c.pdd_out, 0.5, _DELAYS),
    "pdd_p95": percentile(cdr.c.pdd_out, 0.95, _DELAYS),
    "customer_duration": total(cdr.c.customer_duration, "seconds billed to the customer", unit=SECONDS),
    "provider_duration": total(cdr.c.provider_duration, "seconds billed by the providers", unit=SECONDS),
    "customer_charge": customer_charge.total,
    "customer_currency": customer_charge.currency,
    "provider_charge": provider_charge.total,
    "provider_currency": provider_charge.currency,
    "profit": _profit.total,
    "profit_currency": _profit.currency,
    "margin": quotient(_profit.total, customer_charge.total),
}
"""The figures over calls that have one name in all reports; a column with the same SQL is the same figure."""
