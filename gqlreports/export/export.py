"""An export: a request for a whole part of a report as a file."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gqlreports.backends.base import Statement
from gqlreports.export.columns import ExportColumn, selection_of
from gqlreports.export.parts import ExportPart
from gqlreports.schema.plan.printing import UTC, in_zone
from gqlreports.schema.request import PrintCell, ReportRequest
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
    """A part of a report, with the given columns; moments are shown in the time zone `zone`.

    `count` says whether a text file ends with the number of its rows.
    """

    request: ReportRequest
    part: ExportPart
    columns: tuple[ExportColumn, ...]
    zone: str = UTC
    count: bool = True

    def statement(self, printed: PrintCell) -> Statement:
        """The statement for the rows of the file; `printed` prints their values."""
        return in_zone(self.part.statement(self.request, selection_of(self.columns, printed)), self.zone)

    @property
    def names(self) -> list[str]:
        """The names of the columns in the file."""
        return [column.name for column in self.columns]

    @property
    def stem(self) -> str:
        """The file's name without its extension: USA_RATE_CENTER_1001_2025-11-01_2025-12-01.

        For any part except `rows`, the part follows the report: USA_RATE_CENTER_calls_1001_2025-11-01_2025-12-01.
        """
        days = (moment.astimezone(zone(self.zone)).date() for moment in (self.request.start, self.request.end))
        first, *others = self.request.customers.ids
        whose = f"{len(others) + 1}-customers" if others else _UNUSUAL.sub("_", first)
        part = [] if self.part.name == "rows" else [self.part.name]
        return "_".join((self.request.report.name, *part, whose, *(day.isoformat() for day in days)))
