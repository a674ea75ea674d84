"""`gqlreports run`: a report, printed or written to a file."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from gqlreports.backends.base import Backend
from gqlreports.cli.files import write_file
from gqlreports.cli.printing import Format, print_report
from gqlreports.cli.support import directory_of, moment_of, told, with_backend
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import InvalidInput
from gqlreports.export.arguments import rows_arguments, visible_report
from gqlreports.export.export import Export, chosen_columns
from gqlreports.export.formats import export_format
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import Registry
from gqlreports.schema.plan.cells import UTC
from gqlreports.schema.plan.filters import EVERYTHING, Where
from gqlreports.schema.plan.rows import Order
from gqlreports.schema.query import build_schema
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.types.parameters import validated
from gqlreports.schema.zones import zone

_OPERATOR = Principal("", "shell", Role.STAFF, None)
_DESCENDING = {"": False, "asc": False, "desc": True}


def run(
    type: Annotated[str, typer.Argument(metavar="TYPE", help="Report type, as `gqlreports reports` lists it.")],
    customer: Annotated[str, typer.Option(help="Customer id.")],
    from_: Annotated[str, typer.Option("--from", help="First moment of the range: 2025-10-20T00:00:00Z.")],
    to: Annotated[str, typer.Option(help="Moment at which the range ends; it is no part of it.")],
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter; repeat for more.")] = None,
    basis: Annotated[CountingBasis, typer.Option(help="What counts as one attempt.")] = CountingBasis.CALL,
    as_of: Annotated[str | None, typer.Option(help="Moment as of which the calls are read; now unless told.")] = None,
    where: Annotated[str | None, typer.Option(metavar="JSON", help="A filter on rows, as in the query.")] = None,
    order_by: Annotated[list[str] | None, typer.Option(metavar="COLUMN[:desc]", help="Repeat for more.")] = None,
    column: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A column; repeat for more.")] = None,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Zone that moments are shown in.")] = UTC,
    format: Annotated[Format | None, typer.Option(help="How to print it; table unless told.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A .csv, .xlsx, .parquet or .jsonl to write.")
    ] = None,
) -> None:
    """Print a report, or write all of it to a file."""
    with told() as settings:
        registry = Registry.load()
        report = visible_report(registry, type, _OPERATOR)
        parameters = validated(report, dict(_parameter(each) for each in param or []))
        found = directory_of(settings).customer(_OPERATOR, customer)
        start, end = moment_of("--from", from_), moment_of("--to", to)
        known = moment_of("--as-of", as_of) if as_of else None
        request = ReportRequest(report, found.id, start, end, parameters, basis, True, known)
        order = tuple(_order(request, each) for each in order_by or [])
        matching = _where(registry, request, where)
        export = Export(request, chosen_columns(request, column), order, matching, zone(time_zone).key)
        if output and format:
            raise InvalidInput("Give --format to print it, or -o to write it: the file's name tells its format.")
        form = export_format(output.suffix.removeprefix(".")) if output else None

        async def done(backend: Backend) -> None:
            if output and form:
                rows = await write_file(export, backend, form, output)
                typer.echo(f"{output}: {rows} rows")
            else:
                await print_report(export, backend, format or Format.TABLE)

        with_backend(settings, done)


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"--param {text}: write NAME=VALUE, as in side=ORIGINATING.")
    return name, value


def _order(request: ReportRequest, text: str) -> Order:
    name, _, direction = text.partition(":")
    if direction not in _DESCENDING:
        raise InvalidInput(f"--order-by {text}: write COLUMN or COLUMN:desc.")
    [column] = chosen_columns(request, [name])
    return Order(column, _DESCENDING[direction])


def _where(registry: Registry, request: ReportRequest, text: str | None) -> Where:
    if text is None:
        return EVERYTHING
    try:
        given = {"where": orjson.loads(text)}
    except orjson.JSONDecodeError:
        raise InvalidInput(f"--where {text}: this is not JSON.") from None
    return rows_arguments(build_schema(registry, Role.STAFF), request, given)[0]
