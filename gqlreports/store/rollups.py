"""The rollups of a store: projections of its tables of facts, which ClickHouse keeps as it keeps their rows."""

from collections.abc import Collection, Sequence

from gqlreports.plugins.rollup import PREFIX, Rollup
from gqlreports.store.placement import Placement

KEPT = (
    f"SELECT DISTINCT name FROM system.projections WHERE database = currentDatabase() AND startsWith(name, '{PREFIX}')"
)
"""The query for the names of those that are there."""


def rollups(placement: Placement, wanted: Sequence[Rollup], kept: Collection[str]) -> list[str]:
    """The statements that bring those that lack, and take away their former versions.

    What is there of reports that are not among them stays.  ClickHouse fills a new one in the background; a report
    reads the parts of the table that lack it call by call meanwhile.
    """
    return [statement for each in wanted for statement in _one(placement, each, kept)]


def _one(placement: Placement, rollup: Rollup, kept: Collection[str]) -> list[str]:
    table = placement.alter(rollup.fact.table)
    former = [name for name in sorted(kept) if name.startswith(rollup.prefix) and name != rollup.name]
    statements = [f"{table} DROP PROJECTION IF EXISTS {name}" for name in former]
    if rollup.name not in kept:
        statements.append(
            f"{table} ADD PROJECTION IF NOT EXISTS {rollup.name} ({rollup.definition}){_settings(placement)}"
        )
        statements.append(f"{table} MATERIALIZE PROJECTION {rollup.name} SETTINGS mutations_sync = 0")
    return statements


def _settings(placement: Placement) -> str:
    """Finer granules than a table's: a month of a customer's sums fills few.  Older servers do not know the clause."""
    return " WITH SETTINGS (index_granularity = 2048)" if placement.database is None else ""
