"""An embedded store's directory that cannot be one: what is wrong and what to do is told, and nothing is broken."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gqlreports.errors import StoreUnavailable
from tests.support.sites import Engine

pytestmark = pytest.mark.processes

# chDB's library is read as the user that the tests are run by, its files opened as a user without rights.
SCRIPT = """
import asyncio, os, sys
from pathlib import Path
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.errors import StoreUnavailable
from gqlreports.store.definition import definition

async def main():
    if os.getuid() == 0 and sys.argv[2:] == ["nobody"]:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    backend = EmbeddedBackend(Path(sys.argv[1]), definition())
    try:
        await backend.open()
        print("open")
    except StoreUnavailable as error:
        print(error)
    await backend.close()

asyncio.run(main())
"""


def opening(path: Path, *user: str) -> str:
    """What comes of it in a process of its own."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(path), *user], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def home(engine: Engine, tmp_path: Path) -> Path:
    """A place for a store that any user may come to."""
    engine.close()
    for each in (tmp_path, *tmp_path.parents[:3]):
        if each.stat().st_uid == os.getuid() and each != Path("/"):
            each.chmod(0o755)
    return tmp_path


@pytest.fixture
def read_only(home: Path) -> Iterator[Path]:
    """A file system with a store on it, mounted for reading alone."""
    place = home / "mounted"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this user may not mount file systems")
    try:
        assert opening(place / "store") == "open"
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_read_only_file_system(read_only: Path) -> None:
    for path in (read_only / "store", read_only / "other"):
        assert "is on a read-only file system: mount it for writing, or choose another" in opening(path)


def test_a_directory_of_another_user(home: Path) -> None:
    assert opening(home / "store") == "open"
    if os.getuid() != 0:
        (home / "store").chmod(0o500)
    told = opening(home / "store", "nobody")
    (home / "store").chmod(0o700)
    assert "may not be written by this user: give it to the user that runs this" in told
    assert str(home) not in told
    assert opening(home / "store") == "open"


def test_a_directory_of_others_files(engine: Engine, home: Path) -> None:
    (home / "letters").mkdir()
    (home / "letters" / "to-mother.txt").write_text("Dear")
    with pytest.raises(StoreUnavailable, match="holds other files and no store: give it a directory of its own"):
        engine.open(home / "letters")
    engine.close()
    assert [each.name for each in (home / "letters").iterdir()] == ["to-mother.txt"]


def test_a_file_in_its_place(engine: Engine, home: Path) -> None:
    (home / "store").write_text("a file")
    for path in (home / "store", home / "store" / "below"):
        with pytest.raises(StoreUnavailable, match="taken by a file: move that away"):
            engine.open(path)
        engine.close()
