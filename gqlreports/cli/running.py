"""`gqlreports run` and `explain`: print a report or write it to a file, and show what it reads."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from gqlreports.cli.printing import Format, print_report, write_file
from gqlreports.cli.support import backend_of, directory_of, error_boundary, moment_of, with_store
from gqlreports.config import Settings
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import InvalidInput
from gqlreports.export.arguments import field_arguments, grouping_arguments, rows_arguments
from gqlreports.export.export import Export, chosen_columns
from gqlreports.export.formats import export_format
from gqlreports.limits import FOR_OPERATORS
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import Registry
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.door import Caller, Door
from gqlreports.schema.explanation import TableRead, readings
from gqlreports.schema.plan.filters import EVERYTHING, Where
from gqlreports.schema.plan.printing import UTC, unprinted
from gqlreports.schema.plan.rows import Order
from gqlreports.schema.query import build_schema
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.time import zone
from gqlreports.schema.types.columns import validated

_CALLER = Caller(Principal("", "shell", Role.STAFF, None), audit=lambda request: None)
_DESCENDING = {"": False, "asc": False, "desc": True}


Type = Annotated[str, typer.Argument(metavar="TYPE", help="Report type, as `gqlreports reports` lists it.")]
CustomerId = Annotated[str, typer.Option(help="Customer id.")]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Start of the range: 2025-10-20, or 2025-10-20T08:00:00Z.")
]
To = Annotated[str, typer.Option(metavar="TIME", help="End of the range, which is no part of it.")]
Param = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter, as side=ORIGINATING; repeat for more.")
]
Basis = Annotated[CountingBasis, typer.Option(help="What counts as one attempt.")]
AsOf = Annotated[
    str | None, typer.Option(metavar="TIME", help="Read the calls as they were then; as they are now unless told.")
]
Filter = Annotated[
    str | None,
    typer.Option("--where", metavar="JSON", help='A filter on rows, as in the query: {"total": {"gte": 10}}.'),
]
GroupBy = Annotated[
    list[str] | None,
    typer.Option(metavar="DIMENSION", help="A dimension to group by in place of the report's keys; repeat for more."),
]
FactFilter = Annotated[
    str | None,
    typer.Option("--filter", metavar="JSON", help='Which calls are read, as in the query: {"account": {"eq": "a"}}.'),
]
OrderBy = Annotated[list[str] | None, typer.Option(metavar="COLUMN[:desc]", help="Order of the rows; repeat for more.")]
Columns = Annotated[list[str] | None, typer.Option("--column", metavar="NAME", help="A column; repeat for more.")]
Zone = Annotated[
    str, typer.Option(metavar="ZONE", help="Zone of a date without a time, and of moments that are shown.")
]
First = Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N rows; totals are of all.")]


def run(
    type: Type,
    customer: CustomerId,
    from_: From,
    to: To,
    param: Param = None,
    basis: Basis = CountingBasis.CALL,
    as_of: AsOf = None,
    group_by: GroupBy = None,
    filter: FactFilter = None,
    where: Filter = None,
    order_by: OrderBy = None,
    column: Columns = None,
    time_zone: Zone = UTC,
    first: First = None,
    format: Annotated[Format | None, typer.Option(help="How to print it; as a table unless told.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file .csv, .xlsx, .parquet or .jsonl to write."),
    ] = None,
) -> None:
    """Print a report, or write it to a file.

    For example, the five prefixes with the most calls of 3 November in New York:

    ```
    gqlreports run GROUP_BY_TECH_PREFIX --customer 1001 \\
        --from 2025-11-03 --to 2025-11-04 --time-zone America/New_York \\
        --order-by total:desc --first 5
    ```
    """
    with error_boundary() as settings:
        asked = Asked(
            type, customer, from_, to, param, basis, as_of, group_by, filter, where, order_by, column, time_zone, first
        )
        registry = Registry.load()
        export = asked.export(registry)
        if output and format:
            raise InvalidInput("Give --format to print it, or -o to write it: the file's name tells its format.")
        form = export_format(output.suffix.removeprefix(".")) if output else None

        async def show(answer: ReportAnswer) -> None:
            if output and form:
                rows = await write_file(export, answer, form, output)
                typer.echo(f"{output}: {rows} rows")
            else:
                await print_report(export, answer.backend, format or Format.TABLE)

        _with_answer(settings, registry, export.request, show)


def explain(
    type: Type,
    customer: CustomerId,
    from_: From,
    to: To,
    param: Param = None,
    basis: Basis = CountingBasis.CALL,
    as_of: AsOf = None,
    group_by: GroupBy = None,
    filter: FactFilter = None,
    where: Filter = None,
    order_by: OrderBy = None,
    column: Columns = None,
    time_zone: Zone = UTC,
) -> None:
    """Run a report, and show what the store reads for it: rollups or calls, granules, rows and bytes."""
    with error_boundary() as settings:
        asked = Asked(
            type, customer, from_, to, param, basis, as_of, group_by, filter, where, order_by, column, time_zone
        )
        registry = Registry.load()
        export = asked.export(registry)
        statement = export.statement(unprinted)

        async def show(answer: ReportAnswer) -> None:
            for each in await readings(answer.backend, statement):
                typer.echo(_reading(each))
            found = await answer.backend.fetch_json(statement)
            typer.echo(f"{found.rows_read} rows, {found.bytes_read} bytes, {found.milliseconds:.1f} ms")

        _with_answer(settings, registry, export.request, show)


def _with_answer(
    settings: Settings,
    registry: Registry,
    request: ReportRequest,
    work: Callable[[ReportAnswer], Coroutine[Any, Any, None]],
) -> None:
    """Check a request, then do some work on the store with its answer.

    Errors in the request are reported before the store is opened.
    """
    backend = backend_of(settings, registry)
    door = Door(directory_of(settings), backend, FOR_OPERATORS)
    answer = asyncio.run(door.open(_CALLER, request))
    with_store(backend, lambda backend: work(answer))


def _reading(found: TableRead) -> str:
    text = f"{found.name}: {found.granules} of {found.granules_in_all} granules"
    if found.shard is None:
        return text
    if found.shard == 0:
        return f"asked server: {text}"
    return f"other shard {found.shard}: {text}; it sends {'sums' if found.grouped else 'calls'}"


@dataclass(frozen=True)
class Asked:
    """The options with which a command asks for a report."""

    type: str
    customer: str
    start: str
    end: str
    param: list[str] | None
    basis: CountingBasis
    as_of: str | None
    group_by: list[str] | None
    filter: str | None
    where: str | None
    order_by: list[str] | None
    column: list[str] | None
    time_zone: str
    first: int | None = None

    def export(self, registry: Registry) -> Export:
        """The report that the options describe.  Raises InvalidInput or NotFound if an option is wrong."""
        report = _CALLER.report(registry, self.type)
        parameters = validated(report, dict(_parameter(each) for each in self.param or []))
        clock = zone(self.time_zone)
        start, end = moment_of("--from", self.start, clock), moment_of("--to", self.end, clock)
        as_of = moment_of("--as-of", self.as_of, clock) if self.as_of else None
        request = ReportRequest(report, self.customer, start, end, parameters, self.basis, True, as_of)
        request = self._grouped(registry, request)
        order = tuple(_order(request, each) for each in self.order_by or [])
        matching = _where(registry, request, self.where)
        return Export(request, chosen_columns(request, self.column), order, matching, clock.key, first=self.first)

    def _grouped(self, registry: Registry, request: ReportRequest) -> ReportRequest:
        """The request with `--group-by` and `--filter`."""
        if self.group_by is None and self.filter is None:
            return request
        given: dict[str, Any] = {"customer": request.customer, "type": request.report.name}
        given |= {"from": request.start.isoformat(), "to": request.end.isoformat()}
        if self.group_by is not None:
            given["groupBy"] = [each.upper() for each in self.group_by]
        if self.filter is not None:
            given["filter"] = _json("--filter", self.filter)
        schema = build_schema(registry, Role.STAFF)
        values = field_arguments(schema, "Query", "customReport", given)
        report, only = grouping_arguments(schema, request.report, values)
        return replace(request, report=report, filter=only)


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
    given = {"where": _json("--where", text)}
    return rows_arguments(build_schema(registry, Role.STAFF), request, given)[0]


def _json(option: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidInput(f"{option} {text}: this is not JSON.") from None
