"""An export into a file, which is there once it is complete."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gqlreports.backends.base import Backend
from gqlreports.cli.support import standard_error
from gqlreports.errors import InvalidInput
from gqlreports.export.export import Export, OnRows
from gqlreports.export.formats import ExportFormat

_SECONDS = 2
"""What takes longer shows its progress."""


async def write_file(export: Export, backend: Backend, form: ExportFormat, path: Path) -> int:
    """The number of rows written.  Until all are there the file is beside, as `PATH.part`; a failure removes that.

    Raises InvalidInput where the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    total = 0
    with _progress(path.name) as show:

        def on_rows(count: int) -> None:
            nonlocal total
            total += count
            show(count)

        try:
            with part.open("wb") as file:
                async with aclosing(form.write(export, backend, on_rows)) as pieces:
                    async for piece in pieces:
                        file.write(piece)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return total


@contextmanager
def _progress(name: str) -> Iterator[OnRows]:
    columns = (
        TextColumn("{task.description}", markup=False),
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=standard_error, transient=True, disable=not standard_error.is_terminal)
    task = progress.add_task(name, total=None)
    start = asyncio.get_running_loop().call_later(_SECONDS, progress.start)
    try:
        yield lambda count: progress.advance(task, count)
    finally:
        start.cancel()
        progress.stop()
