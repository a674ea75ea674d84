"""`gqlreports key`: API keys."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from gqlreports.cli.printing import shown_moment
from gqlreports.cli.support import directory_of, error_boundary, moment_of, seen_customers
from gqlreports.cli.table import TextTable
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput
from gqlreports.plugins.registry import Registry

app = typer.Typer(help="Create, list, rotate and revoke API keys.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id in `gqlreports key list`.")]

_DURATION = re.compile("([0-9]{1,6})([dhm])", re.ASCII)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is.")],
    role: Annotated[
        Role,
        typer.Option(
            metavar="ROLE", help="admin manages keys, staff sees all, partner its customers, loader posts CDRs."
        ),
    ],
    customer: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A customer that it sees; repeat for more.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A group whose customers it sees; repeat for more.")
    ] = None,
    report: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="A report type that it may run; repeat for more.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="A network from which it holds; repeat for more.")
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="When it ends: 2026-12-31T00:00:00Z.")] = None,
) -> None:
    """Create a key and print it, this once; what it is not limited to, it may see and run all of.

    For example, for a partner with two customers, until the end of 2026:

    ```
    gqlreports key create --name "Oak Outreach" --role partner \\
        --customer 1001 --customer 1002 --expires 2027-01-01T00:00:00Z
    ```
    """
    with error_boundary() as settings:
        end = None if expires is None else moment_of("--expires", expires)
        _check_reports(report or [])
        directory = directory_of(settings, make=True)
        key = directory.create_key(
            name,
            role,
            customer or [],
            groups=group or [],
            reports=report or [],
            networks=network or [],
            expires_at=end,
        )
        typer.echo(key)


@app.command("list")
def list_keys() -> None:
    """List all keys; the keys themselves are not kept."""
    with error_boundary() as settings:
        keys = directory_of(settings).list_keys()
    columns = ("id", "name", "role", "customers", "reports", "networks", "created", "expires", "revoked", "replaced by")
    table = TextTable(columns)
    for each in keys:
        limits = (
            seen_customers(each),
            sorted(owned.report_type for owned in each.reports),
            sorted(owned.network for owned in each.networks),
        )
        table.add(
            *(each.id, each.name, each.role),
            *(", ".join(listed) or "all" for listed in limits),
            *map(shown_moment, (each.created_at, each.expires_at, each.revoked_at)),
            each.replaced_by or "",
        )
    table.print()


@app.command()
def rotate(
    id: Id,
    overlap: Annotated[str, typer.Option(metavar="TIME", help="How long both hold: 24h, 7d, 30m, 0m.")] = "24h",
) -> None:
    """Print a new key like an old one, which holds for the overlap more."""
    with error_boundary() as settings:
        typer.echo(directory_of(settings).rotate_key(id, _duration("--overlap", overlap)))


@app.command()
def revoke(id: Id) -> None:
    """Revoke a key: within 5 seconds no server answers a request with it any more."""
    with error_boundary() as settings:
        directory_of(settings).revoke_key(id)
        typer.echo(f"{id} is revoked")


def _check_reports(names: list[str]) -> None:
    known = Registry.load().reports if names else {}
    for name in names:
        if name not in known:
            raise InvalidInput(f"There is no report type {name}; there are {', '.join(known)}.")


def _duration(option: str, text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{option} {text}: write a number and d, h or m, as in 24h.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
