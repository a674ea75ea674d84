"""`gqlreports user`: users who log in to the panel."""

import sys
from typing import Annotated

import typer

from gqlreports.cli.printing import shown_moment
from gqlreports.cli.support import directory_of, error_boundary, seen_customers
from gqlreports.cli.table import TextTable
from gqlreports.directory.passwords import SHORTEST
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput

app = typer.Typer(help="Create, list, change and disable users of the panel.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
ChosenRole = Annotated[
    Role, typer.Option(metavar="ROLE", help="admin manages keys, staff sees all, partner its customers only.")
]
Customers = Annotated[
    list[str] | None, typer.Option("--customer", metavar="ID", help="A customer that a partner sees; repeat for more.")
]
Groups = Annotated[
    list[str] | None, typer.Option("--group", metavar="ID", help="A group that a partner sees; repeat for more.")
]
FromStandardInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input; by default it is asked for.")
]


@app.command()
def add(
    name: Name,
    role: ChosenRole,
    customer: Customers = None,
    group: Groups = None,
    password_stdin: FromStandardInput = False,
) -> None:
    """Create a user, with a password of 12 characters or more.

    For example, one of the staff, whose password is asked for:

    ```
    gqlreports user add ann --role staff
    ```
    """
    with error_boundary() as settings:
        users = directory_of(settings, make=True).users
        users.add(name, _password(password_stdin), role, customer or [], group or [])
        typer.echo(f"{name.lower()} may log in")


@app.command("list")
def list_users() -> None:
    """List all users; passwords are not kept."""
    with error_boundary() as settings:
        users = directory_of(settings).users.list()
    table = TextTable(("name", "role", "customers", "created", "logged in", "disabled"))
    for each in users:
        moments = map(shown_moment, (each.created_at, each.logged_in_at, each.disabled_at))
        table.add(each.name, each.role, ", ".join(seen_customers(each)) or "all", *moments)
    table.print()


@app.command()
def password(name: Name, password_stdin: FromStandardInput = False) -> None:
    """Give a user another password; the user's sessions end within 5 seconds."""
    with error_boundary() as settings:
        directory_of(settings).users.set_password(name, _password(password_stdin))
        typer.echo(f"{name.lower()} has a new password")


@app.command()
def role(name: Name, role: ChosenRole, customer: Customers = None, group: Groups = None) -> None:
    """Give a user another role or other customers; the user's sessions end within 5 seconds."""
    with error_boundary() as settings:
        directory_of(settings).users.set_role(name, role, customer or [], group or [])
        typer.echo(f"{name.lower()} is {role.value}")


@app.command()
def disable(name: Name) -> None:
    """Keep a user out: within 5 seconds the user's sessions end."""
    with error_boundary() as settings:
        directory_of(settings).users.disable(name)
        typer.echo(f"{name.lower()} is disabled")


@app.command()
def enable(name: Name) -> None:
    """Let a disabled user log in again."""
    with error_boundary() as settings:
        directory_of(settings).users.enable(name)
        typer.echo(f"{name.lower()} may log in")


def _password(from_standard_input: bool) -> str:
    """The password from a hidden prompt that asks twice, or from the first line of standard input.

    Raises InvalidInput if it is not valid UTF-8.
    """
    if not from_standard_input:
        text = f"Password, {SHORTEST} characters or more"
        given: str = typer.prompt(text, hide_input=True, confirmation_prompt="The same again", err=True)
        return given
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInput("A password is text in UTF-8.") from None
