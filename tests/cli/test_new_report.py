"""`gqlreports new-report`: the package that it writes, installed and tested in an environment of its own."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.commands import Done, inside
from tests.test_extras import wheel
from tests.test_outside_plugin import Installation, installation

__all__ = ["installation", "wheel"]

pytestmark = pytest.mark.processes

PACKAGE = "gqlreports-failed-calls"
FILES = {"README.md", "gqlreports_failed_calls.py", "pyproject.toml", "tests/test_gqlreports_failed_calls.py"}
RULES = ["declared", "runs", "sign", "range", "isolation", "determinism", "sums", "ratios", "rollup"]
UNSIGNED = """calls = measure(
        whole(func.toInt64(func.length(func.groupArray(cdr.c.dt))), COUNT, "rows"), "Call attempts", unit="calls")"""


class Author(Installation):
    """An environment in which gqlreports is installed from its wheel, with its plugin of pytest."""

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in super().environment.items() if name != "PYTHONPATH"}


@pytest.fixture
def author(installation: Installation, wheel: Path) -> Author:
    made = Author(installation.python, installation.home)
    made.run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    return made


def pytest_run(author: Author, folder: Path, *words: str) -> tuple[int, str]:
    """The exit code of pytest in a folder, and what it printed."""
    command = [str(author.python), "-m", "pytest", "-rA", "-p", "no:cacheprovider", *words]
    environment = {**author.environment, "COLUMNS": "100"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_a_new_package_passes_the_kit_at_once(author: Author, tmp_path: Path) -> None:
    command = [str(author.python), *author.command, "new-report", "FailedCalls"]
    subprocess.run(command, cwd=tmp_path, env=author.environment, check=True)
    folder = tmp_path / PACKAGE
    author.run("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", str(folder))
    listed = author.gqlreports("reports", "--strict").splitlines()
    assert any("FAILED_CALLS" in line and PACKAGE in line for line in listed)
    code, printed = pytest_run(author, folder)
    assert code == 0, printed
    for rule in RULES:
        assert f"PASSED tests/test_gqlreports_failed_calls.py::TestFailedCalls::test_rule[{rule}]" in printed
    assert f"{len(RULES) + 1} passed" in printed


def test_the_option_finds_reports_by_entry_point_and_by_class(author: Author, tmp_path: Path) -> None:
    """The example keeps all rules; a report that counts without the sign fails one, and pytest says which and why."""
    (tmp_path / "own.py").write_text(
        "from sqlalchemy import func\n"
        "from gqlreports.plugins import COUNT, Report, cdr, dimension, measure, whole\n\n\n"
        'class Own(Report):\n    """Calls by account."""\n\n'
        f'    account = dimension(cdr.c.account, "Account of the customer")\n    {UNSIGNED}\n'
    )
    code, printed = pytest_run(author, tmp_path, "--gqlreports", "CALLS_BY_HOUR", "--gqlreports", "own:Own")
    assert code == 1, printed
    assert f"1 failed, {2 * len(RULES) - 1} passed" in printed
    assert "Own breaks the rule `sign`: A call that was corrected or taken back counts" in printed
    assert "column calls, in rows for account ''" in printed
    assert "Sum with the sign: use count, total, percentile" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NO_SUCH", "no report of that name is installed; there are ASR_PER_ROUTE, "),
        ("nowhere:Own", "no such class can be loaded (ModuleNotFoundError: No module named 'nowhere')."),
        ("os:getcwd", "it is not a subclass of gqlreports.plugins.Report."),
    ],
)
def test_the_option_says_what_it_does_not_find(tmp_path: Path, name: str, reason: str) -> None:
    command = [sys.executable, "-m", "pytest", "--gqlreports", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.startswith(f"ERROR: --gqlreports {name}: {reason}")


def test_it_writes_a_package_for_each_way_to_say_the_name(tmp_path: Path) -> None:
    for place, name in enumerate(("FAILED_CALLS", "failed-calls", "FailedCalls")):
        folder = tmp_path / str(place)
        folder.mkdir()
        done = inside(("new-report", name), folder, {})
        assert (done.code, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{PACKAGE} has the report FAILED_CALLS.")
        written = {str(path.relative_to(folder / PACKAGE)) for path in folder.rglob("*") if path.is_file()}
        assert written == FILES
        project = tomllib.loads((folder / PACKAGE / "pyproject.toml").read_text())["project"]
        assert project["entry-points"] == {
            "gqlreports.reports": {"FAILED_CALLS": "gqlreports_failed_calls:FailedCalls"}
        }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("two words", "two words cannot name a report; use letters and digits, like CALLS_BY_HOUR."),
        ("../up", "../up cannot name a report; use letters and digits, like CALLS_BY_HOUR."),
        ("report", "report: REPORT cannot name a report; use capitals like CALLS_BY_HOUR."),
        ("Dtmf", "Dtmf: the name DTMF is taken by DTMF of gqlreports: both have the type DtmfBucket; choose another."),
        ("there", "gqlreports-there is there already; nothing was written."),
    ],
)
def test_what_it_refuses_leaves_nothing(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "gqlreports-there").mkdir()
    assert inside(("new-report", name), tmp_path, {}) == Done("", f"error: {reason}\n", 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["gqlreports-there"]
