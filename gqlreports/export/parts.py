"""The parts of a report that a file can hold: each is a field of GraphQL with its arguments."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from gqlreports.backends.base import Statement
from gqlreports.export.columns import (
    ExportColumn,
    columns_of_calls,
    compared_columns,
    row_columns,
    subtotal_columns,
    timeline_columns,
)
from gqlreports.plugins.contract import Dimension
from gqlreports.schema.plan import calls, rows
from gqlreports.schema.plan.calls import CURSOR, Cursor
from gqlreports.schema.plan.comparison import ComparedOrder, ComparedRequest, compared_rows
from gqlreports.schema.plan.filters import EVERYTHING, Where
from gqlreports.schema.plan.rows import ALL, Page
from gqlreports.schema.plan.timeline import Series, timeline
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.time import Buckets


class ExportPart(ABC):
    """A part of a report; `name` is the name of its field."""

    name: ClassVar[str]

    @abstractmethod
    def known(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        """The columns that a caller may choose from."""

    def usual(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        """The columns of a file if the caller chooses none."""
        return self.known(request)

    def ranges(self) -> list[ReportRequest]:
        """The ranges that are read besides that of the report."""
        return []

    @abstractmethod
    def statement(self, request: ReportRequest, selection: Selection) -> Statement:
        """The statement for the selected columns."""


@dataclass(frozen=True)
class RowsPart(ExportPart):
    where: Where = EVERYTHING
    page: Page = ALL
    name = "rows"

    def known(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        return row_columns(request.columns)

    def statement(self, request: ReportRequest, selection: Selection) -> Statement:
        return rows.rows(request, selection, self.page, self.where)


@dataclass(frozen=True)
class SubtotalsPart(ExportPart):
    by: tuple[Dimension, ...]
    where: Where
    page: Page
    name = "subtotals"

    def known(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        return subtotal_columns(request, self.by)

    def statement(self, request: ReportRequest, selection: Selection) -> Statement:
        return rows.subtotals(request, self.by, selection, self.page, self.where)


@dataclass(frozen=True)
class TimelinePart(ExportPart):
    buckets: Buckets
    series: Series | None
    n: int
    where: Where
    name = "timeline"

    def known(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        return timeline_columns(request, self.series.by if self.series else ())

    def statement(self, request: ReportRequest, selection: Selection) -> Statement:
        return timeline(request, self.buckets, selection, self.series, self.n, self.where)


@dataclass(frozen=True)
class ComparedPart(ExportPart):
    previous: ReportRequest
    order: tuple[ComparedOrder, ...]
    where: Where
    page: Page
    name = "comparison"

    def known(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        return compared_columns(request)

    def ranges(self) -> list[ReportRequest]:
        return [self.previous]

    def statement(self, request: ReportRequest, selection: Selection) -> Statement:
        asked = ComparedRequest(request, self.previous)
        return compared_rows(asked, selection, self.order, self.page, self.where)


@dataclass(frozen=True)
class CallsPart(ExportPart):
    where: Where
    first: int | None
    after: Cursor | None
    name = "calls"

    def known(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        return columns_of_calls(request.staff)

    def usual(self, request: ReportRequest) -> tuple[ExportColumn, ...]:
        """Without the cursor, which takes much room and is of use only to those who page."""
        return tuple(column for column in self.known(request) if column.name != CURSOR)

    def statement(self, request: ReportRequest, selection: Selection) -> Statement:
        return calls.calls(request, selection, self.first, self.after, self.where)
