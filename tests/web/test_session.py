"""Logging in and out over HTTP, and what the cookie of a session lets in."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import httpx2
import pytest
from sqlalchemy import create_engine, text

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from tests.support.awkward import END, START
from tests.support.sites import Engine
from tests.support.waiting import PATIENCE, wait_until
from tests.web.test_authentication import Api, served_api

PASSWORD = "correct horse battery"
VIEWER = {"query": "{ viewer { name role customers } }"}
PREFLIGHT = {"GraphQL-Require-Preflight": "1"}
COOKIE = "gqlreports_session"


@pytest.fixture(scope="module")
def api(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with served_api(engine, tmp_path_factory.mktemp("sessions")) as made:
        made.directory.users.add("sam", PASSWORD, Role.STAFF)
        made.directory.users.add("pia", PASSWORD, Role.PARTNER, ["5001", "5002"])
        yield made


@pytest.fixture
def base(api: Api) -> str:
    return api.url.removesuffix("/graphql")


def log_in(base: str, name: str = "sam", password: str = PASSWORD, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{base}/session", json={"userName": name, "password": password}, headers=headers, timeout=60)


def cookie(response: httpx2.Response) -> dict[str, str]:
    """The header that a browser sends from then on."""
    return {"Cookie": f"{COOKIE}={response.cookies[COOKIE]}"}


def viewer(base: str, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{base}/graphql", json=VIEWER, headers=headers, timeout=PATIENCE)


def code(response: httpx2.Response) -> str:
    [error] = response.json()["errors"]
    found: str = error["extensions"]["code"]
    return found


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("sam", {"name": "sam", "role": "STAFF", "customers": None}),
        ("pia", {"name": "pia", "role": "PARTNER", "customers": ["5001", "5002"]}),
    ],
)
def test_the_cookie_of_a_session_lets_in(base: str, name: str, seen: dict[str, object]) -> None:
    answer = log_in(base, name)
    assert (answer.status_code, answer.content, answer.headers["Cache-Control"]) == (204, b"", "no-store")
    assert viewer(base, **cookie(answer)).json() == {"data": {"viewer": seen}}


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_a_cookie_that_no_script_reads_and_no_other_site_sends(base: str, scheme: str, secure: bool) -> None:
    """A proxy on this machine is trusted to say how the request came."""
    [header] = log_in(base, **{"X-Forwarded-Proto": scheme}).headers.get_list("set-cookie")
    [[name, morsel]] = SimpleCookie(header).items()
    assert (name, morsel["path"], morsel["samesite"].lower()) == (COOKIE, "/", "strict")
    assert (bool(morsel["httponly"]), bool(morsel["secure"])) == (True, secure)
    assert (morsel["domain"], morsel["expires"], morsel["max-age"]) == ("", "", "")


def test_all_who_do_not_get_in_are_answered_alike(api: Api, base: str) -> None:
    api.directory.users.add("gone", PASSWORD, Role.STAFF)
    api.directory.users.disable("gone")
    answers = [log_in(base, "sam", "a wrong password"), log_in(base, "nobody"), log_in(base, "gone")]
    assert [each.status_code for each in answers] == [401, 401, 401]
    assert {code(each) for each in answers} == {"UNAUTHENTICATED"}
    assert len({each.content for each in answers}) == 1
    names = [sorted(set(each.headers) - {"x-request-id", "date"}) for each in answers]
    assert names[0] == names[1] == names[2]
    assert "set-cookie" not in names[0]


def test_a_guesser_is_locked_out(api: Api, base: str) -> None:
    api.directory.users.add("vera", PASSWORD, Role.STAFF)
    assert [log_in(base, "vera", "a wrong password").status_code for _ in range(6)] == [401] * 5 + [429]
    locked = log_in(base, "vera")
    assert (locked.status_code, code(locked)) == (429, "RATE_LIMITED")
    assert 0 < int(locked.headers["Retry-After"]) <= 15 * 60
    assert log_in(base, "vera", **{"X-Forwarded-For": "198.51.100.7"}).status_code == 204


def test_many_who_guess_at_once_have_no_more_guesses(api: Api, base: str) -> None:
    async def guess() -> list[int]:
        async with httpx2.AsyncClient(timeout=60) as client:
            given = {"userName": "walt", "password": "a wrong password"}
            tries = (client.post(f"{base}/session", json=given) for _ in range(20))
            return [each.status_code for each in await asyncio.gather(*tries)]

    api.directory.users.add("walt", PASSWORD, Role.STAFF)
    assert sorted(asyncio.run(guess())) == [401] * 5 + [429] * 15


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ('{"userName": "sam"}', "application/json", 400),
        ('{"userName": "sam", "password": 1}', "application/json", 400),
        (f'{{"userName": "sam", "password": "{PASSWORD}"}}', "text/plain", 415),
        (f'{{"userName": "sam", "password": "{"x" * 200_000}"}}', "application/json", 413),
    ],
)
def test_what_is_no_log_in(base: str, body: str, content_type: str, status: int) -> None:
    answer = httpx2.post(f"{base}/session", content=body, headers={"Content-Type": content_type}, timeout=PATIENCE)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]
    assert PASSWORD not in answer.text


def test_other_methods(base: str) -> None:
    answer = httpx2.get(f"{base}/session", timeout=PATIENCE)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, DELETE")


def test_logging_out(base: str) -> None:
    held, other = cookie(log_in(base)), cookie(log_in(base))
    assert viewer(base, **held).status_code == 200
    assert httpx2.delete(f"{base}/session", headers=held, timeout=PATIENCE).status_code == 403, (
        "another site could send this"
    )
    assert viewer(base, **held).status_code == 200
    left = httpx2.delete(f"{base}/session", headers=held | PREFLIGHT, timeout=PATIENCE)
    assert left.status_code == 204
    [[name, morsel]] = SimpleCookie(left.headers["set-cookie"]).items()
    assert (name, morsel.value, morsel["max-age"], morsel["path"]) == (COOKIE, "", "0", "/")
    after = viewer(base, **held)
    assert (after.status_code, code(after)) == (401, "UNAUTHENTICATED")
    assert viewer(base, **other).status_code == 200
    assert httpx2.delete(f"{base}/session", timeout=PATIENCE).status_code == 204
    assert httpx2.delete(f"{base}/session", headers=held | PREFLIGHT, timeout=PATIENCE).status_code == 204


def test_a_key_goes_before_a_cookie(api: Api, base: str) -> None:
    held = cookie(log_in(base))
    key = api.directory.create_key("ours", Role.PARTNER, ["5009"])
    with_key = viewer(base, Authorization=f"Bearer {key}", **held)
    assert with_key.json()["data"]["viewer"] == {"name": "ours", "role": "PARTNER", "customers": ["5009"]}
    assert viewer(base, Authorization="Bearer nothing", **held).status_code == 401
    assert viewer(base, Authorization="", **held).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "%00", '"quoted"', "gqlr_" + "0" * 84])
def test_cookies_that_are_no_sessions(base: str, token: str) -> None:
    answer = viewer(base, Cookie=f"{COOKIE}={token}")
    assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")


def test_a_session_that_has_expired(api: Api, base: str) -> None:
    answer = log_in(base)
    engine = create_engine(f"sqlite:///{api.folder}/directory.db")
    with engine.begin() as connection:
        token_hash = hashlib.sha256(answer.cookies[COOKIE].encode()).hexdigest()
        then = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=31)
        update = text("UPDATE user_session SET seen_at = :then WHERE hash = :hash")
        assert connection.execute(update, {"then": then, "hash": token_hash}).rowcount == 1
    engine.dispose()
    expired = viewer(base, **cookie(answer))
    assert (expired.status_code, code(expired)) == (401, "UNAUTHENTICATED")
    assert expired.headers["WWW-Authenticate"] == "Bearer"


def test_a_change_in_another_process_ends_sessions(api: Api, base: str) -> None:
    names = ("hans", "hanna")
    for name in names:
        api.directory.users.add(name, PASSWORD, Role.STAFF)
    held = [cookie(log_in(base, name)) for name in names]
    assert [viewer(base, **each).status_code for each in held] == [200, 200]
    other = Directory(f"sqlite:///{api.folder}/directory.db")
    other.users.disable("hans")
    other.users.set_password("hanna", "another password")
    other.close()
    wait_until(lambda: [viewer(base, **each).status_code for each in held] == [401, 401])


def export(base: str, **headers: str) -> httpx2.Response:
    span = {"from": START.isoformat(), "to": END.isoformat()}
    return httpx2.get(
        f"{base}/export/BREAKOUT.csv", params={"customer": "nobody", **span}, headers=headers, timeout=PATIENCE
    )


@pytest.mark.parametrize(
    ("headers", "meant"),
    [
        ({}, False),
        (PREFLIGHT, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Referer": "BASE/customers/5001"}, True),
        ({"Referer": "BASE/", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Referer": "BASE.example/customers"}, False),
        ({"Referer": "http://other.example/BASE/"}, False),
        ({"Referer": "https://HOST/"}, False),
        ({"Referer": ""}, False),
    ],
)
def test_a_download_that_a_page_of_ours_asks_for(base: str, headers: dict[str, str], meant: bool) -> None:
    """The customer is none, so what is let in is told so, and nothing is asked of the store."""
    host = base.removeprefix("http://")
    sent = {name: value.replace("BASE", base).replace("HOST", host) for name, value in headers.items()}
    answer = export(base, **cookie(log_in(base)), **sent)
    assert (answer.status_code, code(answer)) == ((404, "NOT_FOUND") if meant else (403, "PREFLIGHT_REQUIRED"))


def test_who_ran_what_names_the_user(api: Api, base: str) -> None:
    api.directory.save_customers([Customer(id="5001", name="Alder", currency="USD")])
    span = f'from: "{START.isoformat()}", to: "{END.isoformat()}"'
    query = f'{{ customReport(customer: "5001", type: BREAKOUT, {span}) {{ type }} }}'
    held = cookie(log_in(base, "pia"))
    assert "errors" not in httpx2.post(f"{base}/graphql", json={"query": query}, headers=held, timeout=PATIENCE).json()
    for _ in range(50):
        if runs := api.directory.report_runs(10, caller="user:pia"):
            break
        time.sleep(0.1)
    assert [(each.name, each.customer_id) for each in runs] == [("pia", "5001")]
