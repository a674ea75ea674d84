"""`gqlreports watch`: loads the CDR files that arrive in a directory."""

import glob
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from gqlreports.backends.base import Backend
from gqlreports.cli.loading import (
    Constants,
    Encoding,
    FirstBranch,
    LayoutName,
    Replace,
    TimeZone,
    progress,
    read_options,
    summary,
    warn,
)
from gqlreports.cli.support import directory_of, error_boundary, print_error, with_backend
from gqlreports.config import Settings
from gqlreports.errors import LoadError, NotInstalled, StoreError
from gqlreports.plugins.registry import Registry
from gqlreports.store.formats import ReadOptions
from gqlreports.store.load_cdrs import load_cdrs

DONE, FAILED = "done", "failed"
_UNFINISHED = (".part", ".tmp", ".rejects.csv")


def watch(
    directory: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="A directory.")],
    corrects: Replace = False,
    layout: LayoutName = None,
    time_zone: TimeZone = None,
    encoding: Encoding = None,
    constants: Constants = None,
    first_branch: FirstBranch = 0,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at the directory.")] = 5,
    settle: Annotated[float, typer.Option(min=0, help="Seconds without a change after which a file is complete.")] = 10,
) -> None:
    """Load the CDR files that arrive in DIR, until it is interrupted.

    A file that was loaded moves to DIR/done, one that was refused to DIR/failed, each with its rejected rows.  If the
    store cannot be used, the files wait.  Files whose names begin with a dot or end in .part or .tmp are left alone.

    For example:

    ```
    gqlreports watch --time-zone America/New_York /var/spool/cdrs
    ```
    """
    ended = Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.set())
    with error_boundary() as settings:
        # Each file is loaded for itself, since it moves away.
        options = replace(read_options(layout, time_zone, encoding, constants or [], first_branch), pending=None)
        registry = Registry.load()
        while not ended.is_set():
            if files := list(complete(directory, settle)):
                try:
                    with_backend(settings, registry, _Batch(settings, files, options, corrects, ended).load, make=True)
                except StoreError as error:
                    print_error(f"{error.for_operators}  The files wait.")
            ended.wait(every)


def complete(directory: Path, settle: float) -> Iterator[Path]:
    """The files in a directory that have not changed for some seconds, the oldest first."""
    found = []
    for path in directory.iterdir():
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(_UNFINISHED):
            changed = path.stat().st_mtime
            if time.time() - changed >= settle:
                found.append((changed, path))
    yield from (path for _, path in sorted(found))


@dataclass(frozen=True)
class _Batch:
    """Files that are loaded while the store is open once, unless the command ends."""

    settings: Settings
    files: list[Path]
    options: ReadOptions
    corrects: bool
    ended: Event

    async def load(self, backend: Backend) -> None:
        customers = directory_of(self.settings, make=True)
        for path in self.files:
            if self.ended.is_set():
                return
            try:
                with progress(str(path)) as on_read:
                    done = await load_cdrs(backend, str(path), on_read, self.corrects, self.options)
            except (LoadError, NotInstalled) as error:
                print_error(str(error))
                _move(path, FAILED)
            else:
                typer.echo(summary(str(path), done, self.corrects))
                warn(done, customers)
                _move(path, FAILED if done.in_vain or done.refused else DONE)


def _move(path: Path, folder: str) -> None:
    """Move a file and its rejected rows; a number keeps apart files of one name."""
    target = path.parent / folder
    target.mkdir(exist_ok=True)
    name, number = path.name, 1
    while (target / name).exists():
        number += 1
        name = f"{path.name}.{number}"
    # Each file of an archive has its own.
    for rejects in path.parent.glob(f"{glob.escape(path.name)}.*rejects.csv"):
        rejects.replace(target / rejects.name.replace(path.name, name, 1))
    path.replace(target / name)
