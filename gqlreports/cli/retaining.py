"""`gqlreports retain`: drops the calls of months that are kept no longer."""

from typing import Annotated

import typer
from rich.filesize import decimal

from gqlreports.cli.support import confirm, error_boundary, with_backend
from gqlreports.plugins.registry import Registry
from gqlreports.store.retention import StoredMonth, drop_months, retention


def retain(
    months: Annotated[int, typer.Option(min=1, max=600, help="How many whole months stay, and the current one.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print which months would go, and drop none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for cron.")] = False,
) -> None:
    """Drop the calls of older months for good; the current month (UTC) and the N whole months before it stay.

    Only calls go: DIDs, numbering data, customers, keys, the audit and the list of loads stay.
    """
    with error_boundary() as settings:
        registry = Registry.load()
        found = with_backend(settings, registry, lambda backend: retention(backend, months))
        if not found.expired:
            typer.echo(f"No calls are stored from before {found.first_kept}.")
            return
        for each in found.expired:
            typer.echo(f"{each}: {each.cdrs} CDRs, {decimal(each.bytes)}")
        if dry_run:
            typer.echo(f"All from {found.first_kept} on stays. Nothing was dropped.")
            return
        confirm(f"Drop these months for good? All from {found.first_kept} on stays.", yes)
        with_backend(settings, registry, lambda backend: drop_months(backend, found.expired, _print_dropped))


def _print_dropped(month: StoredMonth) -> None:
    typer.echo(f"{month}: dropped")
