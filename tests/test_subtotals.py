"""Subtotals regroup the CDRs behind the rows by some of the keys."""

from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.analysis_oracle import Analysis
from tests.support.asking import CASES, COLUMNS, ask, names, near, order_by, refusal
from tests.support.drawing import BASES, END, START, analyses, drawn, filters, orders
from tests.support.sites import Site

pytestmark = pytest.mark.thorough


def subsets(keys: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(keys, size) for size in range(1, len(keys) + 1)))


@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_every_grain(site: Site, type: str, parameters: dict[str, Any]) -> None:
    for customer in ("05001", "5009"):
        for basis in BASES:
            analysis = Analysis(site.world, type, customer, START, END, basis, parameters)
            for by in subsets(analysis.keys):
                selection = f"subtotals(by: {names(by)}, first: 100000) {{ {COLUMNS[type]} summedAway }}"
                assert ask(site, analysis, selection)["subtotals"] == near(analysis.subtotals(by))


@pytest.mark.parametrize(("type", "parameters"), CASES)
@given(choose=st.data())
@drawn(4)
def test_subtotals_of_rows_that_match(site: Site, type: str, parameters: dict[str, Any], choose: st.DataObject) -> None:
    analysis = choose.draw(analyses(site, type, parameters))
    by = choose.draw(st.lists(st.sampled_from(analysis.keys), min_size=1, unique=True))
    columns = COLUMNS[type].split()
    where = choose.draw(filters(analysis.rows(), columns))
    order = choose.draw(orders([name for name in columns if name in by or name not in analysis.keys]))
    first, offset = choose.draw(st.sampled_from([(100000, 0), (3, 0), (2, 2), (0, 0), (5, 100000)]))
    selection = f"""subtotals(
      by: {names(by)}, where: $where, {order_by(order)}, first: {first}, offset: {offset}
    ) {{ {COLUMNS[type]} summedAway }}"""
    expected = analysis.subtotals(by, where, order)[offset : offset + first]
    assert ask(site, analysis, selection, where=where)["subtotals"] == near(expected)


def test_only_the_selected_columns_are_there(site: Site) -> None:
    analysis = Analysis(site.world, "USA_RATE_CENTER", "5001", START, END)
    selection = "subtotals(by: [RC], first: 100000) { calls: callCount away: summedAway place: rc }"
    assert ask(site, analysis, selection)["subtotals"] == [
        {"calls": row["callCount"], "away": ["PREFIX"], "place": row["rc"]} for row in analysis.subtotals(["rc"])
    ]


@pytest.mark.parametrize(
    ("type", "parameters", "arguments"),
    [
        ("USA_RATE_CENTER", {}, "by: []"),
        ("USA_RATE_CENTER", {}, "by: [CUSTOMER_CURRENCY]"),
        ("USA_RATE_CENTER", {}, "by: [RC, PROVIDER_CURRENCY]"),
        ("USA_RATE_CENTER", {}, "by: [RC], orderBy: [{column: PREFIX}]"),
        ("USA_RATE_CENTER", {"byCurrency": True}, "by: [RC], orderBy: [{column: CUSTOMER_CURRENCY}, {column: PREFIX}]"),
        ("DID_AS_CLI", {}, "by: [IS_DID], orderBy: [{column: COUNT}, {column: ACCOUNT}]"),
    ],
)
def test_what_is_no_key_is_refused(site: Site, type: str, parameters: dict[str, Any], arguments: str) -> None:
    analysis = Analysis(site.world, type, "5001", START, END, parameters=parameters)
    assert refusal(site, analysis, f"subtotals({arguments}) {{ summedAway }}") == "BAD_USER_INPUT"


def test_a_measure_is_no_dimension(site: Site) -> None:
    analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5001", START, END)
    assert refusal(site, analysis, "subtotals(by: [TOTAL]) { total }") == "GRAPHQL_VALIDATION_FAILED"
