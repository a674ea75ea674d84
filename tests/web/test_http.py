"""Requests by hand, against the real server: each must get exactly this answer."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from gqlreports.limits import RequestLimits
from gqlreports.web.app import HttpOptions, create_app
from tests.support import sites
from tests.support.serving import served
from tests.support.sites import Site
from tests.support.waiting import PATIENCE

GRAPHQL = "application/graphql-response+json"
QUERY = b'{"query": "{ viewer { name } }"}'
RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'


@dataclass
class Server:
    url: str
    key: str

    @property
    def graphql(self) -> str:
        return f"{self.url}/graphql"

    def ask(self, method: str, body: bytes | None = None, path: str = "/graphql", **headers: str) -> httpx2.Response:
        """With the key; a header's `_` is a `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with_key = {"Authorization": f"Bearer {self.key}"} | named
        return httpx2.request(method, f"{self.url}{path}", content=body, headers=with_key, timeout=60)

    def post(self, body: bytes, content_type: str = "application/json", **headers: str) -> httpx2.Response:
        return self.ask("POST", body, content_type=content_type, **headers)


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    options = HttpOptions(RequestLimits(body_seconds=1))
    with served(create_app(sites.REGISTRY, site.backend, site.directory, http=options)) as url:
        yield Server(url, site.staff_key)
    site.engine.close()


def error(response: httpx2.Response) -> dict[str, Any]:
    """The one error of a request of which nothing ran."""
    assert response.headers["content-type"].startswith("application/")
    answer = response.json()
    assert list(answer) == ["errors"]
    [found] = answer["errors"]
    assert found["message"].strip()
    made: dict[str, Any] = found
    return made


BODIES = [
    b"",
    b"1",
    b'"x"',
    b"null",
    b"[]",
    b"[1]",
    b'[{"query": "{ viewer { name } }"}]',
    b"{",
    b'{"query": "\xff"}',
    b"[" * 100_000,
    b'{"query": "{ viewer { name } }", "variables": {"a": ' + b"9" * 5000 + b"}}",
    b'{"query": "{ viewer { name } }", "variables": {"a": NaN}}',
    b'{"query": "{ viewer { name } }", "variables": {"a": "\\ud800"}}',
    b"{}",
    b'{"query": ""}',
    b'{"query": null}',
    b'{"query": 1}',
    b'{"query": "{ viewer { name } }", "variables": []}',
    b'{"query": "{ viewer { name } }", "variables": "{}"}',
    b'{"query": "{ viewer { name } }", "operationName": 7}',
    b'{"query": "{ viewer { name } }", "extensions": 7}',
    b'{"query": "subscription { x }"}',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:40].decode(errors="replace"))
def test_bodies_that_are_no_request(server: Server, body: bytes) -> None:
    response = server.post(body)
    assert response.status_code == 400
    assert error(response)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("multipart/form-data; boundary=x", {}),
        ("application/jsonx", {}),
        ("application/json; charset=utf-16", {}),
        ("", {}),
        ("application/json", {"content_encoding": "gzip"}),
    ],
)
def test_bodies_that_are_not_plain_json(server: Server, content_type: str, headers: dict[str, str]) -> None:
    response = server.post(QUERY, content_type, **headers)
    assert response.status_code == 415
    assert error(response)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE"])
def test_other_methods(server: Server, method: str) -> None:
    response = server.ask(method)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
    assert httpx2.request(method, server.graphql, timeout=PATIENCE).status_code == 405


def test_a_mutation_needs_post(server: Server) -> None:
    response = server.ask("GET", path="/graphql?query=mutation{x}")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/graphql/x", "/nothing", "/assets/../../../etc/passwd", "/../etc/passwd"])
def test_other_paths(server: Server, path: str) -> None:
    response = server.ask("GET", path=path)
    assert response.status_code == 404
    assert error(response)["extensions"]["code"] == "NOT_FOUND"


def test_the_address_may_hold_the_query(server: Server) -> None:
    query = "query ($id: ID!) { customer(id: $id) { id } }"
    response = httpx2.get(
        server.graphql,
        params={"query": query, "variables": '{"id": "5001"}', "extensions": "", "operationName": ""},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=PATIENCE,
    )
    assert response.json()["data"] == {"customer": {"id": "5001"}}
    for wrong in ("[", "[]", "7"):
        response = httpx2.get(
            server.graphql,
            params={"query": query, "variables": wrong},
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=PATIENCE,
        )
        assert response.status_code == 400
        assert error(response)["extensions"]["code"] == "BAD_REQUEST"


REQUEST_ERRORS = [
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query ($n: Int!) { customers(first: $n) { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
    (
        {"query": "query ($n: Int) { customers(first: $n) { id } }", "variables": {"n": "x"}},
        "GRAPHQL_VALIDATION_FAILED",
    ),
    ({"query": "query A { viewer { name } } query B { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query A { viewer { name } }", "operationName": "B"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "fragment f on Query { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": f"{{ {' '.join(f'a{n}: __typename' for n in range(51))} }}"}, "LIMIT_EXCEEDED"),
]


@pytest.mark.parametrize(("asked", "code"), REQUEST_ERRORS)
def test_a_wrong_document_in_both_media_types(server: Server, asked: dict[str, Any], code: str) -> None:
    """Nothing ran, so there is no `data`; only the newer type may say so in the status."""
    for accept, status in [(GRAPHQL, 400), ("application/json", 200), ("*/*", 200)]:
        response = server.post(json.dumps(asked).encode(), accept=accept)
        assert response.status_code == status
        assert response.headers["content-type"] == f"{accept.replace('*/*', 'application/json')}; charset=utf-8"
        assert response.headers["vary"] == "Accept"
        assert response.headers["cache-control"] == "no-store"
        assert error(response)["extensions"]["code"] == code


def test_what_ran_and_failed_is_a_success_in_both(server: Server) -> None:
    for accept in (GRAPHQL, "application/json"):
        response = server.post(b'{"query": "{ viewer { name } customer(id: \\"nobody\\") { id } }"}', accept=accept)
        assert response.status_code == 200
        assert response.json()["data"] == {"viewer": {"name": "staff"}, "customer": None}
        assert [each["extensions"]["code"] for each in response.json()["errors"]] == ["NOT_FOUND"]


def test_an_answer_that_nobody_takes(server: Server) -> None:
    response = server.post(QUERY, accept="image/png")
    assert response.status_code == 406
    assert error(response)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "document",
    [
        "{ vieweR { name } }",
        "{ viewer { nam } }",
        "{ customers(frist: 1) { id } }",
        f'{{ customReport(customer: "1", type: DTMFF, {RANGE}) {{ type }} }}',
        f'{{ customReport(customer: "1", type: DTMF, {RANGE}) {{ ... on DtmfReportt {{ rowCount }} }} }}',
        "{ ...f } fragment g on Query { __typename }",
        "query ($b: CountingBasi) { viewer { name } }",
    ],
)
def test_no_name_of_the_schema_is_suggested(server: Server, document: str) -> None:
    response = server.post(json.dumps({"query": document}).encode())
    assert response.json()["errors"]
    assert "Did you mean" not in response.text


def test_no_value_is_suggested_for_a_variable(server: Server) -> None:
    query = f'query ($t: ReportType!) {{ customReport(customer: "1", type: $t, {RANGE}) {{ type }} }}'
    response = server.post(json.dumps({"query": query, "variables": {"t": "DTMFF"}}).encode())
    assert "DTMFF" in error(response)["message"]
    assert "Did you mean" not in response.text


def test_too_large_a_body(server: Server) -> None:
    large = json.dumps({"query": "{ viewer { name } }" + " " * 200_000}).encode()

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(large), 10_000):
            yield large[at : at + 10_000]

    chunked = httpx2.post(
        server.graphql,
        content=pieces(),
        headers={"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"},
        timeout=PATIENCE,
    )
    for response in (server.post(large), chunked):
        assert response.status_code == 413
        found = error(response)["extensions"]
        assert (found["code"], found["limit"], found["allowance"]) == ("LIMIT_EXCEEDED", "bodyBytes", 128 * 1024)
        assert found["value"] > 128 * 1024


def test_too_large_headers(server: Server) -> None:
    response = server.post(QUERY, x_large="x" * 40_000)
    assert response.status_code == 431
    assert error(response)["extensions"]["limit"] == "headerBytes"


def test_a_body_that_does_not_come(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode())
        answer = b""
        while piece := connection.recv(10_000):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


def test_a_request_with_cookies_must_have_been_meant(server: Server) -> None:
    address = f"{server.graphql}?query={{viewer{{name}}}}"
    response = httpx2.get(address, headers={"Cookie": "session=1"}, timeout=PATIENCE)
    assert response.status_code == 403
    assert error(response)["extensions"]["code"] == "PREFLIGHT_REQUIRED"
    plain = httpx2.post(
        server.graphql, content=QUERY, headers={"Cookie": "session=1", "Content-Type": "text/plain"}, timeout=PATIENCE
    )
    assert plain.status_code == 403
    for meant in ({"GraphQL-Require-Preflight": "1"}, {"Content-Type": "application/json"}):
        assert httpx2.get(address, headers={"Cookie": "session=1"} | meant, timeout=PATIENCE).status_code == 401
    with_key = httpx2.get(
        address, headers={"Cookie": "session=1", "Authorization": f"Bearer {server.key}"}, timeout=PATIENCE
    )
    assert with_key.status_code == 200
