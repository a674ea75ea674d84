"""The rows of a report summed up to some of its dimensions."""

from typing import Any

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.plan.rows import summed_away
from gqlreports.schema.selection import Selection
from gqlreports.schema.spliced import Spliced
from gqlreports.schema.types.columns import column_type, nullable_type, object_of
from gqlreports.schema.types.shared import ROWS, ReportColumns, field_of, list_of


def subtotals_field(columns: ReportColumns) -> Any:
    """`subtotals(by, where, orderBy, first, offset)`."""
    subtotal = object_of(
        columns.name("Subtotal"),
        columns.all,
        f"Rows of {columns.registered.title} that share some keys, together.",
        level_type,
        {"summed_away": (list_of(columns.dimension_enum), "The dimensions that have no value here.")},
    )

    def subtotals(
        self: Any, by: Any, where: Any = None, order_by: Any = None, first: int | None = ROWS, offset: int | None = 0
    ) -> Any:
        answer: ReportAnswer = self.answer
        if not by:
            raise InvalidInput("`by` names no dimension; for all rows together ask for `totals`.")
        keys, page, match = (
            columns.keys(by, answer.request),
            columns.page(order_by, first, offset),
            columns.where(where),
        )
        away = summed_away(answer.request, keys)
        for each in page.order:
            if each.column in away:
                raise InvalidInput(f"{each.column.graphql_name} is summed away here, so nothing is ordered by it.")

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.subtotals(keys, selection, page, match)

        return Spliced(answer, fetch)

    return field_of(
        subtotals,
        "The rows that match, summed up to fewer dimensions; all figures computed anew from the sums there.",
        by=list_of(columns.dimension_enum),
        where=columns.filter_input | None,
        order_by=list_of(columns.order_input) | None,
        first=int | None,
        offset=int | None,
        returns=list_of(subtotal),
    )


def level_type(column: AnyColumn) -> Any:
    """The type of a column where dimensions may be summed away."""
    return nullable_type(column) if isinstance(column, Dimension) else column_type(column)
