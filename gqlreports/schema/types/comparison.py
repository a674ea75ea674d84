"""The field and types for comparing a report's rows with those of another range."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import strawberry

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.schema.answer import ReportAnswer, StoreValue
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.plan.comparison import ComparedOrder, ComparisonPart
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.scalars import BigInt
from gqlreports.schema.time import RelativePeriod, compared_period, zone
from gqlreports.schema.types.columns import ROWS, Direction, ReportColumns, compared_type, field_of, list_of, object_of
from gqlreports.schema.types.descriptions import describe_enum

describe_enum(
    RelativePeriod,
    "A range told by that of the report.",
    {
        "PREVIOUS_PERIOD": "The range of the same length just before.",
        "SAME_PERIOD_LAST_YEAR": "The same dates a year before.",
    },
)
describe_enum(
    ComparisonPart,
    "What to order by of a measure in both ranges.",
    {
        "CURRENT": "Its value in the report's range.",
        "PREVIOUS": "Its value in the range that is compared with.",
        "CHANGE": "By how much it is more.",
        "RELATIVE_CHANGE": "By which part of the previous value it is more.",
    },
)


@strawberry.input(description="A range of time.")
class DateTimeRange:
    from_: datetime = strawberry.field(name="from", description="The first moment of the range.")
    to: datetime = strawberry.field(description="The moment at which the range ends; it is no part of it.")


@strawberry.input(one_of=True, description="What a report is compared with.")
class ComparedPeriod:
    period: RelativePeriod | None = strawberry.field(default=strawberry.UNSET, description="An earlier period.")
    range: DateTimeRange | None = strawberry.field(default=strawberry.UNSET, description="A range of any length.")


@dataclass(frozen=True)
class Compared:
    """A requested comparison."""

    answer: ReportAnswer
    previous: ReportRequest
    where: Where


def comparison_field(columns: ReportColumns) -> Any:
    """The field `comparison(with, timeZone, where)`."""
    cls = _comparison_type(columns)

    async def comparison(
        self: Any, info: ReportInfo, with_: ComparedPeriod, time_zone: str | None = "UTC", where: Any = None
    ) -> Any:
        answer: ReportAnswer = self.answer
        previous = previous_request(answer.request, with_, time_zone)
        await info.context.door.open_range(info.context.caller, previous)
        info.context.ranges.append(previous)
        return cls(from_=previous.start, to=previous.end, compared=Compared(answer, previous, columns.where(where)))

    return field_of(
        comparison,
        "The rows beside those of another range; a key that is in one of them only is kept.",
        info=ReportInfo,
        with_=ComparedPeriod,
        time_zone=str | None,
        where=columns.filter_input | None,
        returns=cls,
    )


def previous_request(request: ReportRequest, with_: ComparedPeriod, time_zone: str | None = "UTC") -> ReportRequest:
    """The same report over the range that it is compared with.  Raises InvalidInput or InvalidRange."""
    if with_.range:
        start, end = with_.range.from_, with_.range.to
    else:
        assert isinstance(with_.period, RelativePeriod)
        start, end = compared_period(request.start, request.end, with_.period, zone(time_zone))
    return replace(request, start=start, end=end)


def _comparison_type(columns: ReportColumns) -> type[Any]:
    title = columns.registered.title
    row = object_of(columns.name("ComparisonRow"), columns.all, f"A row of {title} in both ranges.", compared_type)
    namespace: dict[str, Any] = {
        "__annotations__": {"from_": datetime, "to": datetime, "compared": strawberry.Private[Compared]},
        "from_": strawberry.field(name="from", description="The first moment of the range that is compared with."),
        "to": strawberry.field(description="The moment at which that range ends."),
        "rows": _rows_field(columns, row),
        "row_count": _row_count_field(),
        "totals": _totals_field(columns.compared_totals),
    }
    cls = type(columns.name("Comparison"), (), namespace)
    return strawberry.type(cls, description=f"{title} in two ranges.")


def _order_input(columns: ReportColumns) -> type[Any]:
    namespace: dict[str, Any] = {
        "__annotations__": {"column": columns.column_enum, "by": ComparisonPart, "direction": Direction},
        "column": strawberry.field(description="The column to order by."),
        "by": strawberry.field(default=ComparisonPart.CURRENT, description="What of it in the two ranges."),
        "direction": strawberry.field(default=Direction.ASC, description="Which end comes first."),
    }
    cls = type(columns.name("ComparisonOrder"), (), namespace)
    return strawberry.input(cls, description="One column, and what of it, to order by; earlier ones count first.")


def _rows_field(columns: ReportColumns, row: type[Any]) -> Any:
    def rows(self: Any, order_by: Any = None, first: int | None = ROWS, offset: int | None = 0) -> Any:
        asked: Compared = self.compared
        page, order = columns.page(None, first, offset), compared_order(columns, order_by)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.compared_rows(asked.previous, selection, order, page, asked.where)

        return StoreValue(asked.answer, fetch)

    return field_of(
        rows,
        "The keys that have a row that matches in either range.",
        order_by=list_of(_order_input(columns)) | None,
        first=int | None,
        offset=int | None,
        returns=list_of(row),
    )


def compared_order(columns: ReportColumns, order_by: Any) -> tuple[ComparedOrder, ...]:
    """Parse an order of compared rows.  Raises InvalidInput for the change of a key or a text."""
    return tuple(_order(columns.by_constant[each.column.value], each) for each in order_by or ())


def _order(column: AnyColumn, given: Any) -> ComparedOrder:
    of_figures = given.by in (ComparisonPart.CURRENT, ComparisonPart.PREVIOUS)
    if not of_figures and (isinstance(column, Dimension) or not column.type.scalar.numeric):
        raise InvalidInput(f"{column.graphql_name} is no number that changes; order by its CURRENT or PREVIOUS.")
    return ComparedOrder(column, given.by, given.direction is Direction.DESC)


def _row_count_field() -> Any:
    async def row_count(self: Any) -> int:
        asked: Compared = self.compared
        return await asked.answer.compared_row_count(asked.previous, asked.where)

    return field_of(row_count, "How many rows there are in all.", returns=BigInt)


def _totals_field(totals_type: type[Any]) -> Any:
    def totals(self: Any) -> Any:
        asked: Compared = self.compared

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.compared_totals(asked.previous, selection, asked.where)

        return StoreValue(asked.answer, fetch)

    return field_of(totals, "All those rows together, in both ranges.", returns=totals_type)
