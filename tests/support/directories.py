"""Directories of the tests: copies of a migrated one, with hashes of passwords that cost little."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from argon2 import PasswordHasher

from gqlreports.directory import passwords
from gqlreports.directory.directory import Directory

SHIPPED = passwords._HASHER
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def new_directory(folder: Path) -> Directory:
    """An empty one in a folder, as `directory.db`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "directory.db"
    file.write_bytes(_migrated())
    return Directory(f"sqlite:///{file}")


@cache
def _migrated() -> bytes:
    """The file of an empty directory: to make its tables takes longer than most tests with them."""
    with TemporaryDirectory() as folder:
        made = Directory(f"sqlite:///{folder}/directory.db")
        made.check()
        made.close()
        return Path(folder, "directory.db").read_bytes()
