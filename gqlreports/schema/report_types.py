"""The GraphQL types of one report, made from its declaration."""

from dataclasses import dataclass
from enum import Enum
from types import GenericAlias
from typing import Any

import strawberry
from pydantic import ValidationError

from gqlreports.errors import InvalidInput
from gqlreports.plugins import ReportParameters
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.plan import Order, total_columns
from gqlreports.schema.rawjson import Spliced
from gqlreports.schema.scalars import BigInt, python_type
from gqlreports.schema.selection import Selection

ROWS = 1000
"""How many rows come where a caller does not say."""


@strawberry.enum(description="Which end of an order comes first; nulls are last either way.")
class Direction(Enum):
    ASC = "ASC"
    DESC = "DESC"


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
    columns = registered.columns(staff)
    row = _object(f"{registered.type_name}Row", columns, f"A row of the report {registered.title}.")
    namespace = {
        "rows": _rows_field(registered, columns, row),
        "row_count": _row_count_field(),
    }
    if summed := total_columns(columns):
        totals = _object(f"{registered.type_name}Totals", summed, f"All rows of {registered.title} together.")
        namespace["totals"] = _totals_field(columns, totals)
    report = type(f"{registered.type_name}Report", (interface,), namespace)
    return ReportTypes(
        registered, strawberry.type(report, description=registered.description), _parameters_input(registered)
    )


def validated(report: RegisteredReport, values: dict[str, Any]) -> ReportParameters:
    """Parameters from their values.  Raises InvalidInput, naming what is wrong."""
    try:
        return report.report.Parameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"Parameter {name} of {report.name}: {first['msg']}.") from None


def values_of(values: Any) -> dict[str, Any]:
    """The parameters that a caller set, by name; null is as good as not set."""
    chosen = {name: value for name, value in strawberry.asdict(values).items() if value is not None}
    return {name: value.value if isinstance(value, Enum) else value for name, value in chosen.items()}


def _object(name: str, columns: tuple[AnyColumn, ...], description: str) -> type[Any]:
    namespace: dict[str, Any] = {
        column.name: strawberry.field(name=column.graphql_name, description=_documented(column)) for column in columns
    }
    namespace["__annotations__"] = {column.name: _annotation(column) for column in columns}
    return strawberry.type(type(name, (), namespace), description=description)


def _annotation(column: AnyColumn) -> Any:
    return python_type(column) | None if column.nullable else python_type(column)


def _documented(column: AnyColumn) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def _rows_field(registered: RegisteredReport, columns: tuple[AnyColumn, ...], row: type[Any]) -> Any:
    order, by_name = _order_input(registered, columns)

    def rows(self: Any, first: int | None = ROWS, offset: int | None = 0, order_by: Any = None) -> Any:
        answer: ReportAnswer = self.answer
        page = ROWS if first is None else first
        ordered = tuple(Order(by_name[each.column.value], each.direction is Direction.DESC) for each in order_by or ())

        async def fetch(selected: Any) -> bytes:
            return await answer.rows(Selection.of(selected, columns, row.__name__), ordered, page, offset or 0)

        return Spliced(fetch)

    rows.__annotations__ = {
        "first": int | None,
        "offset": int | None,
        "order_by": GenericAlias(list, order) | None,
        "return": GenericAlias(list, row),
    }
    return strawberry.field(
        resolver=rows,
        description="The rows: `first` of them, at most 100,000, behind `offset`; ordered by the keys where not told.",
    )


def _totals_field(columns: tuple[AnyColumn, ...], totals_type: type[Any]) -> Any:
    def totals(self: Any) -> Any:
        answer: ReportAnswer = self.answer

        async def fetch(selected: Any) -> bytes:
            return await answer.totals(Selection.of(selected, columns, totals_type.__name__))

        return Spliced(fetch)

    totals.__annotations__ = {"return": totals_type}
    return strawberry.field(resolver=totals, description="All rows together, ratios computed anew from the sums.")


def _row_count_field() -> Any:
    async def row_count(self: Any) -> int:
        answer: ReportAnswer = self.answer
        return await answer.row_count()

    row_count.__annotations__ = {"return": BigInt}
    return strawberry.field(resolver=row_count, description="How many rows there are in all.")


def _order_input(
    registered: RegisteredReport, columns: tuple[AnyColumn, ...]
) -> tuple[type[Any], dict[str, AnyColumn]]:
    names = {column.constant_name: column for column in columns}
    choices: type[Enum] = Enum(f"{registered.type_name}Column", {name: name for name in names})  # type: ignore[misc]
    column_enum = strawberry.enum(
        choices,
        description=f"A column of {registered.title} to order by.",
    )
    namespace: dict[str, Any] = {
        "__annotations__": {"column": column_enum, "direction": Direction},
        "direction": Direction.ASC,
    }
    order = type(f"{registered.type_name}Order", (), namespace)
    return strawberry.input(order, description="One column to order by; earlier ones count first."), names


def _parameters_input(registered: RegisteredReport) -> type[Any] | None:
    fields = registered.report.Parameters.model_fields
    if not fields:
        return None
    namespace: dict[str, Any] = {"__annotations__": {}}
    for name, each in fields.items():
        annotation: Any = each.annotation
        default = each.default
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            # A copy, for another report or the schema itself may use the class under another name.
            names: dict[str, Any] = {value.name: value.value for value in annotation}
            copy: type[Enum] = Enum(f"{registered.type_name}{annotation.__name__}", names)  # type: ignore[misc]
            annotation, default = strawberry.enum(copy), copy[default.name]
        namespace["__annotations__"][name] = annotation | None
        namespace[name] = strawberry.field(default=default, description=each.description)
    made = type(f"{registered.type_name}Parameters", (), namespace)
    return strawberry.input(made, description=f"Parameters of {registered.title}.")
