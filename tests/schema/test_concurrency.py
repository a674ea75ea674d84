"""Reports of one request run at once."""

from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import Select, func, literal_column
from starlette.testclient import TestClient

from gqlreports.backends.base import Fetched, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
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


def test_two_reports_run_at_the_same_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = sites.REGISTRY.reports
    registry = Registry(MappingProxyType({**shipped, "SLOW": RegisteredReport("SLOW", Slow(), "tests")}))
    client = TestClient(create_app(registry, site.backend, site.directory))
    fetch_json, running, seen = EmbeddedBackend.fetch_json, set[str](), list[int]()

    async def noted(backend: EmbeddedBackend, statement: Statement) -> Fetched:
        slow = str(statement.parameters) if "sleep" in statement.sql else ""
        running.add(slow)
        seen.append(len(running - {""}))
        try:
            return await fetch_json(backend, statement)
        finally:
            running.discard(slow)

    monkeypatch.setattr(EmbeddedBackend, "fetch_json", noted)
    reports = " ".join(
        f'{alias}: customReport(customer: "{alias[1:]}", type: SLOW, {RANGE}) {{ {FIELDS} }}'
        for alias in ("c5001", "c5003")
    )
    headers = {"Authorization": f"Bearer {site.staff_key}"}
    answer = client.post("/graphql", json={"query": f"{{ {reports} }}"}, headers=headers).json()
    assert all(answer["data"][alias]["rows"] for alias in ("c5001", "c5003"))
    assert max(seen) == 2
