"""`gqlreports erase`: erases a person's number from the store."""

from collections.abc import Sequence
from typing import Annotated

import typer

from gqlreports.cli.support import confirm, error_boundary, print_warning, with_backend
from gqlreports.plugins.registry import Registry
from gqlreports.store.erasure import Found, erase_number, find_number
from gqlreports.store.phone_number import parse_number

_NAMED = 20
"""How many files are named."""


def erase(
    number: Annotated[str, typer.Option(help="The number, such as +12125550142; separators do not matter.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
) -> None:
    """Erase a person's number from all calls for good, so that figures stay as they are.

    A number that is nobody's takes its place.  Files that were loaded, backups and logs are yours to clear.
    """
    with error_boundary() as settings:
        wanted, registry = parse_number(number), Registry.load()
        found = with_backend(settings, registry, lambda backend: find_number(backend, wanted))
        _print_found(found)
        if dry_run:
            typer.echo("Nothing was changed.")
            return
        confirm("Erase the number for good?", yes)
        done = with_backend(settings, registry, lambda backend: erase_number(backend, wanted))
        left = "only what the notes name is left" if done.others else "none of it is left"
        if found.rows and not done.rows:
            typer.echo(f"An erasure that was begun before has changed the rows; {left} on the store's disk")
        else:
            typer.echo(f"{done.rows} rows changed; {left} on the store's disk")


def _print_found(found: Found) -> None:
    typer.echo(f"{found.rows} rows hold the number")
    for column, rows in sorted(found.columns.items()):
        typer.echo(f"  {column}: {rows}")
    for form in sorted(found.forms):
        typer.echo(f"  as {form}")
    if found.dids:
        typer.echo(f"{found.dids} DIDs that have ended are the number")
    for column, rows in sorted(found.others.items()):
        print_warning(f"{rows} rows have its digits in {column}, as a part of a key or of another number; they stay")
    _print_files(found.files, "loaded files that hold it")
    _print_files([f"{each}.rejects.csv" for each in found.rejects], "rejected rows that may hold it")


def _print_files(files: Sequence[str], what: str) -> None:
    if not files:
        return
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    print_warning(f"{what}, for you to remove: {', '.join(files[:_NAMED])}{more}")
