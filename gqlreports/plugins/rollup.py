"""The sums by hour that the store keeps for a report.

They are a projection of the table of calls: ClickHouse makes it from the same rows, in the same insert, mutation or
merge, so it always holds what the calls hold.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha256
from itertools import product
from typing import Any

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import Function, column, func
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import CountingBasis, Expression
from gqlreports.plugins.contract import Dimension, Report, ReportParameters, Scope
from gqlreports.plugins.sums import NoSums, Sums, found_at, is_plain, reads_calls
from gqlreports.tables import cdr

HOUR = func.toStartOfHour(cdr.c.dt)
PREFIX = "rollup_"
_ALWAYS = (cdr.c.customer_id, HOUR)
# What depends on more than the call itself.
_CHANGING = re.compile("dict|joinGet|now|today|yesterday|rand|generate", re.IGNORECASE)
_DIALECT = ClickHouseDialect()


@dataclass(frozen=True, eq=False)
class Rollup:
    """`keys` are what its sums are grouped by: customer, hour and whatever any parameters of the report need."""

    report: str
    keys: tuple[Expression, ...]
    sums: tuple[Expression, ...]

    @cached_property
    def definition(self) -> str:
        """The query of the projection."""
        keys, sums = (", ".join(map(_text, found)) for found in (self.keys, self.sums))
        return f"SELECT {keys}, {sums} GROUP BY {keys}"

    @cached_property
    def name(self) -> str:
        """It tells the report and changes with the definition."""
        return f"{self.prefix}{sha256(self.definition.encode()).hexdigest()[:8]}"

    @property
    def prefix(self) -> str:
        """How the names of all its versions begin."""
        return f"{PREFIX}{self.report.lower()}_"

    def holds(self, sums: Sums) -> bool:
        """Whether these sums can be had from it."""
        summed = all(found_at(self.sums, each) is not None for each in sums.sums)
        return summed and all(map(self._holds_key, [*sums.keys, *sums.by]))

    def _holds_key(self, key: Expression) -> bool:
        def kept(element: Any, **_: Any) -> Any:
            return column("_") if found_at(self.keys, element) is not None else None

        return not reads_calls(replacement_traverse(key, {}, kept))


def rollup_of(name: str, report: Report) -> Rollup:
    """The rollup that serves a report of that name, whatever its parameters.

    Columns that are no sums, percentiles for one, are not in it.  Raises PluginError where there can be none.
    """
    keys, sums = list(_ALWAYS), list[Expression]()
    for parameters, basis in product(_choices(report.Parameters), CountingBasis):
        found = _sums(report, parameters, basis)
        keys += [each for each in [*found.keys, *found.by] if found_at(keys, each) is None]
        sums += [each for each in found.sums if found_at(sums, each) is None]
    _check(keys, type(report).__name__)
    return Rollup(name, tuple(keys), tuple(sums))


def _sums(report: Report, parameters: ReportParameters, basis: CountingBasis) -> Sums:
    columns = report.columns.values()
    dimensions = tuple(each for each in columns if isinstance(each, Dimension) and each.is_key(parameters))
    keys = [each.build(parameters) for each in dimensions]
    statement = report.statement(Scope(dimensions, tuple(columns), parameters, basis))
    if not is_plain(statement, keys):
        raise PluginError(f"{type(report).__name__} does more than to sum over calls, so it has no rollup")
    sums = Sums([*keys, *statement._where_criteria])
    for each in (*statement.selected_columns, *statement._having_criteria):
        try:
            sums.whole(each)
        except NoSums:
            continue
    return sums


def _choices(parameters: type[ReportParameters]) -> Iterator[ReportParameters]:
    """All that a caller may set.  Raises PluginError for a parameter without end."""
    values: dict[str, list[Any]] = {}
    for name, field in parameters.model_fields.items():
        kind = field.annotation
        if kind is bool:
            values[name] = [False, True]
        elif isinstance(kind, type) and issubclass(kind, Enum):
            values[name] = list(kind)
        else:
            raise PluginError(f"parameter {name} may be anything, so no rollup can serve it; use a bool or an Enum")
    for chosen in product(*values.values()):
        yield parameters(**dict(zip(values, chosen, strict=True)))


def _check(keys: list[Expression], owner: str) -> None:
    for key in keys:
        for part in iterate(key):
            if isinstance(part, Function) and _CHANGING.match(part.name):
                raise PluginError(f"{owner} has a key with {part.name}, which may change; a rollup would not follow")


def _text(expression: Expression) -> str:
    """An expression as a projection has it, where columns have no table."""

    def bare(element: Any, **_: Any) -> Any:
        return column(element.name) if getattr(element, "table", None) is cdr else None

    replaced: Expression = replacement_traverse(expression, {}, bare)
    return str(replaced.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))
