"""How the values of columns are printed in a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import String
from sqlalchemy import BindParameter, ColumnElement

from gqlreports.plugins.contract import AnyColumn
from gqlreports.schema.plan.narrowing import value

Expression: TypeAlias = ColumnElement[Any]
Cell: TypeAlias = Callable[[AnyColumn, Expression], Expression]
"""The SQL of a value as it is printed, from its column and its SQL; it may use the parameter `zone`."""

UTC = "UTC"


@dataclass(frozen=True)
class Cells:
    """How the values of rows are printed, moments in the time zone of that name."""

    cell: Cell
    zone: str = UTC

    @property
    def parameters(self) -> dict[str, object]:
        return {} if self.cell is as_it_is else {"zone": self.zone}


def as_it_is(column: AnyColumn, expression: Expression) -> Expression:
    return expression


AS_THEY_ARE = Cells(as_it_is)


def readable(column: AnyColumn, expression: Expression) -> Expression:
    """For JSON lines."""
    return column.type.jsonl(expression, _zone())


def safe(column: AnyColumn, expression: Expression) -> Expression:
    """For CSV, of which a spreadsheet makes no formulas."""
    return column.type.csv(expression, _zone())


def typed(column: AnyColumn, expression: Expression) -> Expression:
    """For Arrow, which has types of its own."""
    return column.type.arrow(expression, _zone())


def _zone() -> BindParameter[Any]:
    return value("zone", String)
