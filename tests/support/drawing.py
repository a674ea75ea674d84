"""What hypothesis draws: reports on some customer and range, filters on their rows, and orders."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.support.analysis_oracle import CURRENCY_OF, Analysis, Order, Where
from tests.support.asking import CUSTOMERS, SECONDS
from tests.support.oracle import Basis, Row
from tests.support.sites import Site

START, END = datetime(2025, 10, 19, tzinfo=UTC), datetime(2025, 11, 21, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
BASES: tuple[Basis, ...] = ("CALL", "ATTEMPT")
FLAGS, RATIOS, MEANS = {"isDid"}, {"asr", "ner", "dtmfRatio"}, {"acd", "margin"}
COUNTS = {
    "callCount", "count", "answeredCalls", "total", "dtmfCalls", "digits", "attempts", "connected", "calls", "pddP50",
    "pddP95", "sipCode",
}  # fmt: skip
SMALLEST = dict.fromkeys(SECONDS, Decimal("0.001")) | dict.fromkeys(CURRENCY_OF, Decimal("0.00000001"))
ODD_TEXTS = ("", "'", '"', "\\", "%", "_", "\\N", "a%", "x' OR 1=1 --", "{n:String}", "\\'", "NULL", "📞", "\n", "\t")
UNEVEN = 0.00037
"""Added to a quotient of decimals, whose last bit is left open, so that nothing is equal to it."""


def drawn(examples: int) -> settings:
    """Without the search for a smaller example: it would take minutes of an engine that answers in milliseconds."""
    return settings(
        phases=(Phase.explicit, Phase.generate),
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# ---- reports ----


def moments() -> st.SearchStrategy[datetime]:
    length = int((END - START) / MILLISECOND)
    return st.integers(0, length).map(lambda count: START + count * MILLISECOND)


def spans(calls: Sequence[datetime]) -> st.SearchStrategy[tuple[datetime, datetime]]:
    """Ranges: mostly of all calls, else between any two moments, or of the millisecond of a call."""
    whole = st.just((START, END))
    some = st.lists(moments(), min_size=2, max_size=2, unique=True).map(sorted).map(lambda pair: (pair[0], pair[1]))
    if not calls:
        return whole | some
    call = one_of(calls).map(lambda moment: (moment, moment + MILLISECOND))
    return st.one_of(whole, whole, some, some, call)


@st.composite
def analyses(draw: st.DrawFn, site: Site, type: str, parameters: Mapping[str, object]) -> Analysis:
    customer = draw(st.sampled_from(CUSTOMERS))
    calls = [cdr.dt for cdr in site.world.cdrs if cdr.customer_id == customer]
    start, end = draw(spans(calls))
    return Analysis(site.world, type, customer, start, end, draw(st.sampled_from(BASES)), parameters)


# ---- filters and orders ----


def filters(rows: Sequence[Row], columns: Sequence[str]) -> st.SearchStrategy[Where]:
    """Trees of conditions."""
    leaf = st.one_of(*(st.fixed_dictionaries({each: conditions(rows, each)}) for each in columns))

    def grown(tree: st.SearchStrategy[Where]) -> st.SearchStrategy[Where]:
        return st.one_of(
            st.lists(tree, max_size=3).map(lambda trees: {"and": trees}),
            st.lists(tree, max_size=3).map(lambda trees: {"or": trees}),
            tree.map(lambda one: {"not": one}),
            st.builds(lambda a, b, c: {**a, "or": [b, c]}, leaf, tree, tree),
            st.builds(lambda a, b: {**a, "not": b}, leaf, tree),
        )

    return st.recursive(leaf, grown, max_leaves=5)


def conditions(rows: Sequence[Row], column: str) -> st.SearchStrategy[dict[str, Any]]:
    """A condition on one column, mostly with a value that the rows hold, or just miss."""
    null = st.fixed_dictionaries({"isNull": st.booleans()})
    if column in FLAGS:
        return st.fixed_dictionaries({"eq": st.booleans()}) | null
    values = [row[column] for row in rows if row[column] is not None]
    one = operands(column, values)
    tests = dict.fromkeys(("eq", "ne"), one) | {name: st.lists(one, max_size=4) for name in ("in", "notIn")}
    if is_text(column):
        tests |= dict.fromkeys(("startsWith", "endsWith", "contains"), pieces(one))
    else:
        tests |= dict.fromkeys(("lt", "lte", "gt", "gte"), one)
    plain = st.one_of(*(st.fixed_dictionaries({name: operand}) for name, operand in tests.items()))
    return st.one_of(plain, plain, null, st.builds(lambda a, b: {**a, **b}, plain, plain | null))


def is_text(column: str) -> bool:
    return column not in FLAGS | RATIOS | MEANS | COUNTS | SMALLEST.keys()


def operands(column: str, values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Values of a column in their JSON form."""
    if column in COUNTS:
        return one_of([*values, 0, 1, -1, 2**31, 2**53 + 1]) | st.integers(0, 50)
    if column in SMALLEST:
        amounts = one_of([*values, Decimal(0)])
        return st.builds(lambda amount, count: f"{amount + count * SMALLEST[column]:f}", amounts, st.integers(-1, 1))
    if column in MEANS:
        return one_of([UNEVEN, *(round(value, 3) + UNEVEN for value in values)])
    if column in RATIOS:
        return one_of([*values, 0.0, 1.0, 0.5])
    texts = one_of([*values, *ODD_TEXTS])
    return texts | texts.map(str.swapcase)


def one_of(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of many values, which are no part of what hypothesis prints."""
    return st.integers(0, len(values) - 1).map(lambda place: values[place])


def pieces(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    cut = st.integers(0, 3)
    return texts | st.builds(lambda text, first, last: text[first : len(text) - last], texts, cut, cut)


def orders(columns: Sequence[str]) -> st.SearchStrategy[Order]:
    return st.lists(st.tuples(st.sampled_from(columns), st.booleans()), max_size=3)
