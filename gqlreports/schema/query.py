"""The query type, and the GraphQL schema of each role."""

import logging
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from gqlreports.backends.base import Customers
from gqlreports.directory import models
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput, ReportsError
from gqlreports.limits import USUAL, RequestLimits
from gqlreports.plugins import CountingBasis, ReportParameters
from gqlreports.plugins.grouping import GroupedReport
from gqlreports.plugins.registry import Registry
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.catalogue import ReportTypeInfo, definition_version, describe
from gqlreports.schema.connections import ListConnection
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.customers import (
    Customer,
    ReportCustomers,
    chosen_customers,
    customer,
    customers,
    customers_connection,
    groups,
    viewer,
)
from gqlreports.schema.extensions import DocumentLimits, ParserLimits, RecordExtension, RoomExtension, StoreStatistics
from gqlreports.schema.federation import CustomerEntity, FederatedSchema
from gqlreports.schema.freshness import data_through, numbering_as_of
from gqlreports.schema.keys import ApiKey, key_mutations, keys, keys_connection
from gqlreports.schema.loads import Load, loads, loads_connection
from gqlreports.schema.node import Node
from gqlreports.schema.nodes import node_fields
from gqlreports.schema.report_id import report_id
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.scalars import SCALARS
from gqlreports.schema.splicing import SplicingExecutor
from gqlreports.schema.types.columns import field_of, list_of, validated, values_of
from gqlreports.schema.types.descriptions import argument, describe_enum
from gqlreports.schema.types.grouping import Grouping
from gqlreports.schema.types.report import ReportTypes, report_types
from gqlreports.schema.types.table import table_field

logger = logging.getLogger(__name__)


SCHEMAS = 16
"""How many schemas are cached.  Building one takes about a second; the applications of a process share them."""

describe_enum(
    CountingBasis,
    "What counts as one attempt: a CALL, or each route ATTEMPT of it.",
    {"CALL": "A call, on however many routes it was tried.", "ATTEMPT": "Each attempt of a call on a route."},
)


class ReportsSchema(strawberry.Schema):
    """A schema that logs failed resolvers, but not the errors of callers.

    `grouping` has the dimensions that its role sees.
    """

    grouping: Grouping

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        for error in errors:
            if error.original_error and not isinstance(error.original_error, ReportsError | GraphQLError):
                logger.error("A resolver failed.", exc_info=error.original_error)


class Subgraph(ReportsSchema, FederatedSchema):
    """The same for a router of Apollo Federation."""


@lru_cache(SCHEMAS)
def build_schema(
    registry: Registry,
    role: Role,
    executor: type[Any] = SplicingExecutor,
    limits: RequestLimits = USUAL,
    federation: bool = False,
) -> ReportsSchema:
    """Build the schema of a role.  It lacks everything that the role must not see or do.

    The schema refuses documents that exceed `limits`.  With `federation` it is that of a subgraph.
    """
    customer_type = CustomerEntity if federation else Customer
    visible = [each for each in registry.reports.values() if each.visible(role.staff)]
    names: type[Enum] = Enum("ReportType", {each.name: each.name for each in visible})  # type: ignore[misc]
    titles = {each.name: f"{each.title}: {each.description}" for each in visible}
    report_type = describe_enum(names, "A report to choose.", titles)
    grouping = Grouping(registry.dimensions, role.staff)
    interface = _interface(report_type, grouping, customer_type)
    types = {each.name: report_types(each, role.staff, interface) for each in visible}
    grouped = grouping.types(types.values(), interface)
    made = Subgraph if federation else ReportsSchema
    schema = made(
        query=_query(types, grouped, grouping, report_type, interface, role, customer_type),
        mutation=key_mutations(report_type) if role is Role.ADMIN else None,
        types=[each.report for each in (*types.values(), *grouped.values())],
        execution_context_class=executor,
        extensions=[
            RecordExtension,
            lambda: ParserLimits(limits),
            lambda: DocumentLimits(limits),
            RoomExtension,
            StoreStatistics,
        ],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    schema.grouping = grouping
    return schema


def _interface(report_type: Any, grouping: Grouping, customer_type: type[Customer]) -> type[Any]:
    async def resolve_data_through(self: Any) -> datetime | None:
        answer: ReportAnswer = self.answer
        return await data_through(answer)

    async def resolve_numbering_as_of(self: Any) -> datetime | None:
        answer: ReportAnswer = self.answer
        return await numbering_as_of(answer)

    def resolve_customer(self: Any) -> Customer:
        found: list[models.Customer] = self.found
        if len(found) > 1:
            raise InvalidInput(f"This report is about {len(found)} customers: ask for `customers` instead.")
        return Customer.of(found[0])

    def resolve_customers(self: Any) -> list[Customer]:
        found: list[models.Customer] = self.found
        return [Customer.of(each) for each in found]

    resolve_customer.__annotations__["return"] = customer_type
    resolve_customers.__annotations__["return"] = list_of(customer_type)

    def resolve_definition_version(self: Any) -> str:
        answer: ReportAnswer = self.answer
        return definition_version(answer.request.report)

    namespace: dict[str, Any] = {
        "__annotations__": {
            "id": strawberry.ID,
            "type": report_type,
            "from_": datetime,
            "to": datetime,
            "basis": CountingBasis,
            "as_of": datetime | None,
            "group_by": list_of(grouping.dimension_enum) | None,
            "answer": strawberry.Private[ReportAnswer],
            "found": strawberry.Private[list[models.Customer]],
        },
        "id": strawberry.field(
            description="Its id: the same for the same arguments, and another for any others.",
        ),
        "type": strawberry.field(description="Which report this is."),
        "customer": strawberry.field(
            resolver=resolve_customer,
            description="Whose calls these are; an error where there are several customers: ask for `customers`.",
        ),
        "customers": strawberry.field(resolver=resolve_customers, description="Whose calls these are, by id."),
        "from_": strawberry.field(name="from", description="The first moment of the range."),
        "to": strawberry.field(description="The moment at which the range ends; it is no part of it."),
        "basis": strawberry.field(description="What counts as one attempt."),
        "as_of": strawberry.field(
            description="The moment as of which the calls are read, as if none were loaded later; null for now."
        ),
        "group_by": strawberry.field(
            description="The dimensions that it is grouped by; null where it has the keys of its own."
        ),
        "data_through": strawberry.field(
            resolver=resolve_data_through,
            description="Start of the latest call in the finished loads that had calls of this customer; of several "
            "customers the earliest; null before the first.",
        ),
        "numbering_as_of": strawberry.field(
            resolver=resolve_numbering_as_of,
            description="When numbering data was last loaded; null where there is none.",
        ),
        "definition_version": strawberry.field(
            resolver=resolve_definition_version, description="Changes when the report's definition does."
        ),
        "table": table_field(grouping.declared),
    }
    return strawberry.interface(
        type("CustomReport", (Node,), namespace), description="A report: ask for its rows with `... on`."
    )


def _query(
    types: dict[str, ReportTypes],
    grouped: dict[str, ReportTypes],
    grouping: Grouping,
    report_type: Any,
    interface: type[Any],
    role: Role,
    customer_type: type[Customer],
) -> type[Any]:
    parameters_type = _parameters_input(types)

    async def resolve_custom_report(
        info: ReportInfo,
        customer: str,
        type: Any,
        from_: datetime,
        to: datetime,
        parameters: Any = None,
        basis: CountingBasis | None = CountingBasis.CALL,
        as_of: datetime | None = None,
        group_by: Any = None,
        filter_: Any = None,
    ) -> Any:
        return await asked(info, Customers.of(customer), type, from_, to, parameters, basis, as_of, group_by, filter_)

    async def resolve_custom_reports(
        info: ReportInfo,
        customers: ReportCustomers,
        type: Any,
        from_: datetime,
        to: datetime,
        parameters: Any = None,
        basis: CountingBasis | None = CountingBasis.CALL,
        as_of: datetime | None = None,
        group_by: Any = None,
        filter_: Any = None,
    ) -> Any:
        chosen = await chosen_customers(info, customers)
        return await asked(info, chosen, type, from_, to, parameters, basis, as_of, group_by, filter_)

    async def asked(
        info: ReportInfo,
        customers: Customers,
        type: Any,
        from_: datetime,
        to: datetime,
        parameters: Any,
        basis: CountingBasis | None,
        as_of: datetime | None,
        group_by: Any,
        filter_: Any,
    ) -> Any:
        chosen = types[type.value]
        given = _given_parameters(chosen, types, parameters)
        counted = basis or CountingBasis.CALL
        report, only = grouping.report(chosen.registered, group_by), grouping.filter(chosen.registered, filter_)
        request = ReportRequest(report, customers, from_, to, given, counted, role.staff, as_of, only)
        return await opened(info, request)

    async def opened(info: ReportInfo, request: ReportRequest) -> Any:
        context, report = info.context, request.report
        answer = await context.door.open(context.caller, request)
        context.answers[str(info.path.key)] = answer
        keys = report.keys if isinstance(report, GroupedReport) else None
        shown = types[report.name] if keys is None else grouped[report.name]
        return shown.report(
            id=report_id(request),
            type=report_type[report.name],
            found=[context.caller.customers[id] for id in request.customers.ids],
            from_=request.start,
            to=request.end,
            basis=request.basis,
            as_of=request.as_of,
            group_by=None if keys is None else [grouping.dimension_enum[each.constant_name] for each in keys],
            answer=answer,
        )

    arguments = {
        "type": report_type,
        "from_": datetime,
        "to": datetime,
        "parameters": parameters_type | None,
        "basis": CountingBasis | None,
        "as_of": datetime | None,
        "group_by": list_of(grouping.dimension_enum) | None,
        "filter_": grouping.filter_input | None,
    }
    described = {name: argument(kind, name) for name, kind in arguments.items()}
    of_one, of_several = argument(strawberry.ID, "customer"), argument(ReportCustomers, "report_customers")
    resolve_custom_report.__annotations__ |= {"customer": of_one, **described, "return": interface | None}
    resolve_custom_reports.__annotations__ |= {"customers": of_several, **described, "return": interface | None}

    def list_report_types(info: ReportInfo) -> list[ReportTypeInfo]:
        may_run = info.context.caller.may_run
        visible = [each.registered for each in types.values() if may_run(each.registered)]
        return [describe(each, role.staff, grouping.declared) for each in visible]

    fields = {
        "custom_report": strawberry.field(
            resolver=resolve_custom_report,
            description="A report for one customer over `from` <= time < `to`.",
        ),
        "custom_reports": strawberry.field(
            resolver=resolve_custom_reports,
            description="A report for several customers together over `from` <= time < `to`.",
        ),
        "report_types": strawberry.field(resolver=list_report_types, description="The reports that you may ask for."),
        "customer": field_of(
            customer,
            "One customer; null with an error where you see none of that id.",
            info=ReportInfo,
            id=strawberry.ID,
            returns=customer_type | None,
        ),
        "customers": field_of(
            customers,
            "The customers that you see, by id; `search` is part of a name or id.",
            info=ReportInfo,
            search=str | None,
            first=int | None,
            after=strawberry.ID | None,
            returns=list_of(customer_type),
        ),
        "groups": strawberry.field(resolver=groups, description="The groups of customers that you see, by id."),
        "customers_connection": field_of(
            customers_connection,
            "The same as a connection of Relay.",
            info=ReportInfo,
            search=str | None,
            first=int | None,
            after=str | None,
            returns=ListConnection[customer_type],  # type: ignore[valid-type]
        ),
        **node_fields({each.registered.name: each.registered for each in types.values()}, grouping, opened),
        "viewer": strawberry.field(
            resolver=viewer, description="The holder of the key or the session that this request came with."
        ),
    }
    if role is Role.ADMIN:
        fields["keys"] = strawberry.field(resolver=keys, description="All API keys, the oldest first.")
        fields["loads"] = field_of(
            loads,
            "The loads of CDRs that ended, the latest first.",
            info=ReportInfo,
            first=int | None,
            offset=int | None,
            returns=list_of(Load),
        )
        for name, resolver, item in (("keys", keys_connection, ApiKey), ("loads", loads_connection, Load)):
            fields[f"{name}_connection"] = field_of(
                resolver,
                "The same as a connection of Relay.",
                info=ReportInfo,
                first=int | None,
                after=str | None,
                returns=ListConnection[item],  # type: ignore[valid-type]
            )
    return strawberry.type(type("Query", (), fields), description="What can be asked.")


def _parameters_input(types: dict[str, ReportTypes]) -> type[Any]:
    namespace: dict[str, Any] = {"__annotations__": {}}
    for each in types.values():
        if each.parameters is not None:
            namespace["__annotations__"][each.parameters_field] = each.parameters | None
            description = f"Of {each.registered.title}."
            namespace[each.parameters_field] = strawberry.field(default=strawberry.UNSET, description=description)
    cls = type("ReportParameters", (), namespace)
    return strawberry.input(cls, one_of=True, description="The parameters of the one report that is asked for.")


def _given_parameters(chosen: ReportTypes, types: dict[str, ReportTypes], parameters: Any) -> ReportParameters:
    if parameters is None:
        return chosen.registered.report.Parameters()
    [given] = [each for each in types.values() if getattr(parameters, each.parameters_field, None)]
    if given is not chosen:
        raise InvalidInput(
            f"These are parameters of {given.registered.name}, and the report is {chosen.registered.name}."
        )
    return validated(chosen.registered, values_of(getattr(parameters, chosen.parameters_field)))
