"""Every time that an answer has is written in one form: UTC, with milliseconds."""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest
from starlette.testclient import TestClient

from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.web.app import create_app
from tests.schema.test_any_report import EveryKind
from tests.support import sites
from tests.support.sites import Site

BEGINNING = re.compile(r"\d{4}-\d\d-\d\d")
FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
QUERY = """
query ($where: EveryKindFilter) {
  customReport(
    customer: "5001", type: EVERY_KIND, from: "2025-11-02T00:00:00Z", to: "2025-11-03T05:30:00+05:30"
    asOf: "2100-01-01T00:00:00.120Z"
  ) {
    from to asOf dataThrough numberingAsOf
    ... on EveryKindReport {
      rows(first: 3, where: $where) { hour firstCall }
      alone: rows(first: 3) { hour }
      totals { firstCall }
      subtotals(by: [HOUR], first: 3) { hour firstCall }
      timeline(every: DAY, by: [HOUR], series: 2, seriesBy: CALLS) { start end hour firstCall }
      comparison(with: {period: PREVIOUS_PERIOD}) {
        from to rows(first: 3) { hour firstCall { current previous } } totals { firstCall { current } }
      }
      top(n: 2, by: CALLS) { rows { hour firstCall } others { firstCall } }
      calls(first: 3) { dt endTime history { loadedAt takenBackAt } }
    }
  }
}"""


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from texts(each, f"{path}.{name}")
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, path)
    elif isinstance(value, str):
        yield path, value


@pytest.mark.parametrize("where", [None, {"calls": {"gt": 0}}])
def test_all_times_have_one_form(site: Site, where: object) -> None:
    every_kind = RegisteredReport("EVERY_KIND", EveryKind(), "tests")
    registry = Registry(MappingProxyType({**sites.REGISTRY.reports, "EVERY_KIND": every_kind}))
    client = TestClient(create_app(registry, site.backend, site.directory))
    asked = {"query": QUERY, "variables": {"where": where}}
    answer = client.post("/graphql", json=asked, headers={"Authorization": f"Bearer {site.staff_key}"}).json()
    assert "errors" not in answer, answer
    times = [each for each in texts(answer["data"]) if BEGINNING.match(each[1])]
    assert [each for each in times if not FORM.fullmatch(each[1])] == []
    assert len({path for path, _ in times}) == 26


def test_a_moment_between_milliseconds_stays_what_it_was(site: Site) -> None:
    query = """{ customReport(customer: "5001", type: DTMF, from: "2025-11-02T00:00:00.1234565Z",
      to: "2025-11-03T00:00:00Z") { from } }"""
    assert site.data(query) == {"customReport": {"from": "2025-11-02T00:00:00.123457Z"}}
