"""Fixtures: a generated site with every awkward case, and the sample site where its files are there."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gqlreports.directory import passwords
from tests.clickhouse.server import INTERPRETED, ClickHouse, Users, start_cluster
from tests.support.awkward import write_files
from tests.support.directories import CHEAP
from tests.support.sites import Engine, Site, make_site, served_site
from tests.support.stores import (
    ClusterStore,
    EmbeddedStore,
    ServedStore,
    Store,
    drop,
    new_cluster_database,
    new_database,
)

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT.parent / "shared" / "data"
STORES = ["embedded", "server", "cluster"]
WHOLE_STORES = ["embedded", "server"]
"""Those whose calls are in one place, so that they can tell when their answers change."""


STARTED = {"server_url", "cluster", "postgresql"}
"""Fixtures that start processes."""
SLOWEST = [
    "test_cluster",
    "test_docs",
    "test_backup",
    "store/test_survival",
    "store/test_erasure",
    "store/test_retention",
    "cli/test_beside",
    "test_reports",
    "cli/test_running",
    "cli/test_cli",
    "test_corrected_analyses",
    "panel/test_reports",
    "panel/test_calls",
    "export/test_files",
    "test_rollups",
    "backends/test_accounts",
    "store/test_load_cdrs",
    "backends/test_answers",
    "backends/test_conformance",
    "test_properties",
    "web/test_draining",
    "test_extras",
    "web/test_leaving",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes, and begin with the slowest files, so that no worker is left with one at the end."""
    for item in items:
        kinds = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        needed = {*getattr(item, "fixturenames", ()), *(each for each in kinds if isinstance(each, str))}
        if needed & (STARTED | {"server"}):
            item.add_marker("processes")
    places = {f"tests/{name}.py": place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session", autouse=True)
def hashes() -> Iterator[None]:
    """A password is hashed at once, not at the cost that a guesser is to have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", CHEAP)
        yield


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
    server = ClickHouse(tmp_path_factory.mktemp("clickhouse"), Users(settings=INTERPRETED))
    server.start()
    yield server.url("").rstrip("/")
    server.stop()


@pytest.fixture(scope="session")
def served_store(server_url: str) -> Iterator[ServedStore]:
    store = new_database(server_url, os.environ.get("GQLREPORTS_TEST_CLUSTER") or None)
    yield store
    drop(store)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickHouse]]:
    """Two servers that are one cluster."""
    servers = start_cluster(tmp_path_factory.mktemp("cluster"), users=Users(settings=INTERPRETED))
    yield servers
    for each in servers:
        each.stop()


@pytest.fixture(scope="session")
def cluster_store(cluster: list[ClickHouse]) -> ClusterStore:
    return new_cluster_database(cluster)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Store:
    """An empty embedded store, and those on a server and on a cluster, which may hold what others left."""
    if request.param == "embedded":
        return EmbeddedStore(engine, tmp_path / "store")
    found: Store = request.getfixturevalue("served_store" if request.param == "server" else "cluster_store")
    return found


@pytest.fixture(params=WHOLE_STORES)
def whole_store(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Store:
    if request.param == "embedded":
        return EmbeddedStore(engine, tmp_path / "store")
    found: Store = request.getfixturevalue("served_store")
    return found


@pytest.fixture(scope="session")
def site_store(server_url: str) -> Iterator[ServedStore]:
    """The database of the generated files alone; what others leave is in `served_store`."""
    store = new_database(server_url, os.environ.get("GQLREPORTS_TEST_CLUSTER") or None)
    yield store
    drop(store)


@pytest.fixture(scope="session")
def server_site(engine: Engine, site_store: ServedStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of generated files, its store on a server."""
    home = tmp_path_factory.mktemp("awkward-server")
    write_files(home)
    with served_site(home, home, engine, site_store.backend()) as made:
        yield made


@pytest.fixture(scope="session")
def site_cluster_store(cluster: list[ClickHouse]) -> ClusterStore:
    return new_cluster_database(cluster)


@pytest.fixture(scope="session")
def cluster_site(
    engine: Engine, site_cluster_store: ClusterStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The site of generated files, its store on a cluster."""
    home = tmp_path_factory.mktemp("awkward-cluster")
    write_files(home)
    with served_site(home, home, engine, site_cluster_store.backend()) as made:
        site_cluster_store.reload_dictionaries()
        yield made


SITES = {"embedded": "site", "server": "server_site", "cluster": "cluster_site"}


@pytest.fixture(scope="session", params=STORES)
def any_site(request: pytest.FixtureRequest) -> Site:
    """The site of generated files, on every kind of store."""
    made: Site = request.getfixturevalue(SITES[request.param])
    return made
