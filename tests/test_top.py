"""The first rows by a figure, and all others together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.analysis_oracle import Analysis, constant
from tests.support.asking import CASES, COLUMNS, TOTALS, ask, near, refusal
from tests.support.drawing import END, START, analyses, drawn, filters
from tests.support.oracle import Cdr, Row
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

CALL = "callid switch branchIdx"


def call_of(cdr: Cdr) -> Row:
    return {"callid": cdr.callid, "switch": cdr.switch, "branchIdx": cdr.branch_idx}


@pytest.mark.parametrize(("type", "parameters"), CASES)
@given(choose=st.data())
@drawn(4)
def test_top_and_others(site: Site, type: str, parameters: dict[str, Any], choose: st.DataObject) -> None:
    analysis = choose.draw(analyses(site, type, parameters))
    columns = COLUMNS[type].split()
    measures = [name for name in columns if name not in analysis.keys and not name.endswith("Currency")]
    where = choose.draw(st.none() | filters(analysis.rows(), columns))
    count = len(analysis.rows(where))
    n = choose.draw(st.sampled_from([1, 2, 3, 5, max(count - 1, 1), max(count, 1), 1000]))
    by, descending = choose.draw(st.sampled_from(measures)), choose.draw(st.booleans())
    selection = f"""top(n: {n}, by: {constant(by)}, direction: {"DESC" if descending else "ASC"}, where: $where) {{
      rows {{ {COLUMNS[type]} }} others {{ {TOTALS[type]} }} otherRowCount
      otherCalls(first: 10000) {{ {CALL} }} otherCallCount
    }}"""
    expected = analysis.top(n, by, descending, where)
    assert ask(site, analysis, selection, where=where)["top"] == {
        "rows": near(expected.rows),
        "others": near(expected.others),
        "otherRowCount": expected.other_row_count,
        "otherCalls": [call_of(cdr) for cdr in expected.other_calls],
        "otherCallCount": len(expected.other_calls),
    }


def test_the_largest_come_first_where_no_direction_is_told(site: Site) -> None:
    """The counts of these numbers are mostly the same, so the keys decide."""
    analysis = Analysis(site.world, "DID_AS_CLI", "5001", START, END)
    answer = ask(site, analysis, f"top(n: 100, by: COUNT) {{ rows {{ {COLUMNS['DID_AS_CLI']} }} }}")["top"]["rows"]
    assert answer == analysis.top(100, "count").rows
    counts = [row["count"] for row in answer]
    assert len(set(counts)) < len(counts) / 4


def test_a_null_figure_is_no_largest_one(site: Site) -> None:
    analysis = Analysis(site.world, "USA_RATE_CENTER", "05001", START, END, parameters={"side": "ORIGINATING"})
    known = [row for row in analysis.rows() if row["totalCustomerCharge"] is not None]
    assert 0 < len(known) < len(analysis.rows())
    for direction in ("ASC", "DESC"):
        selection = (
            f"top(n: {len(known)}, by: TOTAL_CUSTOMER_CHARGE, direction: {direction}) {{ rows {{ rc prefix }} }}"
        )
        found = ask(site, analysis, selection)["top"]["rows"]
        keys = [(row["prefix"], row["rc"]) for row in found]
        assert sorted(keys) == sorted((row["prefix"], row["rc"]) for row in known)


@pytest.mark.parametrize("n", [-1, 0, 1001])
def test_n_is_from_1_to_1000(site: Site, n: int) -> None:
    analysis = Analysis(site.world, "DTMF", "5001", START, END)
    assert refusal(site, analysis, f"top(n: {n}, by: DIGITS) {{ otherRowCount }}") == "BAD_USER_INPUT"


def test_other_calls_come_in_pages(site: Site) -> None:
    analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5003", START, END)
    expected = analysis.top(6, "total").other_calls
    found: list[Row] = []
    after = "null"
    while True:
        selection = f"top(n: 6, by: TOTAL) {{ otherCalls(first: 7, after: {after}) {{ cursor {CALL} }} }}"
        page = ask(site, analysis, selection)["top"]["otherCalls"]
        if not page:
            break
        after = f'"{page[-1].pop("cursor")}"'
        found += [{name: call[name] for name in CALL.split()} for call in page]
    assert found == [call_of(cdr) for cdr in expected]
    assert len(found) > 14
