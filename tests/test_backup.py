"""Each command of the page about backups is run, and what it backed up is there again."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import make_url

from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from tests.clickhouse.server import ClickHouse, Users
from tests.support import stores
from tests.support.commands import typed
from tests.support.lacking import lacking
from tests.support.postgresql import PostgreSql, programs
from tests.support.processes import started
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "backup.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HOST = "clickhouse://clickhouse.example"
RUN = "run GROUP_BY_TECH_PREFIX --customer 1001 --from 2025-11-01T00:00:00Z --to 2025-12-01T00:00:00Z --format csv"
LOADS = {"customers": "customers.csv", "cdrs": "calls.csv", "dids": "dids.csv", "numbering": "co_codes.tsv"}


def blocks(heading: str) -> Iterator[tuple[str, str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].partition("\n## ")[0]
    for found in BLOCK.finditer(section):
        yield found[1], found[2]


def shell(text: str, folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """What the commands print, which must all succeed."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**others, "PATH": path, **(variables or {})}
    done = subprocess.run(["bash", "-ec", text], cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), text
    return done.stdout


def follow(heading: str, folder: Path) -> None:
    """Run the commands of a section; a `text` block is what those before it print."""
    printed = ""
    for language, text in blocks(heading):
        if language == "sh":
            printed = shell(text, folder)
        elif language == "text":
            assert printed == text


def load(folder: Path, variables: Mapping[str, str]) -> None:
    for kind, name in LOADS.items():
        done = typed(["load", kind, str(ROOT / "docs" / "example" / name)], folder, variables)
        assert done.code == 0, done.stderr


def report(folder: Path, **variables: str) -> str:
    done = typed(RUN.split(), folder, variables)
    assert (done.code, done.stderr) == (0, "")
    return done.stdout


def test_an_embedded_store(tmp_path: Path) -> None:
    """What the backup has is there after the restore; what came after it is gone, until it is loaded again."""
    load(tmp_path, {})
    directory = Directory(f"sqlite:///{tmp_path}/gqlreports-data/directory.db")
    directory.create_key("before", Role.STAFF)
    expected = report(tmp_path)
    with started(tmp_path, {}) as server:
        follow("An embedded store, while the server runs", tmp_path)
        follow("Comparing a backup with the store", tmp_path)
        server.running.terminate()
        assert server.running.wait(PATIENCE) == 0
    assert (tmp_path / "now.csv").read_text() == expected
    follow("An embedded store, while the server is stopped", tmp_path)
    directory.create_key("after", Role.STAFF)
    directory.close()
    done = typed(["unload", _load_id(tmp_path)], tmp_path, {})
    assert report(tmp_path) != expected, done.stderr
    follow("Restoring an embedded store", tmp_path)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    shell("tar -C unpacked -xzf stopped.tar.gz", tmp_path)
    for home in ("gqlreports-data", "backup", "stopped", "unpacked/gqlreports-data"):
        assert report(tmp_path, GQLREPORTS_HOME=home) == expected
        with sqlite3.connect(tmp_path / home / "directory.db") as database:
            assert database.execute("SELECT name FROM api_key").fetchall() == [("before",)]
        database.close()


def _load_id(folder: Path) -> str:
    [found] = re.findall(r"\b[0-9a-f]{12}\b", typed(["loads"], folder, {}).stdout)
    return str(found)


def test_two_embedded_stores_without_a_server(tmp_path: Path) -> None:
    load(tmp_path, {})
    done = typed(["copy", "chdb://gqlreports-data/store", "chdb://backup/store"], tmp_path, {})
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: A process can have one embedded store open: copy while `gqlreports serve`")
    assert not (tmp_path / "backup").exists()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouse]:
    [config] = [text for language, text in blocks("A ClickHouse server") if language == "xml"]
    (tmp_path / "backups").mkdir()
    made = ClickHouse(tmp_path / "server", Users(), config=config.replace("/backups/", f"{tmp_path}/backups/"))
    made.start()
    yield made
    made.stop()


def test_a_clickhouse_server(server: ClickHouse, tmp_path: Path) -> None:
    address = server.url("").rstrip("/")
    variables = {"GQLREPORTS_STORE": f"{address}/gqlreports"}
    stores.command(address, "CREATE DATABASE gqlreports")
    assert typed(["migrate"], tmp_path, variables).code == 0
    load(tmp_path, variables)
    expected = report(tmp_path, **variables)
    printed, restored = "", []
    for language, text in blocks("A ClickHouse server"):
        if language == "sh":
            printed = shell(text.replace(HOST, address), tmp_path)
        elif language == "text":
            assert printed == text
        elif language == "sql":
            for statement in text.split(";\n")[:-1]:
                stores.command(address, statement)
                restored += re.findall(r"RESTORE DATABASE (\w+)(?: AS (\w+))?", statement)
    assert restored == [("gqlreports", "gqlreports_tried"), ("gqlreports", "")]
    for database in ("gqlreports", "gqlreports_tried"):
        assert report(tmp_path, GQLREPORTS_STORE=f"{address}/{database}") == expected


def test_a_directory_in_postgresql(tmp_path: Path) -> None:
    found = programs() or lacking("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgreSql.made(found)
    try:
        url = server.new_database()
        directory = Directory(url)
        directory.create_key("before", Role.STAFF)
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        variables = {"DIRECTORY": plain, "PATH": f"{found}:{os.environ['PATH']}"}
        dump, restore = (text for _, text in blocks("A directory in PostgreSQL"))
        shell(dump, tmp_path, variables)
        directory.create_key("after", Role.STAFF)
        directory.close()
        shell(restore, tmp_path, variables)
        directory = Directory(url)
        assert [each.name for each in directory.list_keys()] == ["before"]
        directory.close()
    finally:
        server.remove()
