"""Parses the arguments of an export's URL: those of the GraphQL query, with objects and lists as JSON."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from graphql import GraphQLObjectType, OperationDefinitionNode, get_variable_values, parse
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryObjectDefinition

from gqlreports.errors import InvalidInput
from gqlreports.export.export import Export, chosen_columns
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.printing import UTC
from gqlreports.schema.plan.rows import Order
from gqlreports.schema.query import ReportsSchema
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.time import zone
from gqlreports.schema.types.columns import ReportColumns, validated, values_of

_VARIABLE = re.compile(r"^Variable '\$(\w+)'")


def field_arguments(schema: ReportsSchema, type_name: str, field: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert arguments, given by their GraphQL names, to the arguments of the field's resolver.

    Raises InvalidInput for a value that does not have the argument's type, or for a missing required argument.
    """
    object_type = schema._schema.type_map[type_name]
    assert isinstance(object_type, GraphQLObjectType)
    known = object_type.fields[field].args
    # A query that declares the arguments as variables, so that GraphQL itself checks and converts the values.
    needed = {name: known[name].type for name in known if name in given or str(known[name].type).endswith("!")}
    if not needed:
        return {}
    [operation] = parse(f"query ({' '.join(f'${name}: {kind}' for name, kind in needed.items())}) {{ x }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(schema._schema, operation.variable_definitions or (), dict(given))
    if isinstance(values, list):
        raise InvalidInput(_VARIABLE.sub(r"`\1`", values[0].message))
    definition = schema.get_type_by_name(type_name)
    assert isinstance(definition, StrawberryObjectDefinition)
    arguments = next(
        each.arguments for each in definition.fields if schema.config.name_converter.from_field(each) == field
    )
    return convert_arguments(values.coerced, arguments, schema.schema_converter.scalar_registry, schema.config)


_OF_REPORT = ("customer", "from", "to", "basis", "asOf")
_OF_FACT = ("groupBy", "filter")
_OF_ROWS = ("where", "orderBy")
ARGUMENTS = (*_OF_REPORT, *_OF_FACT, "parameters", *_OF_ROWS, "columns", "timeZone", "count")
_FLAGS = {"true": True, "false": False}


def export_of(report: RegisteredReport, schema: ReportsSchema, staff: bool, given: Iterable[tuple[str, str]]) -> Export:
    """Build an export from the arguments of its URL; `schema` is the schema of the caller's role.

    Raises InvalidInput; the message names the invalid argument.
    """
    texts = _once(given)
    request = _request(report, schema, staff, texts)
    columns = chosen_columns(request, texts["columns"].split(",") if "columns" in texts else None)
    where, order = rows_arguments(schema, request, {name: _json(texts, name) for name in _OF_ROWS if name in texts})
    shown_zone = zone(texts.get("timeZone", UTC)).key
    return Export(request, columns, order, where, shown_zone, _flag(texts, "count"))


def rows_arguments(
    schema: ReportsSchema, request: ReportRequest, given: Mapping[str, Any]
) -> tuple[Where, tuple[Order, ...]]:
    """Parse `where` and `orderBy`, the arguments of the field `rows`.  Raises InvalidInput."""
    values = field_arguments(schema, f"{request.report.type_name}Report", "rows", given)
    columns = ReportColumns(request.report, request.staff)
    return columns.where(values.get("where")), columns.order(values.get("order_by"))


def _request(report: RegisteredReport, schema: ReportsSchema, staff: bool, texts: Mapping[str, str]) -> ReportRequest:
    given: dict[str, Any] = {name: texts[name] for name in _OF_REPORT if name in texts}
    given |= {name: _json(texts, name) for name in _OF_FACT if name in texts}
    given |= {"type": report.name, "parameters": _parameters(report, texts)}
    values = field_arguments(schema, "Query", "customReport", given)
    own = getattr(values["parameters"], report.name.lower(), None)
    parameters = validated(report, values_of(own) if own else {})
    basis = values.get("basis") or CountingBasis.CALL
    start, end, as_of = values["from_"], values["to"], values.get("as_of")
    grouped, only = grouping_arguments(schema, report, values)
    return ReportRequest(grouped, values["customer"], start, end, parameters, basis, staff, as_of, only)


def grouping_arguments(
    schema: ReportsSchema, report: RegisteredReport, values: Mapping[str, Any]
) -> tuple[RegisteredReport, Where]:
    """The report as `groupBy` groups it, and its `filter`, from converted arguments of `customReport`.

    Raises InvalidInput and LimitExceeded.
    """
    grouping = schema.grouping
    return grouping.report(report, values.get("group_by")), grouping.filter(report, values.get("filter_"))


def _parameters(report: RegisteredReport, texts: Mapping[str, str]) -> object:
    """The parameters as the GraphQL query takes them: in an object, under the report's name."""
    given = _json(texts, "parameters") if "parameters" in texts else None
    if not given:
        return None
    if not report.report.Parameters.model_fields:
        raise InvalidInput(f"{report.name} has no `parameters`.")
    return {report.type_name[0].lower() + report.type_name[1:]: given}


def _once(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, text in given:
        if name not in ARGUMENTS:
            raise InvalidInput(f"There is no argument {name[:64]!r}; there are {', '.join(ARGUMENTS)}.")
        if name in texts:
            raise InvalidInput(f"The argument `{name}` is given twice.")
        texts[name] = text
    return texts


def _json(texts: Mapping[str, str], name: str) -> Any:
    try:
        return orjson.loads(texts[name])
    except orjson.JSONDecodeError:
        raise InvalidInput(f"`{name}` is not JSON.") from None


def _flag(texts: Mapping[str, str], name: str) -> bool:
    text = texts.get(name, "true")
    if text not in _FLAGS:
        raise InvalidInput(f"`{name}` is {text[:64]!r}, and must be true or false.")
    return _FLAGS[text]
