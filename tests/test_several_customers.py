"""Reports on several customers together: what one customer's calls would give if all these calls were theirs."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqlreports.directory.load_customers import load_customers
from gqlreports.store.load_cdrs import load_cdrs
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.support.analysis_oracle import Analysis, Where, constant
from tests.support.asking import BUCKET, CASES, COLUMNS, CUSTOMERS, OTHER_CASES, TOTALS, document, exact, names, near
from tests.support.asking import scope as scope_of_one
from tests.support.calendar_oracle import Calendar, previous_period
from tests.support.drawing import BASES, END, START, drawn, filters, spans
from tests.support.oracle import Row
from tests.support.sites import Engine, Site, nothing
from tests.test_comparison import compared
from tests.test_ledger import site_of

pytestmark = pytest.mark.thorough

CALL = "dt switch callid branchIdx customerId"
SEVERAL = ("5001", "05001", "o'hara-west")
"""Their numbers, prefixes and destinations are the same, their currencies are not."""


def together(site: Site, type: str, customers: Sequence[str], *rest: Any, **more: Any) -> Analysis:
    return Analysis(site.world, type, site.world.together(customers), *rest, **more)


def ask(
    site: Site, analysis: Analysis, selection: str, key: str | None = None, of: Any = None, **filters: Where | None
) -> Any:
    """What a report on all customers of an analysis answers, or on those that are chosen by `of`."""
    query = document(analysis, selection, filters)
    query = query.replace("$customer: ID!", "$of: ReportCustomers!")
    query = query.replace("customReport(customer: $customer", "customReports(customers: $of")
    chosen = of or {"ids": analysis.customer.split(" + ")}
    values = {**scope_of_one(analysis), "of": chosen, **filters}
    del values["customer"]
    return exact(site.data(query, key, **values)["customReports"])


def of_each(analysis: Analysis, where: Where | None = None) -> list[Row]:
    """The totals of each customer that has calls behind the rows that match."""
    calls = [cdr for _, cdr in analysis.matching(where)]
    found = []
    for customer in sorted({cdr.customer_id for cdr in calls}):
        figures = analysis.figures([cdr for cdr in calls if cdr.customer_id == customer])
        found.append({"customerId": customer} | {name: figures[name] for name in TOTALS[analysis.type].split()})
    return found


def call_of(cdr: Any) -> Row:
    return {
        "dt": cdr.dt,
        "switch": cdr.switch,
        "callid": cdr.callid,
        "branchIdx": cdr.branch_idx,
        "customerId": cdr.customer_id,
    }


def everything(analysis: Analysis) -> str:
    return f"""
      customers {{ id }}
      rows(where: $where, first: 100000) {{ {COLUMNS[analysis.type]} }} rowCount(where: $where)
      totals(where: $where) {{ {TOTALS[analysis.type]} }}
      totalsByCustomer(where: $where) {{ customerId {TOTALS[analysis.type]} }}
      subtotals(by: {names(analysis.keys[:1])}, where: $where, first: 100000) {{ {COLUMNS[analysis.type]} summedAway }}
      timeline(every: WEEK, timeZone: "Asia/Kolkata", where: $where) {{ {BUCKET} {COLUMNS[analysis.type]} }}
      calls(where: $where, first: 10000) {{ {CALL} }} callCount(where: $where)
      comparison(with: {{period: PREVIOUS_PERIOD}}, where: $where) {{
        rows(first: 100000) {{ {compared(COLUMNS[analysis.type], analysis.keys)} }}
        totals {{ {compared(TOTALS[analysis.type], ())} }}
      }}
    """


def check(site: Site, analysis: Analysis, where: Where | None = None) -> None:
    """All parts of a report are those of the calls of all its customers."""
    answer = ask(site, analysis, everything(analysis), where=where)
    assert [each["id"] for each in answer["customers"]] == sorted(analysis.customer.split(" + "))
    assert answer["rows"] == near(analysis.rows(where))
    assert answer["rowCount"] == len(answer["rows"])
    assert answer["totals"] == near(analysis.totals(where))
    assert answer["totalsByCustomer"] == near(of_each(analysis, where))
    assert answer["subtotals"] == near(analysis.subtotals(analysis.keys[:1], where))
    assert answer["timeline"] == near(analysis.timeline(Calendar("WEEK", ZoneInfo("Asia/Kolkata"), "MONDAY"), where))
    assert answer["calls"] == [call_of(cdr) for cdr in analysis.calls(where)]
    assert answer["callCount"] == len(answer["calls"])
    rows, totals = analysis.comparison(*previous_period(analysis.start, analysis.end), where)
    assert answer["comparison"] == {"rows": near(rows), "totals": near(totals)}


@pytest.mark.parametrize(("type", "parameters"), [*CASES, *OTHER_CASES])
@given(choose=st.data())
@drawn(2)
def test_all_parts_of_a_report(site: Site, type: str, parameters: dict[str, Any], choose: st.DataObject) -> None:
    customers = choose.draw(st.lists(st.sampled_from(CUSTOMERS), min_size=2, max_size=5, unique=True))
    calls = [cdr.dt for cdr in site.world.cdrs if cdr.customer_id in customers]
    start, end = choose.draw(spans(calls))
    basis = choose.draw(st.sampled_from(BASES))
    analysis = together(site, type, customers, start, end, basis, parameters)
    check(site, analysis, choose.draw(st.none() | filters(analysis.rows(), COLUMNS[type].split())))


@pytest.mark.parametrize("type", ["USA_RATE_CENTER", "GROUP_BY_TECH_PREFIX", "DID_AS_CLI"])
def test_on_every_kind_of_store(any_site: Site, type: str) -> None:
    check(any_site, together(any_site, type, SEVERAL, START, END))


@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_top_and_others(site: Site, type: str, parameters: dict[str, Any]) -> None:
    analysis = together(site, type, SEVERAL, START, END, parameters=parameters)
    by = next(name for name in COLUMNS[type].split() if name not in analysis.keys)
    selection = f"""top(n: 3, by: {constant(by)}) {{
      rows {{ {COLUMNS[type]} }} others {{ {TOTALS[type]} }} otherRowCount otherCalls(first: 10000) {{ {CALL} }}
    }}"""
    expected = analysis.top(3, by)
    assert ask(site, analysis, selection)["top"] == {
        "rows": near(expected.rows),
        "others": near(expected.others),
        "otherRowCount": expected.other_row_count,
        "otherCalls": [call_of(cdr) for cdr in expected.other_calls],
    }


SUMS = {
    "USA_RATE_CENTER": "callCount",
    "DID_AS_CLI": "count",
    "GROUP_BY_TECH_PREFIX": "answeredCalls total",
    "DTMF": "answeredCalls dtmfCalls digits",
    "BREAKOUT": "attempts connected talkTime customerDuration providerDuration",
}


@pytest.mark.parametrize("type", SUMS)
@given(choose=st.data())
@drawn(3)
def test_what_each_has_alone_adds_up(site: Site, type: str, choose: st.DataObject) -> None:
    """By customer each total is that of the report on this customer alone, also those that are no sums."""
    customers = choose.draw(st.lists(st.sampled_from(CUSTOMERS), min_size=2, unique=True))
    start, end = choose.draw(spans([cdr.dt for cdr in site.world.cdrs]))
    selection = f"totals {{ {TOTALS[type]} }} totalsByCustomer {{ customerId {TOTALS[type]} }} callCount"
    answer = ask(site, together(site, type, customers, start, end), selection)
    alone = {each: ask(site, Analysis(site.world, type, each, start, end), selection) for each in customers}
    for name in SUMS[type].split():
        assert Decimal(answer["totals"][name]) == sum(Decimal(each["totals"][name]) for each in alone.values())
    assert answer["callCount"] == sum(each["callCount"] for each in alone.values())
    assert answer["totalsByCustomer"] == [each for id in sorted(alone) for each in alone[id]["totalsByCustomer"]]
    assert all(
        total == {"customerId": id} | near(each["totals"])
        for id, each in alone.items()
        for total in each["totalsByCustomer"]
    )


def test_totals_by_customer_come_in_an_order_and_in_pages(site: Site) -> None:
    analysis = together(site, "GROUP_BY_TECH_PREFIX", CUSTOMERS, START, END)
    ordered = sorted(of_each(analysis), key=lambda each: (-int(str(each["total"])), each["customerId"]))
    selection = (
        "totalsByCustomer(orderBy: [{column: TOTAL, direction: DESC}], first: 2, offset: 1) { customerId total }"
    )
    expected = [{"customerId": each["customerId"], "total": each["total"]} for each in ordered[1:3]]
    assert ask(site, analysis, selection)["totalsByCustomer"] == expected


def test_totals_by_customer_have_no_keys(site: Site) -> None:
    error = site.error(f"""{{
      customReports(customers: {{all: true}}, type: DTMF, from: "{START.isoformat()}", to: "{END.isoformat()}") {{
        ... on DtmfReport {{ totalsByCustomer(orderBy: [{{column: ROUTE}}]) {{ customerId }} }}
      }}
    }}""")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "route" in error["message"]


def test_currencies_are_never_mixed(site: Site) -> None:
    """The total of customers with different currencies is null, and that of each is not."""
    priced = {
        each: Analysis(site.world, "PER_NUMBER", each, START, END).totals()["customerCurrency"] for each in CUSTOMERS
    }
    of = {currency: id for id, currency in priced.items() if currency}
    assert len(of) > 1
    selection = "totals { customerCharge customerCurrency } totalsByCustomer { customerId customerCurrency }"
    answer = ask(site, together(site, "PER_NUMBER", [*of.values()], START, END), selection)
    assert answer["totals"] == {"customerCharge": None, "customerCurrency": None}
    assert {each["customerId"]: each["customerCurrency"] for each in answer["totalsByCustomer"]} == {
        id: currency for currency, id in of.items()
    }


# ---- calls of several customers with the same key ----

SHARED = [
    cdr_row(number, customer_id=customer, account=customer, dest_number=f"1201555{number:04}", customer_charge=charge)
    for customer, charge in (("5001", "1"), ("5002", "2"), ("5003", "4"))
    for number in range(4)
]
CORRECTED = [
    cdr_row(1, customer_id="5002", account="5002", dest_number="12015550001", customer_charge="16"),
    cdr_row(2, customer_id="5003", account="5003", dest_number="12015550009", customer_charge="4"),
]
LISTED = "cursor customerId callid customerCharge history { customerId takenBackAt customerCharge }"


@pytest.fixture(scope="module")
def shared(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three customers whose calls have the same switch, id, branch and time; two of them were corrected."""
    home = tmp_path_factory.mktemp("shared")
    made = site_of(SHARED, home, engine)
    file = home / "corrections.csv"
    file.write_bytes(as_csv(CORRECTED))
    assert asyncio.run(load_cdrs(made.backend, str(file), nothing, corrects=True)).corrected == 2
    (home / "customers.json").write_text(
        '[{"id": "5002", "name": "Oak", "currency": "USD"}, {"id": "5003", "name": "Elm", "currency": "USD"}]'
    )
    load_customers(made.directory, str(home / "customers.json"))
    yield made
    made.directory.close()


def listed(site: Site, customers: Sequence[str], selection: str) -> dict[str, Any]:
    ids = ", ".join(f'"{each}"' for each in customers)
    query = f"""{{
      customReports(
        customers: {{ids: [{ids}]}}, type: PER_NUMBER, from: "2025-11-01T00:00:00Z", to: "2025-12-01T00:00:00Z"
      ) {{ ... on PerNumberReport {{ {selection} }} }}
    }}"""
    found: dict[str, Any] = site.data(query)["customReports"]
    return found


@pytest.mark.parametrize("first", [1, 2, 5, 100])
def test_pages_visit_each_call_of_each_customer_once(shared: Site, first: int) -> None:
    customers, found, after = ("5001", "5002", "5003"), list[dict[str, Any]](), "null"
    while page := listed(shared, customers, f"calls(first: {first}, after: {after}) {{ {LISTED} }}")["calls"]:
        found += page
        after = f'"{page[-1]["cursor"]}"'
    alone = [call for each in customers for call in listed(shared, [each], f"calls {{ {LISTED} }}")["calls"]]
    assert len({call["cursor"] for call in found}) == len(found) == 12

    def identified(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Without the cursors, which are others in a report on one."""
        without = [{name: value for name, value in call.items() if name != "cursor"} for call in calls]
        return sorted(without, key=lambda call: (call["callid"], call["customerId"]))

    assert identified(found) == identified(alone)
    assert [(call["callid"], call["customerId"]) for call in found] == sorted(
        (f"call-{number}", each) for number in range(4) for each in customers
    )
    versions = {(call["callid"], call["customerId"]): call["history"] for call in found}
    assert [version["customerCharge"] for version in versions["call-1", "5002"]] == ["2", "16"]
    assert {len(history) for key, history in versions.items() if key not in CORRECTIONS} == {1}


CORRECTIONS = {("call-1", "5002"), ("call-2", "5003")}


def test_numbers_that_several_dialed_are_one_row(shared: Site) -> None:
    selection = "rows { number attempts customerCharge } totals { attempts customerCharge } callCount"
    answer = listed(shared, ("5001", "5002", "5003"), selection)
    assert answer == {
        "rows": [
            {"number": "12015550000", "attempts": 3, "customerCharge": "7"},
            {"number": "12015550001", "attempts": 3, "customerCharge": "21"},
            {"number": "12015550002", "attempts": 2, "customerCharge": "3"},
            {"number": "12015550003", "attempts": 3, "customerCharge": "7"},
            {"number": "12015550009", "attempts": 1, "customerCharge": "4"},
        ],
        "totals": {"attempts": 12, "customerCharge": "42"},
        "callCount": 12,
    }


def test_a_cursor_of_one_customers_calls_is_none_of_several(shared: Site) -> None:
    [call] = listed(shared, ["5001"], "calls(first: 1) { cursor }")["calls"]
    query = f"""{{
      customReports(
        customers: {{all: true}}, type: PER_NUMBER, from: "2025-11-01T00:00:00Z", to: "2025-12-01T00:00:00Z"
      ) {{ ... on PerNumberReport {{ calls(after: "{call["cursor"]}") {{ callid }} }} }}
    }}"""
    assert shared.error(query)["extensions"]["code"] == "BAD_USER_INPUT"
