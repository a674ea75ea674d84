"""Dimensions that are declared once for a fact, so that every report about it can be grouped by them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import Expression, has_subquery, reads
from gqlreports.plugins.contract import Dimension, Measure, ReportParameters
from gqlreports.tables import CALLS, Fact


@dataclass(frozen=True, eq=False)
class SharedDimension(Dimension):
    """A dimension by which all reports about its fact can be grouped.

    A caller names it; it is null in the rows of a report that is not grouped by it.
    """

    fact: Fact

    @property
    def nullable(self) -> bool:
        return True

    def is_key(self, parameters: ReportParameters) -> bool:
        """No parameter makes it a key; see `GroupedReport`."""
        return False

    @property
    def expression(self) -> Expression:
        """Its SQL over a row of the fact, which depends on no parameter."""
        assert not callable(self.key)
        return self.key


class Dimensions:
    """Dimensions of a fact, each an attribute made by `dimension`.

    class PhoneDimensions(Dimensions):
        area = dimension(func.substring(cdr.c.dest_number, 1, 3), "First three digits of the number dialed")

    Its name in upper case is how callers group by it: AREA.  The name is the same for all facts.  The expression is
    over one row of the fact's table.
    """

    fact: ClassVar[Fact] = CALLS
    declared: ClassVar[Mapping[str, SharedDimension]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        columns = {name: value for name, value in vars(cls).items() if isinstance(value, Dimension | Measure)}
        cls.declared = {**cls.declared, **{name: _shared(each, cls) for name, each in columns.items()}}


def _shared(column: Dimension | Measure, owner: type[Dimensions]) -> SharedDimension:
    blame = f"{column.name} of {owner.__name__}"
    if isinstance(column, Measure):
        raise TypeError(f"{blame} is a measure; only a report has measures")
    if callable(column.key) or column.when is not None or column.otherwise is not None:
        raise TypeError(f"{blame} depends on parameters, and only a report has them; give its expression alone")
    made = SharedDimension(
        column.description,
        column.unit,
        column.staff_only,
        column.key,
        column.type,
        None,
        None,
        owner.fact,
        digits=column.digits,
    )
    made.__set_name__(owner, column.name)
    return made


def check_dimension(column: SharedDimension, others: Iterable[SharedDimension], owner: str) -> None:
    """Check a dimension beside those that are there.  Raises PluginError; the message names the class and column."""
    blame = f"dimension {column.name} of {owner}"
    if has_subquery(column.expression):
        raise PluginError(f"{blame} has a subquery; a dimension is made of one row of its fact")
    if not reads(column.expression, column.fact):
        raise PluginError(f"{blame} reads no column of {column.fact.name}, the table of its fact; make it of these")
    try:
        column.expression.compile()
    except Exception as error:
        raise PluginError(f"{blame} has no SQL ({type(error).__name__}: {error})") from error
    for other in others:
        if other.fact is column.fact and _names(other) & _names(column):
            raise PluginError(f"{blame} has the name of a dimension that is there; choose another")
        if other.constant_name == column.constant_name and _meaning(other) != _meaning(column):
            raise PluginError(f"{blame} has another name, type or unit than {other.constant_name} of {other.fact.name}")


def _names(column: SharedDimension) -> set[str]:
    return {column.graphql_name, column.constant_name}


def _meaning(column: SharedDimension) -> tuple[Any, ...]:
    return column.name, column.type, column.unit
