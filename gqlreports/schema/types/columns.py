"""Objects whose fields are columns of a report."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import strawberry

from gqlreports.plugins.contract import AnyColumn
from gqlreports.schema.scalars import annotation

Typed: TypeAlias = Callable[[AnyColumn], Any]


def column_type(column: AnyColumn) -> Any:
    """The type of a column's values in a row."""
    return nullable_type(column) if column.nullable else annotation(column.type.scalar)


def nullable_type(column: AnyColumn) -> Any:
    """The type of a column's values where it may be summed away."""
    return annotation(column.type.scalar) | None


def object_of(
    name: str,
    columns: Iterable[AnyColumn],
    description: str,
    typed: Typed = column_type,
    more: Mapping[str, tuple[Any, str]] | None = None,
) -> type[Any]:
    """An object type with a field for each column, and `more` fields by name: their types and descriptions."""
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
