"""The stores that every test of the conformance suite runs on."""

import asyncio
import re
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gqlreports.backends.base import Backend, Limits, Session, Statement
from gqlreports.backends.embedded.host import HostedBackend
from gqlreports.backends.embedded.shared import SharedBackend
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import parse_address
from gqlreports.store.definition import definition
from gqlreports.store.migrate import migrate, rehearse
from gqlreports.store.topology import Topology
from tests.clickhouse.server import ClickHouse
from tests.support.sites import REGISTRY, Engine
from tests.support.waiting import PATIENCE

Result = TypeVar("Result")
Work = Callable[[Backend], Coroutine[Any, Any, Result]]


class Store(Protocol):
    """A store that is ready for use."""

    def backend(self, limits: Limits | None = None) -> Backend:
        """A backend for whoever closes it."""

    def run(self, work: Work[Result], limits: Limits | None = None) -> Result:
        """The outcome of some work on it."""

    def reopen(self) -> None:
        """After work that closed it."""


@dataclass
class EmbeddedStore:
    engine: Engine
    path: Path

    def backend(self, limits: Limits | None = None) -> Backend:
        return self.engine.open(self.path, limits)

    def run(self, work: Work[Result], limits: Limits | None = None) -> Result:
        return asyncio.run(work(self.backend(limits)))

    def reopen(self) -> None:
        self.engine.close()


@dataclass
class SharedStore:
    """An embedded store that a server has open, as commands use it."""

    engine: Engine
    path: Path

    def backend(self, limits: Limits | None = None) -> SharedBackend:
        return SharedBackend(self.path, definition(REGISTRY), limits)

    def run(self, work: Work[Result], limits: Limits | None = None) -> Result:
        with hosted(self.engine, self.path):
            return asyncio.run(_closed_behind(self.backend(limits), work))

    def reopen(self) -> None:
        """Each work has a server of its own here."""


@contextmanager
def hosted(engine: Engine, path: Path) -> Iterator[None]:
    """Let commands work on an embedded store, from a thread of the test."""
    limits = Limits()
    host = HostedBackend(engine.open(path, limits, serving=True), path, limits)
    loop = asyncio.new_event_loop()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(host.open(), loop).result(PATIENCE)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(host.close(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        engine.close()


@dataclass
class ServedStore:
    """A database of a server; `url` lacks the database."""

    url: str
    database: str
    cluster: str | None = None

    def backend(self, limits: Limits | None = None) -> ServerBackend:
        return ServerBackend(parse_address(f"{self.url}/{self.database}"), definition(), limits)

    def run(self, work: Work[Result], limits: Limits | None = None) -> Result:
        async def opened() -> Result:
            backend = self.backend(limits)
            try:
                return await work(backend)
            finally:
                await backend.close()

        return asyncio.run(opened())

    def reopen(self) -> None:
        """Each work has a backend of its own here."""

    def unchecked(self) -> ServerBackend:
        """A backend that works on the store even where migrations are pending."""
        return ServerBackend(parse_address(f"{self.url}/{self.database}"))

    def migrate(self) -> None:
        address = parse_address(self.url)
        placement = Topology(self.database, self.cluster, address.user, address.password)
        asyncio.run(_closed_behind(self.unchecked(), lambda backend: migrate(backend, placement)))


@dataclass
class ClusterStore(ServedStore):
    """A database of the cluster `two`, asked by the first of its servers.

    The servers have no keeper, so what `gqlreports migrate --dry-run` prints is run on each without ON CLUSTER and
    replication.  Tables that are whole on every server are tables of the first, which the others look into.
    """

    servers: Sequence[ClickHouse] = ()

    def backend(self, limits: Limits | None = None) -> ServerBackend:
        return _BackendWithoutKeeper(self, limits)

    def migrate(self) -> None:
        placement = Topology(self.database, self.cluster)
        upgrade = asyncio.run(
            _closed_behind(self.unchecked(), lambda backend: rehearse(backend, placement, REGISTRY.rollups))
        )
        for place, server in enumerate(self.servers):
            for statement in upgrade.statements:
                if place == 0 or "MODIFY ORDER BY" not in statement:
                    alone = _on_one_server(statement, first=place == 0, database=self.database)
                    command(server.url(self.database), alone)

    def reload_dictionaries(self) -> None:
        """At once; by themselves the other servers do so within 20 seconds."""
        for server in self.servers:
            command(server.url(self.database), "SYSTEM RELOAD DICTIONARIES")


class _BackendWithoutKeeper(ServerBackend):
    """Runs ON CLUSTER by itself."""

    def __init__(self, store: ClusterStore, limits: Limits | None) -> None:
        super().__init__(parse_address(f"{store.url}/{store.database}"), definition(), limits)
        self._store = store

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with super().session() as session, AsyncExitStack() as stack:
            others = [ServerBackend(parse_address(each.url(self._store.database))) for each in self._store.servers]
            sessions = [await stack.enter_async_context(each.session()) for each in others]
            yield _SessionWithoutKeeper(session, sessions, self._store.database)


@dataclass
class _SessionWithoutKeeper:
    """One session that is asked, and one on each server for what is ON CLUSTER."""

    session: Session
    each: Sequence[Session]
    database: str

    async def query(self, statement: Statement) -> Sequence[Sequence[Any]]:
        return await self.session.query(statement)

    async def insert(self, table: str, columns: Sequence[str] | None, data: bytes, form: str) -> None:
        await self.session.insert(table, columns, data, form)

    async def command(self, statement: Statement) -> None:
        if " ON CLUSTER " not in statement.sql:
            await self.session.command(statement)
            return
        whole = re.match(r"ALTER TABLE `(did|numbering|cdr_load)`", statement.sql)
        for place, server in enumerate(self.each[:1] if whole else self.each):
            sql = _on_one_server(statement.sql, first=place == 0, database=self.database)
            await server.command(replace(statement, sql=sql))


def new_cluster_database(servers: Sequence[ClickHouse]) -> ClusterStore:
    database = f"test_{secrets.token_hex(6)}"
    for server in servers:
        command(server.url("").rstrip("/"), f"CREATE DATABASE {database}")
    store = ClusterStore(servers[0].url("").rstrip("/"), database, "two", servers)
    store.migrate()
    return store


_REPLICATED = re.compile(r"Replicated(\w*)MergeTree\('[^']*', '[^']*'(?:, (\w+))?\)")


def _on_one_server(statement: str, first: bool, database: str) -> str:
    """A statement for a cluster as one for a server without a keeper."""
    alone = statement.replace(" ON CLUSTER 'two'", "")
    whole = re.search(r"CREATE TABLE IF NOT EXISTS `(did|numbering|cdr_load|cdr_load_customer)`", alone)
    if whole and not first:
        engine = f"Distributed('first_of_two', '{database}', '{whole[1]}')"
        return alone[: alone.index("Engine")] + f"ENGINE = {engine}"
    return _REPLICATED.sub(lambda found: f"{found[1]}MergeTree({found[2] or ''})", alone)


def new_database(url: str, cluster: str | None = None) -> ServedStore:
    """A database of its own on a server, with all that a store must have."""
    database = f"test_{secrets.token_hex(6)}"
    command(url, f"CREATE DATABASE {database}{Topology(cluster=cluster).on_cluster}")
    store = ServedStore(url, database, cluster)
    store.migrate()
    return store


def drop(store: ServedStore) -> None:
    command(store.url, f"DROP DATABASE {store.database}{Topology(cluster=store.cluster).on_cluster} SYNC")


def command(url: str, sql: str) -> None:
    """Run a statement on a server."""

    async def run(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(Statement(sql))

    asyncio.run(_closed_behind(ServerBackend(parse_address(url)), run))


async def _closed_behind(backend: Backend, work: Work[Result]) -> Result:
    try:
        return await work(backend)
    finally:
        await backend.close()
