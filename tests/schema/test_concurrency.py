"""Reports of one request run at once."""

import time
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, func, literal_column
from starlette.testclient import TestClient

from gqlreports.plugins import Report, Scope, attempts, cdr, dimension, measure
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.sites import Site

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
FIELDS = "... on SlowReport { rows { account calls } }"


class Slow(Report):
    """Takes the store a second."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(func.sleep(literal_column("1")) == literal_column("0"))


def test_two_reports_take_as_long_as_one(site: Site) -> None:
    shipped = sites.REGISTRY.reports
    registry = Registry(MappingProxyType({**shipped, "SLOW": RegisteredReport("SLOW", Slow(), "tests")}))
    client = TestClient(create_app(registry, site.backend, site.directory))

    def seconds(*aliases: str) -> float:
        reports = " ".join(
            f'{alias}: customReport(customer: "5003", type: SLOW, {RANGE}) {{ {FIELDS} }}' for alias in aliases
        )
        before = time.monotonic()
        headers = {"Authorization": f"Bearer {site.staff_key}"}
        answer = client.post("/graphql", json={"query": f"{{ {reports} }}"}, headers=headers).json()
        assert [bool(answer["data"][alias]["rows"]) for alias in aliases] == [True] * len(aliases)
        return time.monotonic() - before

    one, two = seconds("a"), seconds("a", "b")
    assert one >= 1
    assert two < 1.7 * one
