"""A query that is asked again is answered as the first time: byte for byte, with the same rights, limits and traces."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import orjson
import pytest
from sqlalchemy import Select, literal_column
from starlette.testclient import TestClient

from gqlreports.backends.base import Backend, Statement
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.limits import RequestLimits
from gqlreports.plugins import Report, Scope, attempts, cdr, dimension, measure
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema import stored_rows
from gqlreports.schema.response_cache import RepeatableResponse
from gqlreports.web.app import HttpOptions, create_app
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.sites import Site

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
DID_AS_CLI = f'customReport(customer: "5001", type: DID_AS_CLI, {RANGE})'
ROWS = f"{DID_AS_CLI} {{ ... on DidAsCliReport {{ rows {{ account count }} }} }}"
PREPARED = [
    f"{{ {ROWS} }}",
    f"query Monthly {{ __typename a: {ROWS} b: {ROWS.replace('5001', '5003')} }}",
    f"{{ {DID_AS_CLI} {{ __typename id type from to basis definitionVersion "
    "customer { name currency } ... on DidAsCliReport { all: rows(first: 2) { n: count __typename } "
    "none: rows(first: 0) { account } totals { count } subtotals(by: [ACCOUNT]) { account count } "
    "timeline(every: WEEK) { start count } calls(first: 2) { callid } "
    "comparison(with: {period: PREVIOUS_PERIOD}) { totals { count { current change } } } "
    "top(n: 2, by: COUNT) { rows { account } } } "
    'table(first: 2, columns: ["count"]) { columns { title } rows totals } } }',
]
EXECUTED = [
    f"{{ {DID_AS_CLI} {{ ... on DidAsCliReport {{ rowCount "
    "top(n: 2, by: COUNT) { rows { account } others { count } otherRowCount } } dataThrough } }",
    f"{{ {ROWS} viewer {{ name }} }}",
    f'{{ {ROWS} customer(id: "5001") {{ name }} }}',
    "{ reportTypes { name } }",
]


@dataclass
class Api:
    client: TestClient
    directory: Directory
    runs: list[bool]
    """Of each operation that was prepared, whether it was answered."""

    def ask(self, query: str, key: str, **variables: Any) -> httpx2.Response:
        body = {"query": query, "variables": variables}
        return self.client.post("/graphql", json=body, headers={"Authorization": f"Bearer {key}"})


class Spoilt(Report):
    """Fails where a call of the account `spoilt` is in its range."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(literal_column("throwIf(account = 'spoilt') = 0"))


@pytest.fixture
def api(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    directory = new_directory(tmp_path)
    directory.save_customers([Customer(id=each, name=each, currency="USD") for each in ("5001", "5003", "9")])
    registry = sites.REGISTRY.reports
    reports = MappingProxyType({**registry, "SPOILT": RegisteredReport("SPOILT", Spoilt(), "tests")})
    runs, run = [], RepeatableResponse.run

    async def noted(prepared: RepeatableResponse, context: Any) -> Any:
        runs.append(False)
        result = await run(prepared, context)
        runs[-1] = True
        return result

    monkeypatch.setattr(RepeatableResponse, "run", noted)
    http = HttpOptions(RequestLimits(requests_per_minute=20))
    with TestClient(create_app(Registry(reports), site.backend, directory, http=http)) as client:
        yield Api(client, directory, runs)
    site.engine.close()


def told(response: httpx2.Response) -> bytes:
    """An answer without what a report took."""
    return response.content.partition(b',"extensions":')[0]


def write(site: Site, text: str) -> None:
    async def written(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(Statement(text))

    asyncio.run(written(site.backend))


@pytest.mark.parametrize("role", [Role.STAFF, Role.PARTNER])
@pytest.mark.parametrize("query", PREPARED + EXECUTED)
def test_the_same_bytes(api: Api, query: str, role: Role) -> None:
    key = api.directory.create_key("tests", role, ["5001", "5003"])
    answers = [api.ask(query, key) for _ in range(3)]
    # Another text is another operation, which is executed.
    executed = api.ask(f"{query} # anew", key)
    assert "errors" not in executed.json()
    assert {told(each) for each in answers} == {told(executed)}
    assert {each.headers["content-type"] for each in answers} == {executed.headers["content-type"]}
    assert api.runs == ([True, True] if query in PREPARED else [])
    first, again, _ = (orjson.loads(each.content).get("extensions", {}).get("statistics", {}) for each in answers)
    assert list(first) == list(again)
    assert bool(first) == (role is Role.STAFF and query != EXECUTED[-1])
    for name, statistics in again.items():
        assert statistics["statements"] == statistics["cached"] == first[name]["statements"] > 0
        assert statistics["rowsRead"] == statistics["bytesRead"] == 0


def test_other_variables_are_another_operation(api: Api) -> None:
    key = api.directory.create_key("tests", Role.STAFF)
    query = (
        "query ($customer: ID!, $n: Int, $with: Boolean!) { customReport(customer: $customer, type: DID_AS_CLI, "
        + RANGE
        + ") { ... on DidAsCliReport { rows(first: $n) { account count @include(if: $with) } } } }"
    )
    given = [{"customer": "5001", "n": n, "with": w} for n in (1, 2, None) for w in (True, False)]
    answers = [told(api.ask(query, key, **each)) for each in given]
    assert [told(api.ask(query, key, **each)) for each in given] == answers
    assert len(set(answers)) == len(given)
    assert api.runs == [True] * len(given)


def test_rights_are_those_of_who_asks(api: Api) -> None:
    create = api.directory.create_key
    first = create("first", Role.PARTNER, ["5001"])
    query = PREPARED[0]
    assert "errors" not in api.ask(query, first).json()
    assert "errors" not in api.ask(query, first).json()
    for other in (create("other", Role.PARTNER, ["5003"]), create("few", Role.PARTNER, ["5001"], reports=["BREAKOUT"])):
        answer = api.ask(query, other).json()
        assert answer["data"] == {"customReport": None}
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert api.ask(query, "gqlr_none").status_code == 401
    assert api.ask(query, create("same", Role.PARTNER, ["5001", "5003"])).json() == api.ask(query, first).json()


def test_a_customer_has_the_name_that_it_has_now(api: Api) -> None:
    key = api.directory.create_key("tests", Role.STAFF)
    query = f'{{ customReport(customer: "9", type: DTMF, {RANGE}) {{ customer {{ name currency }} }} }}'
    for name, currency in (("Ash", "USD"), ("Elm", "USD"), ("Elm", "EUR")):
        api.directory.save_customers([Customer(id="9", name=name, currency=currency)])
        for _ in range(2):
            customer = api.ask(query, key).json()["data"]["customReport"]["customer"]
            assert customer == {"name": name, "currency": currency}


def test_each_request_counts_and_is_taken_down(api: Api) -> None:
    key = api.directory.create_key("tests", Role.STAFF)
    statuses = [api.ask(PREPARED[1], key).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    api.client.__exit__()
    runs = api.directory.report_runs(100)
    assert sorted(run.customer_id for run in runs) == ["5001"] * 20 + ["5003"] * 20


def test_what_fails_now_is_told_and_taken_down_once(api: Api, site: Site) -> None:
    key = api.directory.create_key("tests", Role.STAFF)
    query = f'{{ customReport(customer: "9", type: SPOILT, {RANGE}) {{ ... on SpoiltReport {{ rows {{ calls }} }} }} }}'
    values = "'2025-11-03 09:00:00', 'c', 'spoilt', '9', 'spoilt', 1"
    good = [told(api.ask(query, key)) for _ in range(2)]
    write(site, f"INSERT INTO cdr (dt, callid, switch, customer_id, account, sign) VALUES ({values})")
    answers = [api.ask(query, key).json() for _ in range(2)]
    assert [each["data"] for each in answers] == [{"customReport": None}] * 2
    assert [each["errors"][0]["extensions"]["code"] for each in answers] == ["STORE_FAILED"] * 2
    assert [each["errors"][0]["path"] for each in answers] == [["customReport", "rows"]] * 2
    write(site, "DELETE FROM cdr WHERE switch = 'spoilt'")
    good += [told(api.ask(query, key)) for _ in range(2)]
    assert len(set(good)) == 1
    assert b'"rows":[' in good[0]
    assert api.runs == [True, False, True]
    api.client.__exit__()
    assert len(api.directory.report_runs(100)) == 6


def test_the_range_that_is_compared_with_is_counted_anew(api: Api, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_rows, "FRESH", 0.0)
    key = api.directory.create_key("tests", Role.STAFF)
    fields = "comparison(with: {period: PREVIOUS_PERIOD}) { totals { count { current } } }"
    report = DID_AS_CLI.replace("5001", "9")
    query = f"{{ {report} {{ ... on DidAsCliReport {{ {fields} }} }} }}"
    few = HttpOptions(RequestLimits(rows_per_report=4))
    with TestClient(create_app(sites.REGISTRY, site.backend, api.directory, http=few)) as api.client:
        assert ["errors" in api.ask(query, key).json() for _ in range(2)] == [False, False]
        values = "'2025-10-01 09:00:00', 'c', 'spoilt', '9', 1"
        write(site, f"INSERT INTO cdr (dt, callid, switch, customer_id, sign) SELECT {values} FROM numbers(5)")
        refused = api.ask(query, key).json()
        write(site, "DELETE FROM cdr WHERE switch = 'spoilt'")
    assert refused["data"] == {"customReport": None}
    told = {"code": "LIMIT_EXCEEDED", "limit": "rowsPerReport", "value": 5, "allowance": 4}
    assert refused["errors"][0]["extensions"] == told
    assert api.runs == [True, False]
