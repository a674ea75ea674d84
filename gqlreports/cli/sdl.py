"""`gqlreports sdl`: the schema as text, and whether it still serves those who knew an earlier one."""

from pathlib import Path
from typing import Annotated

import typer
from graphql import GraphQLError, build_schema
from graphql.utilities import find_breaking_changes

from gqlreports.cli.support import told
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput
from gqlreports.plugins.registry import Registry
from gqlreports.schema import query


def sdl(
    partner: Annotated[bool, typer.Option("--partner", help="As partners see it.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="As admins see it.")] = False,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Print what would break callers who know the schema in FILE, instead."),
    ] = None,
) -> None:
    """Print the GraphQL schema; needs no store.  With --check the exit code is 1 if it breaks an earlier one."""
    with told():
        role = Role.PARTNER if partner else Role.ADMIN if admin else Role.STAFF
        printed = query.build_schema(Registry.load(), role).as_str()
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
