"""The queries `node` and `nodes`, which find objects by their ids.

A customer's id is that of the switch, and a key's id is a part of its text.  The ids of reports and of their types
begin with the name of what they are.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry
from starlette.concurrency import run_in_threadpool

from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput, LimitExceeded, NotFound, ReportsError
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema import catalogue, report_id
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.customers import Customer
from gqlreports.schema.keys import ApiKey
from gqlreports.schema.node import Node
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.types.columns import field_of, list_of
from gqlreports.schema.types.grouping import Grouping

MOST_NODES = 100
"""How many objects may be found at once."""

Open = Callable[[ReportInfo, ReportRequest], Awaitable[Any]]
"""Admits a report and returns its object."""


def node_fields(reports: Mapping[str, RegisteredReport], grouping: Grouping, open: Open) -> dict[str, Any]:
    """The fields `node(id)` and `nodes(ids)` over the reports and dimensions that a role sees."""

    async def node(info: ReportInfo, id: strawberry.ID) -> Any:
        if id.startswith(report_id.PREFIX):
            return await open(info, report_id.request_of(id, reports, grouping))
        return await _saved(info, id)

    async def nodes(info: ReportInfo, ids: list[strawberry.ID]) -> Any:
        if len(ids) > MOST_NODES:
            raise LimitExceeded("nodes", len(ids), MOST_NODES, "ask again for more")
        return [await _found(info, each) for each in ids]

    async def _found(info: ReportInfo, id: str) -> Any:
        """The object, or the error in its place."""
        try:
            if id.startswith(report_id.PREFIX):
                raise InvalidInput("A report is found by `node`, each by itself.")
            return await _saved(info, id)
        except ReportsError as error:
            return error

    async def _saved(info: ReportInfo, id: str) -> Any:
        """A report type, a customer or a key.  Raises NotFound for what the caller does not see."""
        context = info.context
        if id.startswith(catalogue.PREFIX):
            report = reports.get(id.removeprefix(catalogue.PREFIX))
            if report is None or not context.caller.may_run(report):
                raise NotFound(f"There is no report type {id[:64]!r}; `reportTypes` lists those that there are.")
            return catalogue.describe(report, grouping.staff, grouping.declared)
        try:
            return Customer.of(await context.door.customer(context.caller, id))
        except NotFound:
            if context.caller.principal.role is not Role.ADMIN:
                raise
        try:
            return ApiKey.of(await run_in_threadpool(context.door.directory.key, id))
        except NotFound:
            raise NotFound(f"There is neither a customer nor a key {id[:64]!r}.") from None

    return {
        "node": field_of(
            node,
            "The object of an id: a report, a report type, a customer or a key; null with an error where you see none.",
            info=ReportInfo,
            id=strawberry.ID,
            returns=Node | None,
        ),
        "nodes": field_of(
            nodes,
            "The objects of up to 100 ids, in their order; reports are found by `node` alone.",
            info=ReportInfo,
            ids=list_of(strawberry.ID),
            returns=list_of(Node | None),
        ),
    }
