"""The field `table` of every report, for clients that know no report's types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLInputObjectType
from graphql.utilities import coerce_input_value, validate_input_value
from strawberry.scalars import JSON
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryObjectDefinition

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.dimensions import SharedDimension
from gqlreports.plugins.figure_ids import column_id
from gqlreports.schema.answer import ReportAnswer, StoreValue
from gqlreports.schema.catalogue import ColumnInfo, column_info
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.plan.filters import EVERYTHING, Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.rows import Order, Page
from gqlreports.schema.request import Selection
from gqlreports.schema.scalars import BigInt
from gqlreports.schema.types.columns import ROWS, Direction, field_of, list_of
from gqlreports.schema.types.filters import parse_filter


@strawberry.input(description="A column of a table to order by; earlier ones count first.")
class ReportOrder:
    column: str = strawberry.field(description="The name of the column.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which end comes first.")


@dataclass(frozen=True)
class _Asked:
    """What a table is to hold."""

    answer: ReportAnswer
    columns: tuple[AnyColumn, ...]
    page: Page
    where: Where


def _rows(self: Any) -> Any:
    asked: _Asked = self.asked
    selection = Selection.all(asked.columns)

    async def fetch(answer: ReportAnswer, _: Selection) -> bytes:
        return await answer.rows(selection, asked.page, asked.where)

    return StoreValue(asked.answer, fetch)


async def _row_count(self: Any) -> int:
    asked: _Asked = self.asked
    return await asked.answer.row_count(asked.where)


def _totals(self: Any) -> Any:
    asked: _Asked = self.asked
    selection = Selection.all(total_columns(asked.columns))

    async def fetch(answer: ReportAnswer, _: Selection) -> bytes:
        return await answer.totals(selection, asked.where)

    return StoreValue(asked.answer, fetch)


@strawberry.type(description="A report's rows as JSON, with what there is to know of their columns.")
class ReportTable:
    asked: strawberry.Private[_Asked]
    columns: list[ColumnInfo] = strawberry.field(description="The columns of the rows, in their order.")
    rows = field_of(_rows, "Each row is an object with the columns' values by their names.", returns=list_of(JSON))
    row_count = field_of(_row_count, "How many rows match.", returns=BigInt)
    totals = field_of(_totals, "The rows that match together, in those of the columns that totals have.", returns=JSON)


def table_field(declared: tuple[SharedDimension, ...]) -> Any:
    """The field `table(columns, where, orderBy, first, offset)`; `declared` are the dimensions of all reports."""

    def table(
        self: Any,
        info: ReportInfo,
        columns: list[str] | None = None,
        where: Any = None,
        order_by: list[ReportOrder] | None = None,
        first: int | None = ROWS,
        offset: int | None = 0,
    ) -> ReportTable:
        answer: ReportAnswer = self.answer
        named = {each.graphql_name: each for each in answer.request.columns}
        chosen = tuple(named.values()) if columns is None else tuple(_named(named, each) for each in columns)
        order = tuple(Order(_named(named, each.column), each.direction is Direction.DESC) for each in order_by or ())
        page = Page(order, ROWS if first is None else first, offset or 0)
        asked = _Asked(answer, tuple(dict.fromkeys(chosen)), page, _where(info, answer, where))
        ids = (column_id(each, answer.request.report, declared) for each in asked.columns)
        return ReportTable(asked=asked, columns=list(map(column_info, asked.columns, ids)))

    return field_of(
        table,
        "The rows that match as JSON, for clients that do not know the report's own types.",
        info=ReportInfo,
        columns=list[str] | None,
        where=JSON | None,
        order_by=list_of(ReportOrder) | None,
        first=int | None,
        offset=int | None,
        returns=ReportTable,
    )


def _named(columns: Mapping[str, AnyColumn], name: str) -> AnyColumn:
    if name not in columns:
        raise InvalidInput(f"There is no column {name[:64]!r}; there are {', '.join(columns)}.")
    return columns[name]


def _where(info: ReportInfo, answer: ReportAnswer, given: Any) -> Where:
    """Parse a filter that is given as JSON and has the form of the report's own filter.  Raises InvalidInput."""
    if given is None:
        return EVERYTHING
    schema = info.schema
    name = f"{answer.request.report.type_name}Filter"
    kind, definition = schema._schema.type_map[name], schema.get_type_by_name(name)
    assert isinstance(kind, GraphQLInputObjectType)
    assert isinstance(definition, StrawberryObjectDefinition)

    def refuse(error: GraphQLError, path: list[str | int]) -> None:
        raise InvalidInput(f"`{'.'.join(map(str, ('where', *path)))}`: {error.message}")

    validate_input_value(given, kind, refuse)
    found = convert_argument(
        coerce_input_value(given, kind), definition.origin, schema.schema_converter.scalar_registry, schema.config
    )
    return parse_filter(found, answer.request.columns)
