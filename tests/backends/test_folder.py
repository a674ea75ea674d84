"""An embedded store's directory that cannot be one: what is wrong and what to do is told, and nothing is broken.

And one that is a copy: each usual way to copy a directory makes a store with the same rows.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gqlreports.backends.base import Statement
from gqlreports.errors import StoreUnavailable
from gqlreports.store.load_cdrs import load_cdrs
from tests.support.sites import Engine, nothing

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


COPIES = {
    "cp, with links": "cp -a store copy",
    "cp, links followed": "cp -rL store copy",
    "tar, links followed": "mkdir copy && tar -C store -chf - . | tar -C copy -xf -",
    "no links": "cp -a store copy && find copy -type l -delete",
    "no links or empty folders": "cp -a store copy && find copy -type l -delete && find copy -type d -empty -delete",
}


@pytest.fixture
def loaded(engine: Engine, tmp_path: Path) -> Path:
    """A store with calls, which no process has open."""
    calls = Path(__file__).parent.parent.parent / "docs" / "example" / "calls.csv"
    asyncio.run(load_cdrs(engine.open(tmp_path / "store"), str(calls), nothing))
    engine.close()
    return tmp_path / "store"


def rows(engine: Engine, path: Path) -> bytes:
    counted = Statement("SELECT toYYYYMM(dt) AS month, sum(sign) AS rows FROM cdr GROUP BY month")
    return asyncio.run(engine.open(path).fetch_json(counted)).json


@pytest.mark.parametrize("command", COPIES.values(), ids=COPIES)
def test_a_copy_has_the_rows(engine: Engine, loaded: Path, command: str) -> None:
    subprocess.run(command, cwd=loaded.parent, shell=True, check=True)
    copy = loaded.with_name("copy")
    expected = rows(engine, loaded)
    assert b"202511" in expected
    for _ in range(2):
        assert rows(engine, copy) == expected
        engine.close()
    assert (copy / "metadata" / "default").is_symlink()


@pytest.mark.parametrize("fault", ["other definition", "lacking definition", "two stores"])
def test_a_copy_that_is_not_whole(engine: Engine, loaded: Path, fault: str) -> None:
    copy = loaded.with_name("copy")
    shutil.copytree(loaded, copy)
    if fault == "other definition":
        (copy / "metadata" / "default" / "cdr.sql").write_text("")
    elif fault == "lacking definition":
        (copy / "metadata" / "default" / "did.sql").unlink()
    else:
        [definitions] = [each.parent for each in copy.glob("store/*/*/cdr.sql")]
        shutil.copytree(definitions, definitions.with_name("other"))
    before = sorted(copy.rglob("*"))
    with pytest.raises(StoreUnavailable, match="a copy that is not whole: copy it again"):
        engine.open(copy)
    engine.close()
    assert sorted(copy.rglob("*")) == before
