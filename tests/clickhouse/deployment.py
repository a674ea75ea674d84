"""A server with the users of `docs/deploying.md`, and a shell before it."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import parse_address
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from gqlreports.store.definition import definition
from gqlreports.web.app import create_app
from tests.clickhouse.accounts import PASSWORD, accounts
from tests.clickhouse.server import ClickHouse, Users
from tests.support import sites, stores
from tests.support.commands import Done, inside, without_notes

ROOT = Path(__file__).parent.parent.parent
DATABASE = "gqlreports"
READER, LOADER = "gqlreports_reader", "gqlreports_loader"
PAGE = (ROOT / "docs" / "deploying.md").read_text()
ACCOUNTS = accounts(PAGE)
SPAN = ("--customer", "1001", "--from", "2025-11-03T00:00:00Z", "--to", "2025-11-04T00:00:00Z")
REPORT = ("run", "GROUP_BY_TECH_PREFIX", *SPAN, "--format", "csv")
QUERY = """{ customReport(
  customer: "1001", type: GROUP_BY_TECH_PREFIX, from: "2025-11-03T00:00:00Z", to: "2025-11-04T00:00:00Z"
) { dataThrough ... on GroupByTechPrefixReport { rows { techPrefix total } } } }"""
LOADS = {
    ("load", "customers", "customers.csv"): "customers.csv: 2 customers loaded\n",
    ("load", "cdrs", "calls.csv"): "calls.csv: 7 loaded, 0 there before, 0 rejected\n",
    ("load", "cdrs", "--replace", "calls.csv"): "calls.csv: 0 loaded, 0 corrected, 7 there before, 0 rejected\n",
    ("load", "dids", "dids.csv"): "dids.csv: 2 loaded, 0 rejected\n",
    ("load", "numbering", "co_codes.tsv"): "co_codes.tsv: 2 in service, 1 not in service, 0 rejected\n",
}


@dataclass
class Deployment:
    """Commands are typed in the folder of the examples; customers and keys are in `home`."""

    server: ClickHouse
    home: Path

    def url(self, user: str, password: str = PASSWORD) -> str:
        return self.server.url(DATABASE, f"{user}:{password}")

    def variables(self, user: str) -> dict[str, str]:
        return {"GQLREPORTS_HOME": str(self.home), "GQLREPORTS_STORE": self.url(user)}

    def typed(self, user: str, *words: str, **settings: str) -> Done:
        return inside(words, ROOT / "docs" / "example", self.variables(user) | settings)

    def printed(self, user: str, *words: str) -> str:
        """What a command prints that must succeed."""
        done = self.typed(user, *words)
        assert (without_notes(done.stderr), done.code) == ("", 0)
        return done.stdout

    def error(self, user: str, *words: str, **settings: str) -> str:
        """What a command that must fail tells: one line."""
        done = self.typed(user, *words, **settings)
        assert done.code == 1
        [line] = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert PASSWORD not in line
        return line.removeprefix("error: ")

    @contextmanager
    def asked(self, user: str) -> Iterator[Callable[[str], dict[str, Any]]]:
        """An API whose store has this user: the answers to queries of staff."""
        directory = Directory(f"sqlite:///{self.home}/directory.db")
        headers = {"Authorization": f"Bearer {directory.create_key('staff', Role.STAFF)}"}
        backend = ServerBackend(parse_address(self.url(user)), definition())
        with TestClient(create_app(sites.REGISTRY, backend, directory)) as client:
            yield lambda query: client.post("/graphql", json={"query": query}, headers=headers).json()

    def sent(self, user: str, sql: str, **settings: object) -> str:
        """What the server answers to a statement that none of ours sends."""
        credentials = {"user": user, "password": PASSWORD, "database": DATABASE}
        query = urllib.parse.urlencode({**credentials, **settings})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/?{query}", sql.encode()) as answer:
                text: bytes = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        return text.decode().strip()


@contextmanager
def deployment(path: Path, users: Users | None = None) -> Iterator[Deployment]:
    """Of an empty database; `users` are those of the page and more."""
    server = ClickHouse(path / "server", users or ACCOUNTS.xml())
    (path / "home").mkdir()
    server.start()
    try:
        stores.command(server.url(), f"CREATE DATABASE {DATABASE}")
        yield Deployment(server, path / "home")
    finally:
        server.stop()
