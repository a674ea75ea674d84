"""An export: a request for the whole result of a report as a file."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gqlreports.backends.base import Statement
from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn
from gqlreports.schema.plan import rows
from gqlreports.schema.plan.filters import EVERYTHING, Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.printing import UTC, CellFormat, PrintCell
from gqlreports.schema.plan.rows import Order, Page
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.time import zone

OnRows: TypeAlias = Callable[[int], None]
"""Called with the number of rows that have arrived since the last call."""


class RowSource(Protocol):
    """A store, or the answer to a report, which counts what the store reads."""

    def stream(self, statement: Statement, form: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The same as `Backend.stream`."""


_UNUSUAL = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True)
class Export:
    """All matching rows of a report, with the given columns and order; moments are shown in the time zone `zone`.

    With `first`, it has only so many of them, but the totals of all.  `count` says whether a text file ends with the
    number of its rows.
    """

    request: ReportRequest
    columns: tuple[AnyColumn, ...]
    order: tuple[Order, ...] = ()
    where: Where = EVERYTHING
    zone: str = UTC
    count: bool = True
    first: int | None = None

    def statement(self, cell: PrintCell) -> Statement:
        """The statement for the rows; `cell` prints their values."""
        selection = Selection.all(self.columns)
        return rows.rows(self.request, selection, Page(self.order, self.first), self.where, CellFormat(cell, self.zone))

    def totals(self, cell: PrintCell) -> Statement:
        """The statement for the one row of the totals of all matching rows."""
        selection = Selection.all(total_columns(self.columns))
        return rows.totals(self.request, selection, self.where, CellFormat(cell, self.zone))

    def row_count(self) -> Statement:
        """The statement for the number of all matching rows, as the column `rows`."""
        return rows.row_count(self.request, self.where)

    @property
    def names(self) -> list[str]:
        """The names of the columns in the file."""
        return [column.graphql_name for column in self.columns]

    @property
    def stem(self) -> str:
        """The file's name without its extension: USA_RATE_CENTER_1001_2025-11-01_2025-12-01."""
        days = (moment.astimezone(zone(self.zone)).date() for moment in (self.request.start, self.request.end))
        first, *others = self.request.customers.ids
        whose = f"{len(others) + 1}-customers" if others else _UNUSUAL.sub("_", first)
        return "_".join((self.request.report.name, whose, *(day.isoformat() for day in days)))


def chosen_columns(request: ReportRequest, names: list[str] | None) -> tuple[AnyColumn, ...]:
    """The columns with those names, in their order; all columns that the caller may see for None.

    Raises InvalidInput for a name that does not exist or is given twice.
    """
    if names is None:
        return request.columns
    known = {column.graphql_name: column for column in request.columns}
    for place, name in enumerate(names):
        if name not in known:
            raise InvalidInput(f"There is no column {name[:64]!r}; there are {', '.join(known)}.")
        if name in names[:place]:
            raise InvalidInput(f"The column {name} is named twice.")
    return tuple(known[name] for name in names)
