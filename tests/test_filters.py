"""Filters keep the rows that meet them, and totals are those of what they keep."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.analysis_oracle import CURRENCY_OF, Analysis, Where, matches
from tests.support.asking import CASES, COLUMNS, TOTALS, ask, asked, document, near, order_by, refusal, scope
from tests.support.drawing import END, ODD_TEXTS, SMALLEST, START, analyses, drawn, filters, orders
from tests.support.oracle import Row
from tests.support.sites import Site

pytestmark = pytest.mark.thorough


def whole(site: Site, type: str, customer: str = "5001", **parameters: object) -> Analysis:
    """A report on all calls of a customer."""
    return Analysis(site.world, type, customer, START, END, parameters=parameters)


def rows_where(site: Site, analysis: Analysis, where: Where | None) -> list[Row]:
    selection = f"rows(where: $where, first: 100000) {{ {COLUMNS[analysis.type]} }}"
    found: list[Row] = ask(site, analysis, selection, where=where)["rows"]
    return found


@pytest.mark.parametrize(("type", "parameters"), CASES)
@given(choose=st.data())
@drawn(5)
def test_rows_that_match(site: Site, type: str, parameters: dict[str, Any], choose: st.DataObject) -> None:
    """Rows, their number, their totals, and the rows that do not match, by any filter and order."""
    analysis = choose.draw(analyses(site, type, parameters))
    columns = COLUMNS[type].split()
    where = choose.draw(filters(analysis.rows(), columns))
    order = choose.draw(orders(columns))
    selection = f"""
      rows(where: $where, {order_by(order)}, first: 100000) {{ {COLUMNS[type]} }}
      rowCount(where: $where)
      totals(where: $where) {{ {TOTALS[type]} }}
      others: rows(where: $others, first: 100000) {{ {COLUMNS[type]} }}
    """
    answer = ask(site, analysis, selection, where=where, others={"not": where})
    expected = analysis.rows(where, order)
    assert answer["rows"] == near(expected)
    assert answer["rowCount"] == len(expected)
    assert answer["totals"] == near(analysis.totals(where))
    assert answer["others"] == near([row for row in analysis.rows() if not matches(row, where)])


@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_a_value_as_shown_finds_the_rows_that_show_it(site: Site, type: str, parameters: dict[str, Any]) -> None:
    analysis = whole(site, type, "o'hara-west", **parameters)
    selection = f"rows(first: 100000) {{ {COLUMNS[type]} }}"
    shown = asked(site, analysis, selection)["rows"]
    for column in COLUMNS[type].split():
        for value in [*dict.fromkeys(row[column] for row in shown)][:5]:
            where = {column: {"isNull": True} if value is None else {"eq": value}}
            found = asked(site, analysis, selection.replace("(", "(where: $where, "), where=where)["rows"]
            assert found == [row for row in shown if row[column] == value], where


@pytest.mark.parametrize("operator", ["eq", "ne", "startsWith", "endsWith", "contains"])
def test_text_is_taken_as_it_is(site: Site, operator: str) -> None:
    """No quote, backslash or wildcard means anything, and case counts."""
    analysis = whole(site, "DID_AS_CLI")
    texts = {str(row[column]) for row in analysis.rows() for column in ("account", "destCli")}
    odd = sorted(text for text in texts if not text.isalnum())[:15]
    for text in [*ODD_TEXTS, *odd, "trunk", "TRUNK", "runk", "naïve", "Ω", "ω"]:
        where = {"or": [{"account": {operator: text}}, {"destCli": {operator: text}}]}
        assert rows_where(site, analysis, where) == analysis.rows(where), where


@pytest.mark.parametrize("column", ["totalCustomerCharge", "totalProviderCharge"])
def test_money_is_compared_in_its_last_place(site: Site, column: str) -> None:
    analysis = whole(site, "USA_RATE_CENTER", byCurrency=True)
    amounts = sorted({amount for row in analysis.rows() if isinstance(amount := row[column], Decimal)})
    for amount in (amounts[0], amounts[len(amounts) // 2], amounts[-1]):
        for operator in ("eq", "ne", "lt", "lte", "gt", "gte"):
            for near_by in (amount, amount + SMALLEST[column]):
                where = {column: {operator: f"{near_by:f}"}}
                assert rows_where(site, analysis, where) == analysis.rows(where), where


EDGES: list[tuple[str, Where | None]] = [
    ("all", None),
    ("all", {}),
    ("all", {"and": []}),
    ("none", {"or": []}),
    ("none", {"not": {}}),
    ("all", {"not": {"or": []}}),
    ("all", {"techPrefix": None}),
    ("all", {"techPrefix": {}}),
    ("all", {"techPrefix": None, "and": [{"asr": None}]}),
    ("none", {"techPrefix": {"in": []}}),
    ("all", {"techPrefix": {"notIn": []}}),
    ("all", {"techPrefix": {"contains": ""}}),
    ("none", {"techPrefix": {"isNull": True}}),
    ("none", {"total": {"gt": 5, "lt": 5}}),
]


@pytest.mark.parametrize(("kept", "where"), EDGES)
def test_a_filter_that_keeps_all_or_nothing(site: Site, kept: str, where: Where | None) -> None:
    analysis = whole(site, "GROUP_BY_TECH_PREFIX")
    assert rows_where(site, analysis, where) == near(analysis.rows() if kept == "all" else [])


def test_a_null_meets_only_what_says_so(site: Site) -> None:
    """The charges of some rows are in several currencies, so their totals and currencies are null."""
    analysis = whole(site, "USA_RATE_CENTER", "05001", side="ORIGINATING")
    nulls = [row for row in analysis.rows() if row["totalCustomerCharge"] is None]
    assert nulls
    conditions: list[tuple[Where, bool]] = [
        ({"totalCustomerCharge": {"isNull": True}}, True),
        ({"totalCustomerCharge": {"isNull": False}}, False),
        ({"totalCustomerCharge": {"ne": "1"}}, True),
        ({"totalCustomerCharge": {"notIn": ["1"]}}, True),
        ({"totalCustomerCharge": {"lt": "1"}}, False),
        ({"totalCustomerCharge": {"gte": "1"}}, False),
        ({"not": {"totalCustomerCharge": {"lt": "1"}}}, True),
        ({"not": {"totalCustomerCharge": {"in": ["1"]}}}, True),
        ({"customerCurrency": {"contains": ""}, "totalCustomerCharge": {"isNull": True}}, False),
        ({"customerCurrency": {"ne": "USD"}, "totalCustomerCharge": {"isNull": True}}, True),
    ]
    for where, met in conditions:
        found = rows_where(site, analysis, where)
        assert found == analysis.rows(where)
        assert all(row in found for row in nulls) is met
        assert any(row in found for row in nulls) is met


@pytest.mark.parametrize(
    "where",
    [
        {"techPrefix": {"eq": None}},
        {"techPrefix": {"in": None}},
        {"techPrefix": {"isNull": None}},
        {"total": {"gte": None}},
        {"not": {"asr": {"lt": None}}},
        {"and": [{"or": [{"acd": {"ne": None}}]}]},
    ],
)
@pytest.mark.parametrize(
    "field", ["rows(where: $where) { total }", "rowCount(where: $where)", "totals(where: $where) { total }"]
)
def test_an_operator_that_is_null_is_refused(site: Site, field: str, where: Where) -> None:
    assert refusal(site, whole(site, "GROUP_BY_TECH_PREFIX"), field, where=where) == "BAD_USER_INPUT"


@pytest.mark.parametrize("depth", [10, 120])
def test_a_deep_filter_is_answered_or_refused(site: Site, depth: int) -> None:
    analysis = whole(site, "GROUP_BY_TECH_PREFIX")
    where: Where = {"total": {"gt": 110}}
    for _ in range(depth):
        where = {"not": where}
    answer = site.ask(document(analysis, "rowCount(where: $where)", {"where": where}), **scope(analysis), where=where)
    if "errors" in answer:
        assert depth > 10
        assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    else:
        assert answer["data"]["customReport"]["rowCount"] == len(analysis.rows(where))


def test_a_filter_in_the_document_is_as_good_as_a_variable(site: Site) -> None:
    analysis = whole(site, "DTMF")
    literal = 'rows(where: {costPerDigit: {gt: "0.01"}, or: [{digits: {gte: 3}}, {route: {in: [""]}}]}) { route }'
    where = {"costPerDigit": {"gt": "0.01"}, "or": [{"digits": {"gte": 3}}, {"route": {"in": [""]}}]}
    assert ask(site, analysis, literal)["rows"] == [{"route": row["route"]} for row in analysis.rows(where)]


def test_the_reports_of_these_tests_hold_what_they_are_about(site: Site) -> None:
    for type, parameters in CASES:
        rows = whole(site, type, **parameters).rows()
        assert len(rows) >= 4
        for column in CURRENCY_OF.keys() & rows[0].keys():
            assert len({row[column] for row in rows}) >= 4
