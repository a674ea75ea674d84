"""Fixtures: a generated site with every awkward case, and the sample site where its files are there."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.awkward import write_files
from tests.clickhouse.server import ClickHouse
from tests.sites import Engine, Site, make_site, served_site
from tests.stores import EmbeddedStore, ServedStore, Store, drop, new_database

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT.parent / "shared" / "data"
STORES = ["embedded", "server"]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def site(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of generated files that hold every awkward case."""
    home = tmp_path_factory.mktemp("awkward")
    write_files(home)
    made = make_site(home, home, engine)
    yield made
    made.directory.close()


@pytest.fixture(scope="session")
def sample(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of the larger sample files, which are no part of the project."""
    if not SAMPLE.is_dir():
        pytest.skip(f"no sample files at {SAMPLE}")
    home = tmp_path_factory.mktemp("sample")
    for file in SAMPLE.iterdir():
        shutil.copyfile(file, home / file.name)
    made = make_site(home, home, engine)
    yield made
    made.directory.close()


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ClickHouse server: the one that GQLREPORTS_TEST_STORE names, or one of the tests' own."""
    if given := os.environ.get("GQLREPORTS_TEST_STORE"):
        yield given.rstrip("/")
        return
    server = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server.url("").rstrip("/")
    server.stop()


@pytest.fixture(scope="session")
def served_store(server_url: str) -> Iterator[ServedStore]:
    store = new_database(server_url, os.environ.get("GQLREPORTS_TEST_CLUSTER") or None)
    yield store
    drop(store)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Store:
    """An empty embedded store, and one over HTTP."""
    if request.param == "embedded":
        return EmbeddedStore(engine, tmp_path / "store")
    served: ServedStore = request.getfixturevalue("served_store")
    return served


@pytest.fixture(scope="session")
def site_over_http(
    engine: Engine, served_store: ServedStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The site of generated files, its store over HTTP."""
    home = tmp_path_factory.mktemp("awkward-http")
    write_files(home)
    with served_site(home, home, engine, served_store.backend()) as made:
        yield made


@pytest.fixture(scope="session", params=STORES)
def any_site(request: pytest.FixtureRequest) -> Site:
    """The site of generated files, on every kind of store."""
    made: Site = request.getfixturevalue("site" if request.param == "embedded" else "site_over_http")
    return made
