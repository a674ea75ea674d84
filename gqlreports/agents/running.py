"""The tools that ask the store: a report's rows with their totals, and the calls behind them."""

from collections.abc import Mapping
from typing import Any

from gqlreports.agents.agent import Agent
from gqlreports.agents.arguments import ListCalls, RunReport
from gqlreports.agents.documents import ReportDocument, chosen, order
from gqlreports.agents.tables import BLANK, cell, line, table
from gqlreports.errors import InvalidInput
from gqlreports.schema.plan.grain import total_columns

_USUAL_CALL = (
    "dt",
    "account",
    "destCli",
    "destNumber",
    "duration",
    "customerCharge",
    "customerCardCurrency",
    "sipCode",
)
"""The columns of a call that are shown unless others are asked for."""


async def run_report(agent: Agent, given: RunReport) -> str:
    report = agent.report(given.report)
    known = agent.columns(report)
    columns = chosen(given.columns, known, lambda each: each.graphql_name) or list(known)
    document = ReportDocument.of("run_report", report, given)
    document.declare("basis", "CountingBasis", given.basis)
    document.declare("first", "Int", given.rows)
    if given.order_by:
        document.declare("orderBy", f"[{report.type_name}Order!]", order(known, given.order_by))
    names = [column.graphql_name for column in columns]
    summed = [column.graphql_name for column in total_columns(tuple(columns))]
    matching = document.arguments("where")
    fields = [
        f"rows{document.arguments('where', 'orderBy', 'first')} {{ {' '.join(names)} }}",
        f"rowCount{matching}",
    ]
    if summed:
        fields.append(f"totals{matching} {{ {' '.join(summed)} }}")
    found = (await agent.ask(document.text(*fields), document.variables))["customReport"]
    text, shown = table(names, ([row[name] for name in names] for row in found["rows"]))
    count = found["rowCount"]
    parts = [_heading(document, found, f", basis {given.basis}"), text]
    if summed:
        totals = found["totals"]
        parts += [f"totals of all {count} rows:", line(totals[name] if name in summed else BLANK for name in names)]
    parts.append(_shown("rows", shown, count, "`order_by`, `where`, `rows` and fewer `columns` bring others"))
    return "\n".join(parts)


async def list_calls(agent: Agent, given: ListCalls) -> str:
    report = agent.report(given.report)
    if not report.report.lists_calls():
        raise InvalidInput(f"{report.name} is not about calls, so there are none to list.")
    known = agent.call_columns
    usual = [name for name in _USUAL_CALL if name in known]
    names = chosen(given.columns, known, str) or usual
    document = ReportDocument.of("list_calls", report, given)
    document.declare("first", "Int", given.rows)
    calls = f"calls{document.arguments('where', 'first')} {{ {' '.join(names)} }}"
    asked = document.text(calls, f"callCount{document.arguments('where')}")
    found = (await agent.ask(asked, document.variables))["customReport"]
    text, shown = table(names, ([call[name] for name in names] for call in found["calls"]))
    advice = "a later `from`, `where`, `rows` and fewer `columns` bring others"
    return "\n".join((_heading(document, found), text, _shown("calls", shown, found["callCount"], advice)))


def _shown(what: str, shown: int, count: int, advice: str) -> str:
    """How many of all are shown; some may have come since those were read."""
    left = max(0, count - shown)
    return f"{shown} of {shown + left} {what} shown{f', {left} left out: {advice}' if left else ''}"


def _heading(document: ReportDocument, found: Mapping[str, Any], more: str = "") -> str:
    given, customer = document.variables, found["customer"]
    through = f"calls are loaded through {found['dataThrough']}" if found["dataThrough"] else "no calls are loaded yet"
    return (
        f"{document.report.name} of customer {cell(given['customer'])} "
        f"({cell(customer['name'])}, {customer['currency']}), {given['from']} to {given['to']}{more}; {through}"
    )
