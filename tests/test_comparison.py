"""Comparisons: each key's figures beside those of another range."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqlreports.schema.scalars import print_moment
from tests.store.test_load_cdrs import cdr_row
from tests.support.analysis_oracle import CURRENCIES, Analysis, Order, constant
from tests.support.asking import CASES, COLUMNS, TOTALS, ask, near, refusal
from tests.support.calendar_oracle import previous_period, year_before
from tests.support.drawing import BASES, END, START, analyses, drawn, filters, moments
from tests.support.sites import Engine, Site
from tests.test_ledger import site_of

pytestmark = pytest.mark.thorough

PARTS = "{ current previous change relativeChange }"
NAMES = {"": "CURRENT", "current": "CURRENT", "previous": "PREVIOUS", "change": "CHANGE"} | {
    "relativeChange": "RELATIVE_CHANGE"
}


def compared(columns: str, keys: tuple[str, ...]) -> str:
    """The selection of columns with all parts of their measures."""
    parts = {name: PARTS if name not in keys else "" for name in columns.split()}
    parts |= {name: "{ current previous }" for name in parts if name in CURRENCIES}
    return " ".join(f"{name} {part}" for name, part in parts.items())


def order_by(order: Order) -> str:
    each = []
    for path, descending in order:
        name, _, part = path.partition(".")
        each.append(f"{{column: {constant(name)}, by: {NAMES[part]}, direction: {'DESC' if descending else 'ASC'}}}")
    return f"(orderBy: [{', '.join(each)}], first: 100000)"


def check(
    site: Site, analysis: Analysis, with_: str, previous: tuple[datetime, datetime], order: Order = (), **where: Any
) -> None:
    selection = f"""comparison(with: {with_}{", where: $where" if where else ""}) {{
      from to rowCount
      rows{order_by(order)} {{ {compared(COLUMNS[analysis.type], analysis.keys)} }}
      totals {{ {compared(TOTALS[analysis.type], ())} }}
    }}"""
    rows, totals = analysis.comparison(*previous, where.get("where"), order)
    answer = ask(site, analysis, selection, **where)["comparison"]
    assert (answer["from"], answer["to"]) == previous
    assert answer["rows"] == near(rows)
    assert answer["rowCount"] == len(rows)
    assert answer["totals"] == near(totals)


def between(start: datetime, end: datetime) -> str:
    return f'{{range: {{from: "{print_moment(start)}", to: "{print_moment(end)}"}}}}'


@pytest.mark.parametrize(("type", "parameters"), CASES)
@given(choose=st.data())
@drawn(4)
def test_two_ranges(site: Site, type: str, parameters: dict[str, Any], choose: st.DataObject) -> None:
    analysis = choose.draw(analyses(site, type, parameters))
    if choose.draw(st.booleans()):
        with_, previous = "{period: PREVIOUS_PERIOD}", previous_period(analysis.start, analysis.end)
    else:
        ends = choose.draw(st.lists(moments(), min_size=2, max_size=2, unique=True).map(sorted))
        with_, previous = between(*ends), (ends[0], ends[1])
    columns = COLUMNS[type].split()
    where = choose.draw(st.none() | filters(analysis.rows(), columns))
    measures = [name for name in columns if name not in analysis.keys and not name.endswith("Currency")]
    part = st.sampled_from(["current", "previous", "change", "relativeChange"])
    figures = st.builds(lambda name, part: f"{name}.{part}", st.sampled_from(measures), part)
    order = choose.draw(st.lists(st.tuples(figures | st.sampled_from(analysis.keys), st.booleans()), max_size=3))
    check(site, analysis, with_, previous, order, where=where)


@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_the_period_before(site: Site, type: str, parameters: dict[str, Any]) -> None:
    """Keys that only one side has are there, with figures over no calls on the other."""
    middle = datetime(2025, 11, 4, 12, 0, 0, 345000, UTC)
    for basis in BASES:
        analysis = Analysis(site.world, type, "05001", middle, middle + timedelta(days=9), basis, parameters)
        check(site, analysis, "{period: PREVIOUS_PERIOD}", (middle - timedelta(days=9), middle))


def test_money_in_another_currency_has_no_change(site: Site) -> None:
    """A destination that this customer paid in one currency before, and in another after."""
    middle = datetime(2025, 11, 4, tzinfo=UTC)
    analysis = Analysis(site.world, "USA_RATE_CENTER", "05001", middle, END, parameters={"side": "ORIGINATING"})
    selection = f"""comparison(with: {between(START, middle)}) {{
      rows(first: 100000) {{ customerCurrency {{ current previous }} totalCustomerCharge {PARTS} }}
    }}"""
    seen = set()
    for row in ask(site, analysis, selection)["comparison"]["rows"]:
        currencies, money = row["customerCurrency"], row["totalCustomerCharge"]
        known = None not in (money["current"], money["previous"])
        differ = None not in currencies.values() and currencies["current"] != currencies["previous"]
        assert (money["change"] is not None) is (known and not differ)
        seen.add((known, differ))
    assert seen == {(True, True), (True, False), (False, False)}


@pytest.fixture(scope="module")
def years(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with calls around the end of summer time of two years."""
    rows = [
        cdr_row(0, dt="2024-11-02 15:59:59.999", tech_prefix="early"),
        cdr_row(1, dt="2024-11-02 16:00:00.000", tech_prefix="first", duration="10"),
        cdr_row(2, dt="2024-11-03 03:59:59.999", tech_prefix="last", customer_charge="3"),
        cdr_row(3, dt="2024-11-03 04:00:00.000", tech_prefix="late"),
        cdr_row(4, dt="2025-11-02 16:59:59.999", tech_prefix="early"),
        cdr_row(5, dt="2025-11-02 17:00:00.000", tech_prefix="first", duration="40"),
        cdr_row(6, dt="2025-11-03 04:59:59.999", tech_prefix="new", sip_code="503"),
        cdr_row(7, dt="2025-11-03 05:00:00.000", tech_prefix="late"),
    ]
    made = site_of(rows, tmp_path_factory.mktemp("years"), engine)
    yield made
    made.directory.close()


@pytest.mark.parametrize(("type", "parameters"), CASES)
def test_a_year_later_on_the_clock_of_a_zone(years: Site, type: str, parameters: dict[str, Any]) -> None:
    start, end = datetime(2025, 11, 2, 17, tzinfo=UTC), datetime(2025, 11, 3, 5, tzinfo=UTC)
    before = datetime(2024, 11, 2, 16, tzinfo=UTC), datetime(2024, 11, 3, 4, tzinfo=UTC)
    analysis = Analysis(years.world, type, "5001", start, end, parameters=parameters)
    with_ = '{period: SAME_PERIOD_LAST_YEAR}, timeZone: "America/New_York"'
    check(years, analysis, with_, before)
    if type == "GROUP_BY_TECH_PREFIX":
        check(years, analysis, with_, before, where={"answeredCalls": {"eq": 0}})
        rows, _ = analysis.comparison(*before)
        assert [row["techPrefix"] for row in rows] == ["first", "last", "new"]


@pytest.mark.parametrize(
    ("start", "end", "zone", "previous"),
    [
        ("2024-02-29T00:00", "2024-03-01T00:00", "UTC", ("2023-02-28T00:00", "2023-03-01T00:00")),
        ("2024-02-01T00:00", "2024-03-01T00:00", "UTC", ("2023-02-01T00:00", "2023-03-01T00:00")),
        ("2025-02-01T00:00", "2025-03-01T00:00", "UTC", ("2024-02-01T00:00", "2024-03-01T00:00")),
        ("2024-03-01T04:00", "2024-03-02T00:00", "America/New_York", ("2023-03-01T04:00", "2023-03-02T00:00")),
        ("2024-03-01T00:00", "2024-03-05T00:00", "America/New_York", ("2023-03-01T00:00", "2023-03-05T00:00")),
        # In 2025 summer time ended on 2 November, in 2024 on the 3rd.
        ("2025-11-02T17:00", "2025-11-03T05:00", "America/New_York", ("2024-11-02T16:00", "2024-11-03T04:00")),
        ("2025-11-02T17:00", "2025-11-03T05:00", "UTC", ("2024-11-02T17:00", "2024-11-03T05:00")),
        # It ended on 26 October in Berlin, in 2024 on the 27th.
        ("2025-10-26T12:00", "2025-10-27T12:00", "Europe/Berlin", ("2024-10-26T11:00", "2024-10-27T12:00")),
        ("2025-10-27T18:30", "2025-10-28T18:30", "Asia/Kolkata", ("2024-10-27T18:30", "2024-10-28T18:30")),
    ],
)
def test_the_same_period_last_year(site: Site, start: str, end: str, zone: str, previous: tuple[str, str]) -> None:
    range_ = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end)]
    before = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in previous]
    assert [year_before(each, ZoneInfo(zone)) for each in range_] == before
    analysis = Analysis(site.world, "DID_AS_CLI", "5001", range_[0], range_[1])
    selection = f'comparison(with: {{period: SAME_PERIOD_LAST_YEAR}}, timeZone: "{zone}") {{ from to }}'
    answer = ask(site, analysis, selection)["comparison"]
    assert [answer["from"], answer["to"]] == before


@pytest.mark.parametrize(
    ("with_", "code"),
    [
        ('{range: {from: "2025-11-02T00:00:00Z", to: "2025-11-02T00:00:00Z"}}', "INVALID_RANGE"),
        ('{range: {from: "2025-11-03T00:00:00Z", to: "2025-11-02T00:00:00Z"}}', "INVALID_RANGE"),
        ('{range: {from: "2025-11-02T00:00:00", to: "2025-11-03T00:00:00Z"}}', "BAD_USER_INPUT"),
        ('{period: PREVIOUS_PERIOD}, timeZone: "Nowhere/Else"', "BAD_USER_INPUT"),
    ],
)
def test_what_is_no_period_is_refused(site: Site, with_: str, code: str) -> None:
    analysis = Analysis(site.world, "DID_AS_CLI", "5001", START, END)
    assert refusal(site, analysis, f"comparison(with: {with_}) {{ rowCount }}") == code


@pytest.mark.parametrize(
    "with_",
    [
        "{}",
        "{period: null}",
        '{period: PREVIOUS_PERIOD, range: {from: "2025-11-01T00:00:00Z", to: "2025-11-02T00:00:00Z"}}',
    ],
)
def test_one_period_is_compared_with(site: Site, with_: str) -> None:
    analysis = Analysis(site.world, "DID_AS_CLI", "5001", START, END)
    assert refusal(site, analysis, f"comparison(with: {with_}) {{ rowCount }}") == "GRAPHQL_VALIDATION_FAILED"


def test_a_text_has_no_change_to_order_by(site: Site) -> None:
    analysis = Analysis(site.world, "DTMF", "5001", START, END)
    for part in ("CHANGE", "RELATIVE_CHANGE"):
        rows = f"rows(orderBy: [{{column: PROVIDER_CURRENCY, by: {part}}}]) {{ route }}"
        assert (
            refusal(site, analysis, f"comparison(with: {{period: PREVIOUS_PERIOD}}) {{ {rows} }}") == "BAD_USER_INPUT"
        )
