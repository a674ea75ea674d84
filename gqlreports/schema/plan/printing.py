"""Builds the columns of a statement that print the selected fields, and the values of cells in files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import String
from sqlalchemy import BindParameter, ColumnElement, cast, func, literal_column
from sqlalchemy.types import UserDefinedType

from gqlreports.backends.base import Statement
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.types import ColumnType
from gqlreports.schema.plan.source import value
from gqlreports.schema.request import TYPE_NAME, Selected, Selection

# A selection may have no columns, but a SELECT needs at least one.
_PLACEHOLDER = "_"
EMPTY_ROW = b'{"_":1}'
_EMPTY_OBJECT: ColumnElement[Any] = literal_column("CAST(map(), 'Map(String, String)')")


@dataclass(frozen=True)
class Part:
    """A field of an object within a row, and its ClickHouse type."""

    expression: ColumnElement[Any]
    type: str


@dataclass(frozen=True)
class Objects:
    """A list of objects: an array of tuples; `fields` maps each field's name to its place in a tuple and its type."""

    array: ColumnElement[Any]
    fields: Mapping[str, tuple[int, str]]


FieldSource: TypeAlias = ColumnElement[Any] | Mapping[str, Part] | Objects
"""What a field is printed from: an expression, the parts of an object, or a list of objects."""


class _Named(UserDefinedType[Any]):
    """A SQLAlchemy type that is written as a given ClickHouse type."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


def field_columns(selection: Selection, sources: Mapping[str, FieldSource]) -> list[ColumnElement[Any]]:
    """The columns for the selected fields; `sources` maps the names of fields to their sources."""
    if not selection.fields:
        return [literal_column("1").label(_PLACEHOLDER)]
    return [_source_of(each, selection, sources).label(each.response) for each in selection]


def _source_of(selected: Selected, selection: Selection, sources: Mapping[str, FieldSource]) -> ColumnElement[Any]:
    if selected.field == TYPE_NAME:
        return literal_column(f"'{selection.type_name}'")
    source = sources[selected.field]
    if selected.cell is not None:
        return selected.cell.print(selected.cell.type, _value(selected, source))
    if isinstance(source, ColumnElement):
        return source
    assert selected.inner is not None
    return _list(selected.inner, source) if isinstance(source, Objects) else object_of(selected.inner, source)


def _value(selected: Selected, source: FieldSource) -> ColumnElement[Any]:
    """The one value of a field that is a column of a file."""
    if isinstance(source, ColumnElement):
        return source
    assert selected.inner is not None
    assert not isinstance(source, Objects)
    [inner] = selected.inner
    part = source[inner.field]
    return cast(part.expression, _Named(part.type))


def _list(selection: Selection, objects: Objects) -> ColumnElement[Any]:
    """An array of named tuples, which ClickHouse prints as a list of objects."""
    if not selection.fields:
        return cast(func.arrayMap(literal_column("each -> map()"), objects.array), _Named("Array(Map(String, String))"))
    chosen = [(each.response, objects.fields.get(each.field, (0, "String"))) for each in selection]
    values = ", ".join(
        f"tupleElement(each, {place})" if place else f"'{selection.type_name}'" for _, (place, _) in chosen
    )
    names = ", ".join(f"`{name}` {kind}" for name, (_, kind) in chosen)
    each: ColumnElement[Any] = literal_column(f"each -> tuple({values})")
    return cast(func.arrayMap(each, objects.array), _Named(f"Array(Tuple({names}))"))


def object_of(selection: Selection, parts: Mapping[str, Part]) -> ColumnElement[Any]:
    """A named tuple, which ClickHouse prints as an object."""
    if not selection.fields:
        return _EMPTY_OBJECT
    type_name = Part(literal_column(f"'{selection.type_name}'"), "String")
    chosen = [(each.response, parts.get(each.field, type_name)) for each in selection]
    names = ", ".join(f"`{name}` {part.type}" for name, part in chosen)
    return cast(func.tuple(*(part.expression for _, part in chosen)), _Named(f"Tuple({names})"))


Expression: TypeAlias = ColumnElement[Any]

UTC = "UTC"


def as_declared(column: AnyColumn, expression: Expression) -> Expression:
    """A value of a column in the column's type.

    The SQL of a time may be of a coarser type; it is converted, so that all times have milliseconds.
    """
    name = column.type.clickhouse
    kind = f"Nullable({name})" if column.nullable else name
    return cast(expression, _Named(kind)) if column.type.is_time else expression


def readable(type: ColumnType, expression: Expression) -> Expression:
    """A value for JSON lines."""
    return type.jsonl(expression, _zone())


def safe(type: ColumnType, expression: Expression) -> Expression:
    """A value for CSV that spreadsheets do not read as a formula."""
    return type.csv(expression, _zone())


def typed(type: ColumnType, expression: Expression) -> Expression:
    """A value for Arrow, with a type that Arrow can hold."""
    return type.arrow(expression, _zone())


def in_zone(statement: Statement, zone: str) -> Statement:
    """A statement whose cells show moments in the time zone of that name."""
    own = {"zone": zone} if "zone" in statement.parameters else {}
    return replace(statement, parameters={**statement.parameters, **own})


def _zone() -> BindParameter[Any]:
    return value("zone", String)
