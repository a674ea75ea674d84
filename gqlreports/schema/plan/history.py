"""The versions of calls: what was loaded of each, and when a correction took it back."""

from collections.abc import Mapping
from typing import Any

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import ColumnElement, Select, Subquery, and_, func, literal_column, select, tuple_

from gqlreports.schema.plan.narrowing import among, stored
from gqlreports.schema.plan.printing import Objects
from gqlreports.schema.request import ReportRequest
from gqlreports.tables import CALLS

KEY = tuple(column.name for column in CALLS.key)
STORED = stored(CALLS)
# No caller's name begins with #: a selected object of the name of a table would hide it.
_VERSIONS, _HISTORY = "_versions", "#history"
_ZERO: ColumnElement[Any] = literal_column("0")
_DAY: ColumnElement[Any] = literal_column("INTERVAL 1 DAY")
_MOMENT = "DateTime64(3, 'UTC')"
_TIMES = {"loadedAt": _MOMENT, "takenBackAt": f"Nullable({_MOMENT})"}
_DIALECT = ClickHouseDialect()


def with_history(
    request: ReportRequest, calls: Subquery, shown: Mapping[str, tuple[str, ColumnElement[Any]]]
) -> tuple[Any, Objects]:
    """The calls joined to their histories, and what these are printed from.

    `shown` are the columns of a version by their names in the API: the name of each in the table, and its value.
    """
    found = _histories(request, calls, [each for _, each in shown.values()]).subquery(_HISTORY)
    joined = calls.join(found, and_(*(calls.c[name] == found.c[name] for name in KEY)))
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
    key = [content.c[name] for name in KEY]
    return select(*key, by_time.label(_VERSIONS)).group_by(*key)


def _contents(request: ReportRequest, calls: Subquery, shown: list[ColumnElement[Any]]) -> Select[Any]:
    """All that was ever said of each call, and when it was loaded and taken back, which are in turns.

    A correction may move a call by a day, and out of the range.
    """
    every = [each for each in STORED.table.c if each.name not in ("sign", "loaded_at")]
    key = tuple_(*(STORED.table.c[name] for name in KEY))
    keys = select(*(calls.c[name] for name in KEY)).select_from(calls).correlate(None)
    first, last = (
        select(bound(calls.c.dt)).select_from(calls).correlate(None).scalar_subquery() for bound in (func.min, func.max)
    )
    near = [STORED.table.c.dt >= first - _DAY, STORED.table.c.dt <= last + _DAY]
    added, back = (
        func.arraySort(func.groupArrayIf(STORED.table.c.loaded_at, condition)).label(name)
        for name, condition in (("_added", STORED.table.c.sign > _ZERO), ("_back", STORED.table.c.sign < _ZERO))
    )
    values = [each.label(f"_shown_{place}") for place, each in enumerate(shown)]
    conditions = [STORED.of_customer, *near, *STORED.loaded_by(request), among(key, keys)]
    statement = select(*every, *values, added, back).where(*conditions)
    return statement.group_by(*every)


def _type(name: str) -> str:
    kind = str(CALLS.table.c[name].type.compile(dialect=_DIALECT))
    return "String" if kind.startswith("LowCardinality") else kind
