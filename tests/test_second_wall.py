"""A plugin that tries every way round the walls, asked as any report is, on every kind of store."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from gqlreports.plugins.registry import GROUP, Registry
from gqlreports.web.app import create_app
from tests.backends.test_wall import FILTERED, IMPOSSIBLE
from tests.conftest import SITES, STORES
from tests.support.burglar import WAYS
from tests.support.sites import OPERATOR, Site
from tests.support.stores import ServedStore

pytestmark = pytest.mark.thorough

QUERY = """query ($way: String!, $customer: ID!) {
  customReport(
    customer: $customer, type: BURGLAR, from: "2025-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z"
    parameters: {burglar: {way: $way}}
  ) { ... on BurglarReport { rows { found calls } rowCount totals { calls } } }
}"""
REGISTRY = [EntryPoint("BURGLAR", "tests.support.burglar:Burglar", GROUP)]


@pytest.fixture(scope="module", params=STORES)
def burgled(request: pytest.FixtureRequest) -> Iterator[tuple[TestClient, Directory]]:
    site: Site = request.getfixturevalue(SITES[request.param])
    registry = Registry.load(REGISTRY, strict=True)
    if request.param == "embedded":
        yield TestClient(create_app(registry, site.backend, site.directory)), site.directory
        return
    served: ServedStore = request.getfixturevalue("site_store" if request.param == "server" else "site_cluster_store")
    with TestClient(create_app(registry, served.backend(), site.directory)) as client:
        yield client, site.directory


def asked(client: TestClient, key: str, customer: str, way: str) -> dict[str, Any]:
    body = {"query": QUERY, "variables": {"way": way, "customer": customer}}
    response = client.post("/graphql", json=body, headers={"Authorization": f"Bearer {key}"})
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("way", WAYS)
def test_a_plugin_finds_only_its_callers_customer(burgled: tuple[TestClient, Directory], way: str) -> None:
    """Whatever way it takes, its rows are those of the one customer of the request, or it has none."""
    client, directory = burgled
    own = _customers(directory)[0]
    answer = asked(client, directory.create_key("burglar", Role.PARTNER, [own]), own, way)
    if way in FILTERED:
        assert "errors" not in answer
        assert {row["found"] for row in answer["data"]["customReport"]["rows"]} <= {own}
        return
    assert not (answer["data"]["customReport"] or {}).get("rows")
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    # The operator's own tables are not in this store, so there is none to refuse.
    assert codes == {"STATEMENT_REFUSED"} if way in IMPOSSIBLE else codes <= {"STATEMENT_REFUSED", "STORE_FAILED"}


def test_each_customer_has_a_filter_of_its_own(burgled: tuple[TestClient, Directory]) -> None:
    """The bare table holds the asked customer's rows, also for staff, and one after the other."""
    client, directory = burgled
    key = directory.create_key("staff", Role.STAFF)
    first, second, *_ = _customers(directory)
    for customer in (first, second, first):
        report = asked(client, key, customer, "bare table")["data"]["customReport"]
        assert [row["found"] for row in report["rows"]] == [customer]
        assert report["rowCount"] == 1
        assert report["totals"]["calls"] == report["rows"][0]["calls"] > 0


@pytest.mark.parametrize("way", WAYS)
def test_a_plugin_finds_only_the_customers_of_the_request(burgled: tuple[TestClient, Directory], way: str) -> None:
    """Also of a key that sees more of them."""
    client, directory = burgled
    first, second, third, *_ = _customers(directory)
    key = directory.create_key("burglar", Role.PARTNER, [first, second, third])
    query = QUERY.replace("$customer: ID!", "$of: [ID!]!").replace(
        "customReport(\n    customer: $customer", "customReports(\n    customers: {ids: $of}"
    )
    body = {"query": query, "variables": {"way": way, "of": [first, second]}}
    report = client.post("/graphql", json=body, headers={"Authorization": f"Bearer {key}"}).json()
    found = {row["found"] for row in ((report["data"] or {}).get("customReports") or {}).get("rows") or ()}
    if way in FILTERED:
        assert "errors" not in report
        assert found <= {first, second}
        assert found == {first, second} or way != "bare table"
    else:
        assert not found
        assert report["errors"]


def _customers(directory: Directory) -> list[str]:
    return [customer.id for customer in directory.customers(OPERATOR, None, 1000, None)]
