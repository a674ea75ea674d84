"""All commands of `gqlreports`."""

from typing import Annotated

import typer

from gqlreports import __version__
from gqlreports.cli import (
    authoring,
    erasing,
    groups,
    keys,
    layouts,
    listing,
    loading,
    migrating,
    retaining,
    running,
    serving,
    users,
    watching,
)

app = typer.Typer(
    help="Reports over call detail records in ClickHouse, as a GraphQL API.\n\n"
    "GQLREPORTS_HOME is the data directory (default ./gqlreports-data).  GQLREPORTS_STORE (chdb://PATH or "
    "clickhouse://HOST) and GQLREPORTS_DIRECTORY (an SQLAlchemy URL) put the CDR store and the directory elsewhere.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gqlreports {__version__}")
        raise typer.Exit


@app.callback()
def gqlreports(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command()(serving.serve)
app.command()(serving.demo)
app.command("migrate")(migrating.migrate_store)
app.command()(migrating.copy)
app.command()(running.run)
app.command()(running.explain)
app.command()(listing.reports)
app.command("new-report")(authoring.new_report)
app.command()(listing.sdl)
app.command()(listing.audit)
app.command()(watching.watch)
app.command("loads")(loading.list_loads)
app.command("unload")(loading.unload_cdrs)
app.command()(retaining.retain)
app.command()(erasing.erase)
app.add_typer(loading.app, name="load")
app.add_typer(layouts.app, name="layouts")
app.add_typer(keys.app, name="key")
app.add_typer(users.app, name="user")
app.add_typer(groups.app, name="group")
