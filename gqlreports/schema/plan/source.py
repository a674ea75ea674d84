"""Selects the rows of a fact that a statement may read, and compiles statements.

Wherever a report reads the fact's table, it gets only the rows of the request's customers in the one range.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Array, Int64, String
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy import column as column_named
from sqlalchemy import table as table_named
from sqlalchemy.sql.elements import quoted_name

from gqlreports.backends.base import Customers, Statement
from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import has_subquery, is_column, rewritten
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.plugins.rollup import hour
from gqlreports.schema.plan import filters
from gqlreports.schema.plan.filters import EVERYTHING, FACTS, Where
from gqlreports.schema.plan.lookups import AS_OF, as_known_then, of_store
from gqlreports.schema.request import ReportRequest
from gqlreports.tables import Fact

Element = TypeVar("Element", bound=ColumnElement[Any])


_DIALECT = ClickHouseDialect(server_side_params=True)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
HOUR_LENGTH = 3_600_000
"""Milliseconds."""
FEWEST_HOURS = 24
"""A range with fewer whole hours is read call by call, because planning a query over two sources takes longer."""


class Reading(Enum):
    """What a range is read from: its calls, the sums of its hours, or the sums and the calls at its edges."""

    CALLS = "CALLS"
    HOURS = "HOURS"
    BOTH = "BOTH"


@dataclass(frozen=True)
class Span:
    """The names of the query parameters for a range and for the whole hours in it."""

    start: str = "from"
    end: str = "to"

    @property
    def first_hour(self) -> str:
        return f"{self.start}_hour"

    @property
    def last_hour(self) -> str:
        return f"{self.end}_hour"

    def values(self, start: datetime, end: datetime) -> dict[str, int]:
        """The values of the parameters: milliseconds since 1970, and seconds for the hours.

        If the range has no whole hour, both hours are equal.
        """
        first, last = _hours(start, end)
        hours = {self.first_hour: first * HOUR_LENGTH // 1000, self.last_hour: last * HOUR_LENGTH // 1000}
        return {self.start: milliseconds(start), self.end: milliseconds(end)} | hours


OWN = Span()
_RANGES = {
    Reading.CALLS: (_EPOCH, _EPOCH + _MILLISECOND),
    Reading.HOURS: (_EPOCH, _EPOCH + timedelta(hours=FEWEST_HOURS)),
    Reading.BOTH: (_EPOCH, _EPOCH + timedelta(hours=FEWEST_HOURS) + _MILLISECOND),
}
"""One range for each way of reading; it stands for all such ranges in the keys of the statement caches."""


@cache
def _stored_table(fact: Fact) -> FromClause:
    columns = (column_named(each.name, each.type) for each in fact.table.columns)
    database = quoted_name("{database:Identifier}", quote=False)
    return table_named(fact.name, *columns, schema=database).alias(fact.name)


@dataclass(frozen=True)
class Source:
    """The stored table of a fact, and the conditions that select the rows of its customers in one range.

    They are the rows of one customer, or of `several`.
    """

    fact: Fact
    several: bool = False

    @property
    def table(self) -> FromClause:
        """The table, qualified with its database, which the store fills in.

        The bare name would refer to the CTE of the same name that `within` adds.
        """
        return _stored_table(self.fact)

    def column(self, column: Column[Any]) -> ColumnElement[Any]:
        """The column of the stored table for a column of the fact."""
        return self.table.c[column.name]

    @property
    def of_customers(self) -> ColumnElement[bool]:
        owner = self.column(self.fact.owner)
        if not self.several:
            return owner == value("customer", String)
        # Not IN: what is on its right may be a table, so a statement with it is refused for more names.
        return func.has(value("customers", Array(String)), owner)

    def in_range(self, span: Span) -> list[ColumnElement[bool]]:
        """Conditions for the customers' rows in the range."""
        time = self.column(self.fact.time)
        return [self.of_customers, time >= _instant(span.start), time < _instant(span.end)]

    def in_hours(self, span: Span) -> list[ColumnElement[bool]]:
        """Conditions for the customers' rows in the whole hours of the range.

        They use the rollup's expression for the hour, so that ClickHouse can read the sums instead of the rows.
        """
        begun = self.over(hour(self.fact))
        return [self.of_customers, begun >= _hour(span.first_hour), begun < _hour(span.last_hour)]

    def at_edges(self, span: Span) -> list[ColumnElement[bool]]:
        """Conditions for the customers' rows in the range, but outside its whole hours."""
        time = self.column(self.fact.time)
        before = and_(time >= _instant(span.start), time < _hour(span.first_hour))
        after = and_(time >= _hour(span.last_hour), time < _instant(span.end))
        return [self.of_customers, or_(before, after)]

    def loaded_by(self, request: ReportRequest) -> list[ColumnElement[bool]]:
        """Conditions for the rows loaded up to the moment `as_of`, if the request has one."""
        return [] if request.as_of is None else [self.column(self.fact.loaded_at) <= _instant(AS_OF)]

    def read_by(self, request: ReportRequest) -> list[ColumnElement[bool]]:
        """Conditions for the rows that a request reads of its range: by `as_of` and by its filter."""
        return [*self.loaded_by(request), *self.filtered_by(request)]

    def filtered_by(self, request: ReportRequest) -> list[ColumnElement[bool]]:
        """The condition of the request's filter, if it has one."""
        tree = request.filter.tree
        if tree == EVERYTHING.tree:
            return []
        return [filters.condition(tree, lambda column: self.key(_key_of(column, request)), FACTS)]

    def rows(self, span: Span = OWN, conditions: Iterable[ColumnElement[bool]] = ()) -> Select[Any]:
        """The customers' rows in a range that meet the conditions, which refer to the stored table."""
        return select(literal_column("*")).select_from(self.table).where(*self.in_range(span), *conditions)

    def no_rows(self) -> Select[Any]:
        return select(literal_column("*")).select_from(self.table).where(literal_column("false"))

    def over(self, expression: Element) -> Element:
        """Rewrite an expression over the fact's table to the stored table, also within subqueries."""

        def replaced(element: Any, **_: Any) -> Any:
            return self.table.c[element.name] if is_column(element, self.fact) else None

        return rewritten(expression, replaced)

    def key(self, expression: Element) -> Element:
        """Rewrite a key likewise, to select rows of the fact by it.

        Raises PluginError if the key has a subquery, because it would read the rows of all customers.
        """
        if has_subquery(expression):
            raise PluginError("A key of this report holds a subquery, so its rows cannot be traced to their calls.")
        return self.over(expression)

    def within(self, statement: Select[Any], rows: Select[Any]) -> Select[Any]:
        """The statement with the fact's table replaced by the given rows.

        The rows become a CTE with the table's name, so every use of that name, also in a join or a subquery, reads
        only them.
        """
        return statement.add_cte(rows.cte(self.fact.name, nesting=True), nest_here=True)


def source_of(request: ReportRequest) -> Source:
    """The source of the rows that a request may read."""
    return source_for(request.report.report.fact, request.customers.several)


def _key_of(column: AnyColumn, request: ReportRequest) -> ColumnElement[Any]:
    assert isinstance(column, Dimension)
    return request.key(column)


def filter_keys(request: ReportRequest) -> list[ColumnElement[Any]]:
    """The expressions that the request's filter reads, over the rows of the fact."""
    return [_key_of(column, request) for column in filters.columns(request.filter.tree)]


@cache
def source_for(fact: Fact, several: bool) -> Source:
    return Source(fact, several)


_ONE, _SEVERAL = Customers.of(""), Customers.of("", "of several")


def customer_parameters(customers: Customers) -> dict[str, object]:
    """The values of the query parameters by which a statement selects the rows of customers."""
    return {"customers": list(customers.ids)} if customers.several else {"customer": customers.ids[0]}


def value(name: str, kind: Any) -> BindParameter[Any]:
    """A query parameter whose value `fill` sets later."""
    return bindparam(name, None, type_=kind)


def cache_key(request: ReportRequest) -> ReportRequest:
    """A request that is equal for all requests with the same SQL; customers and range are query parameters."""
    start, end = _RANGES[reading(request)]
    customers = _SEVERAL if request.customers.several else _ONE
    kept = Where(request.filter.tree)
    return replace(request, customers=customers, start=start, end=end, as_of=request.as_of and _EPOCH, filter=kept)


def reading(request: ReportRequest) -> Reading:
    """What the range of a request can be read from, given its report's rollup."""
    first, last = _hours(request.start, request.end)
    if request.report.rollup is None or request.as_of or last - first < FEWEST_HOURS:
        return Reading.CALLS
    whole = milliseconds(request.start) == first * HOUR_LENGTH and milliseconds(request.end) == last * HOUR_LENGTH
    return Reading.HOURS if whole else Reading.BOTH


def among(key: ColumnElement[Any], keys: Select[Any]) -> ColumnElement[bool]:
    """Whether a key is in the result of a query.

    In a cluster, GLOBAL runs the query once and sends its result to all shards; without it each shard would run the
    query.  ClickHouse can add GLOBAL itself (`distributed_product_mode`), but then fails on unions in the query (26.7).
    """
    return key.op("GLOBAL IN", is_comparison=True)(keys.scalar_subquery())


def not_among(key: ColumnElement[Any], keys: Select[Any]) -> ColumnElement[bool]:
    """Whether a key is not in the result of a query."""
    return key.op("GLOBAL NOT IN", is_comparison=True)(keys.scalar_subquery())


def compile_statement(statement: Select[Any]) -> Statement:
    printed = of_store(statement).compile(dialect=_DIALECT)
    if AS_OF in printed.params:
        # What reads the calls of then looks up what was known then.
        printed = of_store(as_known_then(statement)).compile(dialect=_DIALECT)
    # The store sets the parameter `database` itself.
    return Statement(str(printed), {name: given for name, given in printed.params.items() if name != "database"})


def fill(statement: Statement, request: ReportRequest, more: Mapping[str, object]) -> Statement:
    """Set the parameters of a compiled statement to the values of one request and to `more` values."""
    given: dict[str, object] = customer_parameters(request.customers) | OWN.values(request.start, request.end)
    given |= {**more, **request.filter.named(FACTS)}
    if request.as_of is not None:
        given[AS_OF] = known_by(request.as_of)
    values = {name: given.get(name, value) for name, value in statement.parameters.items()}
    rollup = None if reading(request) is Reading.CALLS else request.report.rollup
    return Statement(statement.sql, values, request.customers, rollup.name if rollup else None)


def known_by(as_of: datetime) -> int:
    """The last whole millisecond since 1970 of what was stored by that moment, as the store keeps it."""
    return (as_of - _EPOCH) // _MILLISECOND


def milliseconds(moment: datetime) -> int:
    """A moment in milliseconds since 1970, rounded up, because the store keeps CDRs to the millisecond."""
    return -((_EPOCH - moment) // _MILLISECOND)


def _hours(start: datetime, end: datetime) -> tuple[int, int]:
    """The first whole hour of a range and the hour after its last one, counted from 1970; equal if there is none."""
    first, last = -(-milliseconds(start) // HOUR_LENGTH), milliseconds(end) // HOUR_LENGTH
    return (first, last) if first < last else (first, first)


def _instant(name: str) -> ColumnElement[Any]:
    return func.fromUnixTimestamp64Milli(value(name, Int64), literal_column("'UTC'"))


def _hour(name: str) -> ColumnElement[Any]:
    return func.fromUnixTimestamp(value(name, Int64))
