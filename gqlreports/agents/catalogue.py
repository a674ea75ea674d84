"""The tools that say what there is: customers, reports, their columns, and what a figure means."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from gqlreports.agents.agent import Agent
from gqlreports.agents.arguments import DescribeReport, ExplainFigure, ListCustomers, ListReports
from gqlreports.agents.tables import table
from gqlreports.errors import NotFound

_REPORTS = "query list_reports { reportTypes { name description } }"
_CUSTOMERS = """query list_customers($search: String, $first: Int) {
  customers(search: $search, first: $first) { id name currency }
}"""
_DESCRIBED = """query describe_report {
  reportTypes {
    name description listsCalls
    columns { name kind type unit description }
    parameters { name type values default description }
  }
}"""
_EXPLAINED = """query explain_figure {
  reportTypes {
    name
    columns {
      name description kind unit formula numerator denominator nullable additivity format inTotals staffOnly keyWhen
    }
  }
}"""


async def list_reports(agent: Agent, given: ListReports) -> str:
    found = (await agent.ask(_REPORTS, {}))["reportTypes"]
    return _listed(("report", "description"), [(each["name"], each["description"]) for each in found])


async def list_customers(agent: Agent, given: ListCustomers) -> str:
    # One more tells whether there are more.
    found = (await agent.ask(_CUSTOMERS, {"search": given.search or None, "first": given.rows + 1}))["customers"]
    names = ("id", "name", "currency")
    text, shown = table(names, [[each[name] for name in names] for each in found[: given.rows]])
    return text if shown == len(found) else f"{text}\nThere are more: `search` for a part of a name or id."


async def describe_report(agent: Agent, given: DescribeReport) -> str:
    name = agent.report(given.report).name
    [found] = [each for each in (await agent.ask(_DESCRIBED, {}))["reportTypes"] if each["name"] == name]
    columns = [
        (each["name"], each["kind"].lower(), each["type"], each["unit"] or "-", each["description"])
        for each in found["columns"]
    ]
    parameters = [
        (each["name"], _kind(each), _default(each), each["description"] or "-") for each in found["parameters"]
    ]
    parts = [f"{name}: {found['description']}", _listed(("column", "kind", "type", "unit", "meaning"), columns)]
    if parameters:
        parts.append(_listed(("parameter", "type", "default", "meaning"), parameters))
    if found["listsCalls"]:
        parts.append(f"list_calls lists its calls; their columns: {' '.join(agent.call_columns)}")
    return "\n".join(parts)


def _listed(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text, shown = table(names, rows)
    return text if shown == len(rows) else f"{text}\n{len(rows) - shown} more are left out: there is no room for them"


def _kind(parameter: Mapping[str, Any]) -> str:
    return "|".join(parameter["values"]) if parameter["values"] else parameter["type"]


def _default(parameter: Mapping[str, Any]) -> Any:
    """The default, which the catalogue has as a literal of GraphQL: JSON, or the name of an enum's value."""
    return parameter["default"] if parameter["values"] else orjson.loads(parameter["default"])


async def explain_figure(agent: Agent, given: ExplainFigure) -> str:
    only = agent.report(given.report).name if given.report else None
    columns = [
        (report["name"], column)
        for report in (await agent.ask(_EXPLAINED, {}))["reportTypes"]
        if only in (None, report["name"])
        for column in report["columns"]
    ]
    explained: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for report, column in columns:
        if column["name"].casefold() == given.figure.casefold():
            explained[column["name"], "\n".join(_explanation(column))].append(report)
    if not explained:
        place = f" in {only}" if only else ""
        names = ", ".join(dict.fromkeys(column["name"] for _, column in columns))
        raise NotFound(f"There is no figure {given.figure[:64]!r}{place}; there are {names}.")
    return "\n\n".join(f"{name} of {', '.join(reports)}\n{text}" for (name, text), reports in explained.items())


def _explanation(column: Mapping[str, Any]) -> Iterator[str]:
    yield f"definition: {column['description']}"
    if column["numerator"]:
        yield f"formula: numerator / denominator\nnumerator: {column['numerator']}"
        yield f"denominator: {column['denominator']}"
    elif column["formula"]:
        yield f"formula: {column['formula']}"
    if column["unit"]:
        yield f"unit: {'the currency in column ' if column['format'] == 'MONEY' else ''}{column['unit']}"
    caveats = list(_caveats(column))
    if caveats:
        yield f"caveats: {'; '.join(caveats)}"


def _caveats(column: Mapping[str, Any]) -> Iterator[str]:
    if column["kind"] == "DIMENSION":
        when = f" where the parameter {column['keyWhen']} is true" if column["keyWhen"] else ""
        yield f"rows are grouped by it{when}"
    elif column["denominator"]:
        yield "null where the denominator is 0"
    elif column["additivity"] == "WITHIN_CURRENCY":
        yield "null where several currencies come together, which are never added"
    elif column["nullable"]:
        yield "null where there is nothing to compute it from"
    if column["additivity"] == "NOT_ADDITIVE":
        yield "never add or average the rows' values: the totals are computed anew from the calls"
    if not column["inTotals"]:
        yield "the totals do not have it"
    if column["staffOnly"]:
        yield "only staff see it"
