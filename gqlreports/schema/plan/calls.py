"""Statements for the CDRs that a report's rows are made of, each once, and their history.

A CDR that a correction took back is not among them.  It is in the call's history, which lists all versions of the call,
when each was loaded, and when a correction took it back.
"""

from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Int64, String, UInt16, UInt64
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from pydantic.alias_generators import to_camel
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    and_,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)

from gqlreports.backends.base import Statement
from gqlreports.errors import InvalidInput
from gqlreports.plugins.aggregates import has_subquery
from gqlreports.plugins.masking import masked_column
from gqlreports.schema.plan.filters import EVERYTHING, Tree, Where
from gqlreports.schema.plan.printing import FieldSource, Objects, field_columns
from gqlreports.schema.plan.rows import STATEMENTS, Order, fact_conditions
from gqlreports.schema.plan.source import (
    OWN,
    among,
    cache_key,
    compile_statement,
    fill,
    not_among,
    source_of,
    value,
)
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.tables import CALLS, LEDGER

OWNER = CALLS.owner.name
# `#` keeps the name apart from those of callers: a selected object with the name of a table would hide the table.
_VERSIONS, _HISTORY = "_versions", "#history"
_ZERO: ColumnElement[Any] = literal_column("0")
_DAY: ColumnElement[Any] = literal_column("INTERVAL 1 DAY")
_MOMENT = "DateTime64(3, 'UTC')"
_TIMES = {"loadedAt": _MOMENT, "takenBackAt": f"Nullable({_MOMENT})"}
_DIALECT = ClickHouseDialect()


def with_history(
    request: ReportRequest, calls: Subquery, shown: Mapping[str, tuple[str, ColumnElement[Any]]]
) -> tuple[Any, Objects]:
    """The calls joined to their histories, and the source that the histories are printed from.

    `shown` maps the API's names of a version's columns to the name in the table and the value.
    """
    found = _histories(request, calls, [each for _, each in shown.values()]).subquery(_HISTORY)
    joined = calls.join(found, and_(*(calls.c[name] == found.c[name] for name in _key(request))))
    kinds = {**_TIMES, **{name: _type(column) for name, (column, _) in shown.items()}}
    return joined, Objects(found.c[_VERSIONS], {name: (place, kinds[name]) for place, name in enumerate(kinds, 1)})


def _histories(request: ReportRequest, calls: Subquery, shown: list[ColumnElement[Any]]) -> Select[Any]:
    """All versions of each call, the oldest first."""
    content = _contents(request, calls, shown).subquery("content")
    values = "".join(f", content._shown_{place}" for place in range(len(shown)))
    version: ColumnElement[Any] = literal_column(f"(loaded, back) -> tuple(loaded, back{values})")
    nullable = func.arrayMap(literal_column("back -> toNullable(back)"), content.c._back)
    back = func.arrayResize(nullable, func.length(content.c._added))
    versions = func.groupArrayArray(func.arrayMap(version, content.c._added, back))
    by_time = func.arraySort(literal_column("version -> tupleElement(version, 1)"), versions)
    key = [content.c[name] for name in _key(request)]
    return select(*key, by_time.label(_VERSIONS)).group_by(*key)


def _contents(request: ReportRequest, calls: Subquery, shown: list[ColumnElement[Any]]) -> Select[Any]:
    """Every content that each call ever had, with the moments when it was loaded and when it was taken back.

    The moments of both lists alternate.  The range is widened by a day, because a correction may move a call by that
    much and out of the range.
    """
    stored = source_of(request)
    every = [each for each in stored.table.c if each.name not in LEDGER]
    key = tuple_(*(stored.table.c[name] for name in _key(request)))
    keys = select(*(calls.c[name] for name in _key(request))).select_from(calls).correlate(None)
    first, last = (
        select(bound(calls.c.dt)).select_from(calls).correlate(None).scalar_subquery() for bound in (func.min, func.max)
    )
    near = [stored.table.c.dt >= first - _DAY, stored.table.c.dt <= last + _DAY]
    added, back = (
        func.arraySort(func.groupArrayIf(stored.table.c.loaded_at, condition)).label(name)
        for name, condition in (("_added", stored.table.c.sign > _ZERO), ("_back", stored.table.c.sign < _ZERO))
    )
    values = [each.label(f"_shown_{place}") for place, each in enumerate(shown)]
    conditions = [stored.of_customers, *near, *stored.loaded_by(request), among(key, keys)]
    statement = select(*every, *values, added, back).where(*conditions)
    return statement.group_by(*every)


def _type(name: str) -> str:
    kind = str(CALLS.table.c[name].type.compile(dialect=_DIALECT))
    return "String" if kind.startswith("LowCardinality") else kind


COLUMNS = CALLS.dimensions
CURSOR = "cursor"
HISTORY = "history"

_ORDER = ("dt", "switch", "callid", "branch_idx")
_MOMENTS = range(-2_208_988_800_000, 10_413_792_000_000)
"""What the store can keep as a moment, in milliseconds since 1970: the years 1900 to 2299."""
_BRANCHES = range(1 << 16)


def _key(request: ReportRequest) -> tuple[str, ...]:
    """The columns that identify a call: those of one customer have a key, and another's may have the same."""
    key = tuple(column.name for column in CALLS.key)
    return (*key, OWNER) if request.customers.several else key


def _order(request: ReportRequest) -> tuple[str, ...]:
    return (*_ORDER, OWNER) if request.customers.several else _ORDER


@dataclass(frozen=True)
class Cursor:
    """A position in the order of calls, right after one call; `customer` is whose it is, among those of several."""

    milliseconds: int
    switch: str
    callid: str
    branch_idx: int
    customer: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Parse a cursor.  Raises InvalidInput for a text that cannot be the cursor of a call."""
        try:
            moment, switch, callid, branch_idx, *owner = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, TypeError):
            raise InvalidInput("`after` is no cursor of a call.") from None
        kinds = [type(each) for each in (moment, switch, callid, branch_idx, *owner)]
        if (
            kinds not in ([int, str, str, int], [int, str, str, int, str])
            or moment not in _MOMENTS
            or branch_idx not in _BRANCHES
        ):
            raise InvalidInput("`after` is no cursor of a call.")
        return cls(moment, switch, callid, branch_idx, *owner)

    @property
    def parameters(self) -> dict[str, object]:
        return {
            "after_dt": self.milliseconds,
            "after_switch": self.switch,
            "after_callid": self.callid,
            "after_branch_idx": self.branch_idx,
            "after_customer": self.customer,
        }


@dataclass(frozen=True)
class Others:
    """The rows after the first `n` in an order."""

    order: Order
    n: int


def calls(
    request: ReportRequest,
    selection: Selection,
    first: int | None,
    after: Cursor | None = None,
    where: Where = EVERYTHING,
    others: Others | None = None,
) -> Statement:
    """The first CDRs after `after` that the matching rows are made of, in the order of time and key.

    They are all of them if `first` is None.  Raises InvalidInput for the cursor of a report on one customer where there
    are several, since several may have a call of that key.
    """
    if after is not None and after.customer is None and request.customers.several:
        raise InvalidInput("`after` is the cursor of a report on one customer; begin again without it.")
    order = others.order if others else None
    limited = first is not None
    statement = _calls(cache_key(request), selection, limited, after is not None, where.tree, order)
    paging = ({"first": first} if limited else {}) | (after.parameters if after else {})
    return fill(statement, request, paging | _n(others) | where.parameters)


def call_count(request: ReportRequest, where: Where = EVERYTHING, others: Others | None = None) -> Statement:
    """The number of CDRs that the matching rows are made of, as the column `rows`."""
    statement = _call_count(cache_key(request), where.tree, others.order if others else None)
    return fill(statement, request, _n(others) | where.parameters)


def _n(others: Others | None) -> dict[str, object]:
    return {"n": others.n} if others else {}


@lru_cache(STATEMENTS)
def _calls(
    request: ReportRequest,
    selection: Selection,
    limited: bool,
    after: bool,
    tree: Tree,
    order: Order | None,
) -> Statement:
    found = _found(request, [*source_of(request).read_by(request), *fact_conditions(request, tree, order)])
    parts = zip(_parts(request, found, selection, limited, after), ("kept", "corrected"), strict=True)
    both = union_all(*(select(part.subquery(name)) for part, name in parts)).subquery("#calls")
    sources: dict[str, FieldSource] = {
        to_camel(each.name): masked_column(both.c[each.name], CALLS, request.masked)
        for each in COLUMNS
        if each.name in both.c
    }
    sources[CURSOR] = func.base64URLEncode(func.toJSONString(func.tuple(*_place(request, both.c))))
    shown: FromClause = both
    if history := next((each.inner for each in selection if each.field == HISTORY), None):
        shown, sources[HISTORY] = with_history(request, both, _versions(request, history))
    statement = select(*field_columns(selection, sources)).select_from(shown)
    return compile_statement(found.narrowed(_in_order(request, statement, both.c, limited)))


@lru_cache(STATEMENTS)
def _call_count(request: ReportRequest, tree: Tree, order: Order | None) -> Statement:
    found = _found(request, [*source_of(request).read_by(request), *fact_conditions(request, tree, order)])
    counted = found.report.with_only_columns(func.sum(found.calls.c.sign).label("rows"))
    return compile_statement(found.narrowed(counted))


@dataclass(frozen=True)
class _Found:
    """The CDRs of a report: the statement `report` over the table `calls`, and `all` CDRs of the range in that table.

    `narrowed` restricts a statement built from them to the CDRs that the request may read.
    """

    calls: FromClause
    report: Select[Any]
    all: Select[Any]
    narrowed: Callable[[Select[Any]], Select[Any]]


def _found(request: ReportRequest, conditions: list[ColumnElement[bool]]) -> _Found:
    """The report's CDRs of the range that meet some conditions.

    A report without its own statement reads the stored table directly, so that each shard of a cluster sorts and limits
    its own calls.  For other reports the calls are narrowed by a CTE, and all of them are sent to the server that runs
    the query.
    """
    report, calls, stored = request.report.report, CALLS.table, source_of(request)
    where = report.where(request.parameters)
    where = None if where is None else request.scope().guarded(where)
    if report.overrides_statement() or (where is not None and has_subquery(where)):
        statement = report.statement(request.scope())
        if report.overrides_statement():
            statement = request.scope().of_author(statement)
        rows = stored.rows(OWN, conditions)
        back = select(calls.alias("taken_back"))
        return _Found(calls, statement, back, lambda statement: stored.within(statement, rows))
    every = select(stored.table).where(*stored.in_range(OWN), *conditions)
    of_report = every if where is None else every.where(stored.over(where))
    return _Found(stored.table, of_report, every.correlate(None), lambda statement: statement)


def _parts(
    request: ReportRequest, found: _Found, selection: Selection, limited: bool, after: bool
) -> list[Select[Any]]:
    """The first CDRs that were never corrected, and the first that are valid after corrections.

    The few corrected ones are found by their key and grouped by all their columns.  The others are read in the order of
    the table, so that all of them need no more memory than some.
    """
    columns = found.calls.c
    back = found.all.selected_columns
    taken_back = found.all.where(back.sign < _ZERO).with_only_columns(*(back[name] for name in _key(request)))
    key = tuple_(*(columns[name] for name in _key(request)))
    needed = [
        columns[each.name] for each in COLUMNS if each.name in _order(request) or to_camel(each.name) in selection
    ]
    report = found.report.where(*_behind_cursor(request, columns)) if after else found.report
    kept = report.with_only_columns(*needed).where(not_among(key, taken_back))
    corrected = report.with_only_columns(*needed).where(among(key, taken_back))
    corrected = corrected.group_by(*(columns[each.name] for each in COLUMNS)).having(func.sum(columns.sign) > _ZERO)
    return [_in_order(request, each, columns, limited) for each in (kept, corrected)]


def _in_order(request: ReportRequest, statement: Select[Any], columns: Any, limited: bool) -> Select[Any]:
    ordered = statement.order_by(*(columns[name] for name in _order(request)))
    return ordered.limit(value("first", UInt64)) if limited else ordered


def _versions(request: ReportRequest, selection: Selection) -> dict[str, tuple[str, ColumnElement[Any]]]:
    """The selected columns of a version by their names in the API: each one's name in the table and its value."""
    chosen = [each for each in COLUMNS if to_camel(each.name) in selection]
    table = source_of(request).table
    values = {each.name: masked_column(table.c[each.name], CALLS, request.masked) for each in chosen}
    return {to_camel(each.name): (each.name, values[each.name]) for each in chosen}


def _place(request: ReportRequest, columns: Any) -> list[ColumnElement[Any]]:
    moment, *key = (columns[name] for name in _order(request))
    return [func.toUnixTimestamp64Milli(moment), *key]


def _behind_cursor(request: ReportRequest, columns: Any) -> list[ColumnElement[bool]]:
    """Conditions for the calls after the cursor.

    The second one suffices, but only the first lets ClickHouse use the primary key.
    """
    moment = value("after_dt", Int64)
    place = [moment, value("after_switch", String), value("after_callid", String), value("after_branch_idx", UInt16)]
    if request.customers.several:
        place.append(value("after_customer", String))
    return [
        columns.dt >= func.fromUnixTimestamp64Milli(moment, literal_column("'UTC'")),
        tuple_(*_place(request, columns)) > tuple_(*place),
    ]
