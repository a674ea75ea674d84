"""Ctrl-C at any moment of a command: at most one line, no traceback, and the exit code of a shell."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_cli import GQLREPORTS, _environment
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.support.processes import started
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("files") / "calls.csv"
    file.write_bytes(as_csv(cdr_row(number, callid=f"n{number}") for number in range(300_000)))
    return file


def imports(process: int) -> bool:
    """Whether a process imports what the command needs; before that, Python itself is still starting."""
    return "site-packages" in Path(f"/proc/{process}/maps").read_text()


def interrupted(home: Path, words: tuple[str, ...], moment: Callable[[], object], times: int = 1) -> None:
    """A command that gets Ctrl-C, maybe more than once, at a moment when it cannot have ended."""
    process = subprocess.Popen(
        [*GQLREPORTS, *words],
        env=_environment(home, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The tests themselves may run in a background, where Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_until(lambda: imports(process.pid))
        moment()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        printed, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert (printed, process.returncode) == ("", 130), told
    assert told in ("", "interrupted\n")


@pytest.mark.parametrize("seconds", [0, 0.3, 0.6])
def test_while_it_starts(home: Path, calls: Path, seconds: float) -> None:
    for words in (("load", "cdrs", str(calls)), ("serve", "--port", "0")):
        interrupted(home, words, lambda: time.sleep(seconds))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.parametrize("times", [1, 2, 3])
def test_during_a_load(home: Path, calls: Path, times: int) -> None:
    interrupted(home, ("load", "cdrs", str(calls)), lambda: wait_until((home / "store" / "status").exists), times)


def test_while_a_server_opens_its_store(home: Path) -> None:
    interrupted(home, ("serve", "--port", "0"), lambda: wait_until((home / "store" / "status").exists))


def test_of_a_command_beside_a_server(home: Path, calls: Path) -> None:
    home.mkdir()
    with started(home, {"GQLREPORTS_HOME": str(home)}):
        interrupted(home, ("load", "cdrs", str(calls)), lambda: time.sleep(1))


def test_what_a_shell_runs_in_its_background_goes_on(home: Path) -> None:
    script = f"trap '' INT; {GQLREPORTS[0]} reports & sleep 0.5; kill -INT $!; wait $!"
    done = subprocess.run(["sh", "-c", script], env=_environment(home, {}), capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"GROUP_BY_TECH_PREFIX" in done.stdout
