"""A query that would run for a minute ends when its caller leaves or its time is up, on every store."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
from mcp import MCPError
from sqlalchemy import Select, literal_column

from gqlreports.backends.base import Backend, Limits
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.plugins import Report, Scope, attempts, cdr, dimension, measure
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.web.app import HttpOptions, create_app
from gqlreports.web.lifecycle import Shutdown
from tests.backends.test_conformance import running, until_nothing_runs
from tests.support import sites
from tests.support.agents import ERAS, TestAgent
from tests.support.directories import new_directory
from tests.support.serving import served
from tests.support.stores import Store

pytestmark = pytest.mark.thorough

RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'
REPORT = (
    f'customReport(customer: "1", type: ENDLESS, {RANGE}) {{ ... on EndlessReport {{ rows {{ account calls }} }} }}'
)
ENDLESS = {"report": "ENDLESS", "customer": "1", "from": "2025-10-20", "to": "2025-11-20"}
LONG = "(SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1) = 0"


class Endless(Report):
    """Takes the store minutes."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(literal_column(LONG))


@dataclass
class Api:
    url: str
    key: str

    def ask(self, query: str, seconds: float) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.post(f"{self.url}/graphql", json={"query": query}, headers=headers, timeout=seconds).json()


@contextmanager
def api(store: Store, folder: Path, limits: Limits, http: HttpOptions | None = None) -> Iterator[Api]:
    directory = new_directory(folder)
    directory.save_customers([Customer(id="1", name="One", currency="USD")])
    shipped = sites.REGISTRY.reports
    registry = Registry(MappingProxyType({**shipped, "ENDLESS": RegisteredReport("ENDLESS", Endless(), "tests")}))
    with served(create_app(registry, store.backend(limits), directory, http=http)) as url:
        yield Api(url, directory.create_key("tests", Role.STAFF))
    store.reopen()


@pytest.mark.parametrize("query", [f"{{ {REPORT} }}", f"{{ a: {REPORT} b: {REPORT} }}"])
def test_the_caller_leaves(store: Store, tmp_path: Path, query: str, caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(60)

    async def left(backend: Backend) -> None:
        """Once the engine is seen to run the query."""
        async with httpx2.AsyncClient(timeout=60) as client:
            headers = {"Authorization": f"Bearer {made.key}"}
            asking = asyncio.ensure_future(client.post(f"{made.url}/graphql", json={"query": query}, headers=headers))
            while not await running(backend):
                assert not asking.done()
                await asyncio.sleep(0.05)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await until_nothing_runs(backend)

    with api(store, tmp_path, limits) as made, caplog.at_level(logging.INFO):
        store.run(left, limits)
    assert "left before its answer" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@pytest.mark.parametrize("era", ERAS)
def test_an_agent_leaves(store: Store, tmp_path: Path, era: str, caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(60)

    async def left(backend: Backend) -> None:
        asking = asyncio.ensure_future(TestAgent(made.url, made.key, era).ask("run_report", ENDLESS))
        while not await running(backend):
            assert not asking.done()
            await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until_nothing_runs(backend)

    with api(store, tmp_path, limits) as made, caplog.at_level(logging.INFO):
        store.run(left, limits)
    assert "left before its answer" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
def test_the_server_ends_before_an_agent_has_its_answer(store: Store, tmp_path: Path) -> None:
    shutdown, limits = Shutdown(), Limits(60)

    async def ended(backend: Backend) -> None:
        asking = asyncio.ensure_future(TestAgent(made.url, made.key).ask("run_report", ENDLESS))
        while not await running(backend):
            assert not asking.done()
            await asyncio.sleep(0.05)
        shutdown.end()
        with pytest.raises(ExceptionGroup) as failed:
            await asking
        assert failed.group_contains(MCPError, match="went down before the answer was there; try again")
        await until_nothing_runs(backend)

    with api(store, tmp_path, limits, HttpOptions(shutdown=shutdown)) as made:
        store.run(ended, limits)


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@pytest.mark.parametrize("era", ERAS)
def test_the_time_of_an_agent_is_up(store: Store, tmp_path: Path, era: str) -> None:
    with api(store, tmp_path, Limits(1)) as made:
        found = asyncio.run(TestAgent(made.url, made.key, era).ask("run_report", ENDLESS))
        assert found.failed
        assert found.text.startswith("TIMEOUT: ")
        store.run(until_nothing_runs, Limits(60))


def test_the_time_is_up(store: Store, tmp_path: Path) -> None:
    limits = Limits(1)
    with api(store, tmp_path, limits) as made:
        answer = made.ask(f"{{ {REPORT} }}", seconds=20)
        assert answer["data"] == {"customReport": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["TIMEOUT"]
        store.run(until_nothing_runs, Limits(60))
