"""Finds the report plugins, checks each, and says whose it is that is wrong."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from gqlreports.errors import PluginError
from gqlreports.plugins.checks import check_report
from gqlreports.plugins.contract import AnyColumn, Dimension, Report, ReportParameters
from gqlreports.plugins.rollup import Rollup, rollup_of

logger = logging.getLogger(__name__)

GROUP = "gqlreports.reports"
OWN = "gqlreports"
_TYPE_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_RESERVED = {"CUSTOM", "REPORT"}


@dataclass(frozen=True, eq=False)
class RegisteredReport:
    """A report that passed: `name` is its value of the GraphQL enum `ReportType`."""

    name: str
    report: Report
    distribution: str

    @property
    def type_name(self) -> str:
        """USA_RATE_CENTER -> UsaRateCenter."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def title(self) -> str:
        return self.report.title or self.name.replace("_", " ").title()

    @property
    def description(self) -> str:
        return ((self.report.__doc__ or "").strip() or self.title).splitlines()[0]

    @cached_property
    def rollup(self) -> Rollup | None:
        """What the store keeps of it by the hour; None for a report that does not ask for it."""
        return rollup_of(self.name, self.report) if self.report.rollup else None

    def visible(self, staff: bool) -> bool:
        """Whether a caller may ask for it: partners need columns that they see."""
        return staff or (not self.report.staff_only and bool(self.columns(staff)))

    def columns(self, staff: bool) -> tuple[AnyColumn, ...]:
        """The columns that a caller may see."""
        return tuple(column for column in self.report.columns.values() if staff or not column.staff_only)

    def dimensions(self, parameters: ReportParameters, staff: bool) -> tuple[Dimension, ...]:
        """The columns that rows are grouped by."""
        return tuple(
            column for column in self.columns(staff) if isinstance(column, Dimension) and column.is_key(parameters)
        )


@dataclass(frozen=True)
class RefusedReport:
    """A plugin that was left out, and why."""

    name: str
    distribution: str
    error: str


@dataclass(frozen=True)
class Registry:
    """The reports by name, and the plugins that were left out."""

    reports: Mapping[str, RegisteredReport]
    refused: tuple[RefusedReport, ...] = ()

    @property
    def rollups(self) -> tuple[Rollup, ...]:
        """What the store keeps by the hour."""
        return tuple(each.rollup for each in self.reports.values() if each.rollup is not None)

    @classmethod
    def load(cls, plugins: Iterable[EntryPoint] | None = None, strict: bool = False) -> "Registry":
        """Check every plugin that is installed.

        One that is wrong is left out and logged; with `strict` it raises PluginError instead.
        """
        found = entry_points(group=GROUP) if plugins is None else plugins
        reports: dict[str, RegisteredReport] = {}
        refused = []
        for plugin in sorted(found, key=_order):
            try:
                reports[plugin.name] = _checked(plugin, reports)
            except PluginError as error:
                if strict:
                    raise
                logger.error("A report plugin is left out. %s", error)
                refused.append(RefusedReport(plugin.name, _distribution(plugin), str(error)))
        return cls(MappingProxyType(reports), tuple(refused))


def _distribution(plugin: EntryPoint) -> str:
    return (plugin.dist.name if plugin.dist else None) or "unknown distribution"


def _order(plugin: EntryPoint) -> tuple[bool, str, str]:
    return _distribution(plugin) != OWN, _distribution(plugin), plugin.name


def _checked(plugin: EntryPoint, others: Mapping[str, RegisteredReport]) -> RegisteredReport:
    """Raises PluginError, whose message begins with distribution, name and class."""
    try:
        if not _TYPE_NAME.fullmatch(plugin.name) or plugin.name in _RESERVED:
            raise PluginError(f"{plugin.name} cannot name a report; use capitals like CALLS_BY_HOUR")
        report = _loaded(plugin)
        check_report(report)
        registered = RegisteredReport(plugin.name, report(), _distribution(plugin))
        _check_name(registered, others)
        _ = registered.rollup  # raises where there can be none
    except PluginError as error:
        raise PluginError(f"{_distribution(plugin)}: {plugin.name} = {plugin.value}: {error}") from error
    return registered


def _loaded(plugin: EntryPoint) -> type[Report]:
    try:
        loaded = plugin.load()
        made = isinstance(loaded, type) and issubclass(loaded, Report) and loaded()
    except (Exception, SystemExit) as error:
        raise PluginError(f"no such class can be loaded ({type(error).__name__}: {error})") from error
    if not made:
        raise PluginError(f"{plugin.attr or plugin.value} is not a subclass of gqlreports.plugins.Report")
    return type(made)


def _check_name(registered: RegisteredReport, others: Mapping[str, RegisteredReport]) -> None:
    for other in others.values():
        if other.type_name == registered.type_name:
            raise PluginError(
                f"the name {registered.name} is taken by {other.name} of {other.distribution}; choose another"
            )
