"""The pytest plugin: `pytest --gqlreports REPORT` holds reports to the rules of the conformance kit.

pytest imports it wherever gqlreports is installed, so it imports nothing else of gqlreports until the option is given.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gqlreports.plugins import Report
    from gqlreports.testing.breaches import Rule

_OPTION = "--gqlreports"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("gqlreports", "reports of gqlreports").addoption(
        _OPTION,
        action="append",
        default=[],
        metavar="REPORT",
        help="Hold a report to the rules of the conformance kit: the name of its entry point, as CALLS_BY_HOUR, or "
        "MODULE:CLASS; may be given several times.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    for name in session.config.getoption(_OPTION):
        items.extend(ConformanceReport.from_parent(session, name=name).collect())


class ConformanceReport(pytest.Collector):
    """A report that the option names; it has a test for each rule."""

    def collect(self) -> list[pytest.Item]:
        from gqlreports.testing.breaches import RULES

        report = _report_named(self.name, self.config)
        return [ConformanceItem.from_parent(self, name=rule.name, report=report, rule=rule) for rule in RULES]


class ConformanceItem(pytest.Item):
    """A rule that a report is held to."""

    def __init__(self, *, report: type[Report], rule: Rule, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self._report, self._rule = report, rule

    def runtest(self) -> None:
        from gqlreports.testing.conformance import hold

        hold(self._report, self._rule)

    def reportinfo(self) -> tuple[str, None, str]:
        return "", None, f"{self.parent and self.parent.name} {self.name}"


def _report_named(name: str, config: pytest.Config) -> type[Report]:
    """The class of a report.  Raises UsageError if there is none."""
    from importlib.metadata import EntryPoint, entry_points

    from gqlreports.plugins import Report
    from gqlreports.plugins.registry import GROUP

    installed = entry_points(group=GROUP)
    if ":" in name:
        # As with `python -m pytest`, modules are found where pytest was started.
        sys.path.insert(0, str(config.invocation_params.dir))
        plugins = [EntryPoint(name, name, GROUP)]
    else:
        plugins = [each for each in installed if each.name == name]
    if not plugins:
        known = ", ".join(sorted(each.name for each in installed))
        raise pytest.UsageError(f"{_OPTION} {name}: no report of that name is installed; there are {known}.")
    try:
        report = plugins[0].load()
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise pytest.UsageError(f"{_OPTION} {name}: no such class can be loaded ({told}).") from error
    if not (isinstance(report, type) and issubclass(report, Report)):
        raise pytest.UsageError(f"{_OPTION} {name}: it is not a subclass of gqlreports.plugins.Report.")
    return report
