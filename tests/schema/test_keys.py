"""What each role may do, and how admins manage keys over GraphQL."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.directory import models
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.schema.keys import ApiKey, NewApiKey
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.sites import Site

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
FIELDS = "id name role customers reports networks createdAt expiresAt revokedAt replacedBy"
ROLES = ("ADMIN", "STAFF", "PARTNER", "LIMITED")


@dataclass
class Api:
    client: TestClient
    directory: Directory
    keys: dict[str, str]

    def ask(self, query: str, key: str, **variables: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.keys.get(key, key)}"}
        answer: dict[str, Any] = self.client.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        ).json()
        return answer

    def data(self, query: str, key: str = "ADMIN", **variables: Any) -> dict[str, Any]:
        answer = self.ask(query, key, **variables)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def code(self, query: str, key: str = "ADMIN", **variables: Any) -> str:
        [error] = self.ask(query, key, **variables)["errors"]
        code: str = error["extensions"]["code"]
        return code


@pytest.fixture(scope="module")
def api(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    directory = new_directory(tmp_path_factory.mktemp("keys"))
    directory.save_customers([Customer(id=each, name=f"Customer {each}", currency="USD") for each in ("5001", "5003")])
    keys = {
        "ADMIN": directory.create_key("Ann", Role.ADMIN),
        "STAFF": directory.create_key("Bob", Role.STAFF),
        "PARTNER": directory.create_key("Oak", Role.PARTNER, ["5003"]),
        "LIMITED": directory.create_key("Eve", Role.STAFF, ["5001"], reports=["DID_AS_CLI"]),
    }
    yield Api(TestClient(create_app(sites.REGISTRY, site.backend, directory)), directory, keys)
    directory.close()


def report(customer: str, type: str) -> str:
    return f'{{ customReport(customer: "{customer}", type: {type}, {RANGE}) {{ type }} }}'


UNKNOWN = "GRAPHQL_VALIDATION_FAILED"
ACTIONS: list[tuple[str, tuple[str, str, str, str]]] = [
    ("{ viewer { role } }", ("yes", "yes", "yes", "yes")),
    ("{ reportTypes { name } }", ("yes", "yes", "yes", "yes")),
    ('{ customer(id: "5003") { name } }', ("yes", "yes", "yes", "NOT_FOUND")),
    ('{ customer(id: "5001") { name } }', ("yes", "yes", "NOT_FOUND", "yes")),
    (report("5003", "USA_RATE_CENTER"), ("yes", "yes", "yes", "NOT_FOUND")),
    (report("5001", "USA_RATE_CENTER"), ("yes", "yes", "NOT_FOUND", "NOT_FOUND")),
    (report("5001", "DID_AS_CLI"), ("yes", "yes", "NOT_FOUND", "yes")),
    (report("5003", "DID_AS_CLI"), ("yes", "yes", "yes", "NOT_FOUND")),
    (report("5003", "DTMF"), ("yes", "yes", UNKNOWN, "NOT_FOUND")),
    ("{ keys { id } }", ("yes", UNKNOWN, UNKNOWN, UNKNOWN)),
    ('mutation { createKey(name: "x", role: STAFF) { secret } }', ("yes", UNKNOWN, UNKNOWN, UNKNOWN)),
    ('mutation { rotateKey(id: "KEY") { secret } }', ("yes", UNKNOWN, UNKNOWN, UNKNOWN)),
    ('mutation { revokeKey(id: "KEY") { id } }', ("yes", UNKNOWN, UNKNOWN, UNKNOWN)),
]


@pytest.mark.parametrize(("query", "expected"), ACTIONS, ids=[query for query, _ in ACTIONS])
def test_what_each_role_may_do(api: Api, query: str, expected: tuple[str, ...]) -> None:
    spare = api.directory.authenticate(api.directory.create_key("spare", Role.STAFF)).key_id
    outcome = {}
    for role in ROLES:
        errors = api.ask(query.replace("KEY", spare), role).get("errors")
        outcome[role] = errors[0]["extensions"]["code"] if errors else "yes"
    assert outcome == dict(zip(ROLES, expected, strict=True))


def test_only_an_admin_has_mutations_in_its_schema(api: Api) -> None:
    query = "{ __schema { mutationType { name } types { name fields { name } } } }"
    for role in ROLES:
        schema = api.data(query, role)["__schema"]
        words = re.findall("Mutation|createKey|rotateKey|revokeKey|ApiKey|'keys'", str(schema))
        assert bool(schema["mutationType"]) is (role == "ADMIN")
        assert bool(words) is (role == "ADMIN")


def test_a_report_that_the_key_may_not_run_is_as_one_that_is_not_there(api: Api) -> None:
    names = [each["name"] for each in api.data("{ reportTypes { name } }", "LIMITED")["reportTypes"]]
    assert names == ["DID_AS_CLI"]
    [error] = api.ask(report("5001", "DTMF"), "LIMITED")["errors"]
    assert error["message"] == "There is no report DTMF for this key; `reportTypes` lists those that there are."
    [other] = api.ask(report("nobody", "DTMF"), "LIMITED")["errors"]
    assert other == error


def test_exports_keep_to_the_same_limits(api: Api) -> None:
    span = {"from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"}
    statuses = {}
    for customer, type in (("5001", "DID_AS_CLI"), ("5001", "USA_RATE_CENTER"), ("5003", "DID_AS_CLI")):
        headers = {"Authorization": f"Bearer {api.keys['LIMITED']}"}
        response = api.client.get(f"/export/{type}.csv", params={"customer": customer, **span}, headers=headers)
        statuses[customer, type] = response.status_code
    assert list(statuses.values()) == [200, 404, 404]


def test_a_key_is_created_and_told_once(api: Api) -> None:
    end = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)
    created = api.data(
        f"""mutation ($end: DateTime!) {{
          createKey(
            name: "New", role: PARTNER, customers: ["5003", "5001"], reports: [DID_AS_CLI]
            networks: ["10.0.0.0/8"], expiresAt: $end
          ) {{ secret key {{ {FIELDS} }} }}
        }}""",
        end=end.isoformat(),
    )["createKey"]
    assert api.directory.authenticate(created["secret"], "10.0.0.1").customers == frozenset({"5001", "5003"})
    assert created["key"] == {
        "id": created["secret"].split("_")[1],
        "name": "New",
        "role": "PARTNER",
        "customers": ["5001", "5003"],
        "reports": ["DID_AS_CLI"],
        "networks": ["10.0.0.0/8"],
        "createdAt": created["key"]["createdAt"],
        "expiresAt": end.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "revokedAt": None,
        "replacedBy": None,
    }
    listed = api.ask(f"{{ keys {{ {FIELDS} }} }}", "ADMIN")
    assert listed["data"]["keys"][-1] == created["key"]
    for key in [*api.keys.values(), created["secret"]]:
        assert key.split("_")[2] not in str(listed)


def test_a_key_is_rotated_and_revoked(api: Api) -> None:
    old = api.directory.authenticate(api.keys["PARTNER"]).key_id
    rotated = api.data(
        f"mutation ($id: ID!) {{ rotateKey(id: $id, overlapHours: 2) {{ secret key {{ {FIELDS} }} }} }}", id=old
    )["rotateKey"]
    viewer = "{ viewer { name customers } }"
    assert api.data(viewer, "PARTNER") == api.data(viewer, rotated["secret"])
    listed = {each["id"]: each for each in api.data(f"{{ keys {{ {FIELDS} }} }}")["keys"]}
    assert listed[old]["replacedBy"] == rotated["key"]["id"]
    left = datetime.fromisoformat(listed[old]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=1.9) < left <= timedelta(hours=2)
    for _ in range(2):
        revoked = api.data("mutation ($id: ID!) { revokeKey(id: $id) { id revokedAt } }", id=rotated["key"]["id"])
        assert revoked["revokeKey"]["revokedAt"]
    assert api.code(viewer, rotated["secret"]) == "UNAUTHENTICATED"
    assert api.data(viewer, "PARTNER")["viewer"]["name"] == "Oak"


@pytest.mark.parametrize(
    ("mutation", "code"),
    [
        ('createKey(name: "", role: STAFF) { secret }', "BAD_USER_INPUT"),
        ('createKey(name: "x", role: PARTNER) { secret }', "BAD_USER_INPUT"),
        ('createKey(name: "x", role: ADMIN, customers: ["1"]) { secret }', "BAD_USER_INPUT"),
        ('createKey(name: "x", role: STAFF, networks: ["10.0.0.1/8"]) { secret }', "BAD_USER_INPUT"),
        ('createKey(name: "x", role: STAFF, expiresAt: "2020-01-01T00:00:00Z") { secret }', "BAD_USER_INPUT"),
        ('createKey(name: "x", role: STAFF, expiresAt: "2030-01-01") { secret }', "BAD_USER_INPUT"),
        ('createKey(name: "x", role: STAFF, reports: [NO_SUCH]) { secret }', "GRAPHQL_VALIDATION_FAILED"),
        ('createKey(name: "x", role: ROOT) { secret }', "GRAPHQL_VALIDATION_FAILED"),
        ("createKey(role: STAFF) { secret }", "GRAPHQL_VALIDATION_FAILED"),
        ('rotateKey(id: "nobody") { secret }', "NOT_FOUND"),
        ('rotateKey(id: "nobody", overlapHours: -1) { secret }', "BAD_USER_INPUT"),
        ('rotateKey(id: "nobody", overlapHours: 8785) { secret }', "BAD_USER_INPUT"),
        ('revokeKey(id: "nobody") { id }', "NOT_FOUND"),
        ('revokeKey(id: "\\u0000") { id }', "NOT_FOUND"),
    ],
)
def test_mutations_that_are_refused_change_nothing(api: Api, mutation: str, code: str) -> None:
    before = api.data(f"{{ keys {{ {FIELDS} }} }}")
    assert api.code(f"mutation {{ {mutation} }}") == code
    assert api.data(f"{{ keys {{ {FIELDS} }} }}") == before


def test_of_two_mutations_one_may_fail_and_the_other_s_key_is_told(api: Api) -> None:
    answer = api.ask(
        'mutation { a: createKey(name: "x", role: STAFF) { secret } b: revokeKey(id: "nobody") { id } }', "ADMIN"
    )
    assert api.directory.authenticate(answer["data"]["a"]["secret"]).name == "x"
    assert answer["data"]["b"] is None
    assert [each["path"] for each in answer["errors"]] == [["b"]]


def test_an_address_changes_nothing(api: Api) -> None:
    query = 'mutation { createKey(name: "x", role: STAFF) { secret } }'
    headers = {"Authorization": f"Bearer {api.keys['ADMIN']}"}
    before = len(api.directory.list_keys())
    assert api.client.get("/graphql", params={"query": query}, headers=headers).status_code >= 400
    assert len(api.directory.list_keys()) == before


def test_a_new_key_does_not_print_its_secret() -> None:
    record = models.ApiKey(id="1", name="x", role="staff", created_at=datetime(2025, 1, 1))
    assert "gqlr_" not in repr(NewApiKey(secret="gqlr_secret", key=ApiKey.of(record)))
