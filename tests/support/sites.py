"""Stores for the tests, each with the files it was loaded from and an independent calculation over the same files."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from gqlreports.backends.base import Backend, Limits
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.directory.directory import Directory
from gqlreports.directory.load_customers import load_customers
from gqlreports.directory.principal import Principal, Role
from gqlreports.plugins.registry import Registry
from gqlreports.store.definition import definition
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from gqlreports.store.load_dids import load_dids
from gqlreports.store.load_numbering import load_numbering
from gqlreports.web.app import create_app
from tests.support.directories import new_directory
from tests.support.oracle import World

OPERATOR = Principal("", "tests", Role.STAFF, None)
REGISTRY = Registry.load(strict=True)


def nothing(told: object) -> None:
    """For those who tell what they do: loaders what they read, the API what reports it runs."""


class Engine:
    """The one embedded store that a process may have open; another is opened in its place."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._limits = Limits()
        self._backend: EmbeddedBackend | None = None

    def open(self, path: Path, limits: Limits | None = None, serving: bool = False) -> EmbeddedBackend:
        limits = limits or Limits()
        if serving or self._backend is None or (self._path, self._limits) != (path, limits):
            self.close()
            # With more connections than a test keeps busy, it can ask the engine what it runs.
            self._backend = EmbeddedBackend(path, definition(REGISTRY), limits, 4, serving)
            asyncio.run(self._backend.open())
            self._path, self._limits = path, limits
        return self._backend

    def close(self) -> None:
        if self._backend is not None:
            asyncio.run(self._backend.close())
        self._backend = self._path = None


@dataclass
class Site:
    """A loaded store with its directory, keys for staff and for a partner, and the truth about it.

    Its store is embedded, unless it is `served` by an application that has another.
    """

    home: Path
    engine: Engine
    world: World
    directory: Directory
    staff_key: str
    loaded: LoadCounts
    served: TestClient | None = None
    _app: tuple[EmbeddedBackend, Starlette] | None = None

    @property
    def backend(self) -> EmbeddedBackend:
        return self.engine.open(self.home / "store")

    @property
    def client(self) -> TestClient:
        if self.served is not None:
            return self.served
        if self._app is None or self._app[0] is not self.backend:
            self._app = self.backend, create_app(REGISTRY, self.backend, self.directory)
        return TestClient(self._app[1])

    @property
    def customers(self) -> list[str]:
        return [customer.id for customer in self.directory.customers(OPERATOR, None, 1000, None)]

    def partner_key(self, *customers: str) -> str:
        return self.directory.create_key("partner", Role.PARTNER, customers)

    def ask(self, query: str, key: str | None = None, **variables: Any) -> dict[str, Any]:
        """The whole response to a GraphQL query."""
        headers = {"Authorization": f"Bearer {key or self.staff_key}"}
        response = self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        assert response.headers["content-type"].startswith("application/json")
        answer: dict[str, Any] = response.json()
        return answer

    def data(self, query: str, key: str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of a query that must succeed."""
        answer = self.ask(query, key, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def error(self, query: str, key: str | None = None, **variables: Any) -> dict[str, Any]:
        """The one error of a query that must fail."""
        [error] = self.ask(query, key, **variables)["errors"]
        found: dict[str, Any] = error
        return found


def make_site(home: Path, files: Path, engine: Engine) -> Site:
    """A site of a folder's files, whose store is embedded."""
    directory = _directory(home, files)
    loaded = asyncio.run(load(engine.open(home / "store"), files))
    return Site(home, engine, World.load(files), directory, directory.create_key("staff", Role.STAFF), loaded)


@contextmanager
def served_site(home: Path, files: Path, engine: Engine, backend: Backend) -> Iterator[Site]:
    """The same with another store, for as long as the context lasts."""
    directory = _directory(home, files)
    with TestClient(create_app(REGISTRY, backend, directory)) as client:
        assert client.portal is not None
        loaded = client.portal.call(load, backend, files)
        key = directory.create_key("staff", Role.STAFF)
        yield Site(home, engine, World.load(files), directory, key, loaded, client)


def _directory(home: Path, files: Path) -> Directory:
    directory = new_directory(home)
    load_customers(directory, str(files / "customers.json"))
    return directory


async def load(backend: Backend, files: Path) -> LoadCounts:
    """Load cdrs.csv or cdrs.csv.gz, dids.csv, co_codes.tsv and thousands_blocks.csv of a folder."""
    [cdrs] = [path for path in (files / "cdrs.csv", files / "cdrs.csv.gz") if path.exists()]
    await load_dids(backend, str(files / "dids.csv"), nothing)
    loaded = await load_cdrs(backend, str(cdrs), nothing)
    await load_numbering(backend, str(files / "co_codes.tsv"), nothing)
    await load_numbering(backend, str(files / "thousands_blocks.csv"), nothing)
    return loaded
