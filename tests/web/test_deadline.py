"""One deadline for a request, whatever asks the store for it."""

import time
from pathlib import Path

import httpx2
import pytest

from gqlreports.backends.base import Limits
from gqlreports.backends.request import DEADLINE, seconds_left
from gqlreports.limits import RequestLimits
from gqlreports.web.app import HttpOptions
from tests.backends.test_conformance import until_nothing_runs
from tests.conftest import STORES
from tests.support.stores import Store
from tests.web.test_leaving import REPORT, Api, api

pytestmark = pytest.mark.thorough

SETTING = HttpOptions(RequestLimits(seconds_per_request=1))


def asked(made: Api, query: str, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Authorization": f"Bearer {made.key}"}
    return httpx2.post(f"{made.url}/graphql", json={"query": query}, headers=named, timeout=60)


@pytest.mark.parametrize(
    ("store", "options", "headers"),
    [*((kind, SETTING, {}) for kind in STORES), ("embedded", HttpOptions(), {"X_Request_Timeout": "1"})],
    indirect=["store"],
)
def test_the_request_ends_though_its_query_could_go_on(
    store: Store, tmp_path: Path, options: HttpOptions, headers: dict[str, str]
) -> None:
    with api(store, tmp_path, Limits(60), options) as made:
        response = asked(made, f"{{ viewer {{ name }} a: {REPORT} b: {REPORT} }}", **headers)
        answer = response.json()
        assert answer["data"] == {"viewer": {"name": "tests"}, "a": None, "b": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["TIMEOUT", "TIMEOUT"]
        store.run(until_nothing_runs, Limits(60))


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
def test_a_caller_cannot_have_more(store: Store, tmp_path: Path) -> None:
    with api(store, tmp_path, Limits(60), SETTING) as made:
        response = asked(made, f"{{ {REPORT} }}", X_Request_Timeout="3600")
        assert response.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
        for wrong in ("", "soon", "-1", "1e3", "nan", "9" * 100):
            response = asked(made, "{ viewer { name } }", X_Request_Timeout=wrong)
            assert response.status_code == 400
            assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_what_is_left() -> None:
    assert seconds_left(60) == 60
    token = DEADLINE.set(time.monotonic() + 10)
    assert 9 < seconds_left(60) <= 10
    assert seconds_left(5) == 5
    DEADLINE.reset(token)
    token = DEADLINE.set(time.monotonic() - 10)
    # Nothing at all would mean any time to ClickHouse.
    assert 0 < seconds_left(60) < 0.01
    DEADLINE.reset(token)
