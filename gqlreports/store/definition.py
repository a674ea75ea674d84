"""What a store must have: its migrations, dictionaries and rollups.

Migrations run in order.  Their statements do nothing if their work is already done, so a migration may run twice, even
in two processes at once.  A published migration never changes; each later change is a new migration.

One dictionary holds the rate center of each thousands-block, the other the customer of each DID over time.  Rollups are
projections of the fact tables, so ClickHouse keeps them up to date together with the rows.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gqlreports.plugins.registry import Registry
from gqlreports.plugins.rollup import PREFIX, Rollup
from gqlreports.store.topology import Topology, identifier, literal
from gqlreports.tables import CODECS, LOAD_CODECS, SWITCH_CODECS, cdr, cdr_load, did, migration, numbering


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


_SKIPPED_COLUMNS = "primary_key_ratio_of_unique_prefix_values_to_skip_suffix_columns"

MIGRATIONS = (
    Migration(1, "calls, DIDs and numbering data", _first_tables),
    Migration(2, "loads that came to their end", lambda topology: topology.create(cdr_load)),
    Migration(3, "deletes that keep rollups", _deletes_with_rollups),
    Migration(4, "codecs of the calls", _codecs),
    Migration(5, "whole indexes", _whole_indexes),
    Migration(6, "what switches tell of a call, and loads", _switch_columns),
)


# The rate center of every thousands-block in service: the block's own if it has one, otherwise that of its central
# office code.
_RATE_CENTERS = """
SELECT block, argMax(rate_center, precise) AS rate_center, argMax(state, precise) AS state
FROM (
    SELECT toUInt64(prefix) AS block, rate_center, state, 1 AS precise
    FROM {database}.numbering FINAL WHERE length(prefix) = 7 AND rate_center != ''
    UNION ALL
    SELECT toUInt64(prefix) * 10 + arrayJoin(range(10)) AS block, rate_center, state, 0 AS precise
    FROM {database}.numbering FINAL WHERE length(prefix) = 6 AND rate_center != ''
) GROUP BY block
"""

# Both ends are in milliseconds since 1970 and inclusive, hence the -1.  An open end is the largest Int64.
_DID_WINDOWS = """
SELECT customer_id, number, toUnixTimestamp64Milli(valid_from) AS valid_from,
    if(valid_to IS NULL, 9223372036854775807, toUnixTimestamp64Milli(assumeNotNull(valid_to)) - 1) AS valid_to
FROM {database}.did FINAL
"""


def dictionaries(topology: Topology) -> list[str]:
    """The statements that create both dictionaries.

    On a server they replace existing dictionaries, which hold no data of their own.
    """
    return [
        f"{_create_dictionary('rate_center', topology)} "
        "(block UInt64, rate_center String DEFAULT '', state String DEFAULT '') "
        f"PRIMARY KEY block {_source(topology, _RATE_CENTERS, 'numbering')} LAYOUT(HASHED()) {_lifetime(topology)}",
        f"{_create_dictionary('did_window', topology)} "
        "(customer_id String, number String, valid_from Int64, valid_to Int64) "
        f"PRIMARY KEY customer_id, number {_source(topology, _DID_WINDOWS, 'did')} "
        f"LAYOUT(COMPLEX_KEY_RANGE_HASHED()) RANGE(MIN valid_from MAX valid_to) {_lifetime(topology)}",
    ]


def _create_dictionary(name: str, topology: Topology) -> str:
    if topology.database is None:
        return f"CREATE DICTIONARY IF NOT EXISTS {name}"
    return f"CREATE OR REPLACE DICTIONARY {name}{topology.on_cluster}"


def _source(topology: Topology, query: str, table: str) -> str:
    """The clause that makes a dictionary read from its own server, in the store's database, as the migrating user."""
    database = identifier(topology.database or "default")
    parts = [f"QUERY {literal(query.format(database=database))}"]
    if topology.user:
        parts.insert(0, f"USER {literal(topology.user)} PASSWORD {literal(topology.password or '')}")
    if topology.cluster:
        parts.append(f"INVALIDATE_QUERY {literal(f'SELECT max(loaded_at) FROM {database}.{table}')}")
    return f"SOURCE(CLICKHOUSE({' '.join(parts)}))"


def _lifetime(topology: Topology) -> str:
    """How often a dictionary checks for changes.

    A load reloads the dictionary on its own server.  The other servers of a cluster check every 10 to 20 seconds.
    """
    return "LIFETIME(MIN 10 MAX 20)" if topology.cluster else "LIFETIME(0)"


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

    def statements(self, applied: Collection[int], kept: Collection[str]) -> list[str]:
        """The statements that bring a store to this definition.

        They run and record each missing migration, then create the dictionaries and the rollups.
        """
        steps = [
            statement
            for each in self._lacking(applied)
            for statement in (*each.statements(self.topology), self._recorded(each))
        ]
        return [*steps, *dictionaries(self.topology), *rollup_statements(self.topology, self.rollups, kept)]

    def _lacking(self, applied: Collection[int]) -> list[Migration]:
        return [each for each in self.migrations if each.number not in applied]

    def _recorded(self, step: Migration) -> str:
        values = f"{step.number}, {literal(step.name)}, {literal(self.topology.cluster or '')}, now64(3, 'UTC')"
        return f"INSERT INTO migration (number, name, cluster, applied_at) SELECT {values}"


def definition(registry: Registry | None = None) -> StoreDefinition:
    """The definition of an embedded store, with the rollups of a registry's reports."""
    return StoreDefinition(EMBEDDED, rollups=registry.rollups if registry else ())
