"""Pages of other origins that call the API from a real browser: those that may, and those that may not."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from tests.panel.conftest import new_context, serving

pytestmark = pytest.mark.processes

PASSWORD = "a password of ada's"
FETCH = """async ([url, init]) => {
  try {
    const response = await fetch(url, init)
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      text: await response.text(),
    }
  } catch (error) { return error.name }
}"""


class Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>An application</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Web:
    """The API, a key for it, and the origins of two applications, of which the API knows the first."""

    url: str
    key: str
    known: str
    unknown: str

    def fetch(self, context: BrowserContext, origin: str, path: str = "/graphql", **init: Any) -> Any:
        """What a page of an origin is answered; the name of the error if the browser does not let it see that."""
        page = context.new_page()
        page.goto(origin)
        return page.evaluate(FETCH, [self.url + path, init])

    def ask(self, context: BrowserContext, origin: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "X-Request-Id": "mine"}
        return self.fetch(
            context, origin, method="POST", headers=headers, body='{"query": "{ viewer { name } }"}', **more
        )


@pytest.fixture(scope="module")
def web(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    home: Path = tmp_path_factory.mktemp("origins")
    directory = Directory(f"sqlite:///{home / 'directory.db'}")
    key = directory.create_key("an application", Role.STAFF)
    directory.users.add("ada", PASSWORD, Role.STAFF)
    directory.close()
    pages = [ThreadingHTTPServer(("127.0.0.1", 0), Blank) for _ in range(2)]
    for each in pages:
        threading.Thread(target=each.serve_forever).start()
    known, unknown = (f"http://127.0.0.1:{each.server_port}" for each in pages)
    try:
        with serving(home, GQLREPORTS_CORS_ORIGINS=f"https://app.example, {known}") as url:
            yield Web(url, key, known, unknown)
    finally:
        for each in pages:
            each.shutdown()
            each.server_close()


@pytest.fixture
def visitor(browser: Browser, web: Web) -> Iterator[BrowserContext]:
    context = new_context(browser, web.url)
    yield context
    context.close()


def test_a_page_of_a_known_origin_asks_with_a_key(visitor: BrowserContext, web: Web) -> None:
    answer = web.ask(visitor, web.known)
    assert (answer["status"], answer["text"]) == (200, '{"data":{"viewer":{"name":"an application"}}}')
    assert answer["headers"]["x-request-id"] == "mine"
    remaining, limit = (int(answer["headers"][f"ratelimit-{name}"]) for name in ("remaining", "limit"))
    assert 0 < remaining < limit


def test_a_page_sees_what_is_wrong(visitor: BrowserContext, web: Web) -> None:
    refused = web.fetch(visitor, web.known, headers={"Authorization": "Bearer nobody"})
    assert (refused["status"], "UNAUTHENTICATED" in refused["text"]) == (401, True)
    missing = web.fetch(
        visitor, web.known, "/export/nothing.csv?customer=1", headers={"Authorization": f"Bearer {web.key}"}
    )
    assert (missing["status"], "NOT_FOUND" in missing["text"]) == (404, True)


def test_a_page_of_another_origin_sees_nothing(visitor: BrowserContext, web: Web) -> None:
    assert web.ask(visitor, web.unknown) == "TypeError"
    assert web.fetch(visitor, web.unknown) == "TypeError"


def test_a_session_is_of_no_use_to_another_origin(visitor: BrowserContext, web: Web) -> None:
    assert visitor.request.post("/session", data={"userName": "ada", "password": PASSWORD}).status == 204
    assert web.ask(visitor, web.known, credentials="include") == "TypeError"
    assert web.fetch(visitor, web.known, "/session") == "TypeError"
    log_in = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": "{}"}
    assert web.fetch(visitor, web.known, "/session", **log_in) == "TypeError"
