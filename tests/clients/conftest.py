"""Clients as their registries have them, each installed once into the user's cache, and a server that they ask."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gqlreports.directory.principal import Role
from gqlreports.schema.query import build_schema
from gqlreports.web.app import HttpOptions, create_app
from tests.support import sites
from tests.support.serving import served
from tests.support.sites import Engine, Site, make_site

HERE = Path(__file__).parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gqlreports" / "clients"
RANGES = [
    {"customer": "5001", "from": "2025-10-20T00:00:00Z", "to": "2025-11-20T00:00:00Z"},
    {"customer": "5001", "from": "2025-11-02T00:00:00Z", "to": "2025-11-03T00:00:00Z"},
]
REPORT = (HERE / "report.graphql").read_text()


@dataclass(frozen=True)
class Served:
    """A server, a key for it, and what it answers to a plain request."""

    site: Site
    url: str
    key: str

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        return self.site.data(query, self.key, **variables)


def run(command: list[str], folder: Path, seconds: int = 120) -> str:
    """What a command prints; what it complains of is in the failure."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"{' '.join(command[:2])}: {done.stdout}{done.stderr}"
    return done.stdout


def _installed(lock: Path, install: Callable[[Path], object]) -> Path:
    """The folder of what a lock file pins, which `install` fills where it is not there yet."""
    folder = _CACHE / hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as held:
        # Several test processes may want it at once.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            install(folder)
            (folder / "whole").touch()
    return folder


@pytest.fixture(scope="session")
def node_modules() -> Path:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("the clients in JavaScript need node and npm")

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "javascript" / name, folder)
        run([npm, "ci", "--no-audit", "--no-fund"], folder, 600)

    return _installed(HERE / "javascript" / "package-lock.json", install) / "node_modules"


@pytest.fixture
def javascript(tmp_path: Path, node_modules: Path) -> Path:
    """A folder of a frontend, with the staff's schema and a document."""
    folder = tmp_path / "frontend"
    shutil.copytree(HERE / "javascript", folder, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(HERE / "report.graphql", folder)
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "schema.graphql").write_text(build_schema(sites.REGISTRY, Role.STAFF).as_str())
    return folder


@pytest.fixture(scope="session")
def python_client() -> Callable[[str], Path]:
    """The folder of commands of an environment of its own that has a client, by the client's name."""

    def installed(name: str) -> Path:
        requirements = HERE / "python" / f"{name}.txt"

        def install(folder: Path) -> None:
            run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], folder)
            pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
            run([*pip, "--disable-pip-version-check", "--requirement", str(requirements)], folder, 600)

        return _installed(requirements, install) / "venv" / "bin"

    return installed


@pytest.fixture(scope="module")
def server(site: Site, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = make_site(tmp_path_factory.mktemp("clients"), site.home, engine)
    app = create_app(sites.REGISTRY, made.backend, made.directory, http=HttpOptions())
    with served(app) as url:
        yield Served(made, f"{url}/graphql", made.staff_key)
    # The application closed the store with its own end.
    engine.close()


def told(text: str) -> Any:
    return json.loads(text.strip().splitlines()[-1])
