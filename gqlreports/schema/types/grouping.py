"""The arguments `groupBy` and `filter` of a report: the declared dimensions as a role sees them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.dimensions import SharedDimension
from gqlreports.plugins.grouping import grouped, grouping_of
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.filters import columns as columns_of
from gqlreports.schema.types.columns import documented
from gqlreports.schema.types.descriptions import describe_enum
from gqlreports.schema.types.filters import parse_filter, report_filter
from gqlreports.schema.types.report import ReportTypes, report_types


@dataclass(frozen=True, eq=False)
class Grouping:
    """The declared dimensions, as staff or partners see them."""

    declared: tuple[SharedDimension, ...]
    staff: bool

    @cached_property
    def visible(self) -> tuple[SharedDimension, ...]:
        return tuple(each for each in self.declared if self.staff or not each.staff_only)

    @cached_property
    def _by_name(self) -> Mapping[str, SharedDimension]:
        """One dimension of each name; those of other facts have its type and its unit."""
        found: dict[str, SharedDimension] = {}
        for each in self.visible:
            found.setdefault(each.constant_name, each)
        return found

    @cached_property
    def dimension_enum(self) -> Any:
        names = {name: name for name in self._by_name}
        cls: type[Enum] = Enum("ReportDimension", names)  # type: ignore[misc]
        texts = {name: documented(each) for name, each in self._by_name.items()}
        return describe_enum(cls, "A dimension by which reports can be grouped.", texts)

    @cached_property
    def filter_input(self) -> type[Any]:
        return report_filter("ReportFilter", tuple(self._by_name.values()))

    def types(self, ordinary: Iterable[ReportTypes], interface: type[Any]) -> dict[str, ReportTypes]:
        """The types of those reports that can be grouped, by their names."""
        found = {each: grouping_of(each.registered, self.declared) for each in ordinary}
        return {
            each.registered.name: report_types(grouping, self.staff, interface, each)
            for each, grouping in found.items()
            if grouping
        }

    def report(self, base: RegisteredReport, group_by: Sequence[Enum] | None) -> RegisteredReport:
        """The report, grouped by the dimensions if they are given.

        Raises InvalidInput if it cannot be grouped by them.
        """
        if group_by is None:
            return base
        return grouped(base, self.declared, [each.value for each in group_by], self.staff)

    def filter(self, base: RegisteredReport, given: Any) -> Where:
        """Parse a filter on the rows of the report's fact.  Raises InvalidInput and LimitExceeded."""
        fact = base.report.fact
        of_fact = {each.constant_name: each for each in self.visible if each.fact is fact}
        columns: tuple[AnyColumn, ...] = tuple(of_fact.get(name, each) for name, each in self._by_name.items())
        found = parse_filter(given, columns)
        for each in columns_of(found.tree):
            if each.constant_name not in of_fact:
                there = (
                    f"there are {', '.join(one.graphql_name for one in of_fact.values())}" if of_fact else "it has none"
                )
                raise InvalidInput(f"{base.name} is about {fact.name}, which has no {each.graphql_name}; {there}.")
        return found
