"""`gqlreports load`: loads files into the store and the directory."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from gqlreports.backends.base import Backend
from gqlreports.cli.printing import print_check, shown_moment
from gqlreports.cli.support import (
    directory_of,
    error_boundary,
    moment_of,
    nothing_made,
    print_error,
    print_warning,
    standard_error,
    with_backend,
)
from gqlreports.cli.table import TextTable
from gqlreports.directory.directory import Directory
from gqlreports.directory.load_customers import load_customers
from gqlreports.errors import InvalidInput, LoadError, NotInstalled
from gqlreports.plugins.registry import Registry
from gqlreports.schema.time import zone
from gqlreports.store.cdr_columns import COLUMNS
from gqlreports.store.check_cdrs import check_cdrs
from gqlreports.store.effective import Effective
from gqlreports.store.files import OnRead
from gqlreports.store.formats import ReadOptions
from gqlreports.store.layout import find_layout, is_encoding
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_counts import LoadCounts
from gqlreports.store.load_dids import load_dids
from gqlreports.store.load_numbering import load_numbering
from gqlreports.store.loads import finished_loads, unload
from gqlreports.store.mapping import zone_of
from gqlreports.store.records import Pending

app = typer.Typer(help="Load files; loading one again adds nothing.", no_args_is_help=True)
Files = Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or - for standard input.")]
EffectiveFrom = Annotated[
    str | None,
    typer.Option(
        "--effective", metavar="DATE", help="From when on counts what is said otherwise; by default today, UTC."
    ),
]
Correct = Annotated[
    bool, typer.Option("--correct", help="What was known was wrong all along: the file counts for all calls.")
]
File = Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for standard input.")]


Replace = Annotated[bool, typer.Option("--replace", help="A row takes the place of the stored row with its key.")]
LayoutName = Annotated[
    str | None,
    typer.Option(
        "--layout", metavar="NAME", help="Layout of the switch, or a file with one; see `gqlreports layouts`."
    ),
]
TimeZone = Annotated[
    str | None,
    typer.Option("--time-zone", metavar="ZONE", help="Zone of times that name none, such as America/New_York."),
]
Encoding = Annotated[str | None, typer.Option("--encoding", metavar="NAME", help="Such as latin-1; UTF-8 by default.")]
Constants = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="COLUMN=VALUE", help="Value of a column in all rows; may be repeated."),
]
FirstBranch = Annotated[
    int, typer.Option("--first-branch", min=0, help="Number of a call's first attempt in the files; 0 by default.")
]


@app.command()
def cdrs(
    files: Files,
    replace: Replace = False,
    layout: LayoutName = None,
    time_zone: TimeZone = None,
    encoding: Encoding = None,
    constants: Constants = None,
    first_branch: FirstBranch = 0,
    check: Annotated[bool, typer.Option("--check", help="Load nothing; show what would be loaded.")] = False,
) -> None:
    """Load CDRs from CSV, JSON, XML, Parquet or the file of a switch; plain, or in gzip, zstd, zip or tar.

    Rows that cannot be right go to FILE.rejects.csv with line and reason; the rest is loaded.  The exit code is 1 if a
    file was refused, or if nothing in a file could be loaded; the files after it are loaded all the same.

    For example, to look at a file of Asterisk first, and then load it:

    ```
    gqlreports load cdrs --check --time-zone America/New_York Master.csv
    gqlreports load cdrs --time-zone America/New_York Master.csv
    ```
    """

    async def load(backend: Backend) -> int:
        options = read_options(layout, time_zone, encoding, constants or [], first_branch)
        failed = 0
        for place, file in enumerate(files, 1):
            try:
                with progress(file) as on_read:
                    now = dataclasses.replace(options, last=place == len(files))
                    if check:
                        checked = await check_cdrs(backend, file, on_read, now)
                        print_check(file, checked)
                        warn(checked.counts, directory)
                        failed += checked.counts.in_vain
                        continue
                    done = await load_cdrs(backend, file, on_read, replace, now)
            except (LoadError, NotInstalled) as error:
                print_error(str(error))
                failed += 1
            else:
                typer.echo(summary(file, done, replace))
                warn(done, directory)
                failed += done.in_vain or bool(done.refused)
        if options.pending and options.pending.count:
            # The last file was refused, so nothing told that they have no other half.
            print_error(
                f"{options.pending.count} records wait for their other half, and were not loaded; run this again."
            )
        return failed

    with error_boundary() as settings, nothing_made(settings) if check else nullcontext(settings) as used:
        directory = directory_of(used, make=True)
        failed = with_backend(used, Registry.load(), load, make=True)
    if failed:
        raise typer.Exit(1)


def read_options(
    layout: str | None, time_zone: str | None, encoding: str | None, constants: list[str], first_branch: int
) -> ReadOptions:
    """Raises InvalidInput or LoadError for an option that is wrong."""
    named = dict(each.partition("=")[::2] for each in constants)
    for name in named:
        if name not in {column.name for column in COLUMNS}:
            raise InvalidInput(f"--set {name}: there is no such column; `gqlreports layouts columns` lists them.")
    if encoding is not None and not is_encoding(encoding):
        raise InvalidInput(f"--encoding {encoding}: there is no such encoding; try latin-1 or cp1252.")
    found = find_layout(layout) if layout else None
    return ReadOptions(found, zone_of(time_zone), encoding, named, first_branch, Pending())


def summary(file: str, done: LoadCounts, replace: bool) -> str:
    """What became of the rows; together they are all of them."""
    parts = [f"{done.added} loaded"]
    if replace:
        parts.append(f"{done.corrected} corrected")
    parts.append(f"{done.there_before} there before")
    if done.repeated:
        parts.append(f"{done.repeated} repeat a key of this file")
    if done.left_out:
        parts.append(f"{done.left_out} left out")
    if done.joined:
        parts.append(f"{done.joined} joined to others")
    if done.waiting:
        parts.append(f"{done.waiting} wait for their other half")
    parts.append(_rejected(f"{file}.*" if done.archive else file, done.rejected))
    return f"{file}{f' ({done.layout})' if done.layout else ''}: {', '.join(parts)}"


def warn(done: LoadCounts, directory: Directory) -> None:
    """Tell what is probably not meant, on standard error."""
    if done.differing:
        advice = "" if done.corrected else "; --replace puts them in its place"
        print_warning(f"{done.differing} of them differ from what is stored{advice}")
    unknown = {name: done.customers[name] for name in directory.unknown_customers(done.customers)}
    if unknown:
        some = ", ".join(f"{name!r} ({rows})" for name, rows in sorted(unknown.items(), key=lambda each: -each[1])[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        print_warning(f"{sum(unknown.values())} rows are of customers that were never loaded: {some}{more}")
    for message in done.refused:
        print_error(message)
    if done.in_vain:
        reason, rows = done.reasons.most_common(1)[0]
        print_warning(f"nothing could be loaded: {reason} ({rows} rows){_advice(reason)}")
    if done.no_first:
        advice = "--first-branch 1 is for files that number them from 1"
        print_warning(f"without an attempt 0, so that they do not count as calls: {', '.join(done.no_first)}; {advice}")
    if done.two_answers:
        print_warning(
            f"calls that were answered on two attempts, so that ASR may exceed 1: {', '.join(done.two_answers)}"
        )


@app.command()
def customers(file: File) -> None:
    """Load customers from a JSON array or CSV with id, name and currency."""
    with error_boundary() as settings:
        count = load_customers(directory_of(settings, make=True), file)
        typer.echo(f"{file}: {count} customers loaded")


@app.command()
def dids(file: File, effective: EffectiveFrom = None, correct: Correct = False) -> None:
    """Load DID numbers from CSV with did, customer_id, valid_from and valid_to."""

    async def load(backend: Backend) -> None:
        with progress(file) as on_read:
            done = await load_dids(backend, file, on_read, since)
        dated = f", {done.dated} of them new and without a date: {since}" if done.dated else ""
        typer.echo(f"{file}: {done.loaded} loaded, {_rejected(file, done.rejected)}{dated}")

    with error_boundary() as settings:
        since = _effective(effective, correct)
        with_backend(settings, Registry.load(), load, make=True)


@app.command()
def numbering(files: Files, effective: EffectiveFrom = None, correct: Correct = False) -> None:
    """Load central office codes or thousands-blocks, known by their headers; CDRs that are there follow."""

    async def load(backend: Backend) -> None:
        for file in files:
            with progress(file) as on_read:
                done = await load_numbering(backend, file, on_read, since)
            counts = f"{done.in_service} in service, {done.out_of_service} not in service"
            counts += f", {done.repeated} repeated" if done.repeated else ""
            renewed = f", {done.renewed} known otherwise: {since}" if done.renewed else ""
            if done.until_later:
                renewed += f", of {done.until_later} until a later change that is known"
            typer.echo(f"{file}: {counts}, {_rejected(file, done.rejected)}{renewed}")

    with error_boundary() as settings:
        since = _effective(effective, correct)
        with_backend(settings, Registry.load(), load, make=True)


def _effective(moment: str | None, corrects: bool) -> Effective:
    if moment is not None and corrects:
        raise InvalidInput("Give --effective or --correct: what is corrected counts for all calls.")
    return Effective(moment_of("--effective", moment, zone(None)) if moment is not None else None, corrects)


def _rejected(file: str, count: int) -> str:
    name = "stdin" if file == "-" else file
    return f"{count} rejected, see {name}.rejects.csv" if count else "0 rejected"


@contextmanager
def progress(file: str) -> Iterator[OnRead]:
    """Show a progress bar on standard error, measured in bytes of the file."""
    total = Path(file).stat().st_size if Path(file).is_file() else None
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    hidden = not standard_error.is_terminal
    with Progress(*columns, console=standard_error, transient=True, disable=hidden) as bar:
        task = bar.add_task(file, total=total)

        def on_read(count: int) -> None:
            bar.advance(task, count)

        yield on_read


def _advice(reason: str) -> str:
    if reason.startswith("bad time"):
        return "; a time is like 2025-11-03 09:00:00.000, in UTC or with an offset, and a layout reads other forms"
    return "; name it by --time-zone" if reason.startswith("local time") else ""


def list_loads(first: Annotated[int, typer.Option(min=1, help="How many, the latest first.")] = 20) -> None:
    """List the finished loads of CDRs."""
    with error_boundary() as settings:
        found = with_backend(settings, Registry.load(), lambda backend: finished_loads(backend, first))
    table = TextTable(
        ("id", "file", "finished", "by", "first call", "last call", "loaded", "corrected", "rejected", "taken back"),
        right={"loaded", "corrected", "rejected"},
    )
    for each in found:
        moments = (shown_moment(each.first_call), shown_moment(each.last_call))
        counts = (str(each.added), str(each.corrected), str(each.rejected))
        shown = (each.id, each.file, shown_moment(each.finished_at), each.user)
        table.add(*shown, *moments, *counts, shown_moment(each.unloaded_at))
    table.print()


def unload_cdrs(load: Annotated[str, typer.Argument(metavar="ID", help="As `gqlreports loads` lists it.")]) -> None:
    """Take a load back: reports are as before it.  It can be loaded again afterwards."""
    with error_boundary() as settings:
        done = with_backend(settings, Registry.load(), lambda backend: unload(backend, load))
        typer.echo(f"{load}: {done.rows} rows taken back" if done.rows else f"{load}: nothing is left of it")
        if done.dropped:
            print_warning(f"{done.dropped} rows of it were in months that are no longer kept")
