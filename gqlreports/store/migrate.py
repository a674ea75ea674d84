"""Brings a store to its definition.

Two processes may do so at once.  Each runs all statements, and a statement does nothing if its work is already done.  A
migration that both ran is recorded twice, which means the same as once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.backends.failures import is_of_statement, rollup_failed
from gqlreports.errors import InvalidInput, StoreError
from gqlreports.plugins.rollup import Rollup
from gqlreports.store.definition import StoreDefinition
from gqlreports.store.topology import Topology


@dataclass(frozen=True)
class Upgrade:
    """What a store lacks: descriptions of the migrations and rollups, and the statements that add them.

    `rollups` are the statements for each report's rollup, and `failed` describes those that could not be made.
    """

    pending: list[str]
    first: list[str]
    rollups: Mapping[str, Sequence[str]]
    failed: tuple[str, ...] = ()

    @property
    def statements(self) -> list[str]:
        """All statements, in their order."""
        return [*self.first, *(statement for each in self.rollups.values() for statement in each)]


async def migrate(backend: Backend, topology: Topology, rollups: tuple[Rollup, ...] = ()) -> Upgrade:
    """Run the statements that a store needs.  Raises InvalidInput for a cluster other than the store's.

    A rollup that cannot be made is logged, and stops nothing else.
    """
    failed = []
    async with backend.session() as session:
        upgrade = await _upgrade(session, topology, rollups)
        for statement in upgrade.first:
            await session.command(Statement(statement))
        for report, statements in upgrade.rollups.items():
            try:
                for statement in statements:
                    await session.command(Statement(statement))
            except StoreError as error:
                if not is_of_statement(error):
                    raise
                rollup_failed(report, error.__cause__ or error)
                failed.append(_rollup_of(report))
    return replace(upgrade, failed=tuple(failed))


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
    lacking = [_rollup_of(each.report) for each in rollups if each.name not in kept]
    first = [*definition.record, *definition.statements(applied)]
    return Upgrade([*definition.pending(applied), *lacking], first, definition.rollup_statements(kept))


def _rollup_of(report: str) -> str:
    return f"rollup of {report}"


def _placed(topology: Topology, clusters: set[str]) -> Topology:
    """The topology, with the store's own cluster: a store stays where it was created."""
    if not clusters:
        return topology
    [known] = clusters
    if topology.cluster not in (None, known or None):
        where = f"on the cluster {known}" if known else "on one server, not on a cluster"
        raise InvalidInput(f"This store is {where}; a new database can be on {topology.cluster}.")
    return replace(topology, cluster=known or None)
