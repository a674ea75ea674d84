"""The tools: their names, what they are told to be for, their arguments, and what they do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gqlreports.agents import arguments, catalogue, running
from gqlreports.agents.agent import Agent
from gqlreports.agents.arguments import Arguments, checked, schema_of

INSTRUCTIONS = (
    "Reports over the call detail records of voice customers. Begin with list_reports and list_customers; "
    "describe_report names the columns of a report, run_report asks for its figures, explain_figure says what one "
    "means. Answers are CSV. Take figures over several rows from the totals, and do not compute them from rows."
)


@dataclass(frozen=True)
class AgentTool:
    """A tool; `run` is called with arguments of the type `arguments`."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Agent, Any], Awaitable[str]]

    @property
    def schema(self) -> dict[str, Any]:
        return schema_of(self.arguments)

    async def answer(self, agent: Agent, given: Mapping[str, Any]) -> str:
        """The tool's answer, a text.  Raises ReportsError."""
        return await self.run(agent, checked(self.arguments, given))


_ALL = (
    AgentTool("list_reports", "The reports that this key may run.", arguments.ListReports, catalogue.list_reports),
    AgentTool(
        "list_customers", "The customers that this key sees, by id.", arguments.ListCustomers, catalogue.list_customers
    ),
    AgentTool(
        "describe_report",
        "A report's columns, with units and meanings, and its parameters.",
        arguments.DescribeReport,
        catalogue.describe_report,
    ),
    AgentTool(
        "run_report",
        "Rows of a report for one customer over a range, and the totals of all rows that match.",
        arguments.RunReport,
        running.run_report,
    ),
    AgentTool(
        "list_calls",
        "The calls (CDRs) behind a report's rows that match, by time. Numbers may be masked.",
        arguments.ListCalls,
        running.list_calls,
    ),
    AgentTool(
        "explain_figure",
        "What a figure means: definition, formula, numerator and denominator, caveats.",
        arguments.ExplainFigure,
        catalogue.explain_figure,
    ),
)
TOOLS = {each.name: each for each in _ALL}
