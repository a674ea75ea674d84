"""The columns of files: one flat list for each part of a report, the same in every format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.cc_sqlalchemy.datatypes import sqltypes as clickhouse
from pydantic.alias_generators import to_camel
from sqlalchemy import Column

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn, Dimension, Measure
from gqlreports.plugins.types import COUNT, FLAG, MOMENT, MONEY, RATIO, SECONDS, TEXT, ColumnType
from gqlreports.schema.plan.calls import COLUMNS, CURSOR
from gqlreports.schema.plan.comparison import ComparisonPart
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.rows import summed_away
from gqlreports.schema.request import Cell, PrintCell, ReportRequest, Selected, Selection
from gqlreports.schema.types.calls import call_columns


@dataclass(frozen=True)
class ExportColumn:
    """A column of a file, and the field of GraphQL that it shows.

    If the field is an object, `value` names the one value of it that is shown.
    """

    name: str
    type: ColumnType
    nullable: bool
    field: str
    value: str | None = None
    unit: str | None = None

    def selected(self, printed: PrintCell) -> Selected:
        inner = Selection("", (Selected(self.value, self.value),)) if self.value else None
        return Selected(self.name, self.field, inner, Cell(self.type, printed))


def selection_of(columns: Iterable[ExportColumn], printed: PrintCell) -> Selection:
    return Selection("", tuple(each.selected(printed) for each in columns))


def chosen_columns(known: tuple[ExportColumn, ...], names: list[str]) -> tuple[ExportColumn, ...]:
    """The columns with those names, in their order.

    Raises InvalidInput for a name that does not exist or is given twice.
    """
    by_name = {column.name: column for column in known}
    for place, name in enumerate(names):
        if name not in by_name:
            raise InvalidInput(f"There is no column {name[:64]!r}; there are {', '.join(by_name)}.")
        if name in names[:place]:
            raise InvalidInput(f"The column {name} is named twice.")
    return tuple(by_name[name] for name in names)


def row_columns(columns: Iterable[AnyColumn]) -> tuple[ExportColumn, ...]:
    return tuple(_own(column, column.nullable) for column in columns)


def subtotal_columns(request: ReportRequest, by: tuple[Dimension, ...]) -> tuple[ExportColumn, ...]:
    """All columns except those that are summed away."""
    away = summed_away(request, by)
    return tuple(_own(column, _at_level(column, by)) for column in request.columns if column not in away)


def timeline_columns(request: ReportRequest, by: tuple[Dimension, ...]) -> tuple[ExportColumn, ...]:
    """The bounds of a bucket, the keys of its series, which the series of all others lacks, and the figures."""
    own = [_plain("start", MOMENT), _plain("end", MOMENT), _plain("clipped", FLAG)]
    own += [_plain("others", FLAG)] if by else []
    shown = [column for column in request.columns if column in by or column in total_columns(request.columns)]
    return (*own, *(_own(column, column in by or _at_level(column, by)) for column in shown))


def compared_columns(request: ReportRequest) -> tuple[ExportColumn, ...]:
    """The keys, and for each figure its values in both ranges, and how they differ if it is a number."""
    return tuple(each for column in request.columns for each in _compared(column))


def columns_of_calls(staff: bool) -> tuple[ExportColumn, ...]:
    """The columns of a CDR, and as the last one its cursor."""
    return (*(_CALLS[column.name] for column in call_columns(staff)), _plain(CURSOR, TEXT))


def _own(column: AnyColumn, nullable: bool) -> ExportColumn:
    return ExportColumn(column.graphql_name, column.type, nullable, column.graphql_name, unit=column.unit)


def _plain(name: str, type: ColumnType) -> ExportColumn:
    return ExportColumn(name, type, False, name)


def _at_level(column: AnyColumn, by: tuple[Dimension, ...]) -> bool:
    """Whether a column may be null where only the keys `by` have a value."""
    return column.nullable or (isinstance(column, Dimension) and column not in by)


def _compared(column: AnyColumn) -> list[ExportColumn]:
    if not isinstance(column, Measure) and column.otherwise is None:
        return [_own(column, column.nullable)]
    field = column.graphql_name
    parts = list(ComparisonPart) if column.type.scalar.numeric else [ComparisonPart.CURRENT, ComparisonPart.PREVIOUS]
    # No name of GraphQL has an underscore, so these are like none of another column.
    names = {part: f"{field}_{part.value}" for part in parts}
    relative = ComparisonPart.RELATIVE_CHANGE
    return [
        ExportColumn(name, RATIO, True, field, part.value)
        if part is relative
        else ExportColumn(name, column.type, True, field, part.value, column.unit)
        for part, name in names.items()
    ]


_OF_KIND: Mapping[type[Any], ColumnType] = {
    clickhouse.String: TEXT,
    clickhouse.DateTime64: MOMENT,
    clickhouse.Bool: FLAG,
    clickhouse.UInt16: COUNT,
    clickhouse.UInt32: COUNT,
}
_OF_SCALE = {3: SECONDS, 8: MONEY}
"""The type of a decimal, by the number of its decimals."""


def _of_cdr(column: Column[Any]) -> ExportColumn:
    kind = column.type
    shown = _OF_SCALE[kind.scale] if isinstance(kind, clickhouse.Decimal) and kind.scale else _OF_KIND[type(kind)]
    name = to_camel(column.name)
    return ExportColumn(name, shown, str(kind).startswith("Nullable"), name)


_CALLS = {column.name: _of_cdr(column) for column in COLUMNS}
