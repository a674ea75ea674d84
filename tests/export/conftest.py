"""An application with the reports of these tests, on the site of awkward files."""

from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gqlreports.web.app import create_app
from tests.support.export_reports import REGISTRY
from tests.support.sites import Site

SPAN = {"from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"}


@dataclass
class Exports:
    """Exports of a site, and the API's own answers to the same questions."""

    site: Site
    app: Starlette

    def get(self, file: str, key: str | None = None, method: str = "GET", **arguments: Any) -> httpx2.Response:
        """Arguments that are no text are sent as JSON; without a range it is that of all calls."""
        given = {"customer": "5003", **SPAN, **arguments}
        texts = {
            name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in given.items()
        }
        headers = {"Authorization": f"Bearer {key or self.site.staff_key}"}
        return TestClient(self.app).request(method, f"/export/{file}", params=texts, headers=headers)

    def rows(self, type: str, more: str = "", of_rows: str = "", customer: str = "5003") -> list[dict[str, Any]]:
        """The answer of the field `rows`, all columns."""
        report = REGISTRY.reports[type]
        names = " ".join(column.graphql_name for column in report.columns(staff=True))
        query = f"""{{
          customReport(customer: "{customer}", type: {type}, from: "{SPAN["from"]}", to: "{SPAN["to"]}" {more}) {{
            ... on {report.type_name}Report {{ rows(first: 100000 {of_rows}) {{ {names} }} }}
          }}
        }}"""
        headers = {"Authorization": f"Bearer {self.site.staff_key}"}
        answer = TestClient(self.app).post("/graphql", json={"query": query}, headers=headers).json()
        rows: list[dict[str, Any]] = answer["data"]["customReport"]["rows"]
        return rows


@pytest.fixture
def exports(site: Site) -> Exports:
    return Exports(site, create_app(REGISTRY, site.backend, site.directory))
