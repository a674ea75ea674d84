"""Documents by their hash, and the operator's list of the only ones."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.errors import InvalidInput
from gqlreports.web.app import HttpOptions, create_app
from gqlreports.web.documents import DOCUMENTS_KEPT, Documents, listed_documents
from tests.support import sites
from tests.support.sites import OPERATOR, Site

QUERY = "query Me { viewer { name } }"
NAME = {"data": {"viewer": {"name": "staff"}}}
HASH = hashlib.sha256(QUERY.encode()).hexdigest()
GRAPHQL = "application/graphql-response+json"


def persisted(digest: str = HASH) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


def client(site: Site, documents: dict[str, str] | None = None) -> TestClient:
    http = HttpOptions(documents=documents)
    return TestClient(create_app(sites.REGISTRY, site.backend, site.directory, http=http))


def headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_document_is_known_once_it_was_sent(site: Site) -> None:
    http = client(site)
    for accept in (GRAPHQL, "application/json"):
        response = http.post(
            "/graphql", json={"extensions": persisted()}, headers=headers(site.staff_key) | {"Accept": accept}
        )
        # Clients look for just this, under this status.
        assert response.status_code == 200
        [error] = response.json()["errors"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_FOUND"}
    sent = http.post("/graphql", json={"query": QUERY, "extensions": persisted()}, headers=headers(site.staff_key))
    assert sent.json() == NAME
    again = http.post("/graphql", json={"extensions": persisted()}, headers=headers(site.staff_key))
    assert again.json() == NAME
    address = {"extensions": json.dumps(persisted()), "operationName": "Me"}
    assert http.get("/graphql", params=address, headers=headers(site.staff_key)).json() == NAME


@pytest.mark.parametrize("query", ["{ nothing }", "{"])
def test_a_document_that_does_not_hold_is_not_kept(site: Site, query: str) -> None:
    http, digest = client(site), hashlib.sha256(query.encode()).hexdigest()
    for body in ({"query": query, "extensions": persisted(digest)}, {"extensions": persisted(digest)}):
        [error] = http.post("/graphql", json=body, headers=headers(site.staff_key)).json()["errors"]
    assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_FOUND"}


@pytest.mark.parametrize(
    "given",
    [
        persisted("0" * 64),
        {"persistedQuery": {"version": 2, "sha256Hash": HASH}},
        {"persistedQuery": {"version": 1}},
        {"persistedQuery": HASH},
    ],
)
def test_a_wrong_hash(site: Site, given: dict[str, Any]) -> None:
    response = client(site).post(
        "/graphql", json={"query": QUERY, "extensions": given}, headers=headers(site.staff_key)
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


def test_the_documents_used_last_are_kept() -> None:
    documents = Documents()
    for number in range(DOCUMENTS_KEPT + 1):
        documents.keep(f"{{ a{number}: __typename }}", persisted(str(number)))
        documents.found(None, persisted("0"), OPERATOR)
    assert documents.found(None, persisted("0"), OPERATOR) == "{ a0: __typename }"
    with pytest.raises(Exception, match="PersistedQueryNotFound"):
        documents.found(None, persisted("1"), OPERATOR)


def test_partners_run_what_is_listed_and_staff_what_they_like(site: Site) -> None:
    http, partner = client(site, {HASH: QUERY, "other": "{ viewer { role } }"}), site.partner_key("5001")

    def asked(key: str, **body: Any) -> Any:
        return http.post("/graphql", json=body, headers=headers(key)).json()

    for body in ({"query": QUERY}, {"extensions": persisted()}, {"documentId": HASH}):
        assert asked(partner, **body) == {"data": {"viewer": {"name": "partner"}}}
    assert asked(partner, documentId="other") == {"data": {"viewer": {"role": "PARTNER"}}}
    for query in ("{ viewer { name } }", "{ __schema { types { name } } }", f"{QUERY} "):
        [error] = asked(partner, query=query)["errors"]
        assert error["extensions"] == {"code": "DOCUMENT_NOT_ALLOWED"}
        assert "errors" not in asked(site.staff_key, query=query)
    # Nor does staff's use of a document let a partner run it.
    other = "{ viewer { role name } }"
    digest = hashlib.sha256(other.encode()).hexdigest()
    assert "data" in asked(site.staff_key, query=other, extensions=persisted(digest))
    [error] = asked(partner, extensions=persisted(digest))["errors"]
    assert error["extensions"] == {"code": "DOCUMENT_NOT_ALLOWED"}


def test_a_list_without_documents_lets_partners_run_nothing(site: Site) -> None:
    response = client(site, {}).post("/graphql", json={"query": QUERY}, headers=headers(site.partner_key("5001")))
    assert response.json()["errors"][0]["extensions"] == {"code": "DOCUMENT_NOT_ALLOWED"}


def test_the_file(tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({"sha256:1": QUERY}))
    assert Documents(listed_documents(file)).found(None, persisted("1"), OPERATOR) == QUERY
    for wrong in ("[]", "{", '{"a": 1}', '"x"'):
        file.write_text(wrong)
        with pytest.raises(InvalidInput, match="GQLREPORTS_DOCUMENTS"):
            listed_documents(file)
    with pytest.raises(InvalidInput, match="GQLREPORTS_DOCUMENTS"):
        listed_documents(tmp_path / "none")
