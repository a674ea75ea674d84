"""`gqlreports run`, `reports` and `sdl`."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gqlreports.backends.base import Backend
from gqlreports.cli.printing import Format, print_report, print_table
from gqlreports.cli.support import directory_of, moment_of, told, with_backend
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import InvalidInput
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.types.parameters import validated

_OPERATOR = Principal("", "shell", Role.STAFF, None)


def run(
    type: Annotated[str, typer.Argument(metavar="TYPE", help="Report type, as `gqlreports reports` lists it.")],
    customer: Annotated[str, typer.Option(help="Customer id.")],
    from_: Annotated[str, typer.Option("--from", help="First moment of the range: 2025-10-20T00:00:00Z.")],
    to: Annotated[str, typer.Option(help="Moment at which the range ends; it is no part of it.")],
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter; repeat for more.")] = None,
    basis: Annotated[CountingBasis, typer.Option(help="What counts as one attempt.")] = CountingBasis.CALL,
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.TABLE,
) -> None:
    """Print a report."""
    with told() as settings:
        report = _report(type)
        parameters = validated(report, dict(_parameter(each) for each in param or []))
        found = directory_of(settings).customer(_OPERATOR, customer)
        request = ReportRequest(
            report, found.id, moment_of("--from", from_), moment_of("--to", to), parameters, basis, staff=True
        )

        async def printed(backend: Backend) -> None:
            await print_report(ReportAnswer(request, backend), format)

        with_backend(settings, printed)


def reports(strict: Annotated[bool, typer.Option("--strict", help="Fail at a plugin that is wrong.")] = False) -> None:
    """List the report types, and the plugins that were left out; the exit code is 1 if there are any."""
    with told():
        registry = Registry.load(strict=strict)
    table = Table("type", "package", "what it is")
    for each in registry.reports.values():
        table.add_row(each.name, each.distribution, escape(each.description))
    for refused in registry.refused:
        table.add_row(refused.name, refused.distribution, f"[red]left out[/red]: {escape(refused.error)}")
    print_table(table)
    raise typer.Exit(1 if registry.refused else 0)


def _report(name: str) -> RegisteredReport:
    known = Registry.load().reports
    if name not in known:
        raise InvalidInput(f"There is no report type {name}; there are {', '.join(known)}.")
    return known[name]


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"--param {text}: write NAME=VALUE, as in side=ORIGINATING.")
    return name, value
