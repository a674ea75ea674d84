"""`gqlreports reports`, `sdl` and `audit`: commands that list report types, the schema and the audit."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from graphql import GraphQLError, build_schema
from graphql.utilities import find_breaking_changes

from gqlreports.backends.connect import missing_store
from gqlreports.cli.support import directory_of, error_boundary, moment_of, print_warning, with_backend
from gqlreports.cli.table import TextTable
from gqlreports.config import Settings
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput, NotInstalled, StoreError
from gqlreports.plugins.registry import Registry
from gqlreports.schema import query
from gqlreports.schema.inspection import inspected
from gqlreports.schema.scalars import print_moment
from gqlreports.schema.time import zone


def reports(strict: Annotated[bool, typer.Option("--strict", help="Fail at a plugin that is wrong.")] = False) -> None:
    """List the report types, and the plugins that were left out; the exit code is 1 if there are any.

    The store explains the statements of the reports, if there is a store.
    """
    with error_boundary() as settings:
        registry = Registry.load(strict=strict)
        if missing_store(settings) is None:
            registry = _inspected(settings, registry, strict)
    table = TextTable(("type", "package", "what it is"), prose={"what it is"})
    for each in registry.reports.values():
        table.add(each.name, each.distribution, each.description)
    for refused in registry.refused:
        table.add(refused.name, refused.distribution, f"left out: {refused.error}")
    table.print()
    raise typer.Exit(1 if registry.refused else 0)


def _inspected(settings: Settings, registry: Registry, strict: bool) -> Registry:
    try:
        return with_backend(settings, registry, lambda backend: inspected(registry, backend, strict))
    except (StoreError, NotInstalled) as error:
        why = error.for_operators if isinstance(error, StoreError) else error
        print_warning(f"The store has not explained the reports. {why}")
        return registry


def sdl(
    partner: Annotated[bool, typer.Option("--partner", help="As partners see it.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="As admins see it.")] = False,
    federation: Annotated[
        bool, typer.Option("--federation", help="As a subgraph, for a router of Apollo Federation.")
    ] = False,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Print what would break callers who know the schema in FILE, instead."),
    ] = None,
) -> None:
    """Print the GraphQL schema; needs no store.  With --check the exit code is 1 if it breaks an earlier one."""
    with error_boundary():
        role = Role.PARTNER if partner else Role.ADMIN if admin else Role.STAFF
        printed = query.build_schema(Registry.load(), role, federation=federation).as_str()
        if check is None:
            typer.echo(printed)
            return
        changes = find_breaking_changes(build_schema(_read(check)), build_schema(printed))
    for change in changes:
        typer.echo(change.description)
    typer.echo(f"{len(changes)} breaking changes" if changes else "no breaking change", err=True)
    raise typer.Exit(1 if changes else 0)


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
        build_schema(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read ({type(error).__name__}).") from error
    except (GraphQLError, TypeError) as error:
        raise InvalidInput(f"{file} is no GraphQL schema: {str(error).splitlines()[0]}") from error
    return text


def audit(
    customer: Annotated[str | None, typer.Option(help="Only reports for this customer.")] = None,
    caller: Annotated[
        str | None, typer.Option(help="Only those of this key id, user: and a name, or oidc: and a subject.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only since then: 2025-10-20.")] = None,
    first: Annotated[int, typer.Option(min=1, help="How many, the latest first.")] = 100,
) -> None:
    """List who ran which report for which customer and range, when and from where."""
    with error_boundary() as settings:
        moment = None if since is None else moment_of("--since", since, zone(None))
        runs = directory_of(settings).report_runs(first, customer=customer, caller=caller, since=moment)
    table = TextTable(("at", "caller", "name", "source", "report", "customer", "from", "to", "request"))
    for each in runs:
        at, from_, to = (_shown(moment) for moment in (each.at, each.range_start, each.range_end))
        who = (each.caller, each.name, each.source or "")
        table.add(at, *who, each.report_type, each.customer_id, from_, to, each.request_id)
    table.print()


def _shown(moment: datetime) -> str:
    return print_moment(moment.replace(tzinfo=UTC))
