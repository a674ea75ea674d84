"""Objects with ids: `node` and `nodes` find them again, with the rights of whoever asks; lists as connections."""

from collections.abc import Iterator
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.limits import RequestLimits
from gqlreports.schema.opaque import opaque
from gqlreports.schema.request import ReportRequest
from gqlreports.web.app import HttpOptions, create_app
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.sites import Site

RANGE = {"from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
REPORT = """
query ($customer: ID! = "5001", $type: ReportType! = USA_RATE_CENTER, $from: DateTime!, $to: DateTime!
    $basis: CountingBasis, $parameters: ReportParameters, $asOf: DateTime
    $groupBy: [ReportDimension!], $filter: ReportFilter) {
  report: customReport(customer: $customer, type: $type, from: $from, to: $to, basis: $basis,
      parameters: $parameters, asOf: $asOf, groupBy: $groupBy, filter: $filter) {
    __typename id type customer { id } from to basis asOf groupBy
    ... on UsaRateCenterGroupedReport { rows { account destinationCountry callCount } rowCount }
    ... on UsaRateCenterReport { rows(first: 5) { prefix rc callCount totalCustomerCharge } rowCount }
  }
}"""
NODE = """
query ($id: ID!) {
  report: node(id: $id) {
    __typename id
    ... on CustomReport { type customer { id } from to basis asOf groupBy }
    ... on UsaRateCenterGroupedReport { rows { account destinationCountry callCount } rowCount }
    ... on UsaRateCenterReport { rows(first: 5) { prefix rc callCount totalCustomerCharge } rowCount }
  }
}"""
VARIED: list[dict[str, Any]] = [
    {},
    {"customer": "5003"},
    {"type": "DTMF"},
    {"from": "2025-10-20T00:00:00.001Z"},
    {"from": "2025-10-20T00:00:00.0010005Z"},
    {"to": "2025-11-19T00:00:00Z"},
    {"basis": "ATTEMPT"},
    {"parameters": {"usaRateCenter": {"byCurrency": True}}},
    {"parameters": {"usaRateCenter": {"side": "ORIGINATING"}}},
    {"asOf": "2026-01-01T00:00:00Z"},
    {"groupBy": ["ACCOUNT"]},
    {"groupBy": ["ACCOUNT", "DESTINATION_COUNTRY"]},
    {"groupBy": ["DESTINATION_COUNTRY", "ACCOUNT"]},
    {"filter": {"sipCode": {"ne": 404}}},
    {"filter": {"sipCode": {"in": [404, 486]}}},
    {
        "filter": {
            "not": {"sipCode": {"eq": 404}},
            "or": [{"account": {"isNull": True}}, {"account": {"startsWith": "5"}}],
        }
    },
    {"groupBy": ["ACCOUNT"], "filter": {"sipCode": {"ne": 404}}},
]


def report(site: Site, given: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = site.data(REPORT, key, **{**RANGE, **given})["report"]
    return found


@pytest.mark.parametrize("given", VARIED, ids=str)
def test_a_report_is_found_again_by_its_id(site: Site, given: dict[str, Any]) -> None:
    before = report(site, given)
    for _ in range(2):
        assert site.data(NODE, id=before["id"])["report"] == before


def test_other_arguments_have_another_id_and_equal_ones_the_same(site: Site) -> None:
    ids = [report(site, each)["id"] for each in VARIED]
    assert all(one != other for one, other in combinations(ids, 2))
    equal: list[dict[str, Any]] = [
        {"from": "2025-10-20T05:30:00+05:30"},
        {"basis": "CALL"},
        {"basis": None},
        {"parameters": {"usaRateCenter": {}}},
        {"parameters": {"usaRateCenter": {"byCurrency": False, "side": "TERMINATING"}}},
    ]
    assert {report(site, each)["id"] for each in equal} == {ids[0]}
    assert report(site, {}, site.partner_key("5001"))["id"] == ids[0]


def test_an_id_has_all_that_a_request_has() -> None:
    """Whoever adds an argument to reports must add it to their ids, or caches take one report for another.

    The rest is of the caller.
    """
    in_ids = {"report", "customers", "start", "end", "parameters", "basis", "as_of", "filter"}
    assert {each.name for each in fields(ReportRequest)} == in_ids | {"staff", "masked"}


def test_an_id_gives_no_rights(site: Site) -> None:
    others, dtmf = report(site, {"customer": "5003"})["id"], report(site, {"type": "DTMF"})["id"]
    partner = site.partner_key("5001")
    assert site.error(NODE, partner, id=others)["extensions"]["code"] == "NOT_FOUND"
    assert site.error(NODE, partner, id=dtmf)["extensions"]["code"] == "NOT_FOUND"
    limited = site.directory.create_key("limited", Role.STAFF, reports=["DTMF"])
    assert site.error(NODE, limited, id=others)["extensions"]["code"] == "NOT_FOUND"
    assert site.ask(NODE, partner, id=others)["data"] == {"report": None}


WRONG = [
    "",
    "nobody",
    "Report:",
    "Report:!",
    "Report:e30",
    "Report:" + opaque([["5001"], "NONE", 0, 1, "CALL", {}, None, None, None]),
    "Report:" + opaque([["5001"], "DTMF", 0, 1, "NONE", {}, None, None, None]),
    "Report:" + opaque([["5001"], "DTMF", 0, True, "CALL", {}, None, None, None]),
    "Report:" + opaque([["5001"], "DTMF", 0, 1 << 62, "CALL", {}, None, None, None]),
    "Report:" + opaque([["5001"], "DTMF", 0, 1, "CALL", {}]),
    *(
        "Report:" + opaque([ids, "DTMF", 0, 1, "CALL", {}, None, keys, only])
        for ids, keys, only in (
            ([], None, None),
            ([1], None, None),
            ("5001", None, None),
            (["5001"], [1], None),
            (["5001"], None, []),
            (["5001"], None, [["ACCOUNT", "EQ", 0], []]),
            (["5001"], None, [["ACCOUNT", "EQ", 0], [1]]),
            (["5001"], None, [["ACCOUNT", "EQ", True], ["a"]]),
            (["5001"], None, [["ACCOUNT", "IN", 0], ["a"]]),
            (["5001"], None, [["ACCOUNT", "NONE", 0], ["a"]]),
            (["5001"], None, [["NONE", "EQ", 0], ["a"]]),
            (["5001"], None, [["SIP_CODE", "EQ", 0], ["404"]]),
            (["5001"], None, [["SIP_CODE", "CONTAINS", 0], ["4"]]),
            (["5001"], None, [["not"], []]),
            (["5001"], None, [[], []]),
            (["5001"], None, [["either", 1], []]),
        )
    ),
    "ReportType:NONE",
    "ReportType:",
    "000000000000",
]


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN], ids=str)
@pytest.mark.parametrize("id", WRONG)
def test_what_is_no_id(site: Site, id: str, role: Role) -> None:
    answer = site.ask("query ($id: ID!) { node(id: $id) { id } }", site.directory.create_key("x", role), id=id)
    assert answer["data"] == {"node": None}
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["NOT_FOUND"]


def test_an_id_with_what_a_report_does_not_take(site: Site) -> None:
    backwards = "Report:" + opaque([["5001"], "DTMF", 1, 0, "CALL", {}, None, None, None])
    assert site.error(NODE, id=backwards)["extensions"]["code"] == "INVALID_RANGE"
    unknown = "Report:" + opaque([["5001"], "USA_RATE_CENTER", 0, 1, "CALL", {"side": "UP"}, None, None, None])
    assert "Parameter side of USA_RATE_CENTER" in site.error(NODE, id=unknown)["message"]


def test_a_report_on_several_customers_is_found_again(site: Site) -> None:
    query = """query ($customers: ReportCustomers!, $from: DateTime!, $to: DateTime!) {
      report: customReports(customers: $customers, type: DTMF, from: $from, to: $to) { id }
    }"""
    found = """query ($id: ID!) { report: node(id: $id) { id ... on CustomReport { type customers { id } } } }"""
    ids = [site.data(query, **RANGE, customers={"ids": each})["report"]["id"] for each in (["5001", "5003"], ["5001"])]
    assert ids[0] != ids[1]
    for id, customers in zip(ids, (["5001", "5003"], ["5001"]), strict=True):
        shown = {"id": id, "type": "DTMF", "customers": [{"id": each} for each in customers]}
        assert site.data(found, id=id)["report"] == shown
    assert site.error(found, site.partner_key("5001"), id=ids[0])["extensions"]["code"] == "NOT_FOUND"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    directory = new_directory(tmp_path)
    directory.save_customers([Customer(id=str(each), name=f"C {each}", currency="USD") for each in range(5001, 5006)])
    yield directory
    directory.close()


def ask(client: TestClient, key: str, query: str, **variables: Any) -> dict[str, Any]:
    asked = {"query": query, "variables": variables}
    answer: dict[str, Any] = client.post("/graphql", json=asked, headers={"Authorization": f"Bearer {key}"}).json()
    return answer


def test_a_report_that_is_found_is_audited_and_counted(site: Site, directory: Directory) -> None:
    id, key = report(site, {})["id"], directory.create_key("ours", Role.STAFF)
    http = HttpOptions(limits=RequestLimits(reports_per_request=2))
    with TestClient(create_app(sites.REGISTRY, site.backend, directory, http=http)) as client:
        assert "errors" not in ask(client, key, NODE, id=id)
        three = "query ($id: ID!) { a: node(id: $id) { id } b: node(id: $id) { id } c: node(id: $id) { id } }"
        [refused] = ask(client, key, three, id=id)["errors"]
        assert refused["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert [(run.report_type, run.customer_id) for run in directory.report_runs(9)] == [("USA_RATE_CENTER", "5001")]
    site.engine.close()


def test_report_types_customers_and_keys(site: Site) -> None:
    admin = site.directory.create_key("admin", Role.ADMIN)
    query = """{
      reportTypes { __typename id title } customers { __typename id name currency }
      keys { __typename id name role createdAt }
    }"""
    found = site.data(query, admin)
    every = [*found["reportTypes"], *found["customers"][:20], *found["keys"][:20]]
    one = """query ($id: ID!) { node(id: $id) { __typename id ... on ReportTypeInfo { title }
      ... on Customer { name currency } ... on ApiKey { name role createdAt } } }"""
    assert [site.data(one, admin, id=each["id"])["node"] for each in every] == every
    assert len({each["id"] for each in every}) == len(every)
    several = one.replace("$id: ID!", "$ids: [ID!]!").replace("node(id: $id)", "nodes(ids: $ids)")
    assert site.data(several, admin, ids=[each["id"] for each in every])["nodes"] == every
    staff = one.replace("... on ApiKey { name role createdAt }", "")
    assert site.error(staff, id=found["keys"][0]["id"])["extensions"]["code"] == "NOT_FOUND"


def test_of_several_each_is_there_or_has_its_error(site: Site) -> None:
    partner = site.partner_key("5001")
    ids = ["5001", "5003", "ReportType:DTMF", "ReportType:USA_CALLS", report(site, {})["id"]]
    answer = site.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", partner, ids=ids)
    assert answer["data"]["nodes"] == [{"id": "5001"}, None, None, {"id": "ReportType:USA_CALLS"}, None]
    assert [each["path"] for each in answer["errors"]] == [["nodes", 1], ["nodes", 2], ["nodes", 4]]
    codes = [each["extensions"]["code"] for each in answer["errors"]]
    assert codes == ["NOT_FOUND", "NOT_FOUND", "BAD_USER_INPUT"]
    many = site.error("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["5001"] * 101)
    assert many["extensions"]["code"] == "LIMIT_EXCEEDED"


PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } }"


def all_pages(site: Site, key: str, field: str, size: int) -> list[list[str]]:
    """The ids of each page of a connection."""
    pages: list[list[str]] = []
    after = None
    while True:
        query = f"query ($after: String) {{ {field}(first: {size}, after: $after) {{ {PAGE} }} }}"
        page = site.data(query, key, after=after)[field]
        pages.append([each["node"]["id"] for each in page["edges"]])
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        cursors = [each["cursor"] for each in page["edges"]]
        assert [page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]] == [cursors[0], cursors[-1]]
        if not page["pageInfo"]["hasNextPage"]:
            return pages
        after = cursors[-1]


@pytest.mark.parametrize(("field", "list_of"), [("customersConnection", "customers"), ("keysConnection", "keys")])
def test_the_pages_of_a_connection_are_the_list(site: Site, field: str, list_of: str) -> None:
    admin = site.directory.create_key("admin", Role.ADMIN)
    for number in range(5):
        site.directory.create_key(f"key {number}", Role.STAFF)
    whole = [each["id"] for each in site.data(f"{{ {list_of} {{ id }} }}", admin)[list_of]]
    assert len(whole) > 3
    for size in (1, 2, len(whole), 200):
        pages = all_pages(site, admin, field, size)
        assert [id for page in pages for id in page] == whole
        assert all(len(page) == size for page in pages[:-1])


def test_a_connection_of_customers_is_that_of_the_caller(site: Site) -> None:
    partner = site.partner_key("5001", "5003")
    assert all_pages(site, partner, "customersConnection", 1) == [["5001"], ["5003"]]
    found = site.data('{ customersConnection(search: "5003") { edges { node { id } } } }')
    assert found == {"customersConnection": {"edges": [{"node": {"id": "5003"}}]}}
    empty = site.data(f"{{ customersConnection(first: 0) {{ {PAGE} }} }}")["customersConnection"]
    page_info = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert empty == {"pageInfo": page_info, "edges": []}


@pytest.mark.parametrize("field", ["customersConnection", "keysConnection", "loadsConnection"])
@pytest.mark.parametrize("page", ['after: "x"', 'after: "e30"', f'after: "{opaque([1 << 62, "zz", 1])}"', "first: -1"])
def test_what_is_no_page(site: Site, field: str, page: str) -> None:
    admin = site.directory.create_key("admin", Role.ADMIN)
    assert (
        site.error(f"{{ {field}({page}) {{ edges {{ cursor }} }} }}", admin)["extensions"]["code"] == "BAD_USER_INPUT"
    )
