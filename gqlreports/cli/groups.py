"""`gqlreports group`: groups of customers."""

from typing import Annotated

import typer

from gqlreports.cli.support import directory_of, error_boundary
from gqlreports.cli.table import TextTable
from gqlreports.directory.principal import Principal, Role

app = typer.Typer(help="Create, list, change and remove groups of customers.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="The group's id.")]
Members = Annotated[list[str], typer.Argument(metavar="CUSTOMER...", help="Ids of customers.")]

_OPERATOR = Principal("", "shell", Role.STAFF, None)


@app.command()
def create(
    id: Id,
    name: Annotated[str, typer.Option(help="What it is called.")],
    customer: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A customer that is in it; repeat for more.")
    ] = None,
) -> None:
    """Create a group of customers, who can be asked for together and to whom keys and users can be limited.

    For example:

    ```
    gqlreports group create west --name "Resellers in the west" --customer 1001 --customer 1002
    ```
    """
    with error_boundary() as settings:
        directory_of(settings).groups.create(id, name, customer or [])
        typer.echo(f"{id} has {_number(customer or [])}")


@app.command("list")
def list_groups() -> None:
    """List all groups and their customers."""
    with error_boundary() as settings:
        groups = directory_of(settings).groups.seen_by(_OPERATOR)
    table = TextTable(("id", "name", "customers"))
    for each in groups:
        table.add(each.id, each.name, ", ".join(sorted(member.customer_id for member in each.members)))
    table.print()


@app.command()
def add(id: Id, customers: Members) -> None:
    """Add customers to a group; keys that are limited to it see them within 5 seconds."""
    with error_boundary() as settings:
        groups = directory_of(settings).groups
        groups.add(id, customers)
        typer.echo(f"{id} has {_number(groups.members(_OPERATOR, id))}")


@app.command()
def remove(id: Id, customers: Members) -> None:
    """Take customers out of a group; within 5 seconds no key sees them by it any more."""
    with error_boundary() as settings:
        groups = directory_of(settings).groups
        groups.remove(id, customers)
        typer.echo(f"{id} has {_number(groups.members(_OPERATOR, id))}")


@app.command()
def delete(id: Id) -> None:
    """Remove a group that limits no key and no user; its customers stay."""
    with error_boundary() as settings:
        directory_of(settings).groups.delete(id)
        typer.echo(f"{id} is removed")


def _number(customers: list[str]) -> str:
    number = len(set(customers))
    return f"{number} customer{'' if number == 1 else 's'}"
