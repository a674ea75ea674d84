"""Any report by declared dimensions, against the independent calculation, over the API."""

from datetime import UTC
from typing import Any

import pytest

from gqlreports.plugins.registry import CALL_DIMENSIONS
from tests.support.analysis_oracle import CURRENCY_KEYS, DIMENSIONS
from tests.support.asking import BUCKET, COLUMNS, ask, near, refusal
from tests.support.calendar_oracle import Calendar
from tests.support.drawing import END, START
from tests.support.grouping_oracle import VALUES, GroupedAnalysis
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

MEASURES = {
    name: [each for each in columns.split() if each not in DIMENSIONS[name]] for name, columns in COLUMNS.items()
}
# Each report with each kind of dimension: stored, computed, looked up, of a rollup or of none, for staff or for all.
CASES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("USA_RATE_CENTER", {}, ("account",)),
    ("USA_RATE_CENTER", {"side": "ORIGINATING", "byCurrency": True}, ("provider", "weekday")),
    ("DID_AS_CLI", {"didsOnly": True}, ("switch", "releaseReason")),
    ("DID_AS_CLI", {}, ("isDid",)),
    ("GROUP_BY_TECH_PREFIX", {}, ("destinationCountry", "techPrefix")),
    ("GROUP_BY_TECH_PREFIX", {}, ("hourOfDay",)),
    ("DTMF", {}, ("rateCenter", "account")),
    ("DTMF", {"byCurrency": True}, ("route",)),
    ("ASR_PER_ROUTE", {}, ("state",)),
    ("USA_CALLS", {"number": "LRN"}, ("npa",)),
    ("BREAKOUT", {}, ("provider",)),
    ("BREAKOUT", {"byCurrency": True}, ("account", "isDid")),
    ("PER_NUMBER", {"side": "CLI"}, ("dnis",)),
    ("RELEASE_REASONS", {}, ("sipCode", "customer")),
]


def analysis_of(site: Site, type: str, parameters: dict[str, Any], by: tuple[str, ...], **more: Any) -> GroupedAnalysis:
    customer = more.pop("customer", "05001")
    return GroupedAnalysis(site.world, type, customer, START, END, parameters=parameters, group_by=by, **more)


def columns_of(analysis: GroupedAnalysis) -> str:
    return " ".join((*analysis.group_by, *MEASURES[analysis.type]))


def totals_of(analysis: GroupedAnalysis) -> str:
    return " ".join(MEASURES[analysis.type])


def test_every_dimension_has_its_calculation() -> None:
    assert {each.graphql_name for each in CALL_DIMENSIONS} == {*VALUES, "direction"}


@pytest.mark.parametrize("dimension", VALUES)
def test_every_dimension(site: Site, dimension: str) -> None:
    """Rows by each of them, and the calls behind one of the rows; in sum they are the totals of the report itself."""
    for customer, basis in (("05001", "ATTEMPT"), ("o'hara-west", "CALL")):
        analysis = analysis_of(site, "BREAKOUT", {}, (dimension,), customer=customer, basis=basis)
        expected = analysis.rows()
        where = {dimension: {"eq": expected[-1][dimension]}}
        selection = f"""
          rows(first: 100000) {{ {columns_of(analysis)} }} rowCount totals {{ {totals_of(analysis)} }}
          calls(where: $where, first: 10000) {{ dt callid branchIdx }} callCount(where: $where)
        """
        found = ask(site, analysis, selection, where=where)
        assert found["rows"] == near(expected)
        assert found["rowCount"] == len(expected)
        own = GroupedAnalysis(site.world, "BREAKOUT", customer, START, END, analysis.basis)
        assert found["totals"] == ask(site, own, f"totals {{ {totals_of(own)} }}")["totals"]
        calls = analysis.calls(where)
        assert [(each["dt"], each["callid"], each["branchIdx"]) for each in found["calls"]] == [
            (cdr.dt, cdr.callid, cdr.branch_idx) for cdr in calls
        ]
        assert found["callCount"] == len(calls)


@pytest.mark.parametrize(("type", "parameters", "by"), CASES)
def test_every_analysis(site: Site, type: str, parameters: dict[str, Any], by: tuple[str, ...]) -> None:
    for basis in ("CALL", "ATTEMPT"):
        analysis = analysis_of(site, type, parameters, by, basis=basis)
        rows, measures = analysis.rows(), MEASURES[type]
        count = next(name for name in measures if isinstance(rows[0][name], int))
        middle = sorted(row[count] for row in rows)[len(rows) // 2]  # type: ignore[type-var]
        where = {"or": [{by[0]: {"eq": rows[0][by[0]]}}, {count: {"gt": middle}}]}
        most = count.upper() if count.islower() else {"callCount": "CALL_COUNT"}.get(count, "ANSWERED_CALLS")
        selection = f"""
          rows(first: 100000, where: $where) {{ {columns_of(analysis)} }}
          rowCount(where: $where) totals(where: $where) {{ {totals_of(analysis)} }}
          subtotals(by: [{_constant(by[-1])}], first: 100000) {{ {columns_of(analysis)} summedAway }}
          top(n: 2, by: {most}) {{
            rows {{ {columns_of(analysis)} }} others {{ {totals_of(analysis)} }} otherRowCount otherCallCount
          }}
          timeline(every: WEEK, by: [{_constant(by[0])}], series: 2, seriesBy: {most}) {{
            {BUCKET} {columns_of(analysis)}
          }}
          callCount(where: $where)
        """
        found = ask(site, analysis, selection, where=where)
        assert found["rows"] == near(analysis.rows(where))
        assert found["rowCount"] == len(analysis.rows(where))
        assert found["totals"] == near(analysis.totals(where))
        assert found["subtotals"] == near(analysis.subtotals(by[-1:]))
        assert found["callCount"] == len(analysis.calls(where))
        top = analysis.top(2, count)
        assert found["top"]["rows"] == near(top.rows)
        assert found["top"]["others"] == near(top.others)
        assert (found["top"]["otherRowCount"], found["top"]["otherCallCount"]) == (
            top.other_row_count,
            len(top.other_calls),
        )
        weeks = Calendar("WEEK", UTC)
        assert found["timeline"] == near(analysis.timeline(weeks, by=by[:1], series=2, series_by=count))


@pytest.mark.parametrize(("type", "parameters", "by"), CASES[:6] + CASES[10:12])
def test_two_ranges(site: Site, type: str, parameters: dict[str, Any], by: tuple[str, ...]) -> None:
    middle = START + (END - START) / 2
    customer = "5001"
    analysis = GroupedAnalysis(site.world, type, customer, middle, END, parameters=parameters, group_by=by)
    measures = [name for name in MEASURES[type] if name not in (*CURRENCY_KEYS, "profitCurrency")]
    figures = " ".join(f"{name} {{ current previous change relativeChange }}" for name in measures)
    selection = f"""
      comparison(with: {{range: {{from: "{START.isoformat()}", to: "{middle.isoformat()}"}}}}) {{
        rows(first: 100000) {{ {" ".join(by)} {figures} }} rowCount totals {{ {figures} }}
      }}
    """
    rows, totals = analysis.comparison(START, middle)
    found = ask(site, analysis, selection)["comparison"]
    shown = (*by, *measures)
    assert found["rows"] == near([{name: row[name] for name in shown} for row in rows])
    assert found["rowCount"] == len(rows)
    assert found["totals"] == near({name: totals[name] for name in measures})


FILTERS: list[dict[str, Any]] = [
    {"account": {"in": ["trunk", "Trunk", "5001-A"]}},
    {"isDid": {"eq": True}},
    {"not": {"sipCode": {"gte": 400}, "techPrefix": {"ne": ""}}},
    {"or": [{"state": {"startsWith": "N"}}, {"hourOfDay": {"notIn": [0, 1, 2, 3]}, "weekday": {"lt": 6}}]},
    {"rateCenter": {"isNull": True}},
]


@pytest.mark.parametrize("only", FILTERS)
@pytest.mark.parametrize("by", [(), ("switch", "account")])
@pytest.mark.parametrize("type", ["BREAKOUT", "DID_AS_CLI", "GROUP_BY_TECH_PREFIX"])
def test_only_some_calls(site: Site, type: str, by: tuple[str, ...], only: dict[str, Any]) -> None:
    """Of a report by its own keys, and of one that is grouped: in rows, totals, lists of calls and other ranges."""
    analysis = analysis_of(site, type, {}, by, customer="5001", only=only)
    keys = " ".join(analysis.keys)
    middle = START + (END - START) / 2
    count = {"BREAKOUT": "attempts", "DID_AS_CLI": "count"}.get(type, "total")
    selection = f"""
      rows(first: 100000) {{ {keys} {totals_of(analysis)} }} rowCount totals {{ {totals_of(analysis)} }} callCount
      comparison(with: {{range: {{from: "{START.isoformat()}", to: "{middle.isoformat()}"}}}}) {{
        totals {{ {count} {{ current previous }} }}
      }}
    """
    found = ask(site, analysis, selection)
    assert found["rows"] == near(analysis.rows())
    assert found["rowCount"] == len(analysis.rows())
    assert found["totals"] == near(analysis.totals())
    assert found["callCount"] == len(analysis.calls())
    then = analysis.comparison(START, middle)[1][count]
    assert found["comparison"]["totals"][count] == {name: then[name] for name in ("current", "previous")}  # type: ignore[index]


def test_profit_is_there_where_currencies_differ(site: Site) -> None:
    """In each row with one pair of them; all pairs have the same profit in sum as their charges."""
    analysis = analysis_of(site, "BREAKOUT", {"byCurrency": True}, ("destinationCountry",))
    rows = ask(site, analysis, "rows(first: 100000) { customerCurrency providerCurrency profit }")["rows"]
    same = [row for row in rows if row["customerCurrency"] and row["customerCurrency"] == row["providerCurrency"]]
    assert same
    assert None not in [row["profit"] for row in same]
    assert None in [
        row["profit"]
        for row in ask(
            site, analysis_of(site, "BREAKOUT", {}, ("destinationCountry",)), "rows(first: 100000) { profit }"
        )["rows"]
    ]


def test_a_dimension_that_it_is_not_grouped_by_is_null(site: Site) -> None:
    analysis = analysis_of(site, "GROUP_BY_TECH_PREFIX", {}, ("account",))
    both = "rows(first: 1) { account switch } again: rows(first: 1) { switch } totals { total }"
    found = ask(site, analysis, both)
    assert found["rows"] == [{"account": analysis.rows()[0]["account"], "switch": None}]
    assert found["again"] == [{"switch": None}]


@pytest.mark.parametrize(
    "selection",
    [
        'rows(where: {switch: {eq: "east-1"}}) { account }',
        "rows(orderBy: [{column: SWITCH}]) { account }",
        "subtotals(by: [SWITCH]) { switch }",
        "timeline(every: DAY, by: [SWITCH]) { start }",
        "subtotals(by: []) { account }",
    ],
)
def test_what_it_is_not_grouped_by_is_no_key(site: Site, selection: str) -> None:
    analysis = analysis_of(site, "BREAKOUT", {}, ("account",))
    assert refusal(site, analysis, selection) == "BAD_USER_INPUT"


def _constant(name: str) -> str:
    return {each.graphql_name: each.constant_name for each in CALL_DIMENSIONS}[name]
