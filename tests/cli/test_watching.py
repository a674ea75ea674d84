"""`gqlreports watch` as an operator runs it: a process of its own, files that arrive, and a store that is in use."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes


@contextmanager
def watching(home: Path, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [str(Path(sys.executable).with_name("gqlreports")), "watch", str(folder)]
    environment = {**os.environ, "GQLREPORTS_HOME": str(home)}
    with subprocess.Popen(
        [*command, "--every", "0.2", "--settle", "0.5", *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_files_are_loaded_as_they_arrive(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "first.csv").write_bytes(as_csv([cdr_row(0), cdr_row(1, dt="never")]))
    (folder / "bad.csv").write_text("a,b\n1,2\n")
    (folder / ".hidden.csv").write_bytes(as_csv([cdr_row(7)]))
    (folder / "coming.csv.part").write_bytes(as_csv([cdr_row(8)]))
    with watching(tmp_path / "home", folder) as process:
        wait_until(lambda: (folder / "done" / "first.csv").exists() and (folder / "failed" / "bad.csv").exists())
        (folder / "coming.csv.part").rename(folder / "first.csv")
        (folder / "vain.csv").write_bytes(as_csv([cdr_row(9, dt="never")]))
        wait_until(lambda: (folder / "done" / "first.csv.2").exists() and (folder / "failed" / "vain.csv").exists())
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in output
    assert sorted(each.name for each in folder.iterdir()) == [".hidden.csv", "done", "failed"]
    assert sorted(each.name for each in (folder / "done").iterdir()) == [
        "first.csv", "first.csv.2", "first.csv.rejects.csv",
    ]  # fmt: skip
    assert output.count("1 loaded, 0 there before") == 2
    assert "2 cells divided by commas" in output
