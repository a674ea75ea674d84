"""The ids of columns: the same figure has the same id in all reports, whatever its column is called."""

from collections.abc import Mapping
from functools import cache, lru_cache

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect

from gqlreports.plugins.aggregates import Aggregate, CountingBasis, Expression
from gqlreports.plugins.contract import AnyColumn, Dimension
from gqlreports.plugins.dimensions import SharedDimension
from gqlreports.plugins.figures import FIGURES
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.tables import CALLS, Fact

_DIALECT = ClickHouseDialect()
_TEXTS = 4096


def column_id(column: AnyColumn, report: RegisteredReport, declared: tuple[SharedDimension, ...]) -> str:
    """The id of a column of a report.

    It is the name of the declared figure or dimension with the same SQL.  A column whose SQL is the report's own, or
    depends on its parameters, has an id of its own: REPORT.column in lower case.
    """
    fact = report.report.fact
    own = f"{report.name}.{column.name}".lower()
    if isinstance(column, Dimension) and column.otherwise is None:
        return own if callable(column.key) else _dimension_names(fact, declared).get(_text(column.key), own)
    figure = column.otherwise if isinstance(column, Dimension) else column.aggregate
    assert figure
    return _figure_names().get(_texts(figure, fact), own) if fact is CALLS else own


@cache
def _figure_names() -> Mapping[tuple[str, ...], str]:
    return {_texts(figure, CALLS): name for name, figure in FIGURES.items()}


@lru_cache(_TEXTS)
def _texts(figure: Aggregate, fact: Fact) -> tuple[str, ...]:
    """The SQL of a figure on each counting basis."""
    return tuple(_text(figure.over(fact, basis)) for basis in CountingBasis)


@lru_cache(_TEXTS)
def _dimension_names(fact: Fact, declared: tuple[SharedDimension, ...]) -> Mapping[str, str]:
    return {_text(each.expression): each.name for each in declared if each.fact is fact}


def _text(expression: Expression) -> str:
    return str(expression.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))
