"""Reports that are grouped by declared dimensions instead of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from gqlreports.errors import InvalidInput
from gqlreports.plugins.contract import AnyColumn, Dimension, Report, ReportParameters
from gqlreports.plugins.dimensions import SharedDimension
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.plugins.rollup import Rollup

GROUPINGS = 1024
"""How many combinations of a report and its keys are cached.  Compiled statements are cached with them."""


@dataclass(frozen=True, eq=False)
class GroupedReport(RegisteredReport):
    """The measures of the report `base` by declared dimensions.

    Its columns are all the dimensions of its fact, those of its own that are keys only under a parameter, and its
    measures.  Its rows are grouped by `keys`, in their order.
    """

    base: RegisteredReport
    keys: tuple[SharedDimension, ...] = ()

    @property
    def type_name(self) -> str:
        return f"{self.base.type_name}{SUFFIX.capitalize()}"

    @property
    def description(self) -> str:
        return f"{self.base.title}, by declared dimensions"

    @cached_property
    def rollup(self) -> Rollup | None:
        """The rollup of the base report, if it has these keys."""
        rollup = self.base.rollup
        return rollup if rollup and rollup.holds([each.expression for each in self.keys], ()) else None

    def dimensions(self, parameters: ReportParameters, staff: bool) -> tuple[Dimension, ...]:
        return (*(each for each in self.keys if staff or not each.staff_only), *super().dimensions(parameters, staff))


SUFFIX = "GROUPED"
"""What the names of the types of a grouped report end with, behind the report's own name."""


def groupable(base: RegisteredReport, declared: tuple[SharedDimension, ...]) -> tuple[SharedDimension, ...]:
    """The dimensions by which a report can be grouped; none if it writes its own statement.

    They are those of its fact, but for those that share a name with one of its other columns.
    """
    if base.report.overrides_statement():
        return ()
    others = _kept(base)
    taken = {each.graphql_name for each in others} | {each.constant_name for each in others}
    of_fact = [each for each in declared if each.fact is base.report.fact]
    return tuple(each for each in of_fact if not {each.graphql_name, each.constant_name} & taken)


@lru_cache(GROUPINGS)
def grouping_of(base: RegisteredReport, declared: tuple[SharedDimension, ...]) -> GroupedReport | None:
    """The report with the declared dimensions as its columns, still without keys; None if it cannot be grouped."""
    dimensions = groupable(base, declared)
    if not dimensions:
        return None
    cls: type[Report] = type(f"Grouped{type(base.report).__name__}", (type(base.report),), {})
    cls.columns = {each.name: each for each in (*dimensions, *_kept(base))}
    return GroupedReport(base.name, cls(), base.distribution, base)


def grouped(
    base: RegisteredReport, declared: tuple[SharedDimension, ...], names: Sequence[str], staff: bool
) -> GroupedReport:
    """The report grouped by the dimensions of those names, such as ACCOUNT, as staff or partners see them.

    Raises InvalidInput if the report cannot be grouped by them.
    """
    if base.report.overrides_statement():
        raise InvalidInput(
            f"{base.name} writes its own statement, so it cannot be grouped; leave out `groupBy`, and ask for its rows."
        )
    if not names:
        raise InvalidInput("`groupBy` names no dimension; for all rows together ask for `totals`.")
    known = {each.constant_name: each for each in groupable(base, declared) if staff or not each.staff_only}
    for name in names:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise InvalidInput(f"{base.name} cannot be grouped by {name[:64]!r}; {there}.")
    grouping = grouping_of(base, declared)
    assert grouping
    return _with_keys(grouping, tuple(dict.fromkeys(known[name] for name in names)))


@lru_cache(GROUPINGS)
def _with_keys(grouping: GroupedReport, keys: tuple[SharedDimension, ...]) -> GroupedReport:
    return replace(grouping, keys=keys)


def _kept(base: RegisteredReport) -> tuple[AnyColumn, ...]:
    """The columns of a report that it has at any grain: its measures, and dimensions with a measure instead."""
    columns = base.report.columns.values()
    return tuple(each for each in columns if not isinstance(each, Dimension) or each.otherwise is not None)
