"""The object type of a report, with all that may be asked of it."""

from dataclasses import dataclass
from typing import Any

import strawberry

from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.scalars import BigInt
from gqlreports.schema.selection import Selection
from gqlreports.schema.spliced import Spliced
from gqlreports.schema.types.calls import call_fields
from gqlreports.schema.types.comparison import comparison_field
from gqlreports.schema.types.parameters import parameters_input
from gqlreports.schema.types.shared import ROWS, ReportColumns, field_of, list_of
from gqlreports.schema.types.subtotals import subtotals_field
from gqlreports.schema.types.timeline import timeline_field
from gqlreports.schema.types.top import top_field


@dataclass(frozen=True)
class ReportTypes:
    """A report's object type, and the input type of its parameters where it has any."""

    registered: RegisteredReport
    report: type[Any]
    parameters: type[Any] | None

    @property
    def parameters_field(self) -> str:
        """USA_RATE_CENTER -> usa_rate_center, which is usaRateCenter in GraphQL."""
        return self.registered.name.lower()


def report_types(registered: RegisteredReport, staff: bool, interface: type[Any]) -> ReportTypes:
    """The types of a report as staff or partners see it."""
    columns = ReportColumns(registered, staff)
    namespace = {"rows": _rows_field(columns), "row_count": _row_count_field(columns)}
    namespace["subtotals"] = subtotals_field(columns)
    if columns.summed:
        namespace["totals"] = _totals_field(columns)
        namespace["comparison"] = comparison_field(columns)
    if columns.measures:
        namespace["timeline"] = timeline_field(columns)
        namespace["top"] = top_field(columns)
    if registered.report.lists_calls():
        namespace |= call_fields(columns)
    report = type(columns.name("Report"), (interface,), namespace)
    made = strawberry.type(report, description=registered.description)
    return ReportTypes(registered, made, parameters_input(registered))


def _rows_field(columns: ReportColumns) -> Any:
    def rows(
        self: Any, where: Any = None, order_by: Any = None, first: int | None = ROWS, offset: int | None = 0
    ) -> Any:
        page, match = columns.page(order_by, first, offset), columns.where(where)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.rows(selection, page, match)

        return Spliced(self.answer, fetch)

    return field_of(
        rows,
        "The rows that match: `first` of them, at most 100,000, behind `offset`; ordered by the keys where not told.",
        where=columns.filter_input | None,
        order_by=list_of(columns.order_input) | None,
        first=int | None,
        offset=int | None,
        returns=list_of(columns.row),
    )


def _row_count_field(columns: ReportColumns) -> Any:
    async def row_count(self: Any, where: Any = None) -> int:
        answer: ReportAnswer = self.answer
        return await answer.row_count(columns.where(where))

    return field_of(row_count, "How many rows match.", where=columns.filter_input | None, returns=BigInt)


def _totals_field(columns: ReportColumns) -> Any:
    def totals(self: Any, where: Any = None) -> Any:
        match = columns.where(where)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.totals(selection, match)

        return Spliced(self.answer, fetch)

    return field_of(
        totals,
        "The rows that match together, ratios computed anew from the sums.",
        where=columns.filter_input | None,
        returns=columns.totals,
    )
