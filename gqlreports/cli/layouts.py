"""`gqlreports layouts`: the layouts of switches' files."""

from typing import Annotated

import typer

from gqlreports.cli.support import error_boundary
from gqlreports.cli.table import TextTable
from gqlreports.store.cdr_columns import COLUMNS, Kind
from gqlreports.store.layout import layout_text, shipped
from gqlreports.tables import cdr

app = typer.Typer(help="List the layouts of switches' files.", invoke_without_command=True)


@app.callback()
def layouts(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        table = TextTable(("layout", "what it reads"), prose={"what it reads"})
        for layout in shipped().values():
            table.add(layout.name, layout.about)
        table.print()


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The layout, as `gqlreports layouts` lists it.")],
) -> None:
    """Print a layout, to read or to start one of your own from."""
    with error_boundary():
        typer.echo(layout_text(name), nl=False)


@app.command()
def columns() -> None:
    """List the columns of a CDR that a layout can fill."""
    table = TextTable(("column", "form", "what it holds"), prose={"what it holds"})
    for column in COLUMNS:
        table.add(column.name, _FORMS[column.kind], cdr.c[column.name].doc or "")
    table.add("answer_time", "time", "Moment of the answer; empty if the call was not answered.")
    table.add("extra.NAME", "text", "Anything else, by a name of your choice.")
    table.print()


_FORMS = {
    Kind.TEXT: "text",
    Kind.MOMENT: "time",
    Kind.WHOLE: "whole number",
    Kind.MONEY: "money",
    Kind.SECONDS: "seconds",
    Kind.QUALITY: "number",
}
