"""`gqlreports demo`, as `make demo` runs it: calls, a user, a key and a query that gives rows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from gqlreports.directory.directory import Directory
from tests.support.waiting import PATIENCE
from tests.web.test_server import free_port

pytestmark = pytest.mark.processes

CALLS = """
query ($customer: ID!, $from: DateTime!, $to: DateTime!) {
  customReport(customer: $customer, type: GROUP_BY_TECH_PREFIX, from: $from, to: $to, basis: ATTEMPT) {
    dataThrough
    ... on GroupByTechPrefixReport { rowCount totals { total } }
  }
}"""


@contextmanager
def demo(home: Path) -> Iterator[tuple[str, str, str, str]]:
    """A running demo: its URL, password, key and query as it prints them."""
    command = [sys.executable, "-u", "-c", "from gqlreports.cli import app; app()", "demo", "--port", str(free_port())]
    environment = os.environ | {"GQLREPORTS_HOME": str(home)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        printed = ""
        while not printed.endswith("}\n\n"):
            line = process.stdout.readline()
            assert line, printed
            printed += line
        url, password, key = (
            re.findall(rf"^{name:<9} (\S+)$", printed, re.MULTILINE)[0] for name in ("GraphQL", "Password", "Key")
        )
        yield url, password, key, printed[printed.index("{\n") :]
    finally:
        process.kill()
        process.communicate()


def ask(url: str, key: str, query: str, **variables: str) -> httpx2.Response:
    transport = httpx2.HTTPTransport(retries=10)
    with httpx2.Client(transport=transport, timeout=60) as client:
        headers = {"Authorization": f"Bearer {key}"}
        return client.post(url, json={"query": query, "variables": variables}, headers=headers)


def log_in_status(url: str, password: str) -> int:
    given = {"userName": "demo", "password": password}
    return httpx2.post(url.replace("/graphql", "/session"), json=given, timeout=PATIENCE).status_code


def test_the_demo(tmp_path: Path) -> None:
    with demo(tmp_path) as (url, password, key, query):
        first = ask(url, key, query).json()
        assert first["data"]["customReport"]["rowCount"] >= 5
        assert first["data"]["customReport"]["rows"][0]["asr"] > 0
        customers = ask(url, key, "{ customers { id } }").json()["data"]["customers"]
        assert len(customers) == 20
        now = datetime.now(UTC)
        span = {"from": (now - timedelta(days=300)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
        reports = [
            ask(url, key, CALLS, customer=each["id"], **span).json()["data"]["customReport"] for each in customers
        ]
        counts = [report["totals"]["total"] for report in reports]
        through = {datetime.fromisoformat(report["dataThrough"]) for report in reports}
        assert all(now - timedelta(days=2) < moment < now + timedelta(days=1) for moment in through)
        assert sum(counts) >= 1_000_000
        assert max(counts) > 10 * min(counts) > 0
        assert log_in_status(url, password) == 204
    with demo(tmp_path) as (url, renewed, another, query):
        assert ask(url, another, query).json()["data"]["customReport"]["rowCount"] >= 5
        assert ask(url, key, query).status_code == 401
        assert (log_in_status(url, renewed), log_in_status(url, password)) == (204, 401)
    directory = Directory(f"sqlite:///{tmp_path}/directory.db")
    assert [each.name for each in directory.users.list()] == ["demo"]
    assert len([each for each in directory.list_keys() if each.revoked_at is None]) == 1
    directory.close()
