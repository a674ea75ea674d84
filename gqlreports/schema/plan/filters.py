"""Conditions on the columns of a report's rows.

They are always true or false, never null: a null meets only `IS_NULL`, `NE` and `NOT_IN`.  So every row matches either
a filter or its negation.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import Array
from sqlalchemy import ColumnElement, and_, bindparam, false, func, literal_column, not_, or_, true

from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.types import Operator, identity

Expression: TypeAlias = ColumnElement[Any]

_EACH: Expression = literal_column("each")
_COMPARED: Mapping[Operator, Callable[[Expression, Expression], Expression]] = {
    Operator.EQ: lambda column, given: column == given,
    Operator.LT: lambda column, given: column < given,
    Operator.LTE: lambda column, given: column <= given,
    Operator.GT: lambda column, given: column > given,
    Operator.GTE: lambda column, given: column >= given,
    Operator.IN: lambda column, given: func.has(given, column),
    Operator.STARTS_WITH: func.startsWith,
    Operator.ENDS_WITH: func.endsWith,
    Operator.CONTAINS: lambda column, given: func.position(column, given) > literal_column("0"),
}
_NEGATED = {Operator.NE: Operator.EQ, Operator.NOT_IN: Operator.IN}


@dataclass(frozen=True)
class Condition:
    """Compares a column with the value at index `place` of `Where.values`."""

    column: AnyColumn
    operator: Operator
    place: int


@dataclass(frozen=True)
class Every:
    """True if all parts are true, or if there are no parts."""

    parts: tuple["Tree", ...] = ()


@dataclass(frozen=True)
class Either:
    """True if at least one part is true; false if there are no parts."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True)
class Not:
    """True if its part is false."""

    part: "Tree"


ROWS, FACTS = "where", "filter"
"""What the query parameters of filters begin with: of a filter on rows, and of one on rows of the fact."""

Tree: TypeAlias = Condition | Every | Either | Not


@dataclass(frozen=True)
class Where:
    """A filter: a tree of conditions, and their values.

    The values are kept apart, because filters with the same conditions share a compiled statement.  They are converted
    by the `sent` of the scalar's operand; moments are microseconds since 1970.
    """

    tree: Tree = Every()
    values: tuple[Any, ...] = ()

    @property
    def parameters(self) -> dict[str, object]:
        return self.named(ROWS)

    def named(self, prefix: str) -> dict[str, object]:
        """The values by the names of their query parameters, which begin with the prefix."""
        return {_name(prefix, place): given for place, given in enumerate(self.values)}


EVERYTHING = Where()


def columns(tree: Tree) -> Iterator[AnyColumn]:
    """The columns that a filter reads."""
    match tree:
        case Condition(column):
            yield column
        case Every(parts) | Either(parts):
            for part in parts:
                yield from columns(part)
        case Not(part):
            yield from columns(part)


def condition(tree: Tree, expression: Callable[[AnyColumn], Expression], prefix: str = ROWS) -> ColumnElement[bool]:
    """The SQL of a filter; `expression` returns the SQL of each column."""
    match tree:
        case Condition(column, operator, place):
            return _condition(column, expression(column), operator, _name(prefix, place))
        case Every(parts):
            return and_(true(), *(condition(part, expression, prefix) for part in parts))
        case Either(parts):
            return or_(false(), *(condition(part, expression, prefix) for part in parts))
        case Not(part):
            return not_(func.toBool(condition(part, expression, prefix)))


def _condition(column: AnyColumn, expression: Expression, operator: Operator, name: str) -> ColumnElement[bool]:
    if operator is Operator.IS_NULL:
        return func.isNull(expression)
    if operator is Operator.IS_NOT_NULL:
        return func.isNotNull(expression)
    if operator in _NEGATED:
        return not_(func.toBool(_condition(column, expression, _NEGATED[operator], name)))
    met = _COMPARED[operator](expression, _given(column, operator, name))
    return func.ifNull(met, literal_column("false")) if column.nullable else met


def _given(column: AnyColumn, operator: Operator, name: str) -> Expression:
    operand = column.type.scalar.operand
    if operator is not Operator.IN:
        return operand.read(_parameter(name, operand.sql))
    given = _parameter(name, Array(operand.sql))
    return given if operand.read is identity else func.arrayMap(_EACH.op("->")(operand.read(_EACH)), given)


def _parameter(name: str, kind: Any) -> Expression:
    return bindparam(name, None, type_=kind)


def _name(prefix: str, place: int) -> str:
    return f"{prefix}_{place}"
