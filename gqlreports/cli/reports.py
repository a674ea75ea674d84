"""`gqlreports reports`."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gqlreports.cli.printing import print_table
from gqlreports.cli.support import told
from gqlreports.plugins.registry import Registry


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
