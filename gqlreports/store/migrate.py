"""Brings a store to its definition.

Two processes may do so at once.  Each runs all statements, and a statement does nothing if its work is already done.  A
migration that both ran is recorded twice, which means the same as once.
"""

from dataclasses import dataclass, replace

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import InvalidInput
from gqlreports.plugins.rollup import Rollup
from gqlreports.store.definition import StoreDefinition
from gqlreports.store.topology import Topology


@dataclass(frozen=True)
class Upgrade:
    """What a store lacks: descriptions of the migrations and rollups, and the statements that add them."""

    pending: list[str]
    statements: list[str]


async def migrate(backend: Backend, topology: Topology, rollups: tuple[Rollup, ...] = ()) -> Upgrade:
    """Run the statements that a store needs.  Raises InvalidInput for a cluster other than the store's."""
    async with backend.session() as session:
        upgrade = await _upgrade(session, topology, rollups)
        for statement in upgrade.statements:
            await session.command(Statement(statement))
    return upgrade


async def rehearse(backend: Backend, topology: Topology, rollups: tuple[Rollup, ...] = ()) -> Upgrade:
    """Return what `migrate` would run, without running it."""
    async with backend.session() as session:
        return await _upgrade(session, topology, rollups)


async def placement(session: Session) -> Topology:
    """Where the tables of a store are, by the record of its migrations."""
    rows = await session.query(Statement("SELECT DISTINCT cluster FROM migration"))
    return _placed(Topology(), {cluster for [cluster] in rows})


async def _upgrade(session: Session, topology: Topology, rollups: tuple[Rollup, ...]) -> Upgrade:
    definition = StoreDefinition(topology)
    [[there]] = await session.query(Statement(definition.record_query))
    rows = await session.query(Statement(definition.applied_query)) if there else []
    definition = StoreDefinition(_placed(topology, {cluster for _, cluster in rows}), rollups=rollups)
    applied = {number for number, _ in rows}
    kept = {name for (name,) in await session.query(Statement(definition.rollups_query))}
    pending = [*definition.pending(applied), *(f"rollup of {each.report}" for each in rollups if each.name not in kept)]
    return Upgrade(pending, [*definition.record, *definition.statements(applied, kept)])


def _placed(topology: Topology, clusters: set[str]) -> Topology:
    """The topology, with the store's own cluster: a store stays where it was created."""
    if not clusters:
        return topology
    [known] = clusters
    if topology.cluster not in (None, known or None):
        where = f"on the cluster {known}" if known else "on one server, not on a cluster"
        raise InvalidInput(f"This store is {where}; a new database can be on {topology.cluster}.")
    return replace(topology, cluster=known or None)
