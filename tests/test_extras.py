"""The product as a plain installation has it, and what each extra adds to that.

The wheel is installed in an environment of its own, which sees of this one's packages those that the wheel's metadata
asks for, and what those ask for, and no others.
"""

import csv
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import httpx2
import orjson
import pyarrow.parquet
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import stores
from tests.support.commands import Done
from tests.support.stores import ServedStore
from tests.support.waiting import PATIENCE
from tests.test_outside_plugin import Installation

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
START, END = "2025-11-03T00:00:00Z", "2025-11-04T00:00:00Z"
TYPED = """
import json, sys
from typer.testing import CliRunner
from gqlreports.cli.commands import app
done = [CliRunner().invoke(app, words) for words in json.load(sys.stdin)]
json.dump([(each.stdout, each.stderr, each.exit_code) for each in done], sys.stdout)
"""
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Plain(Installation):
    """Without any extra, on a store that is served."""

    store: str

    @property
    def environment(self) -> dict[str, str]:
        usual = {name: value for name, value in super().environment.items() if name != "PYTHONPATH"}
        return {**usual, "GQLREPORTS_STORE": self.store}

    def typed(self, *commands: Sequence[str], **settings: str) -> list[Done]:
        """Commands one behind the other, in one process, since its start takes longer than most commands."""
        done = subprocess.run(
            [self.python, "-c", TYPED],
            env={**self.environment, **settings},
            input=orjson.dumps(commands),
            capture_output=True,
            timeout=120,
            check=True,
        )
        return [Done(*each) for each in orjson.loads(done.stdout)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of this checkout, with a page in the place of the panel."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "gqlreports", folder / "gqlreports", ignore=shutil.ignore_patterns("static", "__pycache__"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md"):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "gqlreports" / "web" / "static").mkdir()
    (folder / "gqlreports" / "web" / "static" / "index.html").touch()
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=folder, check=True)
    [made] = (folder / "dist").iterdir()
    return made


@pytest.fixture(scope="module")
def plain(wheel: Path, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    folder = tmp_path_factory.mktemp("plain")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    scheme = {"base": str(environment), "platbase": str(environment)}
    python = Path(sysconfig.get_path("scripts", "venv", scheme)) / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, str(wheel)], check=True)
    link(wheel, "", Path(sysconfig.get_path("purelib", "venv", scheme)))
    store = ServedStore(server_url, f"test_{secrets.token_hex(6)}")
    stores.command(server_url, f"CREATE DATABASE {store.database}")
    yield Plain(python, folder, f"{store.url}/{store.database}")
    stores.drop(store)


def link(wheel: Path, extra: str, packages: Path) -> None:
    """Put links to what a wheel with an extra asks for into a folder of packages."""
    shared = {folder for folder, names in packages_distributions().items() if len(set(names)) > 1}
    for name in asked_for(wheel, extra):
        found = distribution(name)
        for file in found.files or []:
            # A folder as a whole, but for one that several packages have files in.
            linked = file if file.parts[0] in shared else file.parts[0]
            place = packages / linked
            if ".." not in file.parts and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(str(found.locate_file(linked)))


def asked_for(wheel: Path, extra: str) -> set[str]:
    """The names of the packages, of theirs and so on."""
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        own = HeaderParser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist", [])
    left = {("gqlreports", ""), ("gqlreports", extra)}
    seen: set[tuple[str, str]] = set()
    while left:
        name, wanted = package = left.pop()
        seen.add(package)
        for text in own if name == "gqlreports" else distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                left |= {(canonicalize_name(requirement.name), each) for each in ("", *requirement.extras)} - seen
    return {name for name, _ in seen} - {"gqlreports"}


def test_the_command_and_the_wheel_have_one_version(plain: Plain, wheel: Path) -> None:
    [version] = re.findall(r"^gqlreports-([0-9.]+)-py3", wheel.name)
    assert plain.gqlreports("--version") == f"gqlreports {version}\n"


def test_it_answers_from_a_server_and_names_what_other_files_need(plain: Plain, tmp_path: Path) -> None:
    example = ROOT / "docs" / "example"
    parquet, xlsx = tmp_path / "some.parquet", tmp_path / "some.xlsx"
    pyarrow.parquet.write_table(pyarrow.table({"callid": ["a"]}), parquet)
    report = ("GROUP_BY_TECH_PREFIX", "--customer", "1001", "--from", START, "--to", END)
    *filled, key, parquet_loaded, parquet_written, xlsx_written = plain.typed(
        ("migrate",),
        ("load", "customers", str(example / "customers.csv")),
        ("load", "cdrs", str(example / "calls.csv")),
        ("key", "create", "--name", "tests", "--role", "staff"),
        ("load", "cdrs", str(parquet)),
        ("run", *report, "-o", str(tmp_path / "report.parquet")),
        ("run", *report, "-o", str(xlsx)),
    )
    assert [each.code for each in filled] == [0, 0, 0]
    files = "files need more packages: pip install 'gqlreports[files]'."
    assert parquet_loaded == parquet_written == Done("", f"error: Parquet {files}\n", 1)
    assert xlsx_written == Done("", f"error: Excel {files}\n", 1)
    assert list(tmp_path.iterdir()) == [parquet]

    with plain.served() as address:
        export = address.replace("graphql", "export/GROUP_BY_TECH_PREFIX")
        asked = {"customer": "1001", "from": START, "to": END}
        headers = {"Authorization": f"Bearer {key.stdout.strip()}"}
        text, refused = (
            httpx2.get(f"{export}.{form}", params=asked, headers=headers, timeout=PATIENCE) for form in ("csv", "xlsx")
        )
        agents = httpx2.post(address.replace("graphql", "mcp"), json={}, headers=headers, timeout=PATIENCE)
    # As the README has them.
    _, *rows, _ = csv.reader(text.text.splitlines())
    assert sorted(rows) == [["", "1", "96", "2", "2"], ["0044", "0.5", "63.25", "1", "2"]]
    assert (refused.status_code, refused.json()["errors"]) == (
        501,
        [{"message": f"Excel {files}", "extensions": {"code": "NOT_INSTALLED"}}],
    )
    assert agents.status_code == 404


@pytest.mark.parametrize(
    ("extra", "command", "settings"),
    [
        ("embedded", "demo", {"GQLREPORTS_STORE": "chdb:///nowhere"}),
        ("openid", "serve", {f"GQLREPORTS_OIDC_{name}": NOWHERE for name in ("ISSUER", "AUDIENCE", "JWKS_URL")}),
        ("postgresql", "serve", {"GQLREPORTS_DIRECTORY": "postgresql+psycopg://127.0.0.1:9/none"}),
        ("opentelemetry", "serve", {"OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE}),
    ],
    ids=["embedded", "openid", "postgresql", "opentelemetry"],
)
def test_it_names_the_extra_that_is_needed(plain: Plain, extra: str, command: str, settings: dict[str, str]) -> None:
    [_, done] = plain.typed(["migrate"], [command], **settings)
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(rf"error: [\w ]+ needs? more packages: pip install 'gqlreports\[{extra}\]'\.", last)
    assert (done.stdout, done.code, "Traceback" in done.stderr) == ("", 1, False)


@pytest.mark.parametrize(
    ("extra", "modules"),
    [
        ("agents", "gqlreports.web.agents"),
        ("embedded", "gqlreports.backends.embedded.backend"),
        ("files", "gqlreports.export.arrow, gqlreports.export.xlsx, gqlreports.store.parquet"),
        ("openid", "gqlreports.directory.tokens, cryptography"),
        ("postgresql", "psycopg"),
        ("opentelemetry", "opentelemetry.sdk.trace, opentelemetry.exporter.otlp.proto.http.trace_exporter"),
    ],
    ids=["agents", "embedded", "files", "openid", "postgresql", "opentelemetry"],
)
def test_an_extra_brings_all_that_is_needed(
    plain: Plain, wheel: Path, extra: str, modules: str, tmp_path: Path
) -> None:
    def imported(**settings: str) -> int:
        command = [str(plain.python), "-c", f"import {modules}"]
        return subprocess.run(command, env={**plain.environment, **settings}, capture_output=True).returncode

    assert imported() != 0
    link(wheel, extra, tmp_path)
    assert imported(PYTHONPATH=str(tmp_path)) == 0


def test_all_is_every_extra_but_those_of_developers(wheel: Path) -> None:
    extras = ("agents", "embedded", "files", "openid", "opentelemetry", "postgresql")
    assert asked_for(wheel, "all") == set().union(*(asked_for(wheel, each) for each in extras))
