"""An export from the arguments of an address: those of the query, objects and lists as JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from gqlreports.errors import InvalidInput
from gqlreports.export.export import Export, chosen_columns
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.arguments import field_arguments
from gqlreports.schema.plan.cells import UTC
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.rows import Order
from gqlreports.schema.query import ReportsSchema
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.types.parameters import validated, values_of
from gqlreports.schema.types.shared import ReportColumns
from gqlreports.schema.zones import zone

_OF_REPORT = ("customer", "from", "to", "basis", "asOf")
_OF_ROWS = ("where", "orderBy")
ARGUMENTS = (*_OF_REPORT, "parameters", *_OF_ROWS, "columns", "timeZone", "count")
_FLAGS = {"true": True, "false": False}


def export_of(report: RegisteredReport, schema: ReportsSchema, staff: bool, given: Iterable[tuple[str, str]]) -> Export:
    """Raises InvalidInput, naming the argument that is wrong.

    `schema` is that of the caller's role.
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
    """What `where` and `orderBy` of the field `rows` mean.  Raises InvalidInput."""
    values = field_arguments(schema, f"{request.report.type_name}Report", "rows", given)
    columns = ReportColumns(request.report, request.staff)
    return columns.where(values.get("where")), columns.order(values.get("order_by"))


def _request(report: RegisteredReport, schema: ReportsSchema, staff: bool, texts: Mapping[str, str]) -> ReportRequest:
    given: dict[str, Any] = {name: texts[name] for name in _OF_REPORT if name in texts}
    given |= {"type": report.name, "parameters": _parameters(report, texts)}
    values = field_arguments(schema, "Query", "customReport", given)
    own = getattr(values["parameters"], report.name.lower(), None)
    parameters = validated(report, values_of(own) if own else {})
    basis = values.get("basis") or CountingBasis.CALL
    start, end, as_of = values["from_"], values["to"], values.get("as_of")
    return ReportRequest(report, values["customer"], start, end, parameters, basis, staff, as_of)


def _parameters(report: RegisteredReport, texts: Mapping[str, str]) -> object:
    """The parameters of a report as the query has them: under its name."""
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
