"""What the fields of one report share: its columns for a role, and the enums, orders and filters made of them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from types import GenericAlias
from typing import Any

import strawberry
from pydantic.alias_generators import to_camel

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn, Dimension, Measure
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.rows import Order, Page
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.types.columns import object_of
from gqlreports.schema.types.filters import parse_filter, report_filter

ROWS = 1000
"""How many rows come where a caller does not say."""


@strawberry.enum(description="Which end of an order comes first; nulls are last either way.")
class Direction(Enum):
    ASC = "ASC"
    DESC = "DESC"


@dataclass(frozen=True, eq=False)
class ReportColumns:
    """The columns of a report as staff or partners see them."""

    registered: RegisteredReport
    staff: bool

    @cached_property
    def all(self) -> tuple[AnyColumn, ...]:
        return self.registered.columns(self.staff)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The columns that may be keys, whatever the parameters."""
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
        return self._enum("Measure", self.measures, "A measure")

    @cached_property
    def filter_input(self) -> type[Any]:
        return report_filter(self.name("Filter"), self.all)

    @cached_property
    def order_input(self) -> type[Any]:
        namespace: dict[str, Any] = {
            "__annotations__": {"column": self.column_enum, "direction": Direction},
            "direction": Direction.ASC,
        }
        made = type(self.name("Order"), (), namespace)
        return strawberry.input(made, description="One column to order by; earlier ones count first.")

    @cached_property
    def row(self) -> type[Any]:
        return object_of(self.name("Row"), self.all, f"A row of the report {self.registered.title}.")

    @cached_property
    def totals(self) -> type[Any]:
        return object_of(self.name("Totals"), self.summed, f"Rows of {self.registered.title} together.")

    def where(self, given: Any) -> Where:
        return parse_filter(given, self.all)

    def page(self, order_by: Any, first: int | None, offset: int | None) -> Page:
        return Page(self.order(order_by), ROWS if first is None else first, offset or 0)

    def order(self, order_by: Any) -> tuple[Order, ...]:
        return tuple(
            Order(self.by_constant[each.column.value], each.direction is Direction.DESC) for each in order_by or ()
        )

    def keys(self, by: Any, request: ReportRequest) -> tuple[Dimension, ...]:
        """The dimensions of that name, in the order of declaration.  Raises InvalidInput where one is no key now."""
        named = {self.by_constant[each.value] for each in by}
        for column in named:
            if column not in request.dimensions:
                when = to_camel(column.when or "") if isinstance(column, Dimension) else ""
                raise InvalidInput(f"{column.graphql_name} is no key of the rows unless the parameter {when} is true.")
        return tuple(key for key in request.dimensions if key in named)

    def _enum(self, suffix: str, columns: tuple[AnyColumn, ...], what: str) -> Any:
        names = {column.constant_name: column.constant_name for column in columns}
        made: type[Enum] = Enum(self.name(suffix), names)  # type: ignore[misc]
        return strawberry.enum(made, description=f"{what} of {self.registered.title}.")


def list_of(kind: Any) -> Any:
    return GenericAlias(list, kind)


def field_of(resolver: Callable[..., Any], description: str, *, returns: Any, **arguments: Any) -> Any:
    """A field whose types are known only now."""
    resolver.__annotations__ = {**arguments, "return": returns}
    return strawberry.field(resolver=resolver, description=description)
