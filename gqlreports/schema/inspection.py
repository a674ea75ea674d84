"""Has the store explain each report's statements before the server answers, so that what is accepted works.

The store analyses a statement and tells the types of its columns (DESCRIBE); it reads no calls for that.
"""

import asyncio
import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import select

from gqlreports.backends.base import Backend, Customers, Statement
from gqlreports.backends.failures import is_of_statement
from gqlreports.backends.request import DEADLINE
from gqlreports.directory.principal import Role
from gqlreports.errors import StoreError, StoreUnavailable
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.checks import variations, words_of_error
from gqlreports.plugins.registry import OWN, RegisteredReport, Registry
from gqlreports.schema.catalogue import describe
from gqlreports.schema.plan import rows
from gqlreports.schema.plan.grain import report_table
from gqlreports.schema.plan.source import compile_statement, fill
from gqlreports.schema.query import build_schema
from gqlreports.schema.request import ReportRequest, Selection

logger = logging.getLogger(__name__)

_START = datetime(1970, 1, 1, tzinfo=UTC)
_END = _START + timedelta(milliseconds=1)
_NOBODY = ""
"""No customer has this id, and the range is before all calls: a subquery that is run for its type reads nothing."""
_SECONDS = 10.0
"""How long the store may take to explain a report."""
_PREFIX = "The store could not answer: "
_REST = re.compile(r"\.? (In query|Expected one of:) .*")
"""What follows the reason: the whole statement, or all that could stand there."""
_MENDS = {
    "Syntax error": "mend its SQL text",
    "is not under aggregate function": "group by it, or put it into an aggregate function",
    "is found in GROUP BY": "a key is made of one row: make it a measure, whole(...)",
    "Unknown expression": "a report reads the columns of its fact, and what its statement defines",
    "which is no table for reports": "a report reads its fact, did, numbering and what its statement defines",
}
"""What to do, by a part of ClickHouse's words."""


async def inspected(registry: Registry, backend: Backend, strict: bool = False) -> Registry:
    """The registry without the reports whose statements do not hold in this store; they are logged.

    With `strict` it raises PluginError instead.  gqlreports' own reports stay, since only the store can be at fault.
    Raises StoreUnavailable if the store cannot be asked.
    """
    reports = list(registry.reports.values())
    own = [each for each in reports if each.distribution == OWN]
    found = await asyncio.gather(*(_fault(each, own, backend) for each in reports))
    faults = {report: fault for report, fault in zip(reports, found, strict=True) if fault}
    for report in [each for each in faults if each.distribution == OWN]:
        logger.error("The report %s does not work in this store: %s", report.name, faults.pop(report))
    return registry.without(faults, strict) if faults else registry


async def _fault(report: RegisteredReport, own: list[RegisteredReport], backend: Backend) -> str | None:
    """What is wrong with a report's statements; None if nothing is."""
    # A task of its own, and so a deadline of its own.
    DEADLINE.set(time.monotonic() + _SECONDS)
    try:
        if report.distribution != OWN:
            _check_schema(report, own)
        for request in _requests(report):
            if fault := await _fault_of(request, backend):
                return fault
        if report.rollup is not None:
            await _types(Statement(report.rollup.query), backend)
        if report.report.overrides_statement():
            await _check_reach(report, backend)
    except StoreUnavailable:
        raise
    except StoreError as error:
        if is_of_statement(error):
            return _failure(error)
        logger.warning("The store did not explain the report %s. %s", report.name, error.for_operators)
    except Exception as error:
        # Whatever an author's own code raises is no reason for the server not to start.
        return f"it cannot be served ({words_of_error(error)})"
    return None


def _check_schema(report: RegisteredReport, own: list[RegisteredReport]) -> None:
    """Build what callers see of a report.  Raises whatever that raises, so that no server fails for it."""
    # A schema needs a report with parameters, which this one may not be.
    beside = [each for each in own if each.report.Parameters.model_fields][:1]
    build_schema.__wrapped__(Registry({each.name: each for each in (*beside, report)}), Role.STAFF).as_str()
    describe(report, staff=True)


def _requests(report: RegisteredReport) -> Iterator[ReportRequest]:
    """Requests for a report with both bases, and with each other value of its parameters."""
    defaults = report.report.Parameters()
    for parameters in variations(defaults):
        for basis in CountingBasis if parameters == defaults else [CountingBasis.CALL]:
            yield ReportRequest(report, Customers.of(_NOBODY), _START, _END, parameters, basis, staff=True)


async def _fault_of(request: ReportRequest, backend: Backend) -> str | None:
    try:
        types = await _types(_as_computed(request), backend)
    except StoreError as error:
        if not is_of_statement(error):
            raise
        return await _culprit(request, backend) or _failure(error)
    owner = type(request.report.report).__name__
    for column in request.columns:
        if fault := column.type.fault(types[column.name], column.nullable):
            return f"column {column.name} of {owner} is declared {column.type.name}, and {fault}"
    return None


def _as_computed(request: ReportRequest) -> Statement:
    """The statement for all columns by their names, with values that are not yet converted for callers."""
    report = report_table(request, request.dimensions, request.columns)
    return fill(compile_statement(select(report)), request, {})


async def _culprit(request: ReportRequest, backend: Backend) -> str | None:
    """What is wrong with the first column that fails by itself; None if none does, or if each one does."""
    found = []
    for column in request.columns:
        only = Selection.all([column])
        keys = tuple(key for key in request.dimensions if key is column)
        statement = rows.subtotals(request, keys, only) if keys else rows.totals(request, only)
        try:
            await _types(statement, backend)
        except StoreError as error:
            if not is_of_statement(error):
                raise
            found.append(_failure(error, f"column {column.name} of {type(request.report.report).__name__}"))
    return found[0] if 0 < len(found) < len(request.columns) else None


async def _types(statement: Statement, backend: Backend) -> dict[str, str]:
    """The types of a statement's columns, by the columns' names."""
    described = Statement(f"DESCRIBE TABLE (\n{statement.sql}\n)", statement.parameters)
    found = await backend.fetch_json(described)
    return {row["name"]: row["type"] for row in orjson.loads(found.json)}


async def _check_reach(report: RegisteredReport, backend: Backend) -> None:
    """Raise StatementRefused for a statement of the author's own that reaches further than a report may."""
    request = next(_requests(report))
    statement = rows.rows(request, Selection.all(request.columns))
    nothing = f"SELECT * FROM (\n{statement.sql}\n) LIMIT 0"
    await backend.fetch_json(Statement(nothing, statement.parameters, statement.customers))


def _failure(error: StoreError, blame: str = "its statement") -> str:
    """The store's words for a failure, and what to do."""
    words = _REST.sub("", error.for_operators.removeprefix(_PREFIX)).rstrip(".")
    mend = next((mend for part, mend in _MENDS.items() if part in words), "mend its SQL")
    return f"{blame} fails in the store: {words}; {mend}"
