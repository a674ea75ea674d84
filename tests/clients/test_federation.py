"""The API as a subgraph: Apollo composes its schema with another service's, and it answers as a router asks."""

from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse
from starlette.testclient import TestClient

from gqlreports.web.app import HttpOptions, create_app
from tests.cli.test_cli import printed_inside
from tests.clients.conftest import run, told
from tests.support import sites
from tests.support.sites import Site

TICKETS = """
extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])

type Query { ticket(id: ID!): Ticket }
type Ticket @key(fields: "id") { id: ID! customer: Customer! }
type Customer @key(fields: "id") { id: ID! tickets: [Ticket!]! }
"""
ENTITIES = """query ($representations: [_Any!]!) {
  _entities(representations: $representations) { __typename ... on Customer { id name currency } }
}"""


def entity(id: object) -> dict[str, object]:
    return {"__typename": "Customer", "id": id}


@pytest.fixture
def client(site: Site) -> TestClient:
    return TestClient(create_app(sites.REGISTRY, site.backend, site.directory, http=HttpOptions(federation=True)))


def ask(client: TestClient, key: str, query: str, **variables: Any) -> dict[str, Any]:
    asked = {"query": query, "variables": variables}
    answer: dict[str, Any] = client.post("/graphql", json=asked, headers={"Authorization": f"Bearer {key}"}).json()
    return answer


@pytest.mark.processes
@pytest.mark.parametrize("role", [(), ("--partner",), ("--admin",)], ids=str)
def test_apollo_composes_it_with_another_service(javascript: Path, tmp_path: Path, role: tuple[str, ...]) -> None:
    (javascript / "reports.graphql").write_text(printed_inside(tmp_path / "home", "sdl", "--federation", *role))
    (javascript / "tickets.graphql").write_text(TICKETS)
    command = ["node", "compose.js", "reports", "reports.graphql", "tickets", "tickets.graphql"]
    composed = told(run(command, javascript))
    assert composed["errors"] == []
    supergraph = build_schema(composed["supergraph"], assume_valid_sdl=True)
    customer = supergraph.type_map["Customer"]
    assert {"id", "name", "currency", "tickets"} == set(customer.fields)  # type: ignore[attr-defined]
    joined = str(composed["supergraph"]).partition("type Customer")[2].partition("{")[0]
    assert '@join__type(graph: REPORTS, key: "id")' in joined
    assert '@join__type(graph: TICKETS, key: "id")' in joined


def test_the_service_gives_the_schema_that_the_command_prints(client: TestClient, site: Site, tmp_path: Path) -> None:
    for key, role in ((site.staff_key, []), (site.partner_key("5001"), ["--partner"])):
        sdl = ask(client, key, "{ _service { sdl } }")["data"]["_service"]["sdl"]
        parse(sdl)
        assert sdl.strip() == printed_inside(tmp_path / "home", "sdl", "--federation", *role).strip()


def test_entities_are_the_customers_that_the_key_sees(client: TestClient, site: Site) -> None:
    asked = [entity("5001"), entity("nobody"), entity("5003")]
    fields = "{ __typename id name currency }"
    customers = site.data(f'{{ a: customer(id: "5001") {fields} b: customer(id: "5003") {fields} }}')
    answer = ask(client, site.staff_key, ENTITIES, representations=asked)
    assert answer["data"]["_entities"] == [customers["a"], None, customers["b"]]
    assert [(each["path"], each["extensions"]["code"]) for each in answer["errors"]] == [
        (["_entities", 1], "NOT_FOUND")
    ]
    partner = ask(client, site.partner_key("5003"), ENTITIES, representations=asked)
    assert partner["data"]["_entities"] == [None, None, customers["b"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        "5001",
        1,
        None,
        [],
        {"__typename": "Customer"},
        entity(5001),
        {"__typename": "ApiKey", "id": "5001"},
        {"__typename": "NewApiKey", "secret": "x"},
    ],
    ids=str,
)
def test_what_is_no_representation(client: TestClient, site: Site, wrong: object) -> None:
    answer = ask(client, site.staff_key, ENTITIES, representations=[wrong, entity("5001")])
    codes = {each["extensions"]["code"] for each in answer["errors"]}
    assert codes <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}
    if wrong is not None:
        assert [each and each["id"] for each in answer["data"]["_entities"]] == [None, "5001"]


def test_all_else_is_as_it_is_without(client: TestClient, site: Site) -> None:
    query = """{
      customers { __typename id } customersConnection { edges { node { id name } } }
      node(id: "5001") { __typename id ... on Customer { name } }
      customReport(customer: "5001", type: DTMF, from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z") {
        id customer { __typename name } ... on DtmfReport { rows { route digits } }
      }
    }"""
    assert ask(client, site.staff_key, query)["data"] == site.data(query)
    assert "_service" in site.error("{ _service { sdl } }")["message"]
