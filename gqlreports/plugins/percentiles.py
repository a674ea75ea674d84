"""Percentiles: no sums over CDRs, but exact like them before, during and after corrections."""

from fractions import Fraction

from sqlalchemy import func, literal_column

from gqlreports.plugins.aggregates import Aggregate, Expression, whole
from gqlreports.plugins.types import COUNT
from gqlreports.tables import Fact


def percentile(value: Expression, level: float, values: str) -> Aggregate:
    """The smallest value v such that at least ceil(`level` * n) of the n values are <= v (the nearest rank).

    The values are whole numbers, those of the CDRs that were not taken back, without nulls; `values` names them in
    words.  Null where there is none.  Raises ValueError for a level that is not in 0 < level <= 1.
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
    """Whether `reached` is at least `level` of a number.

    In whole numbers, for in binary 0.07 * 100 is above 7, and wide ones, for a level may have 17 digits.
    """
    exact = Fraction(str(level))
    part: Expression = literal_column(str(exact.numerator))
    whole: Expression = literal_column(str(exact.denominator))
    return func.toInt128(literal_column("reached")) * whole >= func.toInt128(number) * part
