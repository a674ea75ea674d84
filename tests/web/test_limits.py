"""What is over a limit is refused before anything runs, and the answer names limit, value and allowance."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
from graphql import get_introspection_query
from pydantic.alias_generators import to_camel
from sqlalchemy import Select, func, literal_column
from starlette.testclient import TestClient

from gqlreports.config import Settings
from gqlreports.errors import StoreBusy, TooManyRequests
from gqlreports.limits import RequestLimits
from gqlreports.plugins import Report, Scope, attempts, cdr, dimension, measure
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.door import RunningReports
from gqlreports.web.app import HttpOptions, create_app
from gqlreports.web.limits import Rates
from tests.schema.test_cost import doubling
from tests.support import sites
from tests.support.awkward import END, START
from tests.support.serving import served
from tests.support.sites import Site

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
REPORT = f'customReport(customer: "5001", type: DID_AS_CLI, {RANGE}) {{ ... on DidAsCliReport {{ rowCount }} }}'


def client(site: Site, **limits: int) -> TestClient:
    options = HttpOptions(RequestLimits(**limits))
    app = create_app(sites.REGISTRY, site.backend, site.directory, http=options)
    return TestClient(app, headers={"Authorization": f"Bearer {site.staff_key}"})


def refusal(response: Any) -> tuple[str, str, int, int]:
    """Code, limit, value and allowance of the one error, whose sentence names the three."""
    [error] = response.json()["errors"]
    found = error["extensions"]
    for part in ("limit", "value", "allowance"):
        assert str(found[part]) in error["message"]
    return found["code"], found["limit"], found["value"], found["allowance"]


def test_they_are_shown_with_their_units(site: Site) -> None:
    names = [to_camel(name) for name in RequestLimits.model_fields]
    shown = site.data(f"{{ viewer {{ limits {{ {' '.join(names)} }} }} }}")["viewer"]["limits"]
    assert shown == {to_camel(name): value for name, value in RequestLimits()}
    fields = site.data('{ __type(name: "Limits") { fields { name description } } }')["__type"]["fields"]
    described = {each["name"]: each["description"] for each in fields}
    assert list(described) == names
    assert described["rangeDays"].endswith("in days.")
    assert described["bytesPerReport"].endswith("in bytes.")


def test_they_are_settings(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    monkeypatch.setenv("GQLREPORTS_LIMITS_DEPTH", "2")
    monkeypatch.setenv("GQLREPORTS_LIMITS_BYTES_PER_REPORT", "5000000000")
    limits = Settings().limits
    assert limits == RequestLimits(depth=2, bytes_per_report=5_000_000_000)
    asked = client(site, depth=limits.depth).post("/graphql", json={"query": "{ viewer { limits { depth } } }"})
    assert refusal(asked) == ("LIMIT_EXCEEDED", "depth", 3, 2)


FLAT = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(100))
WIDE = "x: " + "[" * 60 + "]" * 60
DOCUMENTS = [
    ({"query": f"{{ {' '.join(f'a{n}: __typename' for n in range(51))} }}"}, "aliases", 51, 50),
    ({"query": doubling(60)}, "depth", 61, 20),
    ({"query": doubling(15)}, "aliases", 2 * (2**16 - 2) - 2**15 + 2, 50),
    ({"query": doubling(10).replace("...f10 }", "...f10 ...f10 }")}, "aliases", 2**11 - 2 + 2**11, 50),
    ({"query": f"{{ {'viewer { name } ' * 480}}}"}, "repeatedFields", 479, 100),
    ({"query": "{ ...f0 }" + FLAT + "fragment f100 on Query { __typename }"}, "repeatedFields", 2**53, 100),
    ({"query": "{ viewer " + "{ x " * 100 + "}" * 101}, "depth", 101, 20),
    ({"query": f"{{ viewer {{ {'name @skip(if: false) ' * 51} }} }}"}, "directives", 51, 50),
    ({"query": f"{{ viewer {{ {'name ' * 2000} }} }}"}, "tokens", 2001, 2000),
    ({"query": f"{{ viewer {{ name }} }}{'#' * 1}" + "\n#" * 2500}, "tokens", 2001, 2000),
    ({"query": "{ viewer { name } }" + "," * 50_000}, "documentCharacters", 50_019, 50_000),
    ({"query": '{ customers(search: "' + "a" * 60_000 + '") { id } }'}, "documentCharacters", 60_032, 50_000),
    ({"query": f"{{ customReport({WIDE}) {{ type }} }}"}, "valueDepth", 60, 48),
    ({"query": f"{{ {' '.join(f'r{n}: {REPORT}' for n in range(21))} }}"}, "reportsPerRequest", 21, 20),
    ({"query": f"{{ {'...f ' * 21} }} fragment f on Query {{ {REPORT} }}"}, "reportsPerRequest", 21, 20),
]


@pytest.mark.parametrize(("asked", "limit", "value", "allowance"), DOCUMENTS)
def test_documents(site: Site, asked: dict[str, Any], limit: str, value: int, allowance: int) -> None:
    response = site.client.post("/graphql", json=asked, headers={"Authorization": f"Bearer {site.staff_key}"})
    assert refusal(response) == ("LIMIT_EXCEEDED", limit, value, allowance)
    assert "data" not in response.json()


def test_deep_variables(site: Site) -> None:
    where: Any = {"account": {"eq": "a"}}
    for _ in range(60):
        where = {"not": where}
    query = f"query ($where: DidAsCliFilter) {{ {REPORT.replace('rowCount', 'rowCount(where: $where)')} }}"
    response = site.client.post(
        "/graphql",
        json={"query": query, "variables": {"where": where}},
        headers={"Authorization": f"Bearer {site.staff_key}"},
    )
    assert refusal(response) == ("LIMIT_EXCEEDED", "valueDepth", 62, 48)


def test_cyclic_fragments_are_told_apart(site: Site) -> None:
    answer = site.ask("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }")
    assert {each["extensions"]["code"] for each in answer["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}
    assert any("itself" in each["message"] for each in answer["errors"])


def test_words_of_the_parser_in_a_document_mean_nothing(site: Site) -> None:
    error = site.error('{ viewer "Document contains more than 5 tokens" }')
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


def test_introspection_by_graphiql_is_within_the_limits(site: Site) -> None:
    query = get_introspection_query(specified_by_url=True, schema_description=True, input_value_deprecation=True)
    for key in (site.staff_key, site.partner_key("5001")):
        assert site.data(query, key)["__schema"]["queryType"]["name"] == "Query"


def test_ranges(site: Site) -> None:
    long = REPORT.replace("2025-10-20", "0001-01-01").replace("2025-11-20", "9999-12-31")
    response = site.client.post(
        "/graphql", json={"query": f"{{ {long} }}"}, headers={"Authorization": f"Bearer {site.staff_key}"}
    )
    assert refusal(response) == ("LIMIT_EXCEEDED", "rangeDays", 3_652_058, 3660)
    assert response.json()["data"] == {"customReport": None}


def test_the_range_that_is_compared_with(site: Site) -> None:
    other = 'with: {range: {from: "2000-01-01T00:00:00Z", to: "2020-01-01T00:00:00Z"}}'
    query = REPORT.replace("rowCount", f"comparison({other}) {{ rowCount }}")
    response = site.client.post(
        "/graphql", json={"query": f"{{ {query} }}"}, headers={"Authorization": f"Bearer {site.staff_key}"}
    )
    assert refusal(response) == ("LIMIT_EXCEEDED", "rangeDays", 7305, 3660)


def test_calls_of_a_range_are_counted_before_they_are_read(site: Site) -> None:
    """The count of each customer is that of the files, and a smaller one passes."""
    http = client(site, rows_per_report=300)
    counted, passed = {}, []
    for customer in site.customers:
        query = REPORT.replace("5001", customer)
        response = http.post("/graphql", json={"query": f"{{ {query} }}"})
        if "errors" in response.json():
            code, limit, counted[customer], allowance = refusal(response)
            assert (code, limit, allowance) == ("LIMIT_EXCEEDED", "rowsPerReport", 300)
        else:
            passed.append(customer)
    assert passed
    assert counted
    truth = Counter(cdr.customer_id for cdr in site.world.cdrs if START <= cdr.dt < END)
    assert counted == {customer: truth[customer] for customer in counted}
    assert all(truth[customer] <= 300 for customer in passed)


class Slow(Report):
    """Takes the store a second."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(func.sleep(literal_column("1")) == literal_column("0"))


@contextmanager
def slow(site: Site, options: HttpOptions) -> Iterator[str]:
    shipped = sites.REGISTRY.reports
    registry = Registry(MappingProxyType({**shipped, "SLOW": RegisteredReport("SLOW", Slow(), "tests")}))
    with served(create_app(registry, site.backend, site.directory, http=options)) as url:
        yield f"{url}/graphql"
    site.engine.close()


SLOW = f'customReport(customer: "5003", type: SLOW, {RANGE}) {{ ... on SlowReport {{ rowCount }} }}'


async def at_once(url: str, key: str, queries: list[str]) -> list[httpx2.Response]:
    async with httpx2.AsyncClient(timeout=30, headers={"Authorization": f"Bearer {key}"}) as http:
        return await asyncio.gather(*(http.post(url, json={"query": f"{{ {query} }}"}) for query in queries))


def test_reports_of_one_key_at_once(site: Site) -> None:
    options = HttpOptions(RequestLimits(concurrent_reports=2))
    with slow(site, options) as url:
        answers = asyncio.run(at_once(url, site.staff_key, [f"a: {SLOW} b: {SLOW}", SLOW]))
        assert sorted(each.status_code for each in answers) == [200, 429]
        [refused] = [each for each in answers if each.status_code == 429]
        assert refusal(refused) == ("LIMIT_EXCEEDED", "concurrentReports", 3, 2)
        assert refused.headers["retry-after"] == "1"
        assert "data" not in refused.json()
        # What needs no report is let through, and afterwards there is room again.
        again = asyncio.run(at_once(url, site.staff_key, [SLOW, "viewer { name }", "viewer { role }"]))
        assert [each.status_code for each in again] == [200, 200, 200]


def test_reports_of_all_keys_at_once(site: Site) -> None:
    with slow(site, HttpOptions(reports_at_once=1)) as url:
        answers = asyncio.run(at_once(url, site.staff_key, [SLOW, SLOW]))
        assert sorted(each.status_code for each in answers) == [200, 503]
        [refused] = [each for each in answers if each.status_code == 503]
        assert refused.json()["errors"][0]["extensions"] == {"code": "STORE_BUSY"}
        assert int(refused.headers["retry-after"]) > 0


def test_requests_in_a_minute(site: Site) -> None:
    http = client(site, requests_per_minute=3)
    query = {"query": "{ viewer { name } }"}
    answers = [http.post("/graphql", json=query) for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    names = ("ratelimit-limit", "ratelimit-remaining")
    told = [tuple(int(each.headers[name]) for name in names) for each in answers]
    assert told == [(3, 2), (3, 1), (3, 0), (3, 0), (3, 0)]
    assert all(0 < int(each.headers["ratelimit-reset"]) <= 60 for each in answers)
    refused = http.post("/graphql", json=query)
    assert refusal(refused) == ("LIMIT_EXCEEDED", "requestsPerMinute", 4, 3)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    other = {"Authorization": f"Bearer {site.partner_key('5001')}"}
    assert http.post("/graphql", json=query, headers=other).status_code == 200


def test_a_minute_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rates = Rates(2)
    for key in ("a", "a", "b"):
        rates.count(key)
    now += 59.5
    with pytest.raises(TooManyRequests) as refused:
        rates.count("a")
    assert refused.value.retry_after == 1
    now += 0.5
    for key in ("a", "a", "b"):
        rates.count(key)


def test_room_is_given_back_whatever_happens() -> None:
    running = RunningReports(at_once=3, for_one=2)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), running.room("a", 2):
            raise ZeroDivisionError
    with running.room("a", 2), running.room("b", 1):
        with pytest.raises(TooManyRequests), running.room("a", 1):
            pass
        with pytest.raises(StoreBusy), running.room("b", 1):
            pass
    with running.room("c", 2):
        pass
