"""What a report's author declares is enough for all of analysis, whatever the kinds of columns."""

from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import Select, func, select
from starlette.testclient import TestClient

from gqlreports.plugins import (
    COUNT,
    FLAG,
    MOMENT,
    Report,
    Scope,
    answered,
    attempts,
    cdr,
    customer_charge,
    dimension,
    measure,
    ratio,
    talk_time,
    whole,
)
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.web.app import create_app
from tests.schema.test_catalogue import CATALOGUE, generic_query
from tests.support import sites
from tests.support.sites import Site


class EveryKind(Report):
    """A key and a figure of each kind."""

    hour = dimension(func.toStartOfHour(cdr.c.dt), "Hour", type=MOMENT)
    branch = dimension(func.toInt64(cdr.c.branch_idx), "Branch", type=COUNT)
    was_answered = dimension(cdr.c.answered, "Answered", type=FLAG)
    account = dimension(cdr.c.account, "Account")
    first_call = measure(whole(func.min(cdr.c.dt), MOMENT, "the first time"), "First call")
    calls = measure(attempts, "Calls")
    seconds = measure(talk_time, "Seconds", unit="s")
    asr = ratio(answered, attempts, "ASR", unit="0..1")
    charge = measure(customer_charge.total, "Charge", unit="currency")
    currency = measure(customer_charge.currency, "Currency")


class KeysAlone(Report):
    """No figure."""

    account = dimension(cdr.c.account, "Account")
    switch = dimension(cdr.c.switch, "Switch")


class FromSubquery(Report):
    """Calls by switch, by way of a subquery."""

    switch = dimension(cdr.c.switch, "Switch")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        return select(*super().statement(scope).subquery("inner").c)


REPORTS = {"EVERY_KIND": EveryKind, "KEYS_ALONE": KeysAlone, "FROM_SUBQUERY": FromSubquery}


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    registered = {name: RegisteredReport(name, report(), "tests") for name, report in REPORTS.items()}
    registry = Registry(MappingProxyType({**sites.REGISTRY.reports, **registered}))
    return TestClient(create_app(registry, site.backend, site.directory))


def ask(client: TestClient, site: Site, query: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    answer: dict[str, Any] = client.post("/graphql", json={"query": query}, headers=headers).json()
    assert "errors" not in answer, answer["errors"]
    data: dict[str, Any] = answer["data"]
    return data


@pytest.fixture(scope="module")
def catalogue(client: TestClient, site: Site) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in ask(client, site, CATALOGUE)["reportTypes"] if each["name"] in REPORTS}


@pytest.mark.parametrize("name", REPORTS)
def test_all_of_it_can_be_asked_for(
    client: TestClient, site: Site, catalogue: dict[str, dict[str, Any]], name: str
) -> None:
    answer = ask(client, site, generic_query(catalogue[name]))["customReport"]
    assert answer["subtotals"]


def test_the_chart_of_times_is_a_line(catalogue: dict[str, dict[str, Any]]) -> None:
    assert catalogue["EVERY_KIND"]["chart"] == {"kind": "LINE", "dimension": "hour", "measure": "calls"}
    assert catalogue["KEYS_ALONE"]["chart"] is None


def test_the_largest_series_are_those_of_the_first_number(client: TestClient, site: Site) -> None:
    """A time is a figure too, but the latest is not the largest."""
    series = "every: MONTH, by: [ACCOUNT], series: 1"
    fields = "{ start account others calls }"
    [answer] = ask(
        client,
        site,
        f"""{{ customReport(customer: "5001", type: EVERY_KIND,
                            from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z") {{
          ... on EveryKindReport {{
            unsaid: timeline({series}) {fields}
            number: timeline({series}, seriesBy: CALLS) {fields}
            time: timeline({series}, seriesBy: FIRST_CALL) {fields}
          }}
        }} }}""",
    ).values()
    assert answer["unsaid"] == answer["number"] != answer["time"]


def test_a_statement_over_a_subquery_lists_no_calls(
    client: TestClient, site: Site, catalogue: dict[str, dict[str, Any]]
) -> None:
    assert {name: each["listsCalls"] for name, each in catalogue.items()} == {
        "EVERY_KIND": True,
        "KEYS_ALONE": True,
        "FROM_SUBQUERY": False,
    }
    fields = ask(client, site, '{ __type(name: "FromSubqueryReport") { fields { name } } }')["__type"]["fields"]
    assert not {"calls", "callCount"} & {each["name"] for each in fields}
