"""Finds the report plugins and checks each of them; an error names the plugin and the reason."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from sqlalchemy import SelectBase
from sqlalchemy.sql.visitors import iterate

from gqlreports.errors import PluginError
from gqlreports.plugins.builtin.dimensions import CallDimensions
from gqlreports.plugins.checks import (
    check_enums,
    check_figures,
    check_parameter,
    check_sql,
    check_values,
    words_of_error,
)
from gqlreports.plugins.contract import AnyColumn, Dimension, Measure, Report, ReportParameters
from gqlreports.plugins.dimensions import Dimensions, SharedDimension, check_dimension
from gqlreports.plugins.rollup import Rollup, rollup_of
from gqlreports.plugins.types import TYPES

logger = logging.getLogger(__name__)

_COLUMN_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
_ENUM_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
GENERATED = {
    *("Bucket", "Column", "Comparison", "ComparisonOrder", "ComparisonRow", "ComparisonTotals", "CustomerTotals"),
    "Dimension",
    *("Filter", "Measure", "Order", "Parameters", "Report", "Row", "Subtotal", "Top", "Totals"),
}
GENERATED |= {f"Grouped{each}" for each in GENERATED}
"""The suffixes of the GraphQL types that are generated for a report; an enum of a parameter must not have such a name.
"""
OWN_TYPES = {
    *("BigIntFilter", "BooleanFilter", "DateTimeFilter", "DecimalFilter", "FloatFilter", "StringFilter"),
    *("BigIntComparison", "DecimalComparison", "FloatComparison", "StringComparison"),
    *("CustomReport", "ReportParameters", "ReportFilter", "ReportOrder", "ReportDimension"),
}
"""The types that the schema has whatever reports there are, and whose names end like those of a report's."""
# Fields that some of those types have besides the columns.
_FIELDS = {"and", "or", "not", "start", "end", "clipped", "others", "summedAway"}


def check_report(report: type[Report]) -> None:
    """Check a report class.  Raises PluginError; the message names the class and the column."""
    name = report.__name__
    check_values(report)
    _check_parameters(report)
    check_figures(report)
    columns = report.columns
    for column in columns.values():
        _check_column(column, name)
    _check_apart({each.name: each.graphql_name for each in columns.values()}, "column", name)
    _check_apart({each.name: each.constant_name for each in columns.values()}, "column", name)
    _check_keys(report)
    _check_units(report)
    for column in columns.values():
        _check_condition(column, report)
    check_sql(report)
    _check_keys_have_no_subquery(report)


def _check_column(column: AnyColumn, owner: str) -> None:
    blame = f"column {column.name} of {owner}"
    if not _COLUMN_NAME.fullmatch(column.name):
        raise PluginError(f"{blame} is no GraphQL name; use letters, digits and _ between them")
    summed = isinstance(column, Measure) or column.otherwise is not None
    if column.graphql_name in _FIELDS or (summed and column.graphql_name == "customerId"):
        raise PluginError(f"{blame} has the name of a field that stands beside columns; choose another")
    if column.type not in TYPES:
        names = ", ".join(each.name for each in TYPES)
        raise PluginError(f"{blame} has a type that is not one of TYPES; there are {names}")


def _check_keys_have_no_subquery(report: type[Report]) -> None:
    """Refuse a subquery in a key: when the CDRs of a row are looked up, it would read the CDRs of all customers."""
    for column in report.columns.values():
        if isinstance(column, Dimension):
            parts = iterate(column.build(report.Parameters()))
            if any(isinstance(part, SelectBase) for part in parts):
                raise PluginError(f"column {column.name} of {report.__name__} has a subquery; a key is made of one CDR")


def _check_apart(names: dict[str, str], what: str, owner: str) -> None:
    taken: dict[str, str] = {}
    for name, public in names.items():
        other = taken.setdefault(public, name)
        if other != name:
            raise PluginError(f"{what} {name} of {owner} clashes with {other}: both are {public}")


def _always_keys(report: type[Report]) -> tuple[Dimension, ...]:
    """The dimensions that are keys under all parameters."""
    return tuple(each for each in report.columns.values() if isinstance(each, Dimension) and each.when is None)


def _check_keys(report: type[Report]) -> None:
    always = _always_keys(report)
    if not always:
        raise PluginError(f"{report.__name__} has no dimension, so its rows have no key; add dimension(...)")
    for_partners = any(not column.staff_only for column in report.columns.values()) and not report.staff_only
    if for_partners and all(key.staff_only for key in always):
        raise PluginError(f"{report.__name__} has columns for partners, but no dimension that they see")


def _check_units(report: type[Report]) -> None:
    """Refuse a unit that shows partners the name of a column that they may not see."""
    for_staff = {column.graphql_name for column in report.columns.values() if column.staff_only}
    for column in report.columns.values():
        if column.unit in for_staff and not column.staff_only and not report.staff_only:
            blame = f"column {column.name} of {report.__name__}"
            raise PluginError(f"{blame} has the unit {column.unit}, a column for staff only; hide both or neither")


def _check_parameters(report: type[Report]) -> None:
    owner = report.__name__
    if not (isinstance(report.Parameters, type) and issubclass(report.Parameters, ReportParameters)):
        raise PluginError(f"Parameters of {owner} is not a subclass of gqlreports.plugins.ReportParameters")
    fields = report.Parameters.model_fields
    for name, field in fields.items():
        _check_parameter(name, field, owner)
    _check_apart({name: to_camel(name) for name in fields}, "parameter", owner)
    check_enums(fields, owner)


def _check_parameter(name: str, field: FieldInfo, owner: str) -> None:
    blame = f"parameter {name} of {owner}"
    if not _COLUMN_NAME.fullmatch(name):
        raise PluginError(f"{blame} is no GraphQL name; use letters, digits and _ between them")
    if field.is_required() or field.default_factory is not None:
        raise PluginError(f"{blame} needs a default, a plain value")
    kind: Any = field.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        names = [kind.__name__, *kind.__members__]
        if kind.__name__ in GENERATED or not all(map(_ENUM_VALUE.fullmatch, names)):
            raise PluginError(f"{blame}: its enum {kind.__name__} has a name or a value that GraphQL cannot have here")
    elif kind not in (bool, int, str):
        raise PluginError(f"{blame} must be a bool, an int, a str or an Enum")
    check_parameter(kind, field, blame)


def _check_condition(column: AnyColumn, report: type[Report]) -> None:
    if not isinstance(column, Dimension) or column.when is None:
        return
    blame = f"column {column.name} of {report.__name__}"
    if not isinstance(getattr(report.Parameters(), column.when, None), bool):
        raise PluginError(f"{blame}: {column.when} is no Boolean parameter")
    if column.otherwise is None or column.otherwise.type is not column.type:
        raise PluginError(f"{blame} needs `otherwise`, a figure of its own type, for where {column.when} is false")


GROUP = "gqlreports.reports"
DIMENSIONS = "gqlreports.dimensions"
"""The group of the entry points of dimensions."""
OWN = "gqlreports"
CALL_DIMENSIONS = tuple(CallDimensions.declared.values())
_TYPE_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_RESERVED = {"CUSTOM", "REPORT"}


@dataclass(frozen=True, eq=False)
class RegisteredReport:
    """A report that passed the checks.  `name` is its value in the GraphQL enum `ReportType`."""

    name: str
    report: Report
    distribution: str

    @property
    def type_name(self) -> str:
        """The prefix of its GraphQL types: USA_RATE_CENTER -> UsaRateCenter."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def title(self) -> str:
        return self.report.title or self.name.replace("_", " ").title()

    @property
    def description(self) -> str:
        return ((self.report.__doc__ or "").strip() or self.title).splitlines()[0]

    @cached_property
    def rollup(self) -> Rollup | None:
        """The hourly sums that the store keeps; None if the report does not ask for a rollup."""
        return rollup_of(self.name, self.report) if self.report.rollup else None

    @property
    def types(self) -> set[str]:
        """The names of the GraphQL types that it may have."""
        kinds = (field.annotation for field in self.report.Parameters.model_fields.values())
        enums = {kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)}
        return {f"{self.type_name}{suffix}" for suffix in GENERATED | enums}

    def refusal(self, fault: str) -> "RefusedReport":
        """The report as one that is left out for a fault; the message names its package and class."""
        owner = type(self.report)
        error = f"{self.distribution}: {self.name} = {owner.__module__}:{owner.__qualname__}: {fault}"
        return RefusedReport(self.name, self.distribution, error)

    def visible(self, staff: bool) -> bool:
        """Whether staff or partners may run it; a report without columns for partners is not for them."""
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
    """A plugin that was refused, and why."""

    name: str
    distribution: str
    error: str


@dataclass(frozen=True, eq=False)
class Registry:
    """The reports by name, the plugins that were refused, and the dimensions that reports can be grouped by."""

    reports: Mapping[str, RegisteredReport]
    refused: tuple[RefusedReport, ...] = ()
    dimensions: tuple[SharedDimension, ...] = CALL_DIMENSIONS

    @property
    def rollups(self) -> tuple[Rollup, ...]:
        """The rollups of all reports."""
        return tuple(each.rollup for each in self.reports.values() if each.rollup is not None)

    @classmethod
    def load(cls, plugins: Iterable[EntryPoint] | None = None, strict: bool = False) -> "Registry":
        """Load and check all installed plugins.

        A faulty plugin is left out and logged; with `strict` it raises PluginError instead.  If two plugins would have
        a type of the same name, both are left out, so that none can take another's place; gqlreports' own stay.
        """
        found = [*entry_points(group=GROUP), *entry_points(group=DIMENSIONS)] if plugins is None else plugins
        passed: list[RegisteredReport] = []
        dimensions = list(CALL_DIMENSIONS)
        refused: list[RefusedReport] = []
        for plugin in sorted(found, key=_order):
            try:
                if plugin.group == DIMENSIONS:
                    dimensions += _checked_dimensions(plugin, dimensions)
                else:
                    passed.append(_checked(plugin))
            except PluginError as error:
                refused.append(RefusedReport(plugin.name, _distribution(plugin), str(error)))
        faults = {each: fault for each in passed if (fault := _clash(each, passed))}
        refused += [each.refusal(fault) for each, fault in faults.items()]
        _tell(refused, strict)
        kept = {each.name: each for each in passed if each not in faults}
        return cls(MappingProxyType(kept), tuple(refused), tuple(dimensions))

    def without(self, faults: Mapping[RegisteredReport, str], strict: bool = False) -> "Registry":
        """The registry without the reports that have these faults; they are told as by `load`."""
        refused = [each.refusal(fault) for each, fault in faults.items()]
        _tell(refused, strict)
        kept = {name: each for name, each in self.reports.items() if each not in faults}
        return Registry(MappingProxyType(kept), (*self.refused, *refused), self.dimensions)


def _tell(refused: Iterable[RefusedReport], strict: bool) -> None:
    for each in refused:
        if strict:
            raise PluginError(each.error)
        logger.error("A report plugin is left out. %s", each.error)


def _distribution(plugin: EntryPoint) -> str:
    return (plugin.dist.name if plugin.dist else None) or "unknown distribution"


def _order(plugin: EntryPoint) -> tuple[bool, str, str]:
    return _distribution(plugin) != OWN, _distribution(plugin), plugin.name


def _checked(plugin: EntryPoint) -> RegisteredReport:
    """Load and check a plugin.  Raises PluginError; the message begins with the distribution, name and class."""
    try:
        if not _TYPE_NAME.fullmatch(plugin.name) or plugin.name in _RESERVED:
            raise PluginError(f"{plugin.name} cannot name a report; use capitals like CALLS_BY_HOUR")
        report = _loaded(plugin)
        check_report(report)
        registered = RegisteredReport(plugin.name, report(), _distribution(plugin))
        _ = registered.rollup  # raises PluginError if the report cannot have one
    except Exception as error:
        what = str(error) if isinstance(error, PluginError) else f"it cannot be checked ({words_of_error(error)})"
        raise PluginError(f"{_distribution(plugin)}: {plugin.name} = {plugin.value}: {what}") from error
    return registered


def _loaded(plugin: EntryPoint) -> type[Report]:
    try:
        loaded = plugin.load()
        report = isinstance(loaded, type) and issubclass(loaded, Report) and loaded()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"no such class can be loaded ({words_of_error(error)})") from error
    if not report:
        raise PluginError(f"{plugin.attr or plugin.value} is not a subclass of gqlreports.plugins.Report")
    return type(report)


def _checked_dimensions(plugin: EntryPoint, others: list[SharedDimension]) -> list[SharedDimension]:
    """Load and check a plugin's dimensions.  Raises PluginError; the message begins as for a report."""
    found: list[SharedDimension] = []
    try:
        try:
            loaded = plugin.load()
        except (Exception, SystemExit) as error:
            raise PluginError(f"no such class can be loaded ({type(error).__name__}: {error})") from error
        if not (isinstance(loaded, type) and issubclass(loaded, Dimensions)):
            raise PluginError(f"{plugin.attr or plugin.value} is not a subclass of gqlreports.plugins.Dimensions")
        for each in loaded.declared.values():
            _check_column(each, loaded.__name__)
            check_dimension(each, [*others, *found], loaded.__name__)
            found.append(each)
    except PluginError as error:
        raise PluginError(f"{_distribution(plugin)}: {plugin.name} = {plugin.value}: {error}") from error
    return found


def _clash(registered: RegisteredReport, passed: Iterable[RegisteredReport]) -> str | None:
    """Why a report cannot have its name beside those that passed; None if it can."""
    taken = f"the name {registered.name} is taken by"
    if registered.name.endswith("_GROUPED"):
        return f"the name {registered.name} is like those of grouped reports; choose one with another end"
    if own := sorted(registered.types & OWN_TYPES):
        return f"{taken} gqlreports itself: its schema has the type {own[0]}; choose another"
    if registered.distribution == OWN:
        return None
    for other in passed:
        if other is not registered and (shared := sorted(registered.types & other.types)):
            return f"{taken} {other.name} of {other.distribution}: both have the type {shared[0]}; choose another"
    return None
