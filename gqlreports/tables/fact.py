"""What a table of facts is to reports."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table

from gqlreports.tables.metadata import metadata

REPORTS_READ = "reports_read"
"""The name in a table's `info` that says that the statements of reports may name it."""
OWNER = "customer_id"
"""The column by which the store keeps the rows of customers apart, in every table that has one."""


@dataclass(frozen=True, eq=False)
class Fact:
    """A table in which each row is something that happened to one customer (`owner`) at one `time`.

    The table is a ledger: `sign` is +1 for a row and -1 where a correction takes an earlier one back, so that a figure
    is a sum of something times `sign`.  The `key` tells one row from another, but for corrections of the same.
    `loaded_at` is when a row was loaded.  The `dimensions` are what a row says: the columns that callers may see.
    """

    table: Table
    time: Column[Any]
    owner: Column[Any]
    key: tuple[Column[Any], ...]
    sign: Column[Any]
    loaded_at: Column[Any]
    dimensions: tuple[Column[Any], ...]

    def __post_init__(self) -> None:
        if self.owner.name != OWNER or not self.table.info.get(REPORTS_READ):
            raise TypeError(f"the table of a fact needs the column {OWNER}, and {REPORTS_READ} in its info")

    @property
    def name(self) -> str:
        return self.table.name


def tables_for_reports() -> set[str]:
    """The names of the stored tables that the statement of a report may name."""
    return {table.name for table in metadata.tables.values() if table.info.get(REPORTS_READ)}


def tables_of_customers() -> set[str]:
    """The names of the stored tables whose rows are of one customer each."""
    return {table.name for table in metadata.tables.values() if OWNER in table.c}
