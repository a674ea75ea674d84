"""The object type of a report, with all its fields."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import strawberry

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import Dimension
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.answer import ReportAnswer, StoreValue
from gqlreports.schema.plan.calls import Others
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.rows import Order, Page, summed_away
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.scalars import BigInt
from gqlreports.schema.types.calls import call_fields, other_call_fields
from gqlreports.schema.types.columns import (
    ROWS,
    Direction,
    ReportColumns,
    field_of,
    level_type,
    list_of,
    object_of,
    parameters_input,
)
from gqlreports.schema.types.comparison import comparison_field
from gqlreports.schema.types.timeline import timeline_field


def subtotals_field(columns: ReportColumns) -> Any:
    """The field `subtotals(by, where, orderBy, first, offset)`."""
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
        page, match = columns.page(order_by, first, offset), columns.where(where)
        keys = subtotal_keys(columns, answer.request, by, page.order)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.subtotals(keys, selection, page, match)

        return StoreValue(answer, fetch)

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


def subtotal_keys(
    columns: ReportColumns, request: ReportRequest, by: Any, order: tuple[Order, ...]
) -> tuple[Dimension, ...]:
    """The keys of subtotals.  Raises InvalidInput for none, one that is no key, or an order by one summed away."""
    if not by:
        raise InvalidInput("`by` names no dimension; for all rows together ask for `totals`.")
    keys = columns.keys(by, request)
    away = summed_away(request, keys)
    for each in order:
        if each.column in away:
            raise InvalidInput(f"{each.column.graphql_name} is summed away here, so nothing is ordered by it.")
    return keys


def customer_totals_field(columns: ReportColumns) -> Any:
    """The field `totalsByCustomer(where, orderBy, first, offset)`."""
    totals = object_of(
        columns.name("CustomerTotals"),
        columns.summed,
        f"Rows of {columns.registered.title} of one customer together.",
        more={"customer_id": (strawberry.ID, "The id of the customer.")},
    )

    def totals_by_customer(
        self: Any, where: Any = None, order_by: Any = None, first: int | None = ROWS, offset: int | None = 0
    ) -> Any:
        page, match = columns.page(order_by, first, offset), columns.where(where)
        for each in page.order:
            if each.column not in columns.summed:
                raise InvalidInput(f"{each.column.graphql_name} is no column of totals, so they are not ordered by it.")

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.customer_totals(selection, page, match)

        return StoreValue(self.answer, fetch)

    return field_of(
        totals_by_customer,
        "The rows that match of each customer that has any, together; by the id of the customer where not told.",
        where=columns.filter_input | None,
        order_by=list_of(columns.order_input) | None,
        first=int | None,
        offset=int | None,
        returns=list_of(totals),
    )


MOST_LARGEST = 1000


@dataclass
class Largest:
    """The first rows of a report in an order."""

    answer: ReportAnswer
    where: Where
    others: Others

    @cached_property
    def row_count(self) -> "asyncio.Task[int]":
        """The number of all matching rows, counted only once."""
        return asyncio.ensure_future(self.answer.row_count(self.where))

    async def other_row_count(self) -> int:
        return max(0, await self.row_count - self.others.n)


def top_field(columns: ReportColumns) -> Any:
    """The field `top(n, by, direction, where)`."""
    top_type = _top_type(columns)

    def top(self: Any, n: int, by: Any, direction: Any = Direction.DESC, where: Any = None) -> Any:
        if not 1 <= n <= MOST_LARGEST:
            raise InvalidInput(f"`n` is {n}; a top has from 1 to {MOST_LARGEST} rows.")
        order = Order(columns.by_constant[by.value], direction is not Direction.ASC)
        return top_type(largest=Largest(self.answer, columns.where(where), Others(order, n)))

    return field_of(
        top,
        "The `n` rows that are largest by a measure, and all others together: in sum the totals.",
        n=int,
        by=columns.measure_enum,
        direction=Direction | None,
        where=columns.filter_input | None,
        returns=top_type,
    )


def _top_type(columns: ReportColumns) -> type[Any]:
    namespace: dict[str, Any] = {
        "__annotations__": {"largest": strawberry.Private[Largest]},
        "rows": _largest_rows_field(columns),
        "others": _others_field(columns),
        "other_row_count": _other_row_count_field(),
    }
    if columns.registered.report.lists_calls():
        namespace |= other_call_fields(columns)
    cls = type(columns.name("Top"), (), namespace)
    return strawberry.type(cls, description=f"The largest rows of {columns.registered.title}, and the others.")


def _largest_rows_field(columns: ReportColumns) -> Any:
    def rows(self: Any) -> Any:
        largest: Largest = self.largest
        page = Page((largest.others.order,), largest.others.n)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.rows(selection, page, largest.where)

        return StoreValue(largest.answer, fetch)

    return field_of(rows, "The largest first; nulls are last either way.", returns=list_of(columns.row))


def _others_field(columns: ReportColumns) -> Any:
    async def others(self: Any) -> Any:
        largest: Largest = self.largest
        if not await largest.other_row_count():
            return None

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.others(selection, largest.others, largest.where)

        return StoreValue(largest.answer, fetch)

    return field_of(others, "All further rows together; null where there are none.", returns=columns.totals | None)


def _other_row_count_field() -> Any:
    async def other_row_count(self: Any) -> int:
        largest: Largest = self.largest
        return await largest.other_row_count()

    return field_of(other_row_count, "How many further rows there are.", returns=BigInt)


@dataclass(frozen=True)
class ReportTypes:
    """A report's columns and object type, and the input type of its parameters if it has any."""

    registered: RegisteredReport
    columns: ReportColumns
    report: type[Any]
    parameters: type[Any] | None

    @property
    def parameters_field(self) -> str:
        """The field for its parameters: USA_RATE_CENTER -> usa_rate_center, which is usaRateCenter in GraphQL."""
        return self.registered.name.lower()


def report_types(
    registered: RegisteredReport, staff: bool, interface: type[Any], base: ReportTypes | None = None
) -> ReportTypes:
    """The types of a report as staff or partners see it; `base` has those of the report that a grouped one is of."""
    columns = ReportColumns(registered, staff, base.columns if base else None)
    namespace = {"rows": _rows_field(columns), "row_count": _row_count_field(columns)}
    namespace["subtotals"] = subtotals_field(columns)
    if columns.summed:
        namespace["totals"] = _totals_field(columns)
        namespace["totals_by_customer"] = customer_totals_field(columns)
        namespace["comparison"] = comparison_field(columns)
    if columns.measures:
        namespace["timeline"] = timeline_field(columns)
        namespace["top"] = top_field(columns)
    if registered.report.lists_calls():
        namespace |= call_fields(columns)
    report = type(columns.name("Report"), (interface,), namespace)
    cls = strawberry.type(report, description=registered.description)
    return ReportTypes(registered, columns, cls, base.parameters if base else parameters_input(registered))


def _rows_field(columns: ReportColumns) -> Any:
    def rows(
        self: Any, where: Any = None, order_by: Any = None, first: int | None = ROWS, offset: int | None = 0
    ) -> Any:
        page, match = columns.page(order_by, first, offset), columns.where(where)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.rows(selection, page, match)

        return StoreValue(self.answer, fetch)

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

        return StoreValue(self.answer, fetch)

    return field_of(
        totals,
        "The rows that match together, ratios computed anew from the sums.",
        where=columns.filter_input | None,
        returns=columns.totals,
    )
