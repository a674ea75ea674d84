"""`gqlreports load`: loads files into the store and the directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from gqlreports.backends.base import Backend
from gqlreports.cli.support import directory_of, error_boundary, standard_error, with_backend
from gqlreports.directory.load_customers import load_customers
from gqlreports.plugins.registry import Registry
from gqlreports.store.files import OnRead
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_dids import load_dids
from gqlreports.store.load_numbering import load_numbering

app = typer.Typer(help="Load files; loading one again adds nothing.", no_args_is_help=True)
Files = Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or - for standard input.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for standard input.")]


@app.command()
def cdrs(
    files: Files,
    replace: Annotated[
        bool, typer.Option("--replace", help="A row takes the place of the one with its key that is there.")
    ] = False,
) -> None:
    """Load CDRs from CSV, JSON lines or Parquet, plain or compressed by gzip or zstd.

    Rows that cannot be right go to FILE.rejects.csv with line and reason; the rest is loaded.
    """

    async def load(backend: Backend) -> None:
        for file in files:
            with _progress(file) as on_read:
                done = await load_cdrs(backend, file, on_read, replace)
            corrected = f"{done.corrected} corrected, " if replace else ""
            rejected = _rejected(file, done.rejected)
            typer.echo(f"{file}: {done.added} loaded, {corrected}{done.there_before} there before, {rejected}")

    with error_boundary() as settings:
        with_backend(settings, Registry.load(), load)


@app.command()
def customers(file: File) -> None:
    """Load customers from a JSON array or CSV with id, name and currency."""
    with error_boundary() as settings:
        count = load_customers(directory_of(settings), file)
        typer.echo(f"{file}: {count} customers loaded")


@app.command()
def dids(file: File) -> None:
    """Load DID numbers from CSV with did, customer_id, valid_from and valid_to."""

    async def load(backend: Backend) -> None:
        with _progress(file) as on_read:
            done = await load_dids(backend, file, on_read)
        typer.echo(f"{file}: {done.loaded} loaded, {_rejected(file, done.rejected)}")

    with error_boundary() as settings:
        with_backend(settings, Registry.load(), load)


@app.command()
def numbering(files: Files) -> None:
    """Load central office codes or thousands-blocks, known by their headers; CDRs that are there follow."""

    async def load(backend: Backend) -> None:
        for file in files:
            with _progress(file) as on_read:
                done = await load_numbering(backend, file, on_read)
            counts = f"{done.in_service} in service, {done.out_of_service} not in service"
            typer.echo(f"{file}: {counts}, {_rejected(file, done.rejected)}")

    with error_boundary() as settings:
        with_backend(settings, Registry.load(), load)


def _rejected(file: str, count: int) -> str:
    name = "stdin" if file == "-" else file
    return f"{count} rejected, see {name}.rejects.csv" if count else "0 rejected"


@contextmanager
def _progress(file: str) -> Iterator[OnRead]:
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
    with Progress(*columns, console=standard_error, transient=True, disable=hidden) as progress:
        task = progress.add_task(file, total=total)

        def on_read(count: int) -> None:
            progress.advance(task, count)

        yield on_read
