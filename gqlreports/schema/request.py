"""A request for one report, from the API, the shell or elsewhere, and the fields selected from it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement

from gqlreports.backends.base import Customers
from gqlreports.errors import InvalidRange
from gqlreports.plugins import CountingBasis, ReportParameters
from gqlreports.plugins.contract import AnyColumn, Dimension, Scope
from gqlreports.plugins.dimensions import SharedDimension
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.plugins.types import ColumnType
from gqlreports.schema.plan.filters import EVERYTHING, Where


@dataclass(frozen=True)
class ReportRequest:
    """A request for a report for one or several customers over `start <= dt < end`.

    `staff` says whether the columns for staff are included.  With `as_of` the store is read in its state at that
    moment.  Only rows of the fact that meet `filter`, which is on declared dimensions, are read.  The last `masked`
    characters of numbers are hidden.  Raises InvalidRange unless start is before end.
    """

    report: RegisteredReport
    customers: Customers
    start: datetime
    end: datetime
    parameters: ReportParameters
    basis: CountingBasis
    staff: bool
    as_of: datetime | None = None
    # Its values may be lists, which have no hash.
    filter: Where = field(default=EVERYTHING, hash=False)
    masked: int = 0

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise InvalidRange("`from` must be before `to`; a range holds `from` and all before `to`.")

    @property
    def columns(self) -> tuple[AnyColumn, ...]:
        """The columns that have a value in the rows; dimensions that the rows are grouped by come first."""
        shared = (each for each in self.dimensions if isinstance(each, SharedDimension))
        own = (each for each in self.report.columns(self.staff) if not isinstance(each, SharedDimension))
        return (*shared, *own)

    @property
    def ungrouped(self) -> tuple[SharedDimension, ...]:
        """The dimensions that the report could be grouped by, and is not: they are null in all rows."""
        keys, columns = self.dimensions, self.report.columns(self.staff)
        return tuple(each for each in columns if isinstance(each, SharedDimension) and each not in keys)

    def scope(self, keys: tuple[Dimension, ...] = (), columns: tuple[AnyColumn, ...] = ()) -> Scope:
        """What a statement for this request must compute, by some keys."""
        return Scope(keys, columns, self.parameters, self.basis, self.report.report.fact, self.masked)

    def key(self, dimension: Dimension) -> ColumnElement[Any]:
        """The SQL of a dimension over the rows of the fact, as the caller sees it."""
        return self.scope().key(dimension)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return self.report.dimensions(self.parameters, self.staff)


TYPE_NAME = "__typename"

PrintCell: TypeAlias = Callable[[ColumnType, ColumnElement[Any]], ColumnElement[Any]]
"""Builds the SQL of a value in a file from its type and its SQL; it may use the query parameter `zone`."""


@dataclass(frozen=True)
class Cell:
    """How a value is printed in a file."""

    type: ColumnType
    print: PrintCell


@dataclass(frozen=True)
class Selected:
    """A selected field and its name in the response; `inner` is the selection within an object.

    With a `cell` it is a column of a file.  If the field is an object, `inner` then names the one value of it.
    """

    response: str
    field: str
    inner: "Selection | None" = None
    cell: Cell | None = None


@dataclass(frozen=True)
class Selection:
    """The fields selected from a type, in the order of the response; a field may occur twice, under two names."""

    type_name: str
    fields: tuple[Selected, ...]

    @classmethod
    def all(cls, columns: Iterable[AnyColumn]) -> "Selection":
        """Every column under its own name."""
        return cls("", tuple(Selected(column.graphql_name, column.graphql_name) for column in columns))

    def __contains__(self, field: str) -> bool:
        return any(each.field == field for each in self.fields)

    def __iter__(self) -> Iterator[Selected]:
        return iter(self.fields)
