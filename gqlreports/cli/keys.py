"""`gqlreports key`: API keys."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gqlreports.cli.printing import print_table
from gqlreports.cli.support import directory_of, told
from gqlreports.directory.principal import Role

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is.")],
    role: Annotated[Role, typer.Option(help="staff see all, a partner its customers only.")],
    customer: Annotated[list[str] | None, typer.Option(help="A customer of the partner; repeat for more.")] = None,
) -> None:
    """Create a key and print it, this once."""
    with told() as settings:
        typer.echo(directory_of(settings).create_key(name, role, customer or []))


@app.command("list")
def list_keys() -> None:
    """List all keys; the keys themselves are not kept."""
    with told() as settings:
        keys = directory_of(settings).list_keys()
    table = Table("id", "name", "role", "customers", "created", "revoked")
    for each in keys:
        customers = ", ".join(sorted(owned.customer_id for owned in each.customers))
        times = (moment.isoformat(" ", "seconds") if moment else "" for moment in (each.created_at, each.revoked_at))
        table.add_row(each.id, escape(each.name), each.role, escape(customers) or "all", *times)
    print_table(table)


@app.command()
def revoke(id: Annotated[str, typer.Argument(metavar="ID", help="The key's id in `gqlreports key list`.")]) -> None:
    """Revoke a key: no request with it is answered any more."""
    with told() as settings:
        directory_of(settings).revoke_key(id)
        typer.echo(f"{id} is revoked")
