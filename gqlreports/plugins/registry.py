"""Finds the report plugins, checks each, and says whose it is that is wrong."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from gqlreports.errors import PluginError
from gqlreports.plugins.aggregates import CountingBasis
from gqlreports.plugins.contract import TYPES, AnyColumn, Dimension, Report, ReportParameters, Scope

logger = logging.getLogger(__name__)

GROUP = "gqlreports.reports"
OWN = "gqlreports"
_TYPE_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_FIELD_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*")
_RESERVED = {"CUSTOM", "REPORT"}


@dataclass(frozen=True)
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
        return (self.report.__doc__ or self.title).strip().splitlines()[0]

    def columns(self, staff: bool) -> tuple[AnyColumn, ...]:
        """The columns that a caller may see."""
        return tuple(column for column in self.report.columns.values() if staff or not column.staff_only)

    def dimensions(self, parameters: ReportParameters, staff: bool) -> tuple[Dimension, ...]:
        """The columns that rows are grouped by."""
        return tuple(
            column
            for column in self.columns(staff)
            if isinstance(column, Dimension) and (column.when is None or getattr(parameters, column.when))
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
    return plugin.dist.name if plugin.dist else "unknown distribution"


def _order(plugin: EntryPoint) -> tuple[bool, str, str]:
    return _distribution(plugin) != OWN, _distribution(plugin), plugin.name


def _checked(plugin: EntryPoint, others: Mapping[str, RegisteredReport]) -> RegisteredReport:
    distribution = _distribution(plugin)
    blame = f"{distribution}: {plugin.name} = {plugin.value}"
    _check_name(plugin.name, blame)
    report_class = _loaded(plugin, blame)
    registered = RegisteredReport(plugin.name, report_class(), distribution)
    for other in others.values():
        if other.type_name == registered.type_name:
            raise PluginError(
                f"{blame}: the name {plugin.name} is taken by {other.name} of {other.distribution}; choose another"
            )
    _check_columns(report_class, blame)
    _check_parameters(report_class, blame)
    _check_statement(registered, blame)
    return registered


def _check_name(name: str, blame: str) -> None:
    if not _TYPE_NAME.fullmatch(name) or name in _RESERVED:
        raise PluginError(f"{blame}: {name} cannot name a report; use capitals like CALLS_BY_HOUR")


def _loaded(plugin: EntryPoint, blame: str) -> type[Report]:
    try:
        loaded = plugin.load()
    except Exception as error:
        raise PluginError(f"{blame}: no such class can be loaded ({type(error).__name__}: {error})") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Report)):
        raise PluginError(f"{blame}: {plugin.attr} is not a subclass of gqlreports.plugins.Report")
    return loaded


def _check_columns(report: type[Report], blame: str) -> None:
    taken: dict[str, str] = {}
    for name, column in report.columns.items():
        if not _FIELD_NAME.fullmatch(column.graphql_name):
            raise PluginError(f"{blame}: column {name} of {report.__name__} is no GraphQL name")
        if not any(column.type is known for known in TYPES):
            raise PluginError(f"{blame}: column {name} of {report.__name__} has a type that is not one of TYPES")
        clash = taken.setdefault(column.graphql_name, name)
        if clash != name:
            raise PluginError(
                f"{blame}: column {name} of {report.__name__} clashes with {clash}: both are {column.graphql_name}"
            )
    if not any(isinstance(column, Dimension) and column.when is None for column in report.columns.values()):
        raise PluginError(f"{blame}: {report.__name__} has no dimension, so its rows have no key; add dimension(...)")


def _check_parameters(report: type[Report], blame: str) -> None:
    try:
        parameters = report.Parameters()
    except Exception as error:
        raise PluginError(f"{blame}: every parameter of {report.__name__} needs a default") from error
    for name, column in report.columns.items():
        when = column.when if isinstance(column, Dimension) else None
        if when is not None and not isinstance(getattr(parameters, when, None), bool):
            raise PluginError(f"{blame}: column {name} of {report.__name__}: {when} is no Boolean parameter")


def _check_statement(registered: RegisteredReport, blame: str) -> None:
    report = registered.report
    parameters = report.Parameters()
    dimensions = registered.dimensions(parameters, staff=True)
    for name, column in report.columns.items():
        try:
            report.statement(Scope(dimensions, (column,), parameters, CountingBasis.CALL)).compile()
        except Exception as error:
            message = f"column {name} of {type(report).__name__} has no statement"
            raise PluginError(f"{blame}: {message} ({type(error).__name__}: {error})") from error
