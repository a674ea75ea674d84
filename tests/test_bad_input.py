"""Whatever a caller gets wrong, the answer is one error with a code and a sentence that says what to do."""

import asyncio
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.backends.base import Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.errors import StoreError
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.sites import Site

REPORT = """
query ($customer: ID! = "5001", $from: DateTime! = "2025-10-20T00:00:00Z", $to: DateTime! = "2025-11-20T00:00:00Z",
       $first: Int! = 10, $offset: Int! = 0) {
  customReport(customer: $customer, type: GROUP_BY_TECH_PREFIX, from: $from, to: $to) {
    ... on GroupByTechPrefixReport { rows(first: $first, offset: $offset) { techPrefix } }
  }
}"""

VARIABLES: list[tuple[dict[str, Any], str, str]] = [
    ({"from": "2025-11-20T00:00:00Z"}, "INVALID_RANGE", "`from` must be before `to`"),
    ({"from": "2025-11-20T05:30:00.001+05:30"}, "INVALID_RANGE", "`from` must be before `to`"),
    ({"from": "2025-10-20T00:00:00"}, "BAD_USER_INPUT", "an offset or Z"),
    ({"from": "2025-10-20"}, "BAD_USER_INPUT", "an offset or Z"),
    ({"from": "2025-10-20T24:00:00Z"}, "BAD_USER_INPUT", "an offset or Z"),
    ({"from": "2025-W43-1T00:00:00Z"}, "BAD_USER_INPUT", "an offset or Z"),
    ({"from": "2025-02-30T00:00:00Z"}, "BAD_USER_INPUT", "no such time"),
    ({"from": "0001-01-01T00:00:00+05:30"}, "BAD_USER_INPUT", "no such time"),
    ({"from": 1760918400}, "BAD_USER_INPUT", "an offset or Z"),
    ({"customer": "nobody"}, "NOT_FOUND", "no customer 'nobody'"),
    ({"customer": ""}, "NOT_FOUND", "no customer"),
    ({"customer": "5001' OR 1=1 --"}, "NOT_FOUND", "no customer"),
    ({"first": 100_001}, "LIMIT_EXCEEDED", "at most 100000"),
    ({"first": -1}, "BAD_USER_INPUT", "must not be negative"),
    ({"offset": -1}, "BAD_USER_INPUT", "must not be negative"),
    ({"first": 2**31}, "GRAPHQL_VALIDATION_FAILED", "32-bit"),
    ({"first": "ten"}, "GRAPHQL_VALIDATION_FAILED", "Int"),
]

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
DOCUMENTS = [
    ("{", "GRAPHQL_PARSE_FAILED", "Syntax Error"),
    ("{ nothing }", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing'"),
    (
        f'{{ customReport(customer: "5001", type: NO_SUCH, {RANGE}) {{ type }} }}',
        "GRAPHQL_VALIDATION_FAILED",
        "NO_SUCH",
    ),
    (
        f'{{ customReport(customer: "5001", type: DTMF, {RANGE}) {{ ... on DtmfReport {{ rows {{ asr }} }} }} }}',
        "GRAPHQL_VALIDATION_FAILED",
        "Cannot query field 'asr'",
    ),
    (
        f'{{ customReport(customer: "5001", type: DTMF, {RANGE}, parameters: {{didAsCli: {{}}}}) {{ type }} }}',
        "BAD_USER_INPUT",
        "parameters of DID_AS_CLI, and the report is DTMF",
    ),
    (
        f'{{ customReport(customer: "5001", type: DID_AS_CLI, {RANGE}, '
        "parameters: {didAsCli: {}, usaRateCenter: {}}) { type } }",
        "GRAPHQL_VALIDATION_FAILED",
        "exactly one",
    ),
    (
        f'{{ customReport(customer: "5001", type: USA_RATE_CENTER, {RANGE}, '
        "parameters: {usaRateCenter: {side: UP}}) { type } }",
        "GRAPHQL_VALIDATION_FAILED",
        "UP",
    ),
    (
        f'{{ customReport(customer: "5001", type: DTMF, {RANGE.replace("Z", "", 1)}) {{ type }} }}',
        "BAD_USER_INPUT",
        "an offset or Z",
    ),
    ('{ customer(id: "nobody") { name } }', "NOT_FOUND", "no customer 'nobody'"),
    ("{ customers(first: 1001) { id } }", "LIMIT_EXCEEDED", "at most 1000"),
    ("{ customers(first: -1) { id } }", "BAD_USER_INPUT", "negative"),
    ("query A { viewer { name } } query B { __typename }", "GRAPHQL_VALIDATION_FAILED", "operationName"),
]
INSIDE = re.compile(r"SELECT|Traceback|DB::|File \"|/store|sqlite|default\.", re.IGNORECASE)


def check(error: dict[str, Any], code: str, part: str) -> None:
    assert error["extensions"]["code"] == code
    assert part in error["message"]
    assert error["message"].strip()
    assert not INSIDE.search(str(error))


@pytest.mark.parametrize(("variables", "code", "part"), VARIABLES)
def test_variables(site: Site, variables: dict[str, Any], code: str, part: str) -> None:
    check(site.error(REPORT, **variables), code, part)


@pytest.mark.parametrize(("document", "code", "part"), DOCUMENTS)
def test_documents(site: Site, document: str, code: str, part: str) -> None:
    check(site.error(document), code, part)


def test_one_report_may_fail_and_the_other_answer(site: Site) -> None:
    fields = "... on DtmfReport { rows(first: $n) { route } }"
    answer = site.ask(
        f'query ($n: Int! = 100001) {{ bad: customReport(customer: "5001", type: DTMF, {RANGE}) {{ {fields} }} '
        f'good: customReport(customer: "5001", type: DTMF, {RANGE}) {{ ... on DtmfReport {{ rows {{ route }} }} }} }}'
    )
    assert answer["data"]["bad"] is None
    assert answer["data"]["good"]["rows"]
    [error] = answer["errors"]
    assert error["path"] == ["bad", "rows"]


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({}, "Authorization: Bearer"),
        ({"Authorization": "Basic c3RhZmY6"}, "Authorization: Bearer"),
        ({"Authorization": "Bearer "}, "Authorization: Bearer"),
        ({"Authorization": "Bearer gqlr_nobody"}, "not valid"),
        ({"Authorization": "Bearer \xff"}, "not valid"),
    ],
)
def test_without_a_good_key(site: Site, headers: dict[str, str], sentence: str) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    response = site.client.post("/graphql", json={"query": "{ viewer { name } }"}, headers=raw)  # type: ignore[arg-type]
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == ('Bearer error="invalid_token"' if headers else "Bearer")
    [error] = response.json()["errors"]
    check(error, "UNAUTHENTICATED", sentence)
    assert "data" not in response.json()


def test_a_revoked_key(site: Site) -> None:
    key = site.partner_key("5001")
    assert site.data("{ viewer { role } }", key) == {"viewer": {"role": "PARTNER"}}
    [found] = [each for each in site.directory.list_keys() if each.name == "partner" and each.revoked_at is None][-1:]
    site.directory.revoke_key(found.id)
    response = site.client.post(
        "/graphql", json={"query": "{ viewer { role } }"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert response.status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"1", b"null", b"[1]", b'"x"', b"{", b"\xff", b"[" * 100_000, b'{"query": 1}', b"{}"]
)
def test_bodies_that_are_no_request(site: Site, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {site.staff_key}", "Content-Type": "application/json"}
    response = site.client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    [error] = response.json()["errors"]
    check(error, "BAD_REQUEST", "")


def test_a_body_that_is_too_large(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    body = {"query": "{ viewer { name } } #" + "x" * 128 * 1024}
    assert site.client.post("/graphql", json=body, headers=headers).status_code == 413


def test_a_store_that_is_not_there(site: Site) -> None:
    (site.home / "nowhere").write_text("a file where the store's folder should be")
    backend = EmbeddedBackend(site.home / "nowhere")
    client = TestClient(create_app(sites.REGISTRY, backend, site.directory))
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    answer = client.post("/graphql", json={"query": REPORT}, headers=headers).json()
    [error] = answer["errors"]
    check(error, "STORE_UNAVAILABLE", "cannot be opened")
    assert answer["data"] == {"customReport": None}


def test_what_the_store_says_stays_inside(site: Site) -> None:
    with pytest.raises(StoreError) as caught:
        asyncio.run(site.backend.fetch_json(Statement("SELECT no_such_column FROM cdr")))
    assert not INSIDE.search(str(caught.value))
