"""What tells one definition of a report from another."""

import hashlib
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect

from gqlreports.plugins import CountingBasis, ReportParameters
from gqlreports.plugins.contract import Measure, Scope
from gqlreports.plugins.registry import RegisteredReport

_DIALECT = ClickHouseDialect(server_side_params=True)
_LENGTH = 12


@lru_cache(1024)
def definition_version(registered: RegisteredReport) -> str:
    """Hexadecimal digits of a hash over the columns and the SQL of all figures, for each value of each parameter."""
    described = [
        (column.name, column.type.clickhouse, column.unit, isinstance(column, Measure) and column.aggregate.formula)
        for column in registered.columns(staff=True)
    ]
    texts = [registered.name, repr(described), *_statements(registered)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:_LENGTH]


def _statements(registered: RegisteredReport) -> Iterator[str]:
    for parameters in _choices(registered.report.Parameters()):
        keys = registered.dimensions(parameters, staff=True)
        for basis in CountingBasis:
            scope = Scope(keys, registered.columns(staff=True), parameters, basis, registered.report.fact)
            compiled = registered.report.statement(scope).compile(dialect=_DIALECT)
            yield f"{compiled} {sorted(compiled.params.items())}"


def _choices(defaults: ReportParameters) -> Iterator[ReportParameters]:
    """The defaults, and each other value that a flag or a choice may have."""
    yield defaults
    for name in type(defaults).model_fields:
        value = getattr(defaults, name)
        others = [not value] if isinstance(value, bool) else list(type(value)) if isinstance(value, Enum) else []
        yield from (defaults.model_copy(update={name: other}) for other in others if other != value)
