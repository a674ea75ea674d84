"""`gqlreports new-report`: begins a package with a report of one's own."""

import re
import shutil
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from gqlreports.cli.support import error_boundary
from gqlreports.errors import InvalidInput, PluginError
from gqlreports.plugins.registry import GROUP, Registry

_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True)
class PackageNames:
    """The names of a new package, all made from that of its report type: CALLS_BY_HOUR."""

    type: str

    @classmethod
    def of(cls, given: str) -> "PackageNames":
        """The names for what a user calls the report: CALLS_BY_HOUR, calls-by-hour or CallsByHour.

        Raises InvalidInput if no report can be called so, or another one is.
        """
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", given):
            raise InvalidInput(f"{given} cannot name a report; use letters and digits, like CALLS_BY_HOUR.")
        names = cls("_".join(_WORD.findall(given)).upper())
        accepted = Registry.load().reports
        there = [each for each in entry_points(group=GROUP) if each.name in accepted]
        # Any report that is surely right: only its name is in question.
        asked = EntryPoint(names.type, there[0].value, GROUP)
        try:
            Registry.load([*there, asked], strict=True)
        except PluginError as error:
            # The message begins with the class that was asked with.
            _, _, reason = str(error).partition(f" = {asked.value}: ")
            raise InvalidInput(f"{given}: {reason or error}.") from error
        return names

    @property
    def class_name(self) -> str:
        return "".join(word.capitalize() for word in self.type.split("_"))

    @property
    def distribution(self) -> str:
        return f"gqlreports-{self.type.lower().replace('_', '-')}"

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "_")

    def filled(self, text: str) -> str:
        names = {"type": self.type, "cls": self.class_name, "distribution": self.distribution, "module": self.module}
        return Template(text).substitute(names)


def new_report(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the report is called, as CALLS_BY_HOUR.")],
) -> None:
    """Write a package with a report of your own, to start from: a folder in the current one.

    It has the report, its entry point, tests and a README, and keeps all rules of the conformance kit.
    """
    with error_boundary():
        names = PackageNames.of(name)
        _write(names)
    typer.echo(
        f"{names.distribution} has the report {names.type}. To install and test it:\n\n"
        f"    cd {names.distribution}\n    pip install -e '.[test]'\n    pytest"
    )


def _write(names: PackageNames) -> None:
    """Write the package.  Raises InvalidInput if it cannot be, and leaves nothing of it then."""
    folder = Path(names.distribution)
    try:
        folder.mkdir()
    except OSError as error:
        there = "is there already" if isinstance(error, FileExistsError) else f"cannot be made ({error.strerror})"
        raise InvalidInput(f"{folder} {there}; nothing was written.") from error
    try:
        for path, text in _FILES.items():
            file = folder / names.filled(path)
            file.parent.mkdir(exist_ok=True)
            file.write_text(names.filled(text), encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InvalidInput(f"{folder} cannot be written ({error.strerror}); nothing of it is left.") from error


_FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "$distribution"
version = "0.1.0"
description = "The report $type for gqlreports"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["gqlreports"]

[project.optional-dependencies]
test = ["gqlreports[embedded]", "pytest"]

[project.entry-points."gqlreports.reports"]
$type = "$module:$cls"
""",
    "$module.py": '''\
"""The report $type for gqlreports."""

from gqlreports.plugins import Report, answered, attempts, cdr, dimension, measure, ratio, talk_time


class $cls(Report):
    """Calls, and how well they completed, by account."""

    account = dimension(cdr.c.account, "Account of the customer")
    calls = measure(attempts, "Call attempts", unit="calls")
    answered_calls = measure(answered, "Answered calls", unit="calls")
    asr = ratio(answered, attempts, "Answered calls per attempt", unit="0..1")
    acd = ratio(talk_time, answered, "Mean conversation time", unit="s")
''',
    "tests/test_$module.py": '''\
"""The report $type: the rules that hold for every report, and its own figures."""

from $module import $cls

from gqlreports.testing import conformance, run_report

Test$cls = conformance($cls)


def test_figures() -> None:
    calls = [{"account": "a", "duration": "30.5"}, {"account": "a", "sip_code": "486", "duration": "0"}]
    assert run_report($cls, calls) == [
        {"account": "a", "calls": 2, "answeredCalls": 1, "asr": 0.5, "acd": 30.5},
    ]
''',
    "README.md": """\
# $distribution

The report `$type` for gqlreports: calls, and how well they completed, by account.

    pip install -e '.[test]'
    pytest
    gqlreports reports

The first command installs it into the environment of gqlreports, the second tests it, and the third lists it. A running
server finds it when it is started again.

The columns are in `$module.py`; "Writing reports" in the documentation of gqlreports has what they may be. The tests
hold the report to the rules of the conformance kit, over calls with every awkward case, and compare its figures over a
few calls with what they must be.
""",
}
"""The files of a package and their texts, with the names in place of each word behind a `$`."""
