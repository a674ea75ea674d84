"""The columns of a report in the schema: the objects, enums, orders and filters generated from them."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from types import GenericAlias
from typing import Any, TypeAlias

import strawberry
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from gqlreports.errors import InvalidInput
from gqlreports.plugins import ReportParameters
from gqlreports.plugins.contract import AnyColumn, Dimension, Measure
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.plugins.types import TYPES, Scalar
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.rows import Order, Page
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.scalars import annotation
from gqlreports.schema.types.descriptions import argument, describe_enum
from gqlreports.schema.types.filters import parse_filter, report_filter

Typed: TypeAlias = Callable[[AnyColumn], Any]


def column_type(column: AnyColumn) -> Any:
    """The GraphQL type of a column's values in a row."""
    return nullable_type(column) if column.nullable else annotation(column.type.scalar)


def nullable_type(column: AnyColumn) -> Any:
    """The GraphQL type of a column's values where the column may be summed away."""
    return annotation(column.type.scalar) | None


def level_type(column: AnyColumn) -> Any:
    """The GraphQL type of a column's values in a row whose dimensions may be summed away."""
    return nullable_type(column) if isinstance(column, Dimension) else column_type(column)


def object_of(
    name: str,
    columns: Iterable[AnyColumn],
    description: str,
    typed: Typed = column_type,
    more: Mapping[str, tuple[Any, str]] | None = None,
) -> type[Any]:
    """An object type with a field for each column; `more` maps the names of other fields to type and description."""
    namespace: dict[str, Any] = {"__annotations__": {}}
    for field, (kind, text) in (more or {}).items():
        namespace["__annotations__"][field] = kind
        namespace[field] = strawberry.field(description=text)
    for column in columns:
        namespace["__annotations__"][column.name] = typed(column)
        namespace[column.name] = strawberry.field(name=column.graphql_name, description=documented(column))
    return strawberry.type(type(name, (), namespace), description=description)


def documented(column: AnyColumn) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def _compared(scalar: Scalar) -> type[Any]:
    texts = {"current": "In the report's own range.", "previous": "In the range that it is compared with."}
    if scalar.numeric:
        texts["change"] = "The former less the latter; null for money in different currencies."
        texts["relative_change"] = "The change over the size of the latter; null where that is 0."
    types = {text: float if text == "relative_change" else annotation(scalar) for text in texts}
    namespace: dict[str, Any] = {
        **{field: strawberry.field(description=text) for field, text in texts.items()},
        "__annotations__": {field: types[field] | None for field in texts},
    }
    return strawberry.type(type(f"{scalar.name}Comparison", (), namespace), description="A figure in both ranges.")


_COMPARED = {scalar: _compared(scalar) for scalar in dict.fromkeys(each.scalar for each in TYPES)}


def compared_type(column: AnyColumn) -> Any:
    """The type of a column in a compared row.

    A key is the same in both ranges.  A column that is a key only under a parameter always has two values.
    """
    if isinstance(column, Measure) or column.otherwise is not None:
        return _COMPARED[column.type.scalar]
    return column_type(column)


ROWS = 1000
"""How many rows are returned by default."""


class Direction(Enum):
    """Which end of an order comes first."""

    ASC = "ASC"
    DESC = "DESC"


describe_enum(
    Direction,
    "Which end of an order comes first; nulls are last either way.",
    {"ASC": "The smallest first.", "DESC": "The largest first."},
)


@dataclass(frozen=True, eq=False)
class ReportColumns:
    """The columns of a report as staff or partners see them.

    The columns of a grouped report have those of its own report as `base`: both have the same totals.
    """

    registered: RegisteredReport
    staff: bool
    base: "ReportColumns | None" = None

    @cached_property
    def all(self) -> tuple[AnyColumn, ...]:
        return self.registered.columns(self.staff)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The columns that can be keys under some parameters."""
        return tuple(column for column in self.all if isinstance(column, Dimension))

    @property
    def measures(self) -> tuple[Measure, ...]:
        return tuple(column for column in self.all if isinstance(column, Measure))

    @property
    def summed(self) -> tuple[AnyColumn, ...]:
        """The columns that the totals have."""
        return total_columns(self.all)

    def name(self, suffix: str) -> str:
        return f"{self.registered.type_name}{suffix}"

    @cached_property
    def by_constant(self) -> dict[str, AnyColumn]:
        return {column.constant_name: column for column in self.all}

    @cached_property
    def column_enum(self) -> Any:
        return self._enum("Column", self.all, "A column")

    @cached_property
    def dimension_enum(self) -> Any:
        return self._enum("Dimension", self.dimensions, "A dimension")

    @cached_property
    def measure_enum(self) -> Any:
        return self.base.measure_enum if self.base else self._enum("Measure", self.summed, "A measure")

    @cached_property
    def filter_input(self) -> type[Any]:
        return report_filter(self.name("Filter"), self.all)

    @cached_property
    def order_input(self) -> type[Any]:
        namespace: dict[str, Any] = {
            "__annotations__": {"column": self.column_enum, "direction": Direction},
            "column": strawberry.field(description="The column to order by."),
            "direction": strawberry.field(default=Direction.ASC, description="Which end comes first."),
        }
        cls = type(self.name("Order"), (), namespace)
        return strawberry.input(cls, description="One column to order by; earlier ones count first.")

    @cached_property
    def row(self) -> type[Any]:
        return object_of(self.name("Row"), self.all, f"A row of the report {self.registered.title}.")

    @cached_property
    def totals(self) -> type[Any]:
        if self.base:
            return self.base.totals
        return object_of(self.name("Totals"), self.summed, f"Rows of {self.registered.title} together.")

    @cached_property
    def compared_totals(self) -> type[Any]:
        if self.base:
            return self.base.compared_totals
        description = f"Rows of {self.registered.title} together, in both ranges."
        return object_of(self.name("ComparisonTotals"), self.summed, description, compared_type)

    def where(self, given: Any) -> Where:
        return parse_filter(given, self.all)

    def page(self, order_by: Any, first: int | None, offset: int | None) -> Page:
        return Page(self.order(order_by), ROWS if first is None else first, offset or 0)

    def order(self, order_by: Any) -> tuple[Order, ...]:
        return tuple(
            Order(self.by_constant[each.column.value], each.direction is Direction.DESC) for each in order_by or ()
        )

    def keys(self, by: Any, request: ReportRequest) -> tuple[Dimension, ...]:
        """The dimensions with those names, in the order of declaration.

        Raises InvalidInput for one that is not a key under the request's parameters.
        """
        named = {self.by_constant[each.value] for each in by}
        for column in named:
            if column not in request.dimensions:
                when = to_camel(column.when or "") if isinstance(column, Dimension) else ""
                unless = f"the parameter {when} is true" if when else f"`groupBy` names {column.constant_name}"
                raise InvalidInput(f"{column.graphql_name} is no key of the rows unless {unless}.")
        return tuple(key for key in request.dimensions if key in named)

    def _enum(self, suffix: str, columns: tuple[AnyColumn, ...], what: str) -> Any:
        names = {column.constant_name: column.constant_name for column in columns}
        cls: type[Enum] = Enum(self.name(suffix), names)  # type: ignore[misc]
        texts = {column.constant_name: documented(column) for column in columns}
        return describe_enum(cls, f"{what} of {self.registered.title}.", texts)


def list_of(kind: Any) -> Any:
    return GenericAlias(list, kind)


def field_of(resolver: Callable[..., Any], description: str, *, returns: Any, **arguments: Any) -> Any:
    """A field whose types are known only at run time; they replace the resolver's annotations."""
    described = {name: kind if name == "info" else argument(kind, name) for name, kind in arguments.items()}
    resolver.__annotations__ = {**described, "return": returns}
    return strawberry.field(resolver=resolver, description=description)


def validated(report: RegisteredReport, values: dict[str, Any]) -> ReportParameters:
    """Validate a report's parameters.  Raises InvalidInput; the message names the invalid parameter."""
    try:
        return report.report.Parameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"Parameter {name} of {report.name}: {first['msg']}.") from None


def values_of(values: Any) -> dict[str, Any]:
    """The parameters that a caller set, by name; null counts as not set."""
    chosen = {name: value for name, value in strawberry.asdict(values).items() if value is not None}
    return {name: value.value if isinstance(value, Enum) else value for name, value in chosen.items()}


def parameters_input(registered: RegisteredReport) -> type[Any] | None:
    """The input type of a report's parameters; None if it has no parameters."""
    fields = registered.report.Parameters.model_fields
    if not fields:
        return None
    namespace: dict[str, Any] = {"__annotations__": {}}
    title = f"A parameter of {registered.title}."
    copies: dict[Any, Any] = {}
    for name, each in fields.items():
        annotation: Any = each.annotation
        default = each.default
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            # A copy, because another report or the schema itself may use the same class under another name.
            names: dict[str, Any] = {value.name: value.value for value in annotation}
            if annotation not in copies:
                copy: type[Enum] = Enum(f"{registered.type_name}{annotation.__name__}", names)  # type: ignore[misc]
                texts = {value: f"{value.replace('_', ' ').capitalize()}." for value in names}
                description = inspect.cleandoc(vars(annotation).get("__doc__") or each.description or title)
                copies[annotation] = describe_enum(copy, description, texts)
            annotation = copies[annotation]
            default = annotation[default.name]
        namespace["__annotations__"][name] = annotation | None
        namespace[name] = strawberry.field(default=default, description=each.description)
    cls = type(f"{registered.type_name}Parameters", (), namespace)
    return strawberry.input(cls, description=f"Parameters of {registered.title}.")
