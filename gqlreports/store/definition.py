"""What a store must have: its migrations, dictionaries and rollups.

Migrations run in order.  Their statements do nothing if their work is already done, so a migration may run twice, even
in two processes at once.  A published migration never changes; each later change is a new migration.

Rollups are projections of the fact tables, so ClickHouse keeps them up to date together with the rows.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gqlreports.plugins.registry import Registry
from gqlreports.plugins.rollup import PREFIX, Rollup
from gqlreports.store.dictionaries import dictionaries
from gqlreports.store.topology import Topology, literal
from gqlreports.tables import (
    CODECS,
    LOAD_CODECS,
    SWITCH_CODECS,
    cdr,
    cdr_load,
    cdr_load_customer,
    did,
    migration,
    numbering,
)


@dataclass(frozen=True)
class Migration:
    """One step of the schema.  `statements` returns its SQL for a topology, in the order in which it runs."""

    number: int
    name: str
    statements: Callable[[Topology], list[str]]


def _first_tables(topology: Topology) -> list[str]:
    return [statement for table in (cdr, did, numbering) for statement in topology.create(table)]


def _deletes_with_rollups(topology: Topology) -> list[str]:
    """Without this setting, a table with projections refuses DELETE."""
    return [f"{topology.alter(cdr)} MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild'"]


def _codecs(topology: Topology) -> list[str]:
    """Existing rows are recompressed when their parts are merged."""
    columns = ", ".join(f"MODIFY COLUMN `{name}` CODEC({codec})" for name, codec in CODECS.items())
    table = topology.alter(cdr)
    return [f"{table} {columns}", f"{table} MODIFY SETTING default_compression_codec = 'LZ4'"]


def _whole_indexes(topology: Topology) -> list[str]:
    """Keep all columns of the primary index in memory.

    By default ClickHouse keeps only the customer if nearly every granule starts with a different one.  This is the case
    in rollups, where ClickHouse would then have to search all hours of a customer for a single day.
    """
    return [f"{topology.alter(cdr)} MODIFY SETTING {_SKIPPED_COLUMNS} = 1"]


def _switch_columns(topology: Topology) -> list[str]:
    """The columns for what switches tell of a call, beyond what reports need, and for the load that a row is from."""
    return [*topology.add_columns(cdr, SWITCH_CODECS), *topology.add_columns(cdr_load, LOAD_CODECS)]


def _over_time(topology: Topology) -> list[str]:
    """Keep what was said of a prefix or a DID before, and when it was said."""
    statements = [
        topology.lengthen_order(numbering, ("prefix",), ("valid_from", "known_from")),
        topology.lengthen_order(did, ("customer_id", "number", "valid_from"), ("known_from",)),
    ]
    # An embedded store would keep the former dictionaries; a server's are replaced anyway.
    former = [f"DROP DICTIONARY IF EXISTS {name}" for name in ("rate_center", "did_window")]
    return [*statements, *former] if topology.database is None else statements


_SKIPPED_COLUMNS = "primary_key_ratio_of_unique_prefix_values_to_skip_suffix_columns"

MIGRATIONS = (
    Migration(1, "calls, DIDs and numbering data", _first_tables),
    Migration(2, "loads that came to their end", lambda topology: topology.create(cdr_load)),
    Migration(3, "deletes that keep rollups", _deletes_with_rollups),
    Migration(4, "codecs of the calls", _codecs),
    Migration(5, "whole indexes", _whole_indexes),
    Migration(6, "what switches tell of a call, and loads", _switch_columns),
    Migration(7, "customers of loads", lambda topology: topology.create(cdr_load_customer)),
    Migration(8, "numbering data and DIDs over time", _over_time),
)


ROLLUPS_THERE = (
    f"SELECT DISTINCT name FROM system.projections WHERE database = currentDatabase() AND startsWith(name, '{PREFIX}')"
)
"""The query for the names of the rollups that a store has."""


def rollup_statements(topology: Topology, wanted: Sequence[Rollup], kept: Collection[str]) -> list[str]:
    """The statements that add the rollups that a store lacks, and drop their former versions.

    Rollups of reports that are not among the wanted ones stay.  ClickHouse fills a new rollup in the background.  Until
    then, reports read the rows themselves in those parts of the table that lack the rollup.
    """
    return [statement for each in wanted for statement in _rollup(topology, each, kept)]


def _rollup(topology: Topology, rollup: Rollup, kept: Collection[str]) -> list[str]:
    table = topology.alter(rollup.fact.table)
    former = [name for name in sorted(kept) if name.startswith(rollup.prefix) and name != rollup.name]
    statements = [f"{table} DROP PROJECTION IF EXISTS {name}" for name in former]
    if rollup.name not in kept:
        statements.append(
            f"{table} ADD PROJECTION IF NOT EXISTS {rollup.name} ({rollup.definition}){_settings(topology)}"
        )
        statements.append(f"{table} MATERIALIZE PROJECTION {rollup.name} SETTINGS mutations_sync = 0")
    return statements


def _settings(topology: Topology) -> str:
    """Finer granules than a table's, since a month of a customer's sums fills only a few.

    Only embedded stores get the clause, because older servers do not know it.
    """
    return " WITH SETTINGS (index_granularity = 2048)" if topology.database is None else ""


EMBEDDED = Topology()


@dataclass(frozen=True)
class StoreDefinition:
    """The statements that migrate a store with a given topology."""

    topology: Topology
    migrations: tuple[Migration, ...] = MIGRATIONS
    rollups: tuple[Rollup, ...] = ()

    rollups_query = ROLLUPS_THERE
    # EXISTS fails if the user lacks the right to see the table.  A query of system.tables would just omit the table.
    record_query = "EXISTS TABLE migration"
    applied_query = "SELECT DISTINCT number, cluster FROM migration"

    @property
    def record(self) -> list[str]:
        """The statements that create the table in which a store records its migrations."""
        return self.topology.create(migration)

    def pending(self, applied: Collection[int]) -> list[str]:
        """Descriptions of the migrations that a store lacks."""
        return [f"{each.number} ({each.name})" for each in self._lacking(applied)]

    def lacking(self, kept: Collection[str]) -> list[str]:
        """The names of the wanted rollups that are not among those that a store keeps."""
        return [each.name for each in self.rollups if each.name not in kept]

    def statements(self, applied: Collection[int]) -> list[str]:
        """The statements that bring a store to this definition, without its rollups.

        They run and record each missing migration, then create the dictionaries.
        """
        steps = [
            statement
            for each in self._lacking(applied)
            for statement in (*each.statements(self.topology), self._recorded(each))
        ]
        return [*steps, *dictionaries(self.topology)]

    def rollup_statements(self, kept: Collection[str]) -> dict[str, list[str]]:
        """The statements that add each report's rollup where a store lacks it, and drop its former versions."""
        return {each.report: rollup_statements(self.topology, [each], kept) for each in self.rollups}

    def _lacking(self, applied: Collection[int]) -> list[Migration]:
        return [each for each in self.migrations if each.number not in applied]

    def _recorded(self, step: Migration) -> str:
        values = f"{step.number}, {literal(step.name)}, {literal(self.topology.cluster or '')}, now64(3, 'UTC')"
        return f"INSERT INTO migration (number, name, cluster, applied_at) SELECT {values}"


def definition(registry: Registry | None = None) -> StoreDefinition:
    """The definition of an embedded store, with the rollups of a registry's reports."""
    return StoreDefinition(EMBEDDED, rollups=registry.rollups if registry else ())
