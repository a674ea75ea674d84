"""All that can be asked about a report at once, on the larger sample files."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.analysis_oracle import Analysis, Where, constant
from tests.support.asking import BUCKET, CASES, COLUMNS, OTHER_CASES, TOTALS, ask, names, near, order_by
from tests.support.calendar_oracle import Calendar
from tests.support.calls_oracle import call_row, raw_cells
from tests.support.drawing import END, START
from tests.support.oracle import Cells
from tests.support.sites import Site
from tests.test_calls import CALL, PAGE
from tests.test_comparison import between, compared

pytestmark = pytest.mark.thorough

ZONE = "America/New_York"
MIDDLE = START + (END - START) / 2
WHERE: dict[str, Where] = {
    "USA_RATE_CENTER": {"callCount": {"gte": 2}, "not": {"rc": {"eq": ""}}},
    "DID_AS_CLI": {"or": [{"isDid": {"eq": True}}, {"count": {"gt": 3}}]},
    "GROUP_BY_TECH_PREFIX": {"asr": {"lt": 0.5}, "acd": {"isNull": False}},
    "DTMF": {"costPerDigit": {"isNull": False}, "route": {"ne": ""}},
    "ASR_PER_ROUTE": {"pddP95": {"gt": 500}, "ner": {"gt": 0.1}},
    "USA_CALLS": {"jurisdiction": {"ne": "INDETERMINATE"}, "duration": {"gt": "0.5"}},
    "BREAKOUT": {"not": {"profit": {"lt": "0"}}, "connected": {"gt": 0}},
    "PER_NUMBER": {"talkTime": {"gt": "10.125"}, "attempts": {"notIn": [2]}},
    "RELEASE_REASONS": {"sipCode": {"gte": 400, "ne": 487}},
}


def check_all(site: Site, analysis: Analysis, where: Where | None, cells: dict[tuple[str, str, int], Cells]) -> None:
    """Each field of a report, by the last of its keys and its first figure."""
    type, by = analysis.type, analysis.keys[-1:]
    measure = next(name for name in COLUMNS[type].split() if name not in analysis.keys)
    order = [(by[0], True), (measure, True)]
    selection = f"""
      rows(where: $where, {order_by(order)}, first: 100000) {{ {COLUMNS[type]} }} rowCount(where: $where)
      totals(where: $where) {{ {TOTALS[type]} }}
      subtotals(by: {names(by)}, where: $where, {order_by(order)}, first: 100000) {{ {COLUMNS[type]} summedAway }}
      top(n: 3, by: {constant(measure)}, where: $where) {{
        rows {{ {COLUMNS[type]} }} others {{ {TOTALS[type]} }} otherRowCount otherCallCount
      }}
      timeline(every: DAY, timeZone: "{ZONE}", where: $where, by: {names(by)}, series: 2) {{
        {BUCKET} {COLUMNS[type]}
      }}
      comparison(with: {between(START, MIDDLE)}, where: $where) {{
        rows(first: 100000) {{ {compared(COLUMNS[type], analysis.keys)} }} rowCount
        totals {{ {compared(TOTALS[type], ())} }}
      }}
      calls(where: $where, first: {PAGE}) {{ {CALL} }} callCount(where: $where)
    """
    answer = ask(site, analysis, selection, where=where)
    top, calls = analysis.top(3, measure, where=where), analysis.calls(where)
    rows, totals = analysis.comparison(START, MIDDLE, where)
    assert answer["rows"] == near(analysis.rows(where, order))
    assert answer["rowCount"] == len(answer["rows"])
    assert answer["totals"] == near(analysis.totals(where))
    assert answer["subtotals"] == near(analysis.subtotals(by, where, order))
    assert answer["top"] == {
        "rows": near(top.rows),
        "others": near(top.others),
        "otherRowCount": top.other_row_count,
        "otherCallCount": len(top.other_calls),
    }
    assert answer["timeline"] == near(analysis.timeline(Calendar("DAY", ZoneInfo(ZONE)), where, by, 2))
    assert answer["comparison"] == {"rows": near(rows), "rowCount": len(rows), "totals": near(totals)}
    assert answer["callCount"] == len(calls)
    assert answer["calls"] == [call_row(cdr, cells[cdr.switch, cdr.callid, cdr.branch_idx]) for cdr in calls[:PAGE]]


@pytest.fixture(scope="module")
def cells(sample: Site) -> dict[tuple[str, str, int], Cells]:
    return raw_cells(sample.home / "cdrs.csv.gz")


@pytest.mark.parametrize(("type", "parameters"), CASES + OTHER_CASES)
def test_sample_files(
    sample: Site, cells: dict[tuple[str, str, int], Cells], type: str, parameters: dict[str, Any]
) -> None:
    analysis = Analysis(sample.world, type, "1004", START, END, "ATTEMPT", parameters)
    assert analysis.rows(WHERE[type])
    check_all(sample, analysis, WHERE[type], cells)
