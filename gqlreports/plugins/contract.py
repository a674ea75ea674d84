"""What the author of a report needs: declare columns on a `Report`, and the rest follows.

    class Hours(Report):
        \"\"\"Calls by hour.\"\"\"

        hour = dimension(func.toStartOfHour(cdr.c.dt), "Hour in which the call began", type=MOMENT)
        calls = measure(attempts, "Call attempts")
        asr = ratio(answered, attempts, "Answered calls per attempt")

A report reads only its fact's table, which is `cdr` by default.  There it finds only the rows that the caller may see
and that lie in the requested range.
"""

import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy import ColumnElement, FromClause, Join, Select, select

from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import (
    EVERY,
    Aggregate,
    CountingBasis,
    Element,
    Expression,
    Sum,
    Tally,
    Whole,
    is_present,
    quotient,
)
from gqlreports.plugins.masking import PLAN_DIGITS, asks_for_text, masked, masked_statement, without_end
from gqlreports.plugins.types import TEXT, ColumnType
from gqlreports.tables import CALLS, Fact


class ReportParameters(BaseModel):
    """The parameters that a caller may set on a report.

    Each attribute is a parameter.  Its type is `bool`, `int`, `str` or an `Enum`; it must have a default; and
    `Field(description=...)` documents it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


KeyBuilder: TypeAlias = Callable[[Any], Expression]
Figure: TypeAlias = Aggregate | Callable[[Any], Aggregate]
"""A figure, or a function that builds it from the parameters.  It has one type, whatever the parameters."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a report.  `name` is the attribute's name on the class; callers see it in camelCase.

    A `staff_only` column does not exist for partners: they cannot select it, order by it or group by it.
    """

    description: str
    unit: str | None
    staff_only: bool
    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    @property
    def graphql_name(self) -> str:
        return to_camel(self.name)

    @property
    def constant_name(self) -> str:
        """The name in upper case: asr -> ASR.  A camelCase name is split into words: usaCalls -> USA_CALLS."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).upper()

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, eq=False)
class Dimension(Column):
    """A column that rows are grouped by.

    `key` is its expression over a CDR, or a function that builds the expression from the parameters.  If `when` names
    a Boolean parameter, the column is a dimension while that parameter is true, and else the measure `otherwise`.
    `digits` is how many digits it shows of numbers that are kept as integers.
    """

    key: Expression | KeyBuilder
    type: ColumnType
    when: str | None
    otherwise: Aggregate | None
    digits: int | None = field(default=None, kw_only=True)

    @property
    def nullable(self) -> bool:
        return self.otherwise is not None

    def is_key(self, parameters: ReportParameters) -> bool:
        """Whether rows are grouped by this column, given these parameters."""
        return self.when is None or bool(getattr(parameters, self.when))

    def build(self, parameters: ReportParameters) -> Expression:
        return self.key(parameters) if callable(self.key) else self.key


@dataclass(frozen=True, eq=False)
class Measure(Column):
    """A column that is computed over the CDRs of a row.

    A ratio is computed from sums, so it is also correct for subtotals and totals.
    """

    figure: Figure
    kind: str
    owner: "type[Report] | None" = field(default=None, init=False)

    def __set_name__(self, owner: "type[Report]", name: str) -> None:
        super().__set_name__(owner, name)
        object.__setattr__(self, "owner", owner)

    @cached_property
    def aggregate(self) -> Aggregate:
        """The figure under the default parameters.  Raises PluginError for anything else than a figure."""
        parameters = self.owner.Parameters() if self.owner else ReportParameters()
        return built(self.figure, parameters)

    @property
    def type(self) -> ColumnType:
        return self.aggregate.type

    @property
    def nullable(self) -> bool:
        return self.aggregate.nullable


AnyColumn: TypeAlias = Dimension | Measure


def dimension(
    key: Expression | KeyBuilder,
    description: str,
    *,
    type: ColumnType = TEXT,
    unit: str | None = None,
    staff_only: bool = False,
    when: str | None = None,
    otherwise: Aggregate | None = None,
    digits: int | None = None,
) -> Any:
    """A column to group by; see `Dimension`.  `type` is the type of its values."""
    return Dimension(description, unit, staff_only, key, type, when, otherwise, digits=digits)


def measure(figure: Figure, description: str, *, unit: str | None = None, staff_only: bool = False) -> Any:
    """A column that aggregates the CDRs of a row; see `Measure`."""
    return Measure(description, unit, staff_only, figure, "measure")


def ratio(
    numerator: Figure,
    denominator: Figure,
    description: str,
    *,
    unit: str | None = None,
    staff_only: bool = False,
) -> Any:
    """A column that divides one figure by another; null if the denominator is 0."""
    return Measure(description, unit, staff_only, _ratio(numerator, denominator), "ratio")


def _ratio(numerator: Figure, denominator: Figure) -> Figure:
    if isinstance(numerator, Aggregate) and isinstance(denominator, Aggregate):
        return quotient(numerator, denominator)
    return lambda parameters: quotient(built(numerator, parameters), built(denominator, parameters))


def sql_text(expression: ColumnElement[Any]) -> str:
    """The beginning of an expression's SQL, on one line, for a message."""
    return textwrap.shorten(str(expression), 100, placeholder=" ...")


def built(figure: Figure, parameters: Any) -> Aggregate:
    """The figure under these parameters.  Raises PluginError for anything else than a figure."""
    found: object = figure(parameters) if callable(figure) else figure
    if isinstance(found, Aggregate):
        return found
    what = f"the {type(found).__name__} {found!r}"
    if isinstance(found, ColumnElement):
        what = f"SQL: {sql_text(found)}; write total(cdr.c.duration, ...), count(...) or whole(func.max(...), ...)"
    elif isinstance(found, Sum | Tally | Whole):
        what = f"a {type(found).__name__}; write Aggregate(sums=(...), ...)"
    elif isinstance(getattr(found, "total", None), Aggregate):
        what = "money; take its .total or .currency"
    raise PluginError(f"a figure is needed, and this is {what}")


@dataclass(frozen=True)
class Scope:
    """What one statement must compute.

    `dimensions` are the keys that group its rows, empty for the totals; `columns` are the columns to compute.  The last
    `masked` characters of numbers are hidden.
    """

    dimensions: tuple[Dimension, ...]
    columns: tuple[AnyColumn, ...]
    parameters: Any
    basis: CountingBasis
    fact: Fact = CALLS
    masked: int = 0

    def key(self, dimension: Dimension) -> Expression:
        """The SQL of a dimension, over the rows of the fact."""
        key = dimension.build(self.parameters)
        if not self.masked:
            return key
        # A key says how many digits it shows of integers, and it is refused if it cannot be shortened to fewer.  So its
        # integers stay, and it can be computed from the keys of a rollup.
        guessed = asks_for_text(self.parameters)
        key = masked(key, self.fact, self.masked, conditions=guessed, integers=guessed)
        if dimension.digits is None or dimension.type is not TEXT:
            return key
        return without_end(key, max(0, self.masked + dimension.digits - PLAN_DIGITS))

    def shown(self, expression: Element) -> Element:
        """An expression over numbers as the caller sees them.

        If the caller gives a text or a number, conditions also read these, because it could guess digit by digit.
        """
        return masked(expression, self.fact, self.masked, conditions=asks_for_text(self.parameters))

    def guarded(self, expression: Element) -> Element:
        """An expression that shows no number, and is the same for all callers unless they have a part in it."""
        return self.shown(expression) if asks_for_text(self.parameters) else expression

    def of_author(self, statement: Select[Any]) -> Select[Any]:
        """A statement that a report wrote itself, over numbers as the caller sees them."""
        return masked_statement(statement, self.fact, self.masked, conditions=asks_for_text(self.parameters))

    def expression(self, column: AnyColumn) -> Expression:
        """The SQL of a column in this scope, over the rows of the fact."""
        if isinstance(column, Dimension) and column in self.dimensions:
            return self.key(column)
        figure = self.figure(column)
        assert figure
        return figure.over(self.fact, self.basis)

    def figure(self, column: AnyColumn) -> Aggregate | None:
        """The aggregate that computes a column; None for a key of the rows.

        Raises ValueError for a dimension that is not a key here and has no measure instead.
        """
        if isinstance(column, Measure):
            figure = built(column.figure, self.parameters)
            by = self.shown if figure.type is TEXT else self.guarded
            return figure.over_values(self.fact, by) if self.masked else figure
        if column not in self.dimensions and column.otherwise is None:
            raise ValueError(f"{column.name} is no column of the totals")
        return None if column in self.dimensions else column.otherwise


class Report:
    """A report type.

    The first line of its docstring is its description; `title` is what users see in a selector.  A `staff_only`
    report does not exist for partners.  The report reads the rows of `fact`, which are calls by default.  With
    `rollup` the store keeps the report's sums for each hour, and long ranges are read from these sums.  That is worth
    it if many calls of an hour share a row.
    """

    title: ClassVar[str] = ""
    staff_only: ClassVar[bool] = False
    fact: ClassVar[Fact] = CALLS
    rollup: ClassVar[bool] = False
    Parameters: ClassVar[type[ReportParameters]] = ReportParameters
    columns: ClassVar[Mapping[str, AnyColumn]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Dimension | Measure)}
        for name in own:
            if hasattr(Report, name):
                raise TypeError(f"column {name} of {cls.__name__} has the name of a part of Report; choose another")
        cls.columns = {**cls.columns, **own}

    def where(self, parameters: Any) -> ColumnElement[bool] | None:
        """The condition for a row of the fact to be counted; None to count all rows."""

    def statement(self, scope: Scope) -> Select[Any]:
        """Build the SQL: one row for each key with rows of the fact, with `scope.columns` labelled by their names.

        Override it for what columns and `where` cannot express.  An override returns the same columns over the fact's
        table, and exactly one row if there are no dimensions.  It must depend on `scope` alone, because statements are
        compiled once and cached.  The planner cannot look into an override, so the report has no rollup and its calls
        are read again for each field.
        """
        keys = [scope.key(key) for key in scope.dimensions]
        columns = [scope.expression(column).label(column.name) for column in scope.columns]
        statement = select(*columns).select_from(scope.fact.table)
        if (condition := self.where(scope.parameters)) is not None:
            statement = statement.where(scope.guarded(condition))
        return statement.group_by(*keys).having(is_present(EVERY.over(scope.fact))) if keys else statement

    @classmethod
    def overrides_statement(cls) -> bool:
        """Whether the report writes its own statement instead of having it built from its columns."""
        return cls.statement is not Report.statement

    def lists_calls(self) -> bool:
        """Whether a caller can list the calls that the report's rows are made of.

        They are the calls that the statement of its totals reads.
        """
        if self.fact is not CALLS:
            return False
        statement = self.statement(Scope((), (), self.Parameters(), CountingBasis.CALL, self.fact))
        return any(CALLS.table in sources(each) for each in statement.get_final_froms())


def sources(source: FromClause) -> list[FromClause]:
    """The tables and subqueries of a join; the source itself if it is no join."""
    return [*sources(source.left), *sources(source.right)] if isinstance(source, Join) else [source]
