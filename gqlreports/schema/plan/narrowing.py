"""The CDRs that a statement may read, and how it is compiled.

Every statement begins with the table expression `cdr`: the rows of the one customer in the one range.  It takes the
table's own name, so whatever a report reads as `cdr`, in a join or subquery too, is narrowed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Int64, String
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import BindParameter, ColumnElement, Select, SelectBase, bindparam, func, literal_column, select
from sqlalchemy import column as column_named
from sqlalchemy import table as table_named
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from gqlreports.backends.base import Statement
from gqlreports.errors import PluginError
from gqlreports.schema.request import ReportRequest
from gqlreports.tables import cdr

Element = TypeVar("Element", bound=ColumnElement[Any])

_DIALECT = ClickHouseDialect(server_side_params=True)
# Named with its database, which the store fills in: the name alone may be that of an expression around.
_STORED = table_named(
    "cdr",
    *(column_named(each.name, each.type) for each in cdr.columns),
    schema=quoted_name("{database:Identifier}", quote=False),
).alias("cdr")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Span:
    """The names of the parameters that a range is given by."""

    start: str = "from"
    end: str = "to"


OWN = Span()


def narrowed(span: Span = OWN, conditions: Iterable[ColumnElement[bool]] = ()) -> Select[Any]:
    """The stored CDRs of the customer in a range that meet some conditions, made with `stored`."""
    return (
        select(literal_column("*"))
        .select_from(_STORED)
        .where(
            _STORED.c.customer_id == value("customer", String),
            _STORED.c.dt >= _instant(span.start),
            _STORED.c.dt < _instant(span.end),
            *conditions,
        )
    )


def nothing() -> Select[Any]:
    """No CDR at all."""
    return select(literal_column("*")).select_from(_STORED).where(literal_column("false"))


def within(statement: Select[Any], rows: Select[Any]) -> Select[Any]:
    """A statement for which `cdr` is the given rows."""
    return statement.add_cte(rows.cte("cdr", nesting=True), nest_here=True)


def stored(expression: Element) -> Element:
    """An expression over `cdr` as one over the stored table, for the place where `cdr` is being narrowed.

    Raises PluginError for one that holds a subquery: in there `cdr` would be the stored table as well.
    """
    if any(isinstance(part, SelectBase) for part in iterate(expression)):
        raise PluginError("A key of this report holds a subquery, so its rows cannot be traced to their calls.")

    def onto_stored(element: Any, **_: Any) -> Any:
        return _STORED.c[element.name] if getattr(element, "table", None) is cdr else None

    replaced: Element = replacement_traverse(expression, {}, onto_stored)
    return replaced


def value(name: str, kind: Any) -> BindParameter[Any]:
    """A place for a value that `filled` gives."""
    return bindparam(name, None, type_=kind)


def shape(request: ReportRequest) -> ReportRequest:
    """The same for all requests with the same SQL: customer and range are among its parameters."""
    return replace(request, customer="", start=_EPOCH, end=_EPOCH + _MILLISECOND)


def compiled(statement: Select[Any]) -> Statement:
    printed = statement.compile(dialect=_DIALECT)
    return Statement(str(printed), printed.params)


def filled(statement: Statement, request: ReportRequest, more: Mapping[str, object]) -> Statement:
    """A compiled statement with the values of one request, and `more` of them."""
    values = {"customer": request.customer, "from": milliseconds(request.start), "to": milliseconds(request.end)}
    return Statement(statement.sql, {**statement.parameters, **values, **more}, request.customer)


def milliseconds(moment: datetime) -> int:
    """A moment as the first whole millisecond not before it: CDRs are kept to the millisecond."""
    return -((_EPOCH - moment) // _MILLISECOND)


def _instant(name: str) -> ColumnElement[Any]:
    return func.fromUnixTimestamp64Milli(value(name, Int64), literal_column("'UTC'"))
