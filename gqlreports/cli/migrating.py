"""`gqlreports migrate` and `copy`: bring a store to the current definition, and copy one store into another."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gqlreports.backends.base import Backend
from gqlreports.backends.connect import address_of, connect, missing_store
from gqlreports.backends.embedded.command_socket import is_hosted
from gqlreports.backends.server.http import SCHEMES
from gqlreports.cli.support import error_boundary, nothing_made, with_store
from gqlreports.config import Settings
from gqlreports.errors import InvalidInput
from gqlreports.plugins.registry import Registry
from gqlreports.store.copying import CopiedPart, copy_store
from gqlreports.store.definition import definition
from gqlreports.store.migrate import Upgrade, migrate, rehearse
from gqlreports.store.topology import Topology

_HIDDEN = "[HIDDEN]"


def migrate_store(
    store: Annotated[str | None, typer.Option(metavar="URL", help="The store; by default GQLREPORTS_STORE.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the statements, and run none.")] = False,
    cluster: Annotated[str | None, typer.Option(metavar="NAME", help="Spread a new store over this cluster.")] = None,
) -> None:
    """Bring a store's tables to what this version needs; run again it adds nothing.

    For example, to see first what it would do:

    ```
    gqlreports migrate --dry-run
    gqlreports migrate
    ```
    """
    with error_boundary() as settings:
        if store is not None:
            settings = settings.model_copy(update={"store": store})
        topology, rollups = _topology(settings, cluster), Registry.load().rollups
        if dry_run:
            hidden = replace(topology, password=topology.password and _HIDDEN)
            with nothing_made(settings) as used:
                _print_statements(with_store(connect(used, None), lambda backend: rehearse(backend, hidden, rollups)))
        else:
            _print_done(with_store(connect(settings, None), lambda backend: migrate(backend, topology, rollups)))


def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="URL of the store to copy.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="URL of a migrated store.")],
) -> None:
    """Copy all that one store holds into another; run again it goes on where it was stopped.

    For example, from an embedded store to a server:

    ```
    gqlreports copy chdb://gqlreports-data/store clickhouse://USER@HOST/DATABASE
    ```
    """
    with error_boundary() as settings:
        from_settings, to_settings = (settings.model_copy(update={"store": url}) for url in (source, target))
        if missing := missing_store(from_settings):
            raise InvalidInput(f"There is no store at {missing} to copy.")
        if _opened_here(source) and _opened_here(target):
            raise InvalidInput(
                "A process can have one embedded store open: copy while `gqlreports serve` has FROM open, "
                "or copy the directory of a stopped one with `cp -a`."
            )
        wanted = definition(Registry.load())
        from_, to = connect(from_settings, wanted), connect(to_settings, wanted)

        async def copied(backend: Backend) -> None:
            try:
                await to.open()
                await copy_store(backend, to, _print_part)
            finally:
                await to.close()

        with_store(from_, copied)


def _opened_here(url: str) -> bool:
    """Whether a store is embedded, and no server has it open."""
    scheme, _, path = url.partition("://")
    return scheme == "chdb" and not is_hosted(Path(path))


def _print_part(part: CopiedPart, there_before: bool) -> None:
    typer.echo(f"{part}: {part.rows} rows {'there before' if there_before else 'copied'}")


def _print_statements(upgrade: Upgrade) -> None:
    for statement in upgrade.statements:
        typer.echo(f"{statement.strip()};")


def _print_done(upgrade: Upgrade) -> None:
    for each in upgrade.pending:
        typer.echo(f"{each}: {'failed' if each in upgrade.failed else 'done'}")
    if not upgrade.pending:
        typer.echo("No migration is pending.")
    if upgrade.failed:
        raise typer.Exit(1)


def _topology(settings: Settings, cluster: str | None) -> Topology:
    if settings.store_url.partition("://")[0] not in SCHEMES:
        if cluster is not None:
            raise InvalidInput("A cluster needs a server: --store clickhouse://HOST.")
        return Topology()
    address = address_of(settings)
    return Topology(address.database, cluster, address.user, address.password)
