"""Whether the server says that it can answer."""

from pathlib import Path

from starlette.testclient import TestClient

from gqlreports.backends.base import Backend
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import Address
from gqlreports.directory.directory import Directory
from gqlreports.web.app import HttpOptions, create_app
from gqlreports.web.lifecycle import Shutdown
from tests.clickhouse.server import free_port
from tests.support import sites
from tests.support.sites import Site


def answer(backend: Backend, directory: Directory, shutdown: Shutdown | None = None) -> tuple[int, str]:
    options = HttpOptions(shutdown=shutdown or Shutdown())
    app = create_app(sites.REGISTRY, backend, directory, http=options)
    response = TestClient(app).get("/readyz")
    assert response.headers["cache-control"] == "no-store"
    assert ("retry-after" in response.headers) == (response.status_code == 503)
    return response.status_code, response.text


def test_both_answer(any_site: Site) -> None:
    response = any_site.client.get("/readyz")
    assert (response.status_code, response.text) == (200, "ok\n")


def test_no_store(site: Site, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store's folder should be")
    nowhere = Address("127.0.0.1", free_port())
    for backend in (EmbeddedBackend(tmp_path / "store"), ServerBackend(nowhere)):
        assert answer(backend, site.directory) == (503, "not ready\n")


def test_no_directory(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "directory.db"
    directory = Directory(f"sqlite:///{file}")
    assert answer(site.backend, directory) == (200, "ok\n")
    directory.close()
    file.write_bytes(b"no database " * 1000)
    assert answer(site.backend, directory) == (503, "not ready\n")


def test_at_the_end(site: Site) -> None:
    shutdown = Shutdown()
    shutdown.begin()
    assert answer(site.backend, site.directory, shutdown) == (503, "not ready\n")


def test_the_process_runs_all_the_same(site: Site, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store's folder should be")
    app = create_app(sites.REGISTRY, EmbeddedBackend(tmp_path / "store"), site.directory)
    assert TestClient(app).get("/healthz").text == "ok\n"
    refused = TestClient(app).post("/healthz")
    assert (refused.status_code, set(refused.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
