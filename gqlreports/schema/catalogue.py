"""The catalogue of reports: what a frontend needs to offer them, and the version of each report's definition."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any

import orjson
import strawberry
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from pydantic.alias_generators import to_camel

from gqlreports.plugins import CountingBasis
from gqlreports.plugins.aggregates import Additivity
from gqlreports.plugins.checks import variations
from gqlreports.plugins.contract import AnyColumn, Dimension, Measure, Scope
from gqlreports.plugins.dimensions import SharedDimension
from gqlreports.plugins.figure_ids import column_id
from gqlreports.plugins.grouping import groupable, grouping_of
from gqlreports.plugins.registry import CALL_DIMENSIONS, RegisteredReport
from gqlreports.plugins.types import complete
from gqlreports.schema.node import Node
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.scalars import print_moment
from gqlreports.schema.types.descriptions import describe_enum

_DIALECT = ClickHouseDialect(server_side_params=True)
_LENGTH = 12
PREFIX = "ReportType:"
"""What the ids of report types begin with."""


@lru_cache(1024)
def definition_version(registered: RegisteredReport) -> str:
    """A hash over the columns and the SQL of all figures, for each value of each parameter, in hexadecimal digits."""
    described = [
        (column.name, column.type.clickhouse, column.unit, isinstance(column, Measure) and column.aggregate.formula)
        for column in registered.columns(staff=True)
    ]
    texts = [registered.name, repr(described), *_statements(registered)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:_LENGTH]


def _statements(registered: RegisteredReport) -> Iterator[str]:
    columns = registered.columns(staff=True)
    for parameters in variations(registered.report.Parameters()):
        keys = registered.dimensions(parameters, staff=True)
        shown = tuple(each for each in columns if each in keys or each in total_columns(columns))
        for basis in CountingBasis:
            scope = Scope(keys, shown, parameters, basis, registered.report.fact)
            compiled = registered.report.statement(scope).compile(dialect=_DIALECT)
            yield f"{compiled} {sorted(compiled.params.items())}"


@strawberry.enum(description="What a column is to the rows.")
class ColumnKind(Enum):
    DIMENSION = strawberry.enum_value("DIMENSION", description="Rows are grouped by it.")
    MEASURE = strawberry.enum_value("MEASURE", description="A figure over the calls of a row.")
    RATIO = strawberry.enum_value("RATIO", description="One figure over another; null over 0.")


@strawberry.enum(description="How to show a column's values.")
class ColumnFormat(Enum):
    TEXT = strawberry.enum_value("TEXT", description="As they are.")
    BOOLEAN = strawberry.enum_value("BOOLEAN", description="Yes or no.")
    INTEGER = strawberry.enum_value("INTEGER", description="A whole number.")
    NUMBER = strawberry.enum_value("NUMBER", description="A number with a fraction.")
    PERCENT = strawberry.enum_value("PERCENT", description="A number from 0 to 1, as a percentage.")
    DURATION = strawberry.enum_value("DURATION", description="Seconds, as minutes and seconds.")
    MONEY = strawberry.enum_value("MONEY", description="An exact decimal in the currency of the column `unit`.")
    MOMENT = strawberry.enum_value("MOMENT", description="A date and time.")


_FORMATS = complete(
    ColumnFormat.__members__,
    lambda column_type: [each.format for each in (column_type.look, *column_type.looks.values())],
    "a format of the catalogue",
)


@strawberry.enum(description="A kind of chart.")
class ChartKind(Enum):
    BAR = strawberry.enum_value("BAR", description="The largest rows and the others: ask for `top`.")
    LINE = strawberry.enum_value("LINE", description="A figure along time.")


describe_enum(
    Additivity,
    "Whether a figure of rows together is the sum of the rows' figures.",
    {
        "ADDITIVE": "It is.",
        "WITHIN_CURRENCY": "It is, if all rows have one currency; otherwise it is null.",
        "NOT_ADDITIVE": "It is not: it is computed anew.",
    },
)


@strawberry.type(description="A chart that suits a report.")
class ChartHint:
    kind: ChartKind = strawberry.field(description="What kind of chart.")
    dimension: str = strawberry.field(description="The column along its axis.")
    measure: str = strawberry.field(description="The column that it shows.")


@strawberry.type(description="A column of a report.")
class ColumnInfo:
    id: str = strawberry.field(description="What it is: the same figure or dimension has the same id in all reports.")
    name: str = strawberry.field(description="Its field on the row type.")
    constant: str = strawberry.field(description="Its value in the enums to order and to group by.")
    title: str = strawberry.field(description="What to write over it.")
    description: str = strawberry.field(description="What it means.")
    unit: str | None = strawberry.field(description="What it is counted in; for money, the column with the currency.")
    kind: ColumnKind = strawberry.field(description="What it is to the rows.")
    type: str = strawberry.field(description="Its scalar.")
    nullable: bool = strawberry.field(description="Whether it can be null.")
    formula: str | None = strawberry.field(description="How it is computed, in words; null for a dimension.")
    numerator: str | None = strawberry.field(description="What is divided, in words; null where nothing is.")
    denominator: str | None = strawberry.field(description="What it is divided by, in words; null where it is not.")
    format: ColumnFormat = strawberry.field(description="How to show its values.")
    additivity: Additivity | None = strawberry.field(
        description="Whether figures of rows may be added; null for a dimension."
    )
    staff_only: bool = strawberry.field(description="Whether partners do not see it.")
    in_totals: bool = strawberry.field(description="Whether the totals have it.")
    key_when: str | None = strawberry.field(
        description="The parameter under which it is a key of the rows; null where that does not depend on one."
    )


@strawberry.type(description="A parameter of a report.")
class ParameterInfo:
    name: str = strawberry.field(description="Its field on the parameters' input type.")
    description: str | None = strawberry.field(description="What it does.")
    type: str = strawberry.field(description="Its GraphQL type.")
    values: list[str] | None = strawberry.field(description="What it may be; null where that is not a list.")
    default: str = strawberry.field(description="What it is where it is not given, as a GraphQL literal.")


@strawberry.type(description="A report that can be asked for.")
class ReportTypeInfo(Node):
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="Its value of ReportType.")
    type_name: str = strawberry.field(description="What the names of its types begin with: `... on {typeName}Report`.")
    parameters_field: str | None = strawberry.field(
        description="Its field on ReportParameters; null where it has no parameters."
    )
    title: str = strawberry.field(description="What to write in a selector.")
    description: str = strawberry.field(description="What it answers.")
    columns: list[ColumnInfo] = strawberry.field(description="The columns that you see.")
    dimensions: list[ColumnInfo] = strawberry.field(
        description="The dimensions by which it can be grouped in place of its own; their `constant` is for `groupBy`."
    )
    grouped_type_name: str | None = strawberry.field(
        description="What the names of its types begin with where it is grouped; null where it cannot be."
    )
    parameters: list[ParameterInfo] = strawberry.field(description="What may be set on it.")
    chart: ChartHint | None = strawberry.field(description="A chart that suits it; null where it has no figures.")
    lists_calls: bool = strawberry.field(description="Whether the calls behind its rows can be listed.")
    staff_only: bool = strawberry.field(description="Whether partners do not see it.")
    definition_version: str = strawberry.field(description="Changes when its definition does.")
    example_query: str = strawberry.field(description="A query that is ready to run; put in a customer of yours.")


def describe(
    report: RegisteredReport, staff: bool, declared: tuple[SharedDimension, ...] = CALL_DIMENSIONS
) -> ReportTypeInfo:
    """The catalogue's entry for a report as staff or partners see it; `declared` are the dimensions of all reports."""
    columns = report.columns(staff)
    dimensions = [each for each in groupable(report, declared) if staff or not each.staff_only]
    grouping = grouping_of(report, declared)
    fields = report.report.Parameters.model_fields
    return ReportTypeInfo(
        id=strawberry.ID(PREFIX + report.name),
        name=report.name,
        type_name=report.type_name,
        parameters_field=to_camel(report.name.lower()) if fields else None,
        title=report.title,
        description=report.description,
        columns=[column_info(column, column_id(column, report, declared)) for column in columns],
        dimensions=[column_info(each, each.name) for each in dimensions],
        grouped_type_name=grouping.type_name if grouping else None,
        parameters=[_parameter(report, name, field) for name, field in fields.items()],
        chart=_chart(columns),
        lists_calls=report.report.lists_calls(),
        staff_only=report.report.staff_only,
        definition_version=definition_version(report),
        example_query=example_query(report, columns),
    )


def example_query(report: RegisteredReport, columns: tuple[AnyColumn, ...], customer: str = "1001") -> str:
    """An example query for all columns of a report over the last 30 days."""
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    start, end = print_moment(tomorrow - timedelta(days=30)), print_moment(tomorrow)
    fields = " ".join(column.graphql_name for column in columns)
    return (
        "{\n"
        f'  customReport(customer: "{customer}", type: {report.name}, '
        f'from: "{start}", to: "{end}") {{\n'
        f"    ... on {report.type_name}Report {{\n"
        f"      rows(first: 10) {{ {fields} }}\n"
        "      rowCount\n"
        "    }\n"
        "  }\n"
        "}"
    )


def column_info(column: AnyColumn, id: str) -> ColumnInfo:
    """The catalogue's entry for a column, with its id."""
    figure = column.otherwise if isinstance(column, Dimension) else column.aggregate
    numerator, denominator = (figure and figure.parts) or (None, None)
    return ColumnInfo(
        id=id,
        name=column.graphql_name,
        constant=column.constant_name,
        title=column.title,
        description=column.description,
        unit=column.unit,
        kind=ColumnKind.DIMENSION if isinstance(column, Dimension) else ColumnKind[column.kind.upper()],
        type=column.type.scalar.name,
        nullable=column.nullable,
        formula=figure.formula if figure else None,
        numerator=numerator.formula if numerator else None,
        denominator=denominator.formula if denominator else None,
        format=_FORMATS[column.type.look_in(column.unit).format],
        additivity=figure.additivity if figure else None,
        staff_only=column.staff_only,
        in_totals=column in total_columns((column,)),
        key_when=to_camel(column.when) if isinstance(column, Dimension) and column.when else None,
    )


def _chart(columns: tuple[AnyColumn, ...]) -> ChartHint | None:
    """A chart over time if a dimension is a time, else bars; of the first additive number, or else the first number."""
    figures = [column for column in columns if isinstance(column, Measure) and column.type.scalar.numeric]
    dimensions = [column for column in columns if isinstance(column, Dimension) and column.otherwise is None]
    if not figures or not dimensions:
        return None
    measure = next((each for each in figures if each.aggregate.additivity is Additivity.ADDITIVE), figures[0])
    along = next((each for each in dimensions if each.type.is_time), None)
    kind = ChartKind.LINE if along else ChartKind.BAR
    return ChartHint(kind=kind, dimension=(along or dimensions[0]).graphql_name, measure=measure.graphql_name)


def _parameter(report: RegisteredReport, name: str, field: Any) -> ParameterInfo:
    kind = field.annotation
    choices = [each.name for each in kind] if issubclass(kind, Enum) else None
    names = {bool: "Boolean", int: "Int", str: "String"}
    enum_name = f"{report.type_name}{kind.__name__}"
    default = field.default.name if choices else orjson.dumps(field.default).decode()
    return ParameterInfo(
        name=to_camel(name),
        description=field.description,
        type=names.get(kind, enum_name),
        values=choices,
        default=default,
    )
