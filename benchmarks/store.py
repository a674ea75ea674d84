"""A store of generated calls, kept in a folder between runs.

The product makes its tables by its own command; the calls are made by the engine.  A folder whose store is of another
version of either is filled anew.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from benchmarks.calls import CALLS, DIDS, LARGE, MIDDLING, NUMBERING, SMALL, months
from benchmarks.engine import WRITING, Engine
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role

FOLDER = Path("build/benchmarks")
_CLI = (sys.executable, "-c", "from gqlreports.cli import app; app()")


@dataclass(frozen=True)
class Home:
    """A data directory of the product."""

    path: Path

    @property
    def store(self) -> Path:
        return self.path / "store"

    def linked(self) -> Path:
        """A copy of the store for a server to open, made of links to its files, which ClickHouse never changes."""
        copy = self.path.absolute() / "linked"
        shutil.rmtree(copy, ignore_errors=True)
        subprocess.run(["cp", "--archive", "--link", self.store, copy], check=True)
        return copy

    def environment(self, **settings: str) -> dict[str, str]:
        """The variables of a process that works on it."""
        return os.environ | {"GQLREPORTS_HOME": str(self.path)} | settings

    def command(self, *words: str) -> list[str]:
        """A command of the product."""
        return [*_CLI, *words]

    def run(self, *words: str) -> str:
        """What a command of the product prints.  Raises CalledProcessError where it fails."""
        command = self.command(*words)
        return subprocess.run(command, env=self.environment(), check=True, stdout=subprocess.PIPE, text=True).stdout

    def new_key(self) -> str:
        """A key for staff, in a directory with the customers that are asked about."""
        directory = Directory(f"sqlite:///{(self.path / 'directory.db').absolute()}")
        directory.save_customers([Customer(id=id, name=id, currency="USD") for id in (LARGE, MIDDLING, SMALL)])
        key = directory.create_key("benchmark", Role.STAFF)
        directory.close()
        return key

    @cached_property
    def version(self) -> str:
        """Changes with the statements that make a store and fill it."""
        made = self.run("migrate", "--dry-run", "--store", f"chdb://{self.path.absolute()}/none")
        shutil.rmtree(self.path / "none", ignore_errors=True)
        return sha256("".join([made, NUMBERING, DIDS, CALLS]).encode()).hexdigest()


def empty(path: Path) -> Home:
    """A new store with the product's tables."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    home = Home(path)
    home.run("migrate")
    return home


def filled(millions: float, folder: Path = FOLDER) -> Home:
    """The store of so many million CDRs, filled where it is not there."""
    home = Home(folder / f"{millions:g}")
    home.path.mkdir(parents=True, exist_ok=True)
    mark, version = home.path / "version", home.version
    if not mark.exists() or mark.read_text() != version:
        home = empty(home.path)
        _fill(home, round(millions * 1_000_000))
        mark.write_text(version)
    return home


def _fill(home: Home, size: int) -> None:
    engine = Engine(home.store, WRITING)
    for statement in (NUMBERING, "SYSTEM RELOAD DICTIONARY rate_center", DIDS, "SYSTEM RELOAD DICTIONARY did_window"):
        engine.run(statement)
    start = time.perf_counter()
    for month in months(size):
        engine.run(CALLS, month.parameters)
        engine.run(f"OPTIMIZE TABLE cdr PARTITION {month.partition} FINAL")
        print(
            f"\rFilling {size:,} CDRs: month {month.number} of 12, {time.perf_counter() - start:.0f} s",
            end="",
            file=sys.stderr,
        )
    print(file=sys.stderr)
    engine.close()
