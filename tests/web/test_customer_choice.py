"""Which customers a caller may ask for together, by ids, by a group or all, as the directory has them at the time."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.limits import RequestLimits
from gqlreports.web.app import HttpOptions, create_app
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.sites import Site

RANGE = 'type: DID_AS_CLI, from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
REPORT = "{ customers { id } ... on DidAsCliReport { totals { count } totalsByCustomer { customerId count } } }"
ONE = f'{{ customReport(customer: "%s", {RANGE}) {{ customer {{ id }} }} }}'
IDS = ("5001", "5003", "05001")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = new_directory(tmp_path)
    made.save_customers([Customer(id=each, name=f"Name {each}", currency="USD") for each in IDS])
    made.groups.create("west", "In the west", ["5001", "5003"])
    made.groups.create("empty", "Nobody")
    yield made
    made.close()


@pytest.fixture
def client(site: Site, directory: Directory) -> Iterator[TestClient]:
    http = HttpOptions(RequestLimits(customers_per_report=2))
    with TestClient(create_app(sites.REGISTRY, site.backend, directory, http=http)) as client:
        yield client
    # The application has closed the store that other tests use.
    site.engine.close()


def answer(client: TestClient, key: str, query: str) -> dict[str, Any]:
    response = client.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {key}"})
    found: dict[str, Any] = response.json()
    return found


def asked(client: TestClient, key: str, customers: str, report: str = REPORT) -> dict[str, Any]:
    return answer(client, key, f"{{ customReports(customers: {{{customers}}}, {RANGE}) {report} }}")


def seen(client: TestClient, key: str, customers: str) -> list[str]:
    """The customers of a report, of which each has calls."""
    report = asked(client, key, customers)["data"]["customReports"]
    ids = [each["id"] for each in report["customers"]]
    assert [each["customerId"] for each in report["totalsByCustomer"]] == ids
    assert report["totals"]["count"] == sum(each["count"] for each in report["totalsByCustomer"]) > 0
    return ids


def refused(client: TestClient, key: str, customers: str) -> dict[str, Any]:
    [error] = asked(client, key, customers)["errors"]
    assert error["path"] == ["customReports"]
    return {"message": error["message"], **error["extensions"]}


def test_a_partner_asks_for_its_own_and_for_no_other(client: TestClient, directory: Directory) -> None:
    """What it may not see is told as what does not exist, and as in a report on one."""
    key = directory.create_key("Oak", Role.PARTNER, ["5001", "5003", "gone"])
    assert seen(client, key, 'ids: ["5003", "5001", "5003"]') == ["5001", "5003"]
    assert seen(client, key, 'ids: ["5003"]') == ["5003"]
    assert seen(client, key, "all: true") == ["5001", "5003"]
    for unseen in ("05001", "nobody", "gone", "5001\\u0000"):
        [alone] = answer(client, key, ONE % unseen)["errors"]
        for customers in (f'ids: ["{unseen}"]', f'ids: ["5001", "{unseen}"]', f'ids: ["{unseen}", "5003"]'):
            assert refused(client, key, customers) == {"message": alone["message"], **alone["extensions"]}
            assert alone["extensions"]["code"] == "NOT_FOUND"


def test_a_group_is_seen_by_those_who_are_limited_to_it_or_not_at_all(client: TestClient, directory: Directory) -> None:
    staff, own = directory.create_key("staff", Role.STAFF), directory.create_key("own", Role.STAFF, ["5001", "5003"])
    partner = directory.create_key("Oak", Role.PARTNER, groups=["west"])
    groups = "{ groups { id name customers } viewer { customers } }"
    for key in (staff, partner):
        assert seen(client, key, 'group: "west"') == ["5001", "5003"]
    west = {"id": "west", "name": "In the west", "customers": ["5001", "5003"]}
    empty = {"id": "empty", "name": "Nobody", "customers": []}
    assert answer(client, staff, groups)["data"] == {"groups": [empty, west], "viewer": {"customers": None}}
    assert answer(client, partner, groups)["data"] == {"groups": [west], "viewer": {"customers": ["5001", "5003"]}}
    assert answer(client, own, groups)["data"]["groups"] == []
    missing = refused(client, staff, 'group: "east"')
    assert missing["code"] == "NOT_FOUND"
    for key, group in ((own, "west"), (partner, "empty"), (staff, "\\u0000"), (staff, "")):
        told = refused(client, key, f'group: "{group}"')
        assert told["code"] == "NOT_FOUND"
        assert told["message"].replace(repr(group), repr("east")) == missing["message"] or "\\" in group
    assert refused(client, partner, 'ids: ["05001"]')["code"] == "NOT_FOUND"


def test_a_group_has_those_that_are_in_it_at_the_time(client: TestClient, directory: Directory) -> None:
    """Also where the same query is asked again, and so is not executed again."""
    staff, partner = (
        directory.create_key("staff", Role.STAFF),
        directory.create_key("Oak", Role.PARTNER, groups=["west"]),
    )
    for key in (staff, partner) * 2:
        assert seen(client, key, 'group: "west"') == ["5001", "5003"]
    assert seen(client, partner, "all: true") == ["5001", "5003"]
    directory.groups.remove("west", ["5001"])
    directory.groups.add("west", ["05001"])
    for key in (staff, partner):
        assert seen(client, key, 'group: "west"') == ["05001", "5003"]
    assert seen(client, partner, "all: true") == ["05001", "5003"]
    assert refused(client, partner, 'ids: ["5001", "5003"]')["code"] == "NOT_FOUND"
    directory.groups.remove("west", ["05001", "5003"])
    assert refused(client, partner, "all: true")["code"] == "BAD_USER_INPUT"
    assert refused(client, partner, 'ids: ["5003"]')["code"] == "NOT_FOUND"


def test_a_key_for_a_group_without_customers_sees_none(client: TestClient, directory: Directory) -> None:
    for role in (Role.STAFF, Role.PARTNER):
        key = directory.create_key("none", role, groups=["empty"])
        assert answer(client, key, "{ customers { id } }")["data"] == {"customers": []}
        assert answer(client, key, ONE % "5001")["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert refused(client, key, "all: true")["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("customers", "code", "told"),
    [
        ("ids: []", "BAD_USER_INPUT", "one customer or more"),
        ("all: false", "BAD_USER_INPUT", "`all`"),
        ('group: "empty"', "BAD_USER_INPUT", "no customers"),
        ("all: true", "LIMIT_EXCEEDED", "`customersPerReport` is 3 here, and at most 2"),
    ],
)
def test_what_is_no_choice_is_refused(
    client: TestClient, directory: Directory, customers: str, code: str, told: str
) -> None:
    error = refused(client, directory.create_key("staff", Role.STAFF), customers)
    assert error["code"] == code
    assert told in error["message"]


@pytest.mark.parametrize(
    "customers", ["", 'ids: ["5001"], all: true', "ids: null", "all: null", 'group: "west", ids: []']
)
def test_one_choice_is_made(client: TestClient, directory: Directory, customers: str) -> None:
    [error] = asked(client, directory.create_key("staff", Role.STAFF), customers)["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_the_customer_of_a_report_on_several_is_none_of_them(client: TestClient, directory: Directory) -> None:
    key = directory.create_key("staff", Role.STAFF)
    [error] = asked(client, key, 'group: "west"', "{ customer { id } }")["errors"]
    assert "`customers`" in error["message"]
    alone = asked(client, key, 'ids: ["5003"]', "{ customer { name } customers { name } }")["data"]["customReports"]
    assert alone == {"customer": {"name": "Name 5003"}, "customers": [{"name": "Name 5003"}]}


def test_the_run_of_each_customer_is_in_the_audit(site: Site, directory: Directory) -> None:
    key = directory.create_key("staff", Role.STAFF)
    with TestClient(create_app(sites.REGISTRY, site.backend, directory)) as client:
        assert seen(client, key, "all: true") == sorted(IDS)
        assert asked(client, key, 'ids: ["5001", "nobody"]')["errors"]
        assert asked(client, key, "all: true")["data"]
    site.engine.close()
    runs = directory.report_runs(10)
    assert sorted(each.customer_id for each in runs) == sorted(IDS * 2)
    assert len({(each.caller, each.report_type, each.range_start) for each in runs}) == 1
    assert len({each.request_id for each in runs}) == 2
    assert [each.customer_id for each in directory.report_runs(10, customer="5003")] == ["5003"] * 2


def test_reports_on_several_count_as_reports(site: Site, directory: Directory) -> None:
    http = HttpOptions(RequestLimits(reports_per_request=2))
    report = f"customReports(customers: {{all: true}}, {RANGE}) {{ type }}"
    query = f'{{ a: {report} b: {report} c: customReport(customer: "5001", {RANGE}) {{ type }} }}'
    with TestClient(create_app(sites.REGISTRY, site.backend, directory, http=http)) as client:
        [error] = answer(client, directory.create_key("staff", Role.STAFF), query)["errors"]
    site.engine.close()
    assert (error["extensions"]["limit"], error["extensions"]["value"]) == ("reportsPerRequest", 3)


def test_an_admin_makes_keys_for_groups(client: TestClient, directory: Directory) -> None:
    admin = directory.create_key("admin", Role.ADMIN)
    create = 'mutation { createKey(name: "theirs", role: PARTNER, groups: [%s]) { secret key { customers groups } } }'
    made = answer(client, admin, create % '"west"')["data"]["createKey"]
    assert made["key"] == {"customers": None, "groups": ["west"]}
    assert seen(client, made["secret"], "all: true") == ["5001", "5003"]
    [error] = answer(client, admin, create % '"east"')["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    [rotated] = answer(client, admin, f'mutation {{ rotateKey(id: "{made["secret"].split("_")[1]}") {{ secret }} }}')[
        "data"
    ].values()
    assert seen(client, rotated["secret"], 'group: "west"') == ["5001", "5003"]


def exported(client: TestClient, key: str, **given: str) -> Any:
    span = {"from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
    return client.get("/export/DID_AS_CLI.csv", params=given | span, headers={"Authorization": f"Bearer {key}"})


def test_an_export_of_several_customers(client: TestClient, directory: Directory) -> None:
    key = directory.create_key("Oak", Role.PARTNER, groups=["west"])
    file = exported(client, key, customers='{"group": "west"}', columns="account,destCli,count")
    assert "DID_AS_CLI_2-customers_2025-10-20_2025-11-20.csv" in file.headers["content-disposition"]
    same = exported(client, key, customers='{"ids": ["5003", "5001"]}', columns="account,destCli,count")
    assert file.text == same.text
    rows = "{ ... on DidAsCliReport { rows(first: 100000) { account destCli count } } }"
    report = asked(client, key, 'group: "west"', rows)["data"]["customReports"]
    assert len(report["rows"]) == len(list(csv.reader(io.StringIO(file.text)))) - 2 > 10
    for given, status in (
        ({"customers": '{"ids": ["5001", "05001"]}'}, 404),
        ({"customers": '{"group": "east"}'}, 404),
        ({"customers": '{"group": "west"}', "customer": "5001"}, 400),
        ({"customers": '{"ids": ["5001"], "all": true}'}, 400),
        ({"customers": "5001"}, 400),
        ({"customers": '{"ids": []}'}, 400),
        ({}, 400),
    ):
        assert exported(client, key, **given).status_code == status, given
