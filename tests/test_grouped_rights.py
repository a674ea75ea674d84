"""Who may group by what, what cannot be grouped, and dimensions of other packages; over HTTP."""

import csv
import io
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from gqlreports.errors import PluginError
from gqlreports.plugins import (
    COUNT,
    Dimensions,
    Report,
    Scope,
    attempts,
    cdr,
    count,
    currency,
    customer_charge,
    dimension,
    measure,
)
from gqlreports.plugins.registry import CALL_DIMENSIONS, DIMENSIONS, Registry
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.asking import exact
from tests.support.drawing import END, START
from tests.support.sites import Site

RANGE = 'customer: "05001", from: "2025-10-19T00:00:00Z", to: "2025-11-21T00:00:00Z"'


class BranchDimensions(Dimensions):
    """Of a package of its own."""

    branch = dimension(func.toInt64(cdr.c.branch_idx), "Which route attempt it is", type=COUNT)
    gateway = dimension(cdr.c.provider_id, "The provider, once more", staff_only=True)


class Late(Report):
    """A report with a statement of its own."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Any:
        return select(*super().statement(scope).subquery("inner").c)


class Taken(Report):
    """A measure has the name of a dimension."""

    account = dimension(cdr.c.account, "Account")
    switch = measure(attempts, "Calls")


PLUGINS = [
    EntryPoint("BRANCHES", f"{__name__}:BranchDimensions", DIMENSIONS),
    EntryPoint("LATE", f"{__name__}:Late", "gqlreports.reports"),
    EntryPoint("TAKEN", f"{__name__}:Taken", "gqlreports.reports"),
]


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    outside = Registry.load(PLUGINS, strict=True)
    registry = Registry(MappingProxyType({**sites.REGISTRY.reports, **outside.reports}), dimensions=outside.dimensions)
    return TestClient(create_app(registry, site.backend, site.directory))


def ask(client: TestClient, key: str, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(
        "/graphql", json={"query": query}, headers={"Authorization": f"Bearer {key}"}
    ).json()
    return answer


def error(client: TestClient, key: str, arguments: str) -> tuple[str, str]:
    [found] = ask(client, key, f"{{ customReport({RANGE}, {arguments}) {{ type }} }}")["errors"]
    return found["extensions"]["code"], found["message"]


def test_a_partner_sees_no_dimension_for_staff(site: Site) -> None:
    query = """{
      __schema { types { name fields { name } inputFields { name } enumValues { name } } }
      reportTypes { name dimensions { name constant staffOnly } }
    }"""
    key = site.partner_key("05001")
    seen, all_of_it = site.data(query, key), site.data(query)
    for name in ("provider", "PROVIDER", "route", "ROUTE", "Provider"):
        assert f"'{name}'" not in str(seen)
    assert "'PROVIDER'" in str(all_of_it)
    assert "'ACCOUNT'" in str(seen)
    assert not any(each["staffOnly"] for report in seen["reportTypes"] for each in report["dimensions"])


@pytest.mark.parametrize("argument", ["groupBy: [NAME]", 'filter: {NAME: {eq: "1"}}', "groupBy: [ACCOUNT, NAME]"])
def test_a_dimension_for_staff_is_as_one_that_is_not_there(site: Site, argument: str) -> None:
    key = site.partner_key("05001")
    hidden, missing = ("PROVIDER", "ABSENTEE") if "groupBy" in argument else ("provider", "absentee")
    query = f"{{ customReport({RANGE}, type: BREAKOUT, {argument}) {{ type }} }}"
    answers = [site.error(query.replace("NAME", name), key) for name in (hidden, missing)]
    assert str(answers[0]).replace(hidden, missing) == str(answers[1])
    staff = site.ask(query.replace("NAME", hidden))
    assert "errors" not in staff


def test_a_partner_has_its_own_figures_alone(site: Site) -> None:
    """Without the provider's money, and not split by the provider's currency."""
    key = site.partner_key("05001")
    query = f"""{{ customReport({RANGE}, type: BREAKOUT, groupBy: [ACCOUNT],
      parameters: {{breakout: {{byCurrency: true}}}}) {{
        ... on BreakoutGroupedReport {{ rows {{ account customerCurrency customerCharge }} }} }} }}"""
    rows = site.data(query, key)["customReport"]["rows"]
    keys = [(row["account"], row["customerCurrency"]) for row in rows]
    cdrs = [cdr for cdr in site.world.cdrs if cdr.customer_id == "05001" and START <= cdr.dt < END]
    assert len(keys) == len(set(keys))
    assert set(keys) == {(cdr.account, cdr.customer_currency or None) for cdr in cdrs}
    wrong = query.replace("customerCharge", "profit")
    assert site.error(wrong, key)["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_dimensions_of_another_package(client: TestClient, site: Site) -> None:
    query = f"""{{ customReport({RANGE}, type: BREAKOUT, groupBy: [BRANCH], filter: {{branch: {{lt: 3}}}}) {{
      ... on BreakoutGroupedReport {{ rows {{ branch connected }} callCount }} }} }}"""
    found = ask(client, site.staff_key, query)["data"]["customReport"]
    cdrs = [cdr for cdr in site.world.cdrs if cdr.customer_id == "05001" and START <= cdr.dt < END]
    few = [cdr for cdr in cdrs if cdr.branch_idx < 3]
    assert found["rows"] == [
        {"branch": branch, "connected": sum(cdr.answered for cdr in few if cdr.branch_idx == branch)}
        for branch in sorted({cdr.branch_idx for cdr in few})
    ]
    assert found["callCount"] == len(few)
    code, _ = error(client, site.partner_key("05001"), "type: BREAKOUT, groupBy: [GATEWAY]")
    assert code == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("type: LATE, groupBy: [ACCOUNT]", "LATE writes its own statement, so it cannot be grouped; leave out"),
        ("type: TAKEN, groupBy: [SWITCH]", "TAKEN cannot be grouped by 'SWITCH'; there are CUSTOMER, ACCOUNT,"),
        ("type: BREAKOUT, groupBy: []", "`groupBy` names no dimension; for all rows together ask for `totals`"),
        ("type: BREAKOUT, filter: {account: {eq: null}}", "account.eq is null"),
    ],
)
def test_what_cannot_be_grouped_says_so(client: TestClient, site: Site, arguments: str, told: str) -> None:
    code, message = error(client, site.staff_key, arguments)
    assert code == "BAD_USER_INPUT"
    assert message.startswith(told)


def test_a_statement_of_its_own_can_be_filtered(client: TestClient, site: Site) -> None:
    query = f"""{{ customReport({RANGE}, type: LATE, filter: {{switch: {{eq: "east-1"}}}}) {{
      ... on LateReport {{ totals {{ calls }} }} }} reportTypes {{ name groupedTypeName dimensions {{ name }} }} }}"""
    found = ask(client, site.staff_key, query)["data"]
    calls = [c for c in site.world.cdrs if c.customer_id == "05001" and START <= c.dt < END and c.switch == "east-1"]
    assert found["customReport"]["totals"]["calls"] == sum(cdr.branch_idx == 0 for cdr in calls)
    [late] = [each for each in found["reportTypes"] if each["name"] == "LATE"]
    assert late == {"name": "LATE", "groupedTypeName": None, "dimensions": []}


def test_what_has_the_name_of_a_measure_is_not_offered(client: TestClient, site: Site) -> None:
    found = ask(client, site.staff_key, "{ reportTypes { name dimensions { name } } }")["data"]["reportTypes"]
    offered = {each["name"]: {one["name"] for one in each["dimensions"]} for each in found}
    assert offered["BREAKOUT"] - offered["TAKEN"] == {"switch"}
    assert offered["BREAKOUT"] == {*(each.graphql_name for each in CALL_DIMENSIONS), "branch", "gateway"}


def test_one_figure_has_one_id(site: Site) -> None:
    found = site.data("{ reportTypes { name columns { name id } } }")["reportTypes"]
    ids = {(report["name"], each["name"]): each["id"] for report in found for each in report["columns"]}
    alike = {
        "attempts": [("BREAKOUT", "attempts"), ("GROUP_BY_TECH_PREFIX", "total"), ("USA_RATE_CENTER", "callCount"),
                     ("DID_AS_CLI", "count"), ("USA_CALLS", "calls"), ("PER_NUMBER", "attempts")],
        "route_attempts": [("ASR_PER_ROUTE", "attempts"), ("RELEASE_REASONS", "attempts")],
        "answered": [("BREAKOUT", "connected"), ("DTMF", "answeredCalls")],
        "asr": [("GROUP_BY_TECH_PREFIX", "asr"), ("BREAKOUT", "asr")],
        "route_asr": [("ASR_PER_ROUTE", "asr")],
        "customer_currency": [("USA_RATE_CENTER", "customerCurrency"), ("BREAKOUT", "customerCurrency")],
        "route": [("DTMF", "route"), ("ASR_PER_ROUTE", "route")],
        "usa_calls.state": [("USA_CALLS", "state")],
        "dtmf.digits": [("DTMF", "digits")],
    }  # fmt: skip
    assert {column: ids[column] for columns in alike.values() for column in columns} == {
        column: id for id, columns in alike.items() for column in columns
    }


def export(site: Site, key: str, **arguments: Any) -> Any:
    given = {"customer": "05001", "from": "2025-10-19T00:00:00Z", "to": "2025-11-21T00:00:00Z"}
    given |= {name: orjson.dumps(value).decode() for name, value in arguments.items()}
    headers = {"Authorization": f"Bearer {key}"}
    return site.client.get("/export/per_number.csv", params=given, headers=headers)


def test_an_export_is_grouped_as_the_query_is(site: Site) -> None:
    only = {"sipCode": {"gte": 200}}
    response = export(site, site.staff_key, groupBy=["WEEKDAY", "IS_DID"], filter=only, orderBy=[{"column": "IS_DID"}])
    header, *rows = csv.reader(io.StringIO(response.text))
    arguments = "groupBy: [WEEKDAY, IS_DID], filter: {sipCode: {gte: 200}}"
    query = f"""{{ customReport({RANGE}, type: PER_NUMBER, {arguments}) {{
      ... on PerNumberGroupedReport {{ rows(orderBy: [{{column: IS_DID}}]) {{ {" ".join(header)} }} }} }} }}"""
    expected = exact(site.data(query)["customReport"]["rows"])
    assert header[:2] == ["weekday", "isDid"]
    assert "account" not in header
    assert [row[:3] for row in rows[:-1]] == [
        [str(each["weekday"]), str(each["isDid"]).lower(), str(each["attempts"])] for each in expected
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"groupBy": ["NOTHING"]}, "groupBy"),
        ({"groupBy": []}, "`groupBy` names no dimension"),
        ({"filter": {"nothing": {"eq": 1}}}, "nothing"),
        ({"groupBy": ["ACCOUNT"], "orderBy": [{"column": "SWITCH"}]}, "switch is no key of the rows"),
    ],
)
def test_an_export_says_what_is_wrong(site: Site, arguments: dict[str, Any], told: str) -> None:
    response = export(site, site.staff_key, **arguments)
    assert response.status_code == 400
    assert told in response.json()["errors"][0]["message"]
    partner = export(site, site.partner_key("05001"), groupBy=["PROVIDER"])
    assert partner.status_code == 400


class Nothing(Dimensions):
    constant = dimension(func.toInt64(1), "One", type=COUNT)


class Again(Dimensions):
    account = dimension(cdr.c.account, "Account")


class Inner(Dimensions):
    busy = dimension(cdr.c.account.in_(select(cdr.c.account)), "Busy")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Nothing", "dimension constant of Nothing reads no column of cdr"),
        ("Again", "dimension account of Again has the name of a dimension that is there"),
        ("Inner", "dimension busy of Inner has a subquery"),
        ("Late", "Late is not a subclass of gqlreports.plugins.Dimensions"),
        ("Absent", "no such class can be loaded"),
    ],
)
def test_a_faulty_dimension_is_left_out(name: str, told: str) -> None:
    plugin = EntryPoint("ODD", f"{__name__}:{name}", DIMENSIONS)
    with pytest.raises(PluginError, match=told):
        Registry.load([plugin], strict=True)
    registry = Registry.load([plugin, *PLUGINS])
    assert [each.name for each in registry.refused] == ["ODD"]
    assert len(registry.dimensions) == len(CALL_DIMENSIONS) + 2


def test_a_measure_is_no_dimension() -> None:
    with pytest.raises(TypeError, match="calls of Wrong is a measure"):
        type("Wrong", (Dimensions,), {"calls": measure(count(None, "calls"), "Calls")})
    with pytest.raises(TypeError, match="code of Wrong depends on parameters"):
        type("Wrong", (Dimensions,), {"code": currency(customer_charge, "Code")})


def test_a_name_of_a_grouped_report_is_refused() -> None:
    with pytest.raises(PluginError, match="the name LATE_GROUPED is like those of grouped reports"):
        Registry.load([EntryPoint("LATE_GROUPED", f"{__name__}:Late", "gqlreports.reports")], strict=True)
