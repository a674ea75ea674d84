"""Rollups: the hourly sums that the store keeps for a report.

A rollup is a ClickHouse projection of the table of calls.  ClickHouse computes it from the same rows in the same
insert, mutation or merge, so it always agrees with the calls.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha256
from itertools import product
from typing import Any

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import ColumnClause, Function, column, func
from sqlalchemy.sql.visitors import iterate

from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import (
    EVERY,
    CountingBasis,
    Expression,
    Parts,
    Whole,
    is_column,
    place_of,
    reads,
    rewritten,
)
from gqlreports.plugins.contract import Dimension, Report, ReportParameters, Scope
from gqlreports.tables import Fact

PREFIX = "rollup_"
# Functions whose value depends on more than the call itself; a projection would keep their old value.
_CHANGING = re.compile("dict|joinGet|now|today|yesterday|rand|generate", re.IGNORECASE)
_DIALECT = ClickHouseDialect()


@dataclass(frozen=True, eq=False)
class Rollup:
    """The hourly sums of a report.

    The `sums` are grouped by `keys`: the customer, the hour, and all keys that the report has under any parameters.
    """

    report: str
    fact: Fact
    keys: tuple[Expression, ...]
    sums: tuple[Expression, ...]

    @cached_property
    def definition(self) -> str:
        """The query of the projection."""
        return self._over("")

    @property
    def query(self) -> str:
        """The same query over the table itself."""
        return self._over(f" FROM `{self.fact.name}`")

    def _over(self, source: str) -> str:
        keys, sums = (", ".join(map(self._text, found)) for found in (self.keys, self.sums))
        return f"SELECT {keys}, {sums}{source} GROUP BY {keys}"

    @cached_property
    def name(self) -> str:
        """The projection's name: the report's name and a hash of the definition."""
        return f"{self.prefix}{sha256(self.definition.encode()).hexdigest()[:8]}"

    @property
    def prefix(self) -> str:
        """The beginning of the names of all its versions."""
        return f"{PREFIX}{self.report.lower()}_"

    def holds(self, keys: Iterable[Expression], sums: Iterable[Expression]) -> bool:
        """Whether it can serve these sums by these keys: it has each sum, and can compute each key from its own."""
        return all(place_of(each, self.sums) is not None for each in sums) and all(map(self._holds_key, keys))

    def _holds_key(self, key: Expression) -> bool:
        return _computable(key, self.keys, self.fact)

    def _text(self, expression: Expression) -> str:
        """The SQL of an expression in a projection, where column names have no table."""

        def bare(element: Any, **_: Any) -> Any:
            return column(element.name) if is_column(element, self.fact) else None

        return str(rewritten(expression, bare).compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _computable(key: Expression, keys: Sequence[Expression], fact: Fact) -> bool:
    """Whether a key can be computed from others."""

    def kept(element: Any, **_: Any) -> Any:
        return column("_") if place_of(element, keys) is not None else None

    return not reads(rewritten(key, kept), fact)


def hour(fact: Fact) -> Expression:
    """The hour in which a row of the fact happened."""
    return func.toStartOfHour(fact.time)


def rollup_of(name: str, report: Report) -> Rollup:
    """The rollup that serves a report of that name under all parameters.

    It leaves out columns that are not sums, for example percentiles.  Raises PluginError if the report cannot have a
    rollup.
    """
    owner = type(report).__name__
    if report.overrides_statement():
        raise PluginError(f"{owner} overrides `statement`, so the store keeps no sums of it; use columns and `where`")
    keys, sums = [report.fact.owner, hour(report.fact)], list[Expression]()
    for parameters, basis in product(_choices(report.Parameters), CountingBasis):
        parts = _parts(report, parameters, basis)
        keys += [each for each in [*parts.keys, *parts.by] if not _computable(each, keys, report.fact)]
        sums += [each for each in parts.sums if place_of(each, sums) is None]
    _check([*keys, *sums], owner)
    return Rollup(name, report.fact, tuple(keys), tuple(sums))


def _parts(report: Report, parameters: ReportParameters, basis: CountingBasis) -> Parts:
    """The sums that the report's figures need, and the other expressions that its statement reads."""
    columns = tuple(report.columns.values())
    dimensions = tuple(each for each in columns if isinstance(each, Dimension) and each.is_key(parameters))
    scope = Scope(dimensions, columns, parameters, basis, report.fact)
    condition = report.where(parameters)
    keys = [each.build(parameters) for each in dimensions]
    parts = Parts(report.fact, keys if condition is None else [*keys, condition])
    for figure in filter(None, map(scope.figure, columns)):
        terms = figure.terms(basis)
        for term in terms:
            if not isinstance(term, Whole):
                parts.add(term)
    parts.add(EVERY)
    return parts


def _choices(parameters: type[ReportParameters]) -> Iterator[ReportParameters]:
    """All combinations of parameters.  Raises PluginError for a parameter with unlimited values."""
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


def _check(expressions: list[Expression], owner: str) -> None:
    """Raise PluginError for an expression that may change while the calls do not, because a rollup would not follow."""
    for expression in expressions:
        for part in iterate(expression):
            if isinstance(part, Function) and _CHANGING.match(part.name):
                raise PluginError(f"{owner} has a key or a sum with {part.name}, which may change; it has no rollup")
            if isinstance(part, ColumnClause) and part.is_literal and "(" in part.name:
                raise PluginError(f"{owner} calls a function in SQL text; write it with `func`, or leave out `rollup`")
