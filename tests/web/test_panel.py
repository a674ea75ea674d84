"""The files of the panel as the server gives them, from a small folder in place of a build."""

import gzip
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from gqlreports.backends.base import Limits
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.store.definition import definition
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.serving import served
from tests.support.sites import Engine
from tests.support.waiting import PATIENCE

PAGE = '<!doctype html><title>panel</title><script type="module" src="/assets/main-4f2a.js"></script>'
SCRIPT = "export const words = " + repr(" ".join(map(str, range(5000)))) + "\n"
A_BROWSERS = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    (folder / "static" / "assets").mkdir(parents=True)
    (folder / "static" / "index.html").write_text(PAGE)
    (folder / "static" / "favicon.svg").write_text("<svg/>")
    (folder / "static" / "assets" / "main-4f2a.js").write_text(SCRIPT)
    (folder / "secret").write_text("not for the web")
    return folder / "static"


def application(engine: Engine, home: Path, build: Path) -> Iterator[str]:
    engine.close()
    backend = EmbeddedBackend(home / "store", definition(), Limits())
    directory = new_directory(home)
    with served(create_app(sites.REGISTRY, backend, directory, panel=build)) as address:
        yield address


@pytest.fixture(scope="module")
def base(engine: Engine, build: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from application(engine, tmp_path_factory.mktemp("panel"), build)


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/customers", "/customers/5001/reports/USA_RATE_CENTER?from=2025-11-01", "/graphiql", "/no/view"],
)
def test_every_view_is_the_one_page(base: str, path: str) -> None:
    answer = httpx2.get(f"{base}{path}", headers=A_BROWSERS, timeout=PATIENCE)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Accept" in answer.headers["Vary"]
    again = httpx2.get(
        f"{base}{path}", headers=A_BROWSERS | {"If-None-Match": answer.headers["ETag"]}, timeout=PATIENCE
    )
    assert (again.status_code, again.content) == (304, b"")
    assert httpx2.head(f"{base}{path}", headers=A_BROWSERS, timeout=PATIENCE).status_code == 200


def test_the_policy_of_a_page(base: str) -> None:
    headers = httpx2.get(base, timeout=PATIENCE).headers
    policy = {part.split()[0]: part.split()[1:] for part in headers["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'"]
    for name in ("base-uri", "form-action", "frame-ancestors"):
        assert policy[name] == ["'none'"]
    assert {source for sources in policy.values() for source in sources} <= {
        *("'none'", "'self'", "data:", "blob:"),
        "'unsafe-inline'",
    }
    assert [name for name, sources in policy.items() if "'unsafe-inline'" in sources] == ["style-src"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_assets_are_kept_for_a_year_and_compressed(base: str) -> None:
    with httpx2.stream(
        "GET", f"{base}/assets/main-4f2a.js", headers={"Accept-Encoding": "gzip"}, timeout=PATIENCE
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert gzip.decompress(raw).decode() == SCRIPT
    assert len(raw) < len(SCRIPT) / 2
    plain = httpx2.get(f"{base}/assets/main-4f2a.js", headers={"Accept-Encoding": "identity"}, timeout=PATIENCE)
    assert plain.text == SCRIPT
    assert plain.headers["X-Content-Type-Options"] == "nosniff"


def test_other_files_of_the_build(base: str) -> None:
    answer = httpx2.get(f"{base}/favicon.svg", timeout=PATIENCE)
    assert (answer.text, answer.headers["Content-Type"]) == ("<svg/>", "image/svg+xml")
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/main-0000.js",
        "/assets/",
        "/assets",
        "/assets/%2e%2e/%2e%2e/secret",
        "/..%2fsecret",
        "/%00",
        "/" + "x" * 5000,
        "/login",
    ],
)
def test_what_is_no_file_is_an_error_to_all_but_browsers(base: str, path: str) -> None:
    """Those of assets to browsers too: a page would be taken for a script."""
    answers = [httpx2.get(f"{base}{path}", timeout=PATIENCE)]
    if path.startswith("/assets/"):
        answers.append(httpx2.get(f"{base}{path}", headers=A_BROWSERS, timeout=PATIENCE))
    for answer in answers:
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert "not for the web" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_sent_to_a_page(base: str, method: str) -> None:
    assert httpx2.request(method, f"{base}/customers", headers=A_BROWSERS, timeout=PATIENCE).status_code == 404


def test_the_api_is_neither_compressed_nor_given_the_headers_of_a_page(base: str) -> None:
    answer = httpx2.post(f"{base}/graphql", json={"query": "{ viewer { name } }"}, headers=A_BROWSERS, timeout=PATIENCE)
    assert answer.status_code == 401
    assert "Content-Security-Policy" not in answer.headers
    assert httpx2.get(f"{base}/healthz", headers=A_BROWSERS, timeout=PATIENCE).text == "ok\n"


def test_a_browser_that_opens_the_endpoint_finds_graphiql(base: str) -> None:
    answer = httpx2.get(f"{base}/graphql", headers=A_BROWSERS, follow_redirects=True, timeout=PATIENCE)
    assert (answer.url.path, answer.text) == ("/graphiql", PAGE)


def test_files_of_the_panel_are_no_requests_of_the_log(base: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gqlreports.web.observation"):
        # The line of a request is written behind its answer: let that of an earlier test come first.
        time.sleep(0.3)
        caplog.clear()
        for path in ("/assets/main-4f2a.js", "/"):
            assert httpx2.get(f"{base}{path}", timeout=PATIENCE).status_code == 200
        for _ in range(100):
            if caplog.records:
                break
            time.sleep(0.01)
    assert len(caplog.records) == 1


def test_a_checkout_in_which_the_panel_is_not_built(engine: Engine, tmp_path: Path) -> None:
    for base in application(engine, tmp_path, tmp_path / "static"):
        for path in ("/", "/graphiql"):
            answer = httpx2.get(f"{base}{path}", headers=A_BROWSERS, timeout=PATIENCE)
            assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
            assert "make panel" in answer.text
            assert "<script" not in answer.text
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        (tmp_path / "static").mkdir()
        (tmp_path / "static" / "index.html").write_text(PAGE)
        assert httpx2.get(f"{base}/", timeout=PATIENCE).text == PAGE
