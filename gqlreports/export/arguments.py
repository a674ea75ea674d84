"""Parses the arguments of an export: those of the report and of the part's fields in GraphQL, and those of the file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from gqlreports.backends.base import Customers
from gqlreports.errors import InvalidInput, NotFound
from gqlreports.export.columns import chosen_columns
from gqlreports.export.export import Export
from gqlreports.export.fields import argument_names, coerced_arguments, field_arguments, field_names, parsed_json
from gqlreports.export.parts import CallsPart, ComparedPart, ExportPart, RowsPart, SubtotalsPart, TimelinePart
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.door import CustomerChoice
from gqlreports.schema.plan.calls import Cursor
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.printing import UTC
from gqlreports.schema.plan.rows import Page
from gqlreports.schema.query import ReportsSchema
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.time import zone
from gqlreports.schema.types.columns import ReportColumns, validated, values_of
from gqlreports.schema.types.comparison import compared_order, previous_request
from gqlreports.schema.types.report import subtotal_keys
from gqlreports.schema.types.timeline import SERIES, series_keys, timeline_buckets, timeline_series

PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "rows": (("Report", "rows"),),
    "subtotals": (("Report", "subtotals"),),
    "timeline": (("Report", "timeline"),),
    "comparison": (("Report", "comparison"), ("Comparison", "rows")),
    "calls": (("Report", "calls"),),
}
"""The parts of a report that can be exported, each with the types and fields whose arguments it has."""

_OF_REPORT = ("customer", "from", "to", "basis", "asOf")
_OF_FACT = ("groupBy", "filter")
_OF_FILE = ("columns", "timeZone", "count")
_OF_PAGE = ("first", "offset")
Chosen: TypeAlias = Callable[[CustomerChoice], Customers]
"""The customers of a choice; see `CustomerChoice.customers`."""
_FLAGS = {"true": True, "false": False}
_MOST = (1 << 63) - 1
"""More rows than there are, where a statement needs a number."""


def export_of(
    report: RegisteredReport,
    part: str,
    schema: ReportsSchema,
    staff: bool,
    masked: int,
    given: Iterable[tuple[str, str]],
    chosen: Chosen,
) -> Export:
    """Build an export from the arguments of its address; `schema` is the schema of the caller's role.

    The last `masked` characters of numbers are hidden.  Raises NotFound for a part that the report does not have,
    InvalidInput with a message that names the invalid argument, and whatever `chosen` raises.
    """
    check_part(schema, report, part)
    own = part_arguments(schema, report, part)
    texts = _once(given, list(dict.fromkeys((*_OF_REPORT, "customers", *_OF_FACT, "parameters", *own, *_OF_FILE))))
    request = replace(_request(report, schema, staff, texts, chosen), masked=masked)
    made = part_of(schema, request, part, texts)
    columns = made.usual(request)
    if "columns" in texts:
        columns = chosen_columns(made.known(request), texts["columns"].split(","))
    shown_zone = zone(texts.get("timeZone", UTC)).key
    return Export(request, made, columns, shown_zone, _flag(texts, "count"))


def check_part(schema: ReportsSchema, report: RegisteredReport, part: str) -> None:
    """Raise NotFound if a report has no such part."""
    fields = field_names(schema, f"{report.type_name}Report")
    there = [name for name in PARTS if name in fields]
    if part not in there:
        raise NotFound(f"{report.name} has no part {part[:64]!r} to export; there are {', '.join(there)}.")


def part_arguments(schema: ReportsSchema, report: RegisteredReport, part: str) -> list[str]:
    """The names of the arguments of a part."""
    fields = ((f"{report.type_name}{suffix}", field) for suffix, field in PARTS[part])
    return [name for type_name, field in fields for name in argument_names(schema, type_name, field)]


def part_of(schema: ReportsSchema, request: ReportRequest, name: str, texts: Mapping[str, str]) -> ExportPart:
    """Build a part from the texts of its arguments.  Raises InvalidInput; the message names the invalid argument."""
    report, columns = request.report, ReportColumns(request.report, request.staff)
    of_fields = {name: text for name, text in texts.items() if name not in _OF_PAGE}
    values: dict[str, Any] = {}
    for suffix, field in PARTS[name]:
        values |= field_arguments(schema, f"{report.type_name}{suffix}", field, of_fields)
    where, order_by, time_zone = columns.where(values.get("where")), values.get("order_by"), values.get("time_zone")
    first, offset = _whole(texts, "first"), _whole(texts, "offset")
    if name == "comparison":
        previous, compared = previous_request(request, values["with_"], time_zone), compared_order(columns, order_by)
        return ComparedPart(previous, compared, where, _page((), first, offset))
    if name == "timeline":
        keys, n = series_keys(columns, request, values.get("by"), values.get("series", SERIES))
        found = timeline_buckets(request, n, values["every"], time_zone, values.get("week_start"))
        return TimelinePart(found, timeline_series(columns, keys, values.get("series_by")), n, where)
    if name == "calls":
        after = values.get("after")
        return CallsPart(where, first, Cursor.parse(after) if after is not None else None)
    page = _page(columns.order(order_by), first, offset)
    if name == "subtotals":
        return SubtotalsPart(subtotal_keys(columns, request, values["by"], page.order), where, page)
    return RowsPart(where, page)


def _page(order: Any, first: int | None, offset: int | None) -> Page:
    return Page(order, _MOST if offset and first is None else first, offset or 0)


def _request(
    report: RegisteredReport, schema: ReportsSchema, staff: bool, texts: Mapping[str, str], chosen: Chosen
) -> ReportRequest:
    if "customer" in texts and "customers" in texts:
        raise InvalidInput("Give `customer`, or `customers` for several together.")
    field = "customReports" if "customers" in texts else "customReport"
    given: dict[str, Any] = {name: texts[name] for name in _OF_REPORT if name in texts}
    if "customers" in texts:
        given["customers"] = parsed_json("customers", texts["customers"])
    given |= {name: parsed_json(name, texts[name]) for name in _OF_FACT if name in texts}
    given |= {"type": report.name, "parameters": _parameters(report, texts)}
    values = coerced_arguments(schema, "Query", field, given)
    own = getattr(values["parameters"], report.name.lower(), None)
    parameters = validated(report, values_of(own) if own else {})
    basis = values.get("basis") or CountingBasis.CALL
    start, end, as_of = values["from_"], values["to"], values.get("as_of")
    choice = values["customers"].choice if "customers" in values else CustomerChoice((values["customer"],))
    grouped, only = grouping_arguments(schema, report, values)
    return ReportRequest(grouped, chosen(choice), start, end, parameters, basis, staff, as_of, only)


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
    given = parsed_json("parameters", texts["parameters"]) if "parameters" in texts else None
    if not given:
        return None
    if not report.report.Parameters.model_fields:
        raise InvalidInput(f"{report.name} has no `parameters`.")
    return {report.type_name[0].lower() + report.type_name[1:]: given}


def _once(given: Iterable[tuple[str, str]], known: list[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, text in given:
        if name not in known:
            raise InvalidInput(f"There is no argument {name[:64]!r}; there are {', '.join(known)}.")
        if name in texts:
            raise InvalidInput(f"The argument `{name}` is given twice.")
        texts[name] = text
    return texts


def _whole(texts: Mapping[str, str], name: str) -> int | None:
    """A number of rows; None if it is not given."""
    text = texts.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= _MOST and len(text) <= 19):
        raise InvalidInput(f"`{name}` is {text[:64]!r}, and must be a whole number from 0 on.")
    return int(text)


def _flag(texts: Mapping[str, str], name: str) -> bool:
    text = texts.get(name, "true")
    if text not in _FLAGS:
        raise InvalidInput(f"`{name}` is {text[:64]!r}, and must be true or false.")
    return _FLAGS[text]
