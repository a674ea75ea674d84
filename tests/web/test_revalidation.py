"""Answers to GET may be kept by their callers, who ask whether they still hold."""

import asyncio

import httpx2
import pytest
from starlette.testclient import TestClient

from gqlreports.backends.base import Statement
from gqlreports.directory.principal import Role
from gqlreports.web.app import HttpOptions, create_app
from tests.support import sites
from tests.support.sites import Site

QUERY = (
    '{ customReport(customer: "5001", type: GROUP_BY_TECH_PREFIX, from: "2025-10-20T00:00:00Z", '
    'to: "2025-11-20T00:00:00Z") { ... on GroupByTechPrefixReport { rows { techPrefix total } } } }'
)
CALL = (
    "INSERT INTO cdr (dt, callid, switch, customer_id, sign) VALUES ('2025-11-03 09:00:00', 'kept', 'kept', '5001', 1)"
)


def get(site: Site, key: str, query: str = QUERY, **headers: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key}"} | {name.replace("_", "-"): each for name, each in headers.items()}
    return site.client.get("/graphql", params={"query": query}, headers=headers)


def write(site: Site, text: str) -> None:
    async def written() -> None:
        async with site.backend.session() as session:
            await session.command(Statement(text))

    asyncio.run(written())


@pytest.mark.parametrize("role", [Role.PARTNER, Role.STAFF])
def test_an_answer_holds_until_the_data_changes(site: Site, role: Role) -> None:
    key = site.directory.create_key("tests", role, ["5001"])
    first = get(site, key)
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept, Authorization, Cookie"
    tag = first.headers["etag"]
    # What a report took is another thing each time, and told to staff.
    assert tag.startswith("W/") == (role is Role.STAFF)
    for given in (tag, f'"other", {tag}', "*", tag.removeprefix("W/"), f"W/{tag.removeprefix('W/')}"):
        again = get(site, key, If_None_Match=given)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["vary"] == first.headers["vary"]
        assert "content-length" not in again.headers
    assert get(site, key, If_None_Match='"other"').status_code == 200
    write(site, CALL)
    try:
        changed = get(site, key, If_None_Match=tag)
        assert changed.status_code == 200
        assert changed.json()["data"] != first.json()["data"]
        assert changed.headers["etag"] != tag
    finally:
        write(site, "DELETE FROM cdr WHERE switch = 'kept'")
    assert get(site, key, If_None_Match=tag).status_code == 304


def test_another_media_type_is_another_answer(site: Site) -> None:
    key = site.partner_key("5001")
    one, other = (get(site, key, Accept=each) for each in ("application/json", "application/graphql-response+json"))
    assert one.content == other.content
    assert one.headers["etag"] != other.headers["etag"]


def test_only_who_is_let_in_learns_whether_it_holds(site: Site) -> None:
    key, other = site.partner_key("5001"), site.partner_key("5003")
    tag = get(site, key).headers["etag"]
    assert get(site, "gqlr_none", If_None_Match=tag).status_code == 401
    refused = get(site, other, If_None_Match=tag)
    assert refused.status_code == 200
    assert refused.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (refused.headers["cache-control"], "etag" in refused.headers) == ("no-store", False)


@pytest.mark.parametrize("query", ["{ nothing }", "{", QUERY.replace("5001", "none")])
def test_errors_are_not_kept(site: Site, query: str) -> None:
    answer = get(site, site.partner_key("5001"), query, If_None_Match="*")
    assert answer.json()["errors"]
    assert (answer.headers["cache-control"], "etag" in answer.headers) == ("no-store", False)


def test_answers_to_post_are_not_kept(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.partner_key('5001')}", "If-None-Match": "*"}
    answer = site.client.post("/graphql", json={"query": QUERY}, headers=headers)
    assert answer.status_code == 200
    assert (answer.headers["cache-control"], "etag" in answer.headers) == ("no-store", False)


def test_nothing_is_kept_where_the_operator_says_so(site: Site) -> None:
    """Callers may keep theirs all the same: they ask, and the store is asked."""

    app = create_app(sites.REGISTRY, site.backend, site.directory, http=HttpOptions(answers_bytes=0))
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    answers = [TestClient(app).get("/graphql", params={"query": QUERY}, headers=headers) for _ in range(3)]
    assert {each.json()["extensions"]["statistics"]["customReport"]["cached"] for each in answers} == {0}
    assert len({each.headers["etag"] for each in answers}) == 1
