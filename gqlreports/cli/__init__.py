"""The command `gqlreports`."""

import typer

from gqlreports.cli import audit, keys, loading, migrating, reports, running, sdl, serving, users

app = typer.Typer(
    help="Reports over call detail records in ClickHouse, as a GraphQL API.\n\n"
    "GQLREPORTS_HOME is the data directory (default ./gqlreports-data).  GQLREPORTS_STORE (chdb://PATH or "
    "clickhouse://HOST) and GQLREPORTS_DIRECTORY (an SQLAlchemy URL) put the CDR store and the directory elsewhere.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serving.serve)
app.command()(serving.demo)
app.command("migrate")(migrating.migrate_store)
app.command()(migrating.copy)
app.command()(running.run)
app.command()(running.explain)
app.command()(reports.reports)
app.command()(sdl.sdl)
app.command()(audit.audit)
app.add_typer(loading.app, name="load")
app.add_typer(keys.app, name="key")
app.add_typer(users.app, name="user")
