"""Who ran what is taken down, off the request's path, and kept through failures of the directory."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from gqlreports.backends.base import Customers
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Principal, Role
from gqlreports.limits import RequestLimits
from gqlreports.plugins import CountingBasis, ReportParameters
from gqlreports.plugins.registry import Registry
from gqlreports.schema.request import ReportRequest
from gqlreports.web import audit as module
from gqlreports.web.app import HttpOptions, create_app
from gqlreports.web.audit import AuditTrail
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.sites import Site
from tests.support.waiting import wait_until

START, END = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
RANGE = 'from: "2025-10-20T02:00:00+02:00", to: "2025-11-20T00:00:00Z"'
ANN = Principal("key", "Ann", Role.STAFF, None)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = new_directory(tmp_path)
    yield made
    made.close()


@lru_cache
def registry() -> Registry:
    return sites.REGISTRY


def request(*customers: str) -> ReportRequest:
    return ReportRequest(
        registry().reports["DTMF"],
        Customers.of(*customers),
        START,
        END,
        ReportParameters(),
        CountingBasis.CALL,
        staff=True,
    )


def kept(directory: Directory, **only: Any) -> list[str]:
    """Customers of the runs, the first first."""
    return [each.customer_id for each in reversed(directory.report_runs(100_000, **only))]


def test_a_report_that_ran(site: Site, directory: Directory) -> None:
    directory.save_customers([Customer(id=each, name=each, currency="USD") for each in ("5001", "5003")])
    key = directory.create_key("Oak", Role.PARTNER, ["5003"], reports=["DID_AS_CLI", "USA_RATE_CENTER"])
    app = create_app(registry(), site.backend, directory)
    reports = [
        f'customReport(customer: "{customer}", type: {type}, {RANGE}) {{ type }}'
        for customer, type in (("5003", "DID_AS_CLI"), ("5001", "DID_AS_CLI"), ("5003", "GROUP_BY_TECH_PREFIX"))
    ]
    before = datetime.now(UTC).replace(tzinfo=None)
    with TestClient(app, client=("203.0.113.7", 1)) as client:
        for number, query in enumerate([*reports, "reportTypes { name }", "nothing"]):
            headers = {"Authorization": f"Bearer {key}", "X-Request-Id": f"request-{number}"}
            client.post("/graphql", json={"query": f"{{ {query} }}"}, headers=headers)
        span = {"from": START.isoformat(), "to": END.isoformat()}
        for customer in ("5001", "5003"):
            address = "/export/USA_RATE_CENTER.csv"
            client.get(address, params={"customer": customer, **span}, headers=headers | {"X-Request-Id": "export"})
    site.engine.close()
    export, run = directory.report_runs(10)
    assert (export.request_id, export.report_type, export.customer_id) == ("export", "USA_RATE_CENTER", "5003")
    assert before <= run.at <= datetime.now(UTC).replace(tzinfo=None)
    assert (run.caller, run.name, run.source) == (key.split("_")[1], "Oak", "203.0.113.7")
    assert (run.request_id, run.report_type, run.customer_id) == ("request-0", "DID_AS_CLI", "5003")
    assert (run.range_start, run.range_end) == (START.replace(tzinfo=None), END.replace(tzinfo=None))


COMPARED = f"""{{ customReport(customer: "5003", type: DID_AS_CLI, {RANGE}) {{ ... on DidAsCliReport {{
    comparison(with: {{ range: {{ from: "2025-09-20T00:00:00Z", to: "2025-10-01T00:00:00Z" }} }}) {{
        totals {{ count {{ previous }} }}
    }}
}} }} }}"""


def test_the_range_that_a_report_is_compared_with_is_a_run_too(site: Site, directory: Directory) -> None:
    """Also where the query is repeated, and so is not executed again."""
    directory.save_customers([Customer(id="5003", name="Oak", currency="USD")])
    key = directory.create_key("Oak", Role.PARTNER, ["5003"])
    with TestClient(create_app(registry(), site.backend, directory)) as client:
        for number in range(2):
            headers = {"Authorization": f"Bearer {key}", "X-Request-Id": str(number)}
            assert "errors" not in client.post("/graphql", json={"query": COMPARED}, headers=headers).json()
    site.engine.close()
    own, compared = (START.date(), END.date()), (date(2025, 9, 20), date(2025, 10, 1))
    runs = [(run.request_id, run.range_start.date(), run.range_end.date()) for run in directory.report_runs(10)]
    assert sorted(runs) == sorted((number, *range) for number in ("0", "1") for range in (own, compared))


def test_an_export_that_is_not_let_in_did_not_run(site: Site, directory: Directory) -> None:
    """There is no room for it, its range is too long, or only its arguments are checked."""
    directory.save_customers([Customer(id="5003", name="Oak", currency="USD")])
    key = directory.create_key("Oak", Role.PARTNER, ["5003"])
    http = HttpOptions(RequestLimits(range_days=40), reports_at_once=0)
    span = {"customer": "5003", "from": START.isoformat()}
    with TestClient(create_app(registry(), site.backend, directory, http=http)) as client:
        client.headers = {"Authorization": f"Bearer {key}"}
        address = "/export/USA_RATE_CENTER.csv"
        full = client.get(address, params=span | {"to": END.isoformat()})
        head = client.head(address, params=span | {"to": END.isoformat()})
    roomy = HttpOptions(RequestLimits(range_days=40))
    with TestClient(create_app(registry(), site.backend, directory, http=roomy)) as client:
        client.headers = {"Authorization": f"Bearer {key}"}
        long = client.get(address, params=span | {"to": datetime(2026, 11, 20, tzinfo=UTC).isoformat()})
    site.engine.close()
    assert (full.status_code, full.json()["errors"][0]["extensions"]["code"]) == (503, "STORE_BUSY")
    assert (long.status_code, long.json()["errors"][0]["extensions"]["code"]) == (400, "LIMIT_EXCEEDED")
    assert head.status_code == 200
    assert directory.report_runs(10) == []


def test_all_that_was_taken_is_written_at_the_end(directory: Directory) -> None:
    trail = AuditTrail(directory)
    trail.start()
    for number in range(1234):
        trail.add(ANN, None, request(str(number)))
    trail.end()
    assert kept(directory) == [str(number) for number in range(1234)]


def test_it_is_written_while_the_server_runs(directory: Directory) -> None:
    trail = AuditTrail(directory)
    trail.start()
    trail.add(ANN, None, request("1"))
    wait_until(lambda: bool(kept(directory)))
    trail.end()


@contextmanager
def without_its_table(folder: Path) -> Iterator[None]:
    engine = create_engine(f"sqlite:///{folder}/directory.db")

    def run(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement))

    run("ALTER TABLE report_run RENAME TO away")
    yield
    run("ALTER TABLE away RENAME TO report_run")
    engine.dispose()


def test_a_directory_that_fails_gets_it_later(directory: Directory, tmp_path: Path) -> None:
    trail = AuditTrail(directory)
    with without_its_table(tmp_path):
        trail.start()
        for number in range(3):
            trail.add(ANN, None, request(str(number)))
            time.sleep(0.3)
    trail.end()
    assert kept(directory) == ["0", "1", "2"]


def test_what_cannot_be_kept_is_in_the_log(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    monkeypatch.setattr(module, "_LONGEST_END", 0.1)
    trail = AuditTrail(directory)
    with without_its_table(tmp_path), caplog.at_level(logging.ERROR):
        for customer in ("1001", "1002", "1003"):
            trail.add(ANN, "192.0.2.1", request(customer))
        assert "'1003'" in caplog.text
        assert "'1001'" not in caplog.text
        trail.start()
        trail.end()
    lines = [each.getMessage() for each in caplog.records if "not in the audit" in each.getMessage()]
    assert [each for each in ("1001", "1002", "1003") if any(f"'{each}'" in line for line in lines)] == [
        "1001",
        "1002",
        "1003",
    ]
    assert all("192.0.2.1" in line and "Ann" in line for line in lines)
    assert kept(directory) == []


def test_it_is_listed_by_customer_caller_and_time(directory: Directory) -> None:
    runs = [("1", "a", 1), ("2", "a", 2), ("1", "b", 3), ("3", "b", 4)]
    directory.record_runs(
        [
            {
                "at": datetime(2025, 10, day),
                "request_id": "r",
                "caller": caller,
                "name": "n",
                "report_type": "DTMF",
                "customer_id": customer,
                "range_start": datetime(2025, 1, 1),
                "range_end": datetime(2025, 1, 2),
            }
            for customer, caller, day in runs
        ]
    )
    assert kept(directory) == ["1", "2", "1", "3"]
    assert kept(directory, customer="1") == ["1", "1"]
    assert kept(directory, caller="a") == ["1", "2"]
    assert kept(directory, since=datetime(2025, 10, 3, tzinfo=UTC)) == ["1", "3"]
    assert [each.customer_id for each in directory.report_runs(2)] == ["3", "1"]
