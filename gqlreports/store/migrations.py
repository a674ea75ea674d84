"""The steps that a store has come by, in their order.

A step's statements do nothing where their work is done: it may run twice, and in two processes at once.  A step that
stands here is never changed; what comes later is a step of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gqlreports.store.placement import Placement
from gqlreports.tables import CODECS, cdr, cdr_load, did, numbering


@dataclass(frozen=True)
class Migration:
    """`statements` are given where the tables are, and are SQL in the order in which they run."""

    number: int
    name: str
    statements: Callable[[Placement], list[str]]


def _first_tables(placement: Placement) -> list[str]:
    return [statement for table in (cdr, did, numbering) for statement in placement.create(table)]


def _deletes_with_rollups(placement: Placement) -> list[str]:
    """Without it a table with projections refuses DELETE."""
    return [f"{placement.alter(cdr)} MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild'"]


def _codecs(placement: Placement) -> list[str]:
    """What is there already takes them on when its parts are merged."""
    columns = ", ".join(f"MODIFY COLUMN `{name}` CODEC({codec})" for name, codec in CODECS.items())
    table = placement.alter(cdr)
    return [f"{table} {columns}", f"{table} MODIFY SETTING default_compression_codec = 'LZ4'"]


def _whole_indexes(placement: Placement) -> list[str]:
    """By itself ClickHouse keeps the customers of an index alone where nearly every granule begins with another one.

    So it is in rollups, and a day of a customer would be searched for among all its hours.
    """
    return [f"{placement.alter(cdr)} MODIFY SETTING {_SKIPPED_COLUMNS} = 1"]


_SKIPPED_COLUMNS = "primary_key_ratio_of_unique_prefix_values_to_skip_suffix_columns"

MIGRATIONS = (
    Migration(1, "calls, DIDs and numbering data", _first_tables),
    Migration(2, "loads that came to their end", lambda placement: placement.create(cdr_load)),
    Migration(3, "deletes that keep rollups", _deletes_with_rollups),
    Migration(4, "codecs of the calls", _codecs),
    Migration(5, "whole indexes", _whole_indexes),
)
