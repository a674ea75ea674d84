"""The calls behind rows: each CDR whole, once, in order; and they are what every figure comes from."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.analysis_oracle import Analysis, Where, constant
from tests.support.asking import CASES, COLUMNS, CUSTOMERS, TOTALS, ask, names, near, order_by, refusal
from tests.support.calls_oracle import call_row, cdr_of, raw_cells
from tests.support.drawing import BASES, END, START, analyses, drawn, filters
from tests.support.oracle import Basis, Cdr, Row
from tests.support.sites import Site

pytestmark = pytest.mark.thorough

STAFF = "providerId providerCardId providerDuration providerCharge providerCardCurrency"
CALL = f"""dt callid branchIdx switch direction customerId account techPrefix sourceCli destCli sourceDestNumber
destNumber lrn answered duration customerDuration customerCharge customerCardId customerCardRate customerCardCurrency
customerCardDestCode customerCardDestName {STAFF} pddOut ringDuration sipCode sipReason releaseReason dtmf sourceIp"""
PAGE = 10_000


cells_of = cache(raw_cells)


def whole(site: Site, cdrs: list[Cdr]) -> list[Row]:
    """Every column of some CDRs."""
    cells = cells_of(site.home / "cdrs.csv")
    return [call_row(cdr, cells[cdr.switch, cdr.callid, cdr.branch_idx]) for cdr in cdrs]


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_each_column_of_each_call(site: Site, customer: str) -> None:
    analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", customer, START, END)
    answer = ask(site, analysis, f"calls(first: {PAGE}) {{ {CALL} }} callCount")
    assert answer["calls"] == whole(site, analysis.calls())
    assert answer["callCount"] == len(answer["calls"])


@pytest.mark.parametrize(("type", "parameters"), CASES)
@given(choose=st.data())
@drawn(4)
def test_calls_behind_rows_that_match(site: Site, type: str, parameters: dict[str, Any], choose: st.DataObject) -> None:
    """They are those of the oracle, and the totals are made of them."""
    analysis = choose.draw(analyses(site, type, parameters))
    where = choose.draw(st.none() | filters(analysis.rows(), COLUMNS[type].split()))
    selection = f"""
      calls(where: $where, first: {PAGE}) {{ {CALL} }} callCount(where: $where)
      totals(where: $where) {{ {TOTALS[type]} }}
    """
    answer = ask(site, analysis, selection, where=where)
    assert answer["calls"] == whole(site, analysis.calls(where))
    assert answer["callCount"] == len(answer["calls"])
    assert answer["totals"] == near(analysis.figures([cdr_of(call) for call in answer["calls"]]))


def pages(site: Site, analysis: Analysis, first: int, where: Where | None = None) -> Iterator[list[Row]]:
    after = "null"
    while True:
        selection = f"calls(where: $where, first: {first}, after: {after}) {{ cursor {CALL} }}"
        page = ask(site, analysis, selection, where=where)["calls"]
        if not page:
            return
        after = f'"{page[-1]["cursor"]}"'
        yield page


@pytest.mark.parametrize(("customer", "first"), [("5003", 2), ("5004", 1), ("5003", 7), ("5004", 100), ("5003", PAGE)])
def test_pages_visit_each_call_once(site: Site, customer: str, first: int) -> None:
    analysis = Analysis(site.world, "USA_RATE_CENTER", customer, START, END)
    where = {"rc": {"contains": "TON"}} if first < 7 else None
    found = list(pages(site, analysis, first, where))
    calls = [call for page in found for call in page]
    assert all(len(page) == first for page in found[:-1])
    assert len({call.pop("cursor") for call in calls}) == len(calls) > 10
    assert calls == whole(site, analysis.calls(where))


def test_how_many_come(site: Site) -> None:
    analysis = Analysis(site.world, "DTMF", "5001", START, END)
    assert len(analysis.calls()) > 100
    answer = ask(
        site, analysis, "calls { callid } none: calls(first: 0) { callid } nulls: calls(after: null) { callid }"
    )
    assert answer["none"] == []
    assert answer["calls"] == answer["nulls"] == [{"callid": cdr.callid} for cdr in analysis.calls()[:100]]


def cursor(content: object) -> str:
    """A cursor as the API writes one, of any content."""
    return urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")


MOMENT = 1_761_000_000_000
NO_CURSORS: list[object] = [
    *(5, None, "text", {}, [], [MOMENT, "s", "c"], [True, "s", "c", 0], [MOMENT, "s", "c", 0, 1]),
    *([MOMENT, "s", "c", branch] for branch in (-1, 65536, 2**64 - 1)),
    *([moment, "s", "c", 0] for moment in (-(2**63), 2**63 - 1, 2**64 - 1, 10_413_792_000_000)),
]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("first: -1", "BAD_USER_INPUT"),
        ("first: 10001", "LIMIT_EXCEEDED"),
        ('after: "?"', "BAD_USER_INPUT"),
        ('after: ""', "BAD_USER_INPUT"),
        ('after: "x\' OR 1=1"', "BAD_USER_INPUT"),
        ('after: "' + "A" * 400 + '"', "BAD_USER_INPUT"),
        *((f'after: "{cursor(content)}"', "BAD_USER_INPUT") for content in NO_CURSORS),
    ],
)
def test_what_is_no_page_is_refused(site: Site, arguments: str, code: str) -> None:
    analysis = Analysis(site.world, "DTMF", "5001", START, END)
    assert refusal(site, analysis, f"calls({arguments}) {{ callid }}") == code


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_the_calls_behind_each_subtotal_make_its_figures(
    site: Site, basis: Basis, type: str, parameters: dict[str, Any]
) -> None:
    """A filter on the dimensions of a subtotal, a null by `isNull`, leads to its calls."""
    for customer in ("05001", "5004"):
        analysis = Analysis(site.world, type, customer, START, END, basis, parameters)
        by = analysis.keys[-2:]
        order = order_by([(by[-1], True)])
        selection = f"subtotals(by: {names(by)}, {order}, first: 4) {{ {COLUMNS[type]} }}"
        for subtotal in ask(site, analysis, selection)["subtotals"]:
            where = {name: {"isNull": True} if subtotal[name] is None else {"eq": subtotal[name]} for name in by}
            answer = ask(site, analysis, f"calls(where: $where, first: {PAGE}) {{ {CALL} }}", where=where)
            figures = analysis.figures([cdr_of(call) for call in answer["calls"]])
            measures = figures.keys() - set(analysis.keys)
            assert {name: subtotal[name] for name in measures} == near({name: figures[name] for name in measures})


@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_the_calls_behind_others_make_their_figures(site: Site, type: str, parameters: dict[str, Any]) -> None:
    for customer in ("05001", "5001"):
        analysis = Analysis(site.world, type, customer, START, END, "ATTEMPT", parameters)
        by = constant(next(name for name in COLUMNS[type].split() if name not in analysis.keys))
        selection = f"top(n: 3, by: {by}) {{ others {{ {TOTALS[type]} }} otherCalls(first: {PAGE}) {{ {CALL} }} }}"
        top = ask(site, analysis, selection)["top"]
        assert top["others"] == near(analysis.figures([cdr_of(call) for call in top["otherCalls"]]))


def test_counts_of_calls_are_the_attempts(site: Site) -> None:
    for basis in BASES:
        analysis = Analysis(site.world, "GROUP_BY_TECH_PREFIX", "5001", START, END, basis)
        answer = ask(site, analysis, f"calls(first: {PAGE}) {{ branchIdx }} callCount totals {{ total }}")
        first = sum(call["branchIdx"] == 0 for call in answer["calls"])
        assert answer["totals"]["total"] == (first if basis == "CALL" else answer["callCount"])
        assert first < answer["callCount"]
