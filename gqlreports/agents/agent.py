"""An agent: a caller whose tools ask GraphQL documents of the schema of its role."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import GraphQLObjectType

from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.door import Caller
from gqlreports.schema.plan.calls import CURSOR
from gqlreports.schema.query import ReportsSchema

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Executes a document with its variables, and returns the data.  Raises ReportsError."""


@dataclass(frozen=True)
class Agent:
    """Who asks, the schema of its role, and how its documents are executed."""

    caller: Caller
    registry: Registry
    schema: ReportsSchema
    ask: Ask

    def report(self, name: str) -> RegisteredReport:
        """The report with that name.  Raises NotFound if it does not exist or the caller may not run it."""
        return self.caller.report(self.registry, name)

    def columns(self, report: RegisteredReport) -> tuple[AnyColumn, ...]:
        return report.columns(self.caller.principal.staff)

    @property
    def call_columns(self) -> list[str]:
        """The columns of a CDR that the caller may see, as GraphQL names them."""
        call = self.schema._schema.type_map.get("CallDetailRecord")
        assert isinstance(call, GraphQLObjectType)
        return [name for name in call.fields if name not in (CURSOR, "history")]
