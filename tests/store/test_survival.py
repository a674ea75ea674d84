"""What an embedded store keeps of a load that is killed, or for which the disk has no room."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gqlreports.backends.base import Statement
from tests.store.test_load_cdrs import cdr_row
from tests.support.awkward import COLUMNS, csv_line
from tests.support.killing import killed
from tests.support.sites import Engine

pytestmark = pytest.mark.processes

FILES, ROWS = 4, 6_000
MONTHS = ("2025-09", "2025-10", "2025-11")
COMMAND = [str(Path(sys.executable).with_name("gqlreports")), "load", "cdrs"]
Key = tuple[str, str]
"""A call's id, and the month that it is in."""


def write_files(folder: Path, files: int = FILES) -> dict[str, set[Key]]:
    """Files of one chunk each over three months, and what is in them."""
    written = {}
    for file in range(files):
        keys = {(f"{file}-{row}", MONTHS[row % len(MONTHS)]) for row in range(ROWS)}
        rows = (cdr_row(0, callid=call, dt=f"{month}-{1 + len(call) % 28:02} 06:00:00.000") for call, month in keys)
        path = folder / f"calls-{file}.csv"
        path.write_text("".join(csv_line(row) for row in (COLUMNS, *(list(each.values()) for each in rows))))
        written[str(path)] = keys
    return written


def environment(home: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    return others | {"GQLREPORTS_HOME": str(home), "COLUMNS": "1000"}


def reported(output: str) -> set[str]:
    """The files that a load told to be loaded whole."""
    return {line.partition(":")[0] for line in output.splitlines() if f": {ROWS} loaded, 0 there before" in line}


def kept(engine: Engine, home: Path) -> Counter[Key]:
    """How often each call is in the store."""
    backend = engine.open(home / "store")

    async def rows() -> Counter[Key]:
        async with backend.session() as session:
            found = await session.query(Statement("SELECT callid, formatDateTime(dt, '%Y-%m') FROM cdr"))
        return Counter((call, month) for call, month in found)

    counted = asyncio.run(rows())
    engine.close()
    return counted


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def load(home: Path, files: dict[str, set[Key]]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *files], env=environment(home), capture_output=True, text=True, timeout=300)


@pytest.fixture
def closed_engine(engine: Engine) -> Iterator[Engine]:
    """For stores that another process opens."""
    engine.close()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[Key]]:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize(
    ("told", "months"), [(0, 1), (1, 0), (2, 2)], ids=["in the first file", "between two files", "in the third file"]
)
def test_a_load_that_is_killed(
    told: int, months: int, closed_engine: Engine, files: dict[str, set[Key]], tmp_path: Path
) -> None:
    """What was reported is there; a month of a file is there whole or not at all; again makes it complete."""
    output = "".join(killed([*COMMAND, *files], tmp_path / "store", told, months, environment(tmp_path)))
    assert told <= len(reported(output)) < FILES
    before = kept(closed_engine, tmp_path)
    assert set(before.values()) == {1}
    assert len(before) < FILES * ROWS
    assert set().union(*(files[file] for file in reported(output))) <= set(before)
    for keys in files.values():
        for month in MONTHS:
            of_month = {key for key in keys if key[1] == month}
            assert of_month <= set(before) or not of_month & set(before)

    again = load(tmp_path, files)
    assert again.returncode == 0, again.stderr
    assert kept(closed_engine, tmp_path) == Counter(key for keys in files.values() for key in keys)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this user may not mount file systems")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_full(
    closed_engine: Engine, files: dict[str, set[Key]], small_disk: Path, tmp_path: Path
) -> None:
    """A load that finds no room says so, and leaves the store as it was; with room it goes on."""
    first, *others = files
    assert load(small_disk, {first: files[first]}).returncode == 0
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    failed = load(small_disk, {each: files[each] for each in others})
    assert failed.returncode == 1
    assert "The store's disk is full: free some space, then try again." in failed.stderr
    assert "Traceback" not in failed.stderr
    assert kept(closed_engine, small_disk) == Counter(files[first])
    filler.unlink()
    assert load(small_disk, files).returncode == 0
    assert kept(closed_engine, small_disk) == Counter(key for keys in files.values() for key in keys)
