"""The largest rows of a report, and all others together."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import strawberry

from gqlreports.errors import InvalidInput
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.plan.calls import Others
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.rows import Order, Page
from gqlreports.schema.scalars import BigInt
from gqlreports.schema.selection import Selection
from gqlreports.schema.spliced import Spliced
from gqlreports.schema.types.calls import other_call_fields
from gqlreports.schema.types.shared import Direction, ReportColumns, field_of, list_of

MOST_LARGEST = 1000


@dataclass
class Largest:
    """The first rows of a report in an order."""

    answer: ReportAnswer
    where: Where
    others: Others

    @cached_property
    def row_count(self) -> "asyncio.Task[int]":
        """How many rows there are in all, counted once."""
        return asyncio.ensure_future(self.answer.row_count(self.where))

    async def other_row_count(self) -> int:
        return max(0, await self.row_count - self.others.n)


def top_field(columns: ReportColumns) -> Any:
    """`top(n, by, direction, where)`."""
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
        "rows": _rows_field(columns),
        "others": _others_field(columns),
        "other_row_count": _other_row_count_field(),
    }
    if columns.registered.report.lists_calls():
        namespace |= other_call_fields(columns)
    made = type(columns.name("Top"), (), namespace)
    return strawberry.type(made, description=f"The largest rows of {columns.registered.title}, and the others.")


def _rows_field(columns: ReportColumns) -> Any:
    def rows(self: Any) -> Any:
        largest: Largest = self.largest
        page = Page((largest.others.order,), largest.others.n)

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.rows(selection, page, largest.where)

        return Spliced(largest.answer, fetch)

    return field_of(rows, "The largest first; nulls are last either way.", returns=list_of(columns.row))


def _others_field(columns: ReportColumns) -> Any:
    async def others(self: Any) -> Any:
        largest: Largest = self.largest
        if not await largest.other_row_count():
            return None

        async def fetch(answer: ReportAnswer, selection: Selection) -> bytes:
            return await answer.others(selection, largest.others, largest.where)

        return Spliced(largest.answer, fetch)

    return field_of(others, "All further rows together; null where there are none.", returns=columns.totals | None)


def _other_row_count_field() -> Any:
    async def other_row_count(self: Any) -> int:
        largest: Largest = self.largest
        return await largest.other_row_count()

    return field_of(other_row_count, "How many further rows there are.", returns=BigInt)
