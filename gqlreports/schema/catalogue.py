"""The catalogue of reports: what a frontend needs to offer them."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import orjson
import strawberry
from pydantic.alias_generators import to_camel

from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.scalars import SCALARS, print_moment, python_type


@strawberry.enum(description="What a column is to the rows.")
class ColumnKind(Enum):
    DIMENSION = strawberry.enum_value("DIMENSION", description="Rows are grouped by it.")
    MEASURE = strawberry.enum_value("MEASURE", description="A figure over the calls of a row.")
    RATIO = strawberry.enum_value("RATIO", description="One figure over another; null over 0.")


@strawberry.type(description="A column of a report.")
class ColumnInfo:
    name: str = strawberry.field(description="Its field on the row type.")
    title: str = strawberry.field(description="What to write over it.")
    description: str = strawberry.field(description="What it means.")
    unit: str | None = strawberry.field(description="What it is counted in; for money, the column with the currency.")
    kind: ColumnKind = strawberry.field(description="What it is to the rows.")
    type: str = strawberry.field(description="Its scalar.")
    nullable: bool = strawberry.field(description="Whether it can be null.")
    formula: str | None = strawberry.field(description="How it is computed, in words; null for a dimension.")


@strawberry.type(description="A parameter of a report.")
class ParameterInfo:
    name: str = strawberry.field(description="Its field on the parameters' input type.")
    description: str | None = strawberry.field(description="What it does.")
    type: str = strawberry.field(description="Its GraphQL type.")
    values: list[str] | None = strawberry.field(description="What it may be; null where that is not a list.")
    default: str = strawberry.field(description="What it is where it is not given, as a GraphQL literal.")


@strawberry.type(description="A report that can be asked for.")
class ReportTypeInfo:
    name: str = strawberry.field(description="Its value of ReportType.")
    title: str = strawberry.field(description="What to write in a selector.")
    description: str = strawberry.field(description="What it answers.")
    columns: list[ColumnInfo] = strawberry.field(description="The columns that you see.")
    parameters: list[ParameterInfo] = strawberry.field(description="What may be set on it.")
    example_query: str = strawberry.field(description="A query that is ready to run; put in a customer of yours.")


def describe(report: RegisteredReport, staff: bool) -> ReportTypeInfo:
    """The catalogue's entry of a report as staff or partners see it."""
    columns = report.columns(staff)
    return ReportTypeInfo(
        name=report.name,
        title=report.title,
        description=report.description,
        columns=[_column(column) for column in columns],
        parameters=[_parameter(report, name, field) for name, field in report.report.Parameters.model_fields.items()],
        example_query=example_query(report, columns),
    )


def example_query(report: RegisteredReport, columns: tuple[AnyColumn, ...], customer: str = "1001") -> str:
    """A query for all columns of a report over the last 30 days."""
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


def _column(column: AnyColumn) -> ColumnInfo:
    if isinstance(column, Dimension):
        kind, formula = ColumnKind.DIMENSION, column.otherwise.formula if column.otherwise else None
    else:
        kind, formula = ColumnKind[column.kind.upper()], column.aggregate.formula
    return ColumnInfo(
        name=column.graphql_name,
        title=column.title,
        description=column.description,
        unit=column.unit,
        kind=kind,
        type=_scalar_name(column),
        nullable=column.nullable,
        formula=formula,
    )


def _scalar_name(column: AnyColumn) -> str:
    python = python_type(column)
    if python in SCALARS:
        return SCALARS[python].name
    return {str: "String", bool: "Boolean", float: "Float"}[python]


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
