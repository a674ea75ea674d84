"""Who gets in over HTTP, from where, and that no log line ever holds a key."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gqlreports.backends.base import Limits
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.directory.directory import Directory
from gqlreports.directory.keys import new_key_id, new_key_text
from gqlreports.directory.principal import Principal, Role
from gqlreports.store.definition import definition
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.serving import served
from tests.support.sites import Engine
from tests.support.waiting import PATIENCE, wait_until

VIEWER = {"query": "{ viewer { name } }"}


@dataclass
class Api:
    """A served application of a new store and directory."""

    url: str
    directory: Directory
    folder: Path


@contextmanager
def served_api(engine: Engine, folder: Path) -> Iterator[Api]:
    engine.close()
    directory = new_directory(folder)
    backend = EmbeddedBackend(folder / "store", definition(), Limits())
    with served(create_app(sites.REGISTRY, backend, directory)) as address:
        yield Api(f"{address}/graphql", directory, folder)


@pytest.fixture(scope="module")
def api(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with served_api(engine, tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture
def url(api: Api) -> str:
    return api.url


@pytest.fixture
def directory(api: Api) -> Directory:
    return api.directory


def status(url: str, key: str, **headers: str) -> int:
    return httpx2.post(
        url, json=VIEWER, headers={"Authorization": f"Bearer {key}", **headers}, timeout=PATIENCE
    ).status_code


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        ([], "Bearer"),
        ([""], 'Bearer error="invalid_token"'),
        (["Bearer"], 'Bearer error="invalid_token"'),
        (["KEY"], 'Bearer error="invalid_token"'),
        (["Basic KEY"], 'Bearer error="invalid_token"'),
        (["Bearer KEY x"], 'Bearer error="invalid_token"'),
        (["Bearer KEY", "Bearer KEY"], 'Bearer error="invalid_token"'),
        (["Bearer KEY, Bearer KEY"], 'Bearer error="invalid_token"'),
        (["Bearer eyJhbGciOiJub25lIn0.e30."], 'Bearer error="invalid_token"'),
        (["Bearer " + "x" * 30_000], 'Bearer error="invalid_token"'),
        (["Bearer \xff\xfe"], 'Bearer error="invalid_token"'),
    ],
)
def test_what_is_no_key(url: str, directory: Directory, authorization: list[str], challenge: str) -> None:
    key = directory.create_key("Ann", Role.STAFF)
    headers = [(b"authorization", each.replace("KEY", key).encode("latin-1")) for each in authorization]
    response = httpx2.post(url, json=VIEWER, headers=headers, timeout=PATIENCE)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == challenge
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in response.json()


@pytest.mark.parametrize("place", ["access_token", "key", "authorization", "token"])
def test_a_key_is_taken_from_the_header_alone(url: str, directory: Directory, place: str) -> None:
    key = directory.create_key("Ann", Role.STAFF)
    parameters = {"query": VIEWER["query"], place: f"Bearer {key}"}
    assert httpx2.get(url, params=parameters, timeout=PATIENCE).status_code == 401
    assert httpx2.post(url, json=VIEWER, headers={"Cookie": f"{place}={key}"}, timeout=PATIENCE).status_code == 401
    assert httpx2.post(url, json=VIEWER | {place: key}, timeout=PATIENCE).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_in_any_case(url: str, directory: Directory, scheme: str) -> None:
    key = directory.create_key("Ann", Role.STAFF)
    response = httpx2.post(url, json=VIEWER, headers={"Authorization": f"{scheme} {key}"}, timeout=PATIENCE)
    assert response.json() == {"data": {"viewer": {"name": "Ann"}}}


def test_a_network_is_that_of_the_caller(url: str, directory: Directory) -> None:
    here = directory.create_key("here", Role.STAFF, networks=["127.0.0.0/8"])
    there = directory.create_key("there", Role.STAFF, networks=["203.0.113.0/24"])
    assert (status(url, here), status(url, there)) == (200, 401)


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("203.0.113.7", 200),
        ("192.0.2.1, 203.0.113.7", 200),
        ("203.0.113.7, 192.0.2.1", 401),
        ("203.0.113.7, 127.0.0.1", 200),
        ("nonsense", 401),
        ("", 401),
    ],
)
def test_behind_a_proxy_that_is_trusted(url: str, directory: Directory, forwarded: str, expected: int) -> None:
    """This machine is one where nothing else is set; the last address before the trusted ones counts."""
    key = directory.create_key("there", Role.STAFF, networks=["203.0.113.0/24"])
    assert status(url, key, **{"X-Forwarded-For": forwarded}) == expected


def test_a_caller_that_is_no_trusted_proxy_cannot_say_where_it_is(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run after those of the module's own server, which this one replaces."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.10")
    with served_api(engine, tmp_path) as api:
        key = api.directory.create_key("there", Role.STAFF, networks=["203.0.113.0/24"])
        here = api.directory.create_key("here", Role.STAFF, networks=["127.0.0.1"])
        for forwarded in ("203.0.113.7", "203.0.113.7, 127.0.0.1"):
            assert status(api.url, key, **{"X-Forwarded-For": forwarded}) == 401
            assert status(api.url, here, **{"X-Forwarded-For": forwarded}) == 200


def test_no_log_line_holds_a_key(engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in its text nor in the arguments, tracebacks and values that it was made of."""
    caplog.set_level(logging.DEBUG)
    for client in ("httpx2", "httpcore2"):
        caplog.set_level(logging.WARNING, client)
    with served_api(engine, tmp_path) as api:
        used = use_keys(api)
    assert "The directory failed." in caplog.text
    logged = caplog.text + "".join(repr((each.args, each.__dict__)) for each in caplog.records)
    for key in used:
        assert key.split("_", 2)[-1][:40] not in logged


def use_keys(api: Api) -> list[str]:
    """All kinds of keys, used, made and refused, at last by a directory that fails."""
    directory, url = api.directory, api.url
    admin = directory.create_key("Ann", Role.ADMIN)
    partner = directory.create_key("Oak", Role.PARTNER, ["1"])
    elsewhere = directory.create_key("there", Role.STAFF, networks=["203.0.113.0/24"])
    revoked = directory.create_key("Bob", Role.STAFF)
    directory.revoke_key(directory.authenticate(revoked).key_id)
    unknown, before = new_key_text(new_key_id()), "gqlr_" + secrets.token_urlsafe(32)
    used = [admin, partner, elsewhere, revoked, unknown, before, admin[:-1] + "x", f"{admin} {admin}"]
    for key in used:
        status(url, key)
        httpx2.get(url, params={"query": VIEWER["query"]}, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE)
    created = mutated(url, admin, 'createKey(name: "New", role: STAFF) { secret key { id } }')["createKey"]
    rotated = mutated(url, admin, f'rotateKey(id: "{created["key"]["id"]}") {{ secret }}')["rotateKey"]
    (api.folder / "directory.db").write_bytes(b"no database any more" * 1000)
    assert status(url, unknown) == 503
    return [*used, created["secret"], rotated["secret"]]


def mutated(url: str, key: str, mutation: str) -> dict[str, Any]:
    body = {"query": f"mutation {{ {mutation} }}"}
    answer = httpx2.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE).json()
    data: dict[str, Any] = answer["data"]
    return data


@contextmanager
def each_look_up(directory: Directory, hook: Callable[[], None]) -> Iterator[None]:
    """Call the hook after each look-up of a key in the directory, before anybody hears of its result."""
    look_up = directory.authenticate

    def then_hook(key: str, source: str | None) -> Principal:
        try:
            return look_up(key, source)
        finally:
            hook()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directory, "authenticate", then_hook)
        yield


def test_callers_who_come_at_once_with_one_key_share_a_look_up(url: str, directory: Directory) -> None:
    key, other = (directory.create_key(name, Role.STAFF) for name in ("many", "other"))
    all_asked, look_ups = threading.Event(), []

    def looked_up() -> None:
        look_ups.append(1)
        all_asked.wait(PATIENCE)

    with each_look_up(directory, looked_up), ThreadPoolExecutor(21) as callers:
        alike = [callers.submit(status, url, key) for _ in range(20)]
        wait_until(lambda: len(look_ups) == 1)
        another = callers.submit(status, url, other)
        wait_until(lambda: len(look_ups) == 2)
        all_asked.set()
        assert [each.result() for each in [*alike, another]] == [200] * 21
    assert len(look_ups) == 2


def test_a_key_that_is_revoked_during_a_look_up_lets_nobody_in_who_comes_later(url: str, directory: Directory) -> None:
    key = directory.create_key("revoked meanwhile", Role.STAFF)
    [id] = [each.id for each in directory.list_keys() if each.name == "revoked meanwhile"]
    read, revoked = threading.Event(), threading.Event()

    def looked_up() -> None:
        if not read.is_set():
            read.set()
            revoked.wait(PATIENCE)

    with each_look_up(directory, looked_up), ThreadPoolExecutor(2) as callers:
        before = callers.submit(status, url, key)
        read.wait(PATIENCE)
        directory.revoke_key(id)
        after = callers.submit(status, url, key)
        # Time enough to join the first one's look-up, which has read the key before it was revoked.
        time.sleep(0.5)
        revoked.set()
        assert (before.result(), after.result()) == (200, 401)
