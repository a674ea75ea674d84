"""`gqlreports audit`: who ran what report."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gqlreports.cli.printing import print_table
from gqlreports.cli.support import directory_of, moment_of, told
from gqlreports.schema.scalars import print_moment


def audit(
    customer: Annotated[str | None, typer.Option(help="Only reports for this customer.")] = None,
    caller: Annotated[
        str | None, typer.Option(help="Only those of this key id, user: and a name, or oidc: and a subject.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only since then: 2025-10-20T00:00:00Z.")] = None,
    first: Annotated[int, typer.Option(min=1, help="How many, the latest first.")] = 100,
) -> None:
    """List who ran which report for which customer and range, when and from where."""
    with told() as settings:
        moment = None if since is None else moment_of("--since", since)
        runs = directory_of(settings).report_runs(first, customer=customer, caller=caller, since=moment)
    table = Table("at", "caller", "name", "source", "report", "customer", "from", "to", "request")
    for each in runs:
        at, from_, to = (_shown(moment) for moment in (each.at, each.range_start, each.range_end))
        who = (each.caller, each.name, each.source or "")
        table.add_row(at, *map(escape, (*who, each.report_type, each.customer_id, from_, to, each.request_id)))
    print_table(table)


def _shown(moment: datetime) -> str:
    return print_moment(moment.replace(tzinfo=UTC))
