"""The selected fields of an object, as columns of a statement under the names of the response."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, cast, func, literal_column
from sqlalchemy.types import UserDefinedType

from gqlreports.schema.selection import TYPE_NAME, Selected, Selection

# A selection may hold no column at all; ClickHouse must be given one.
_PLACEHOLDER = "_"
EMPTY_ROW = b'{"_":1}'
_EMPTY_OBJECT: ColumnElement[Any] = literal_column("CAST(map(), 'Map(String, String)')")


@dataclass(frozen=True)
class Part:
    """A field of an object within a row, and its ClickHouse type."""

    expression: ColumnElement[Any]
    type: str


Source: TypeAlias = ColumnElement[Any] | Mapping[str, Part]
"""What a field is printed from: an expression, or the parts of an object."""


class _Named(UserDefinedType[Any]):
    """A type by its name in ClickHouse."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


def printed(selection: Selection, sources: Mapping[str, Source]) -> list[ColumnElement[Any]]:
    """The selected fields; each is found in `sources` by its name."""
    if not selection.fields:
        return [literal_column("1").label(_PLACEHOLDER)]
    return [_printed(each, selection, sources).label(each.response) for each in selection]


def _printed(selected: Selected, selection: Selection, sources: Mapping[str, Source]) -> ColumnElement[Any]:
    if selected.field == TYPE_NAME:
        return literal_column(f"'{selection.type_name}'")
    source = sources[selected.field]
    if not isinstance(source, Mapping):
        return source
    assert selected.inner is not None
    return _object(selected.inner, source)


def _object(selection: Selection, parts: Mapping[str, Part]) -> ColumnElement[Any]:
    """A named tuple, which ClickHouse prints as an object."""
    if not selection.fields:
        return _EMPTY_OBJECT
    type_name = Part(literal_column(f"'{selection.type_name}'"), "String")
    chosen = [(each.response, parts.get(each.field, type_name)) for each in selection]
    names = ", ".join(f"`{name}` {part.type}" for name, part in chosen)
    return cast(func.tuple(*(part.expression for _, part in chosen)), _Named(f"Tuple({names})"))
