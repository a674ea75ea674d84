"""`gqlreports run` and `explain`: print a report or write it to a file, and show what it reads."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from gqlreports.cli.printing import Format, print_report, write_file
from gqlreports.cli.support import backend_of, directory_of, error_boundary, masking_of, moment_of, with_store
from gqlreports.config import Settings
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import InvalidInput
from gqlreports.export.arguments import PARTS, check_part, grouping_arguments, part_arguments, part_of
from gqlreports.export.columns import chosen_columns, compared_columns, row_columns
from gqlreports.export.export import Export
from gqlreports.export.fields import coerced_arguments
from gqlreports.export.formats import format_of
from gqlreports.limits import FOR_OPERATORS
from gqlreports.plugins import CountingBasis
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.door import Caller, CustomerChoice, Door
from gqlreports.schema.explanation import TableRead, readings
from gqlreports.schema.plan.comparison import ComparisonPart
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.printing import UTC, readable
from gqlreports.schema.query import ReportsSchema, build_schema
from gqlreports.schema.request import ReportRequest
from gqlreports.schema.time import zone
from gqlreports.schema.types.columns import validated

_CALLER = Caller(Principal("", "shell", Role.STAFF, None), audit=lambda request: None)
_ANY_TIME = "2000-01-01T00:00:00Z"
"""Where arguments must name a time that is not looked at."""
_DIRECTIONS = {"": "ASC", "asc": "ASC", "desc": "DESC"}


Type = Annotated[str, typer.Argument(metavar="TYPE", help="Report type, as `gqlreports reports` lists it.")]
CustomerIds = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="Customer id; repeat for several customers together.")
]
GroupId = Annotated[str | None, typer.Option(metavar="ID", help="The customers of this group together.")]
AllCustomers = Annotated[bool, typer.Option("--all-customers", help="All customers together.")]
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
PartName = Annotated[str, typer.Option(metavar="PART", help=f"What of the report: {', '.join(PARTS)}.")]
Arguments = Annotated[
    list[str] | None,
    typer.Option("--argument", metavar="NAME=VALUE", help="An argument of the part, as every=DAY; repeat for more."),
]


def run(
    type: Type,
    from_: From,
    to: To,
    customer: CustomerIds = None,
    group: GroupId = None,
    all_customers: AllCustomers = False,
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
    part: PartName = "rows",
    argument: Arguments = None,
    format: Annotated[Format | None, typer.Option(help="How to print it; as a table unless told.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="A file .csv, .xlsx, .parquet or .jsonl to write, or one in a .zip."
        ),
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
            *(type, _choice(customer, group, all_customers), from_, to, param, basis, as_of, group_by, filter, where),
            *(order_by, column, time_zone, first, part, argument),
        )
        registry = Registry.load()
        export = asked.export(registry, settings)
        if output and format:
            raise InvalidInput("Give --format to print it, or -o to write it: the file's name tells its format.")
        form = format_of(output)[1] if output else None

        async def show(answer: ReportAnswer) -> None:
            if output and form:
                rows = await write_file(export, answer, form, output)
                typer.echo(f"{output}: {rows} rows")
            else:
                await print_report(export, answer.backend, format or Format.TABLE)

        _with_answer(settings, registry, export.request, show)


def explain(
    type: Type,
    from_: From,
    to: To,
    customer: CustomerIds = None,
    group: GroupId = None,
    all_customers: AllCustomers = False,
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
        whose = _choice(customer, group, all_customers)
        asked = Asked(type, whose, from_, to, param, basis, as_of, group_by, filter, where, order_by, column, time_zone)
        registry = Registry.load()
        export = asked.export(registry, settings)
        statement = export.statement(readable)

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
    door = Door(directory_of(settings), backend, FOR_OPERATORS, masking=masking_of(settings))
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
    choice: CustomerChoice
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
    part: str = "rows"
    argument: list[str] | None = None

    def export(self, registry: Registry, settings: Settings) -> Export:
        """The part of the report that the options describe.

        Raises InvalidInput or NotFound if an option is wrong.
        """
        report = _CALLER.report(registry, self.type)
        parameters = validated(report, dict(_named("--param", each, "side=ORIGINATING") for each in self.param or []))
        clock = zone(self.time_zone)
        start, end = moment_of("--from", self.start, clock), moment_of("--to", self.end, clock)
        as_of = moment_of("--as-of", self.as_of, clock) if self.as_of else None
        customers = self.choice.customers(directory_of(settings), _CALLER.principal)
        schema = build_schema(registry, Role.STAFF)
        grouped, only = self._grouped(schema, report)
        masked = masking_of(settings).of(_CALLER.principal.role)
        request = ReportRequest(grouped, customers, start, end, parameters, self.basis, True, as_of, only, masked)
        check_part(schema, grouped, self.part)
        known = part_arguments(schema, grouped, self.part)
        made = part_of(schema, request, self.part, self._texts(request, known))
        columns = chosen_columns(made.known(request), self.column) if self.column else made.usual(request)
        return Export(request, made, columns, clock.key)

    def _texts(self, request: ReportRequest, known: list[str]) -> dict[str, str]:
        """The arguments of the part, as an address has them."""
        texts = dict(_named("--argument", each, "every=DAY") for each in self.argument or [])
        if "timeZone" in known:
            texts["timeZone"] = self.time_zone
        if self.where is not None:
            _json("--where", self.where)
            texts["where"] = self.where
        if self.order_by:
            texts["orderBy"] = orjson.dumps([_order(request, self.part, each) for each in self.order_by]).decode()
        if self.first is not None:
            texts["first"] = str(self.first)
        for name in texts:
            if name not in known:
                raise InvalidInput(f"{self.part} has no argument {name!r}; it has {', '.join(known)}.")
        return texts

    def _grouped(self, schema: ReportsSchema, report: RegisteredReport) -> tuple[RegisteredReport, Where]:
        """The report as `--group-by` groups it, and `--filter`."""
        given: dict[str, Any] = {"customer": "", "type": report.name, "from": _ANY_TIME, "to": _ANY_TIME}
        if self.group_by is not None:
            given["groupBy"] = [each.upper() for each in self.group_by]
        if self.filter is not None:
            given["filter"] = _json("--filter", self.filter)
        return grouping_arguments(schema, report, coerced_arguments(schema, "Query", "customReport", given))


def _choice(customers: list[str] | None, group: str | None, all_customers: bool) -> CustomerChoice:
    if [bool(customers), group is not None, all_customers].count(True) != 1:
        raise InvalidInput("Give --customer, --group or --all-customers: whose calls the report is about.")
    return CustomerChoice(tuple(customers or ()), group, all_customers)


def _named(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"{option} {text}: write NAME=VALUE, as in {example}.")
    return name, value


def _order(request: ReportRequest, part: str, text: str) -> dict[str, str]:
    """A column to order by, as GraphQL takes it; those of a comparison name a value of a figure too."""
    name, _, direction = text.partition(":")
    if direction not in _DIRECTIONS:
        raise InvalidInput(f"--order-by {text}: write COLUMN or COLUMN:desc.")
    known = compared_columns(request) if part == "comparison" else row_columns(request.columns)
    [chosen] = chosen_columns(known, [name])
    [constant] = [each.constant_name for each in request.columns if each.graphql_name == chosen.field]
    value = {"by": ComparisonPart(chosen.value).name} if chosen.value else {}
    return {"column": constant, "direction": _DIRECTIONS[direction], **value}


def _json(option: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidInput(f"{option} {text}: this is not JSON.") from None
