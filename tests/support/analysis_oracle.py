"""Test oracle of analyses: filters, subtotals, top rows, timelines, comparisons and calls by brute force.

Each figure is computed by tests/support/oracle.py from the CDRs of its group, never from another figure.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

from tests.support.calendar_oracle import Calendar
from tests.support.oracle import CURRENCY_KEYS as KEYS_BY_CURRENCY
from tests.support.oracle import MEASURES, Basis, Cdr, Key, Row, World, rounded

Where = Mapping[str, Any]
Order = Sequence[tuple[str, bool]]  # (column, descending); a part of a comparison is named as in "asr.change"
Keyed = list[tuple[Key, Cdr]]

DIMENSIONS: dict[str, tuple[str, ...]] = {
    "USA_RATE_CENTER": ("prefix", "rc"),
    "DID_AS_CLI": ("account", "destCli", "isDid"),
    "GROUP_BY_TECH_PREFIX": ("techPrefix",),
    "DTMF": ("route",),
    "ASR_PER_ROUTE": ("provider", "route"),
    "USA_CALLS": ("state", "jurisdiction"),
    "BREAKOUT": ("destinationCode", "destinationName"),
    "PER_NUMBER": ("number",),
    "RELEASE_REASONS": ("releaseReason", "sipCode"),
}
CURRENCY_KEYS = ("customerCurrency", "providerCurrency")
CURRENCIES = (*CURRENCY_KEYS, "profitCurrency")
CURRENCY_OF = {
    "totalCustomerCharge": "customerCurrency",
    "totalProviderCharge": "providerCurrency",
    "customerCharge": "customerCurrency",
    "providerCharge": "providerCurrency",
    "costPerDigit": "providerCurrency",
    "profit": "profitCurrency",
}
SERIES_BY = {  # the first measure that is no ratio and no text
    "USA_RATE_CENTER": "totalCustomerCharge",
    "DID_AS_CLI": "count",
    "GROUP_BY_TECH_PREFIX": "answeredCalls",
    "DTMF": "answeredCalls",
    "USA_CALLS": "calls",
}


def constant(name: str) -> str:
    """techPrefix -> TECH_PREFIX."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


# ---- filters ----

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}


def matches(row: Row, where: Where | None) -> bool:
    """Two-valued: a null meets `isNull: true`, `ne` and `notIn`, and nothing else."""
    return all(_clause(row, name, value) for name, value in (where or {}).items() if value is not None)


def _clause(row: Row, name: str, value: Any) -> bool:
    if name == "and":
        return all(matches(row, each) for each in value)
    if name == "or":
        return any(matches(row, each) for each in value)
    if name == "not":
        return not matches(row, value)
    return all(_meets(row[name], test, operand) for test, operand in value.items())


def _meets(value: Any, test: str, operand: Any) -> bool:
    if test == "isNull":
        return (value is None) is operand
    if test in ("ne", "notIn"):
        return not _meets(value, {"ne": "eq", "notIn": "in"}[test], operand)
    if value is None:
        return False
    if test == "in":
        return any(_meets(value, "eq", each) for each in operand)
    return OPERATORS[test](value, _like(value, operand))


def _like(value: Any, operand: Any) -> Any:
    """What an operand in its JSON form is compared as."""
    if isinstance(value, datetime):
        return datetime.fromisoformat(operand)
    return Decimal(operand) if isinstance(value, Decimal) else operand


# ---- order ----


def ordered(rows: Iterable[Row], order: Order) -> list[Row]:
    """By each column in turn, nulls last either way; text by its bytes, which is the order of its code points."""
    found = list(rows)
    for path, descending in reversed(order):
        known = [row for row in found if _at(row, path) is not None]
        nulls = [row for row in found if _at(row, path) is None]
        found = sorted(known, key=lambda row: _at(row, path), reverse=descending) + nulls
    return found


def _at(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row[name]
    return row


# ---- reports ----


def regrouped(keyed: Keyed, by: Iterable[str]) -> dict[Key, list[Cdr]]:
    """The CDRs by the part of their keys that `by` names."""
    groups: dict[Key, list[Cdr]] = {}
    for key, cdr in keyed:
        groups.setdefault(tuple(part for part in key if part[0] in by), []).append(cdr)
    return groups


@dataclass(frozen=True)
class Top:
    rows: list[Row]
    others: Row | None
    other_row_count: int
    other_calls: list[Cdr]


@dataclass(frozen=True)
class Analysis:
    """A report on a customer's calls in a range, and all that can be asked about it."""

    world: World
    type: str
    customer: str
    start: datetime
    end: datetime
    basis: Basis = "CALL"
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that rows are grouped by, in the order of their declaration."""
        return self.dimensions + (KEYS_BY_CURRENCY[self.type] if self.parameters.get("byCurrency") else ())

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those of them that are keys under all parameters."""
        return DIMENSIONS[self.type]

    @property
    def type_name(self) -> str:
        """What the names of its types begin with."""
        return self.type.title().replace("_", "")

    @property
    def arguments(self) -> str:
        """What the query for it has besides the arguments of every report."""
        return ""

    @cached_property
    def keyed(self) -> Keyed:
        return self.world.keyed(self.type, self.customer, self.start, self.end, **self.parameters)

    @cached_property
    def by_key(self) -> dict[Key, Row]:
        groups = regrouped(self.keyed, self.keys)
        return {key: self.figures(cdrs) | dict(key) for key, cdrs in groups.items()}

    def figures(self, cdrs: list[Cdr]) -> Row:
        """The measures over some CDRs, as columns show them."""
        found = MEASURES[self.type](cdrs, self.basis)
        cost = found.get("costPerDigit")
        return found | {"costPerDigit": rounded(cost)} if isinstance(cost, Fraction) else found

    def in_order(self, rows: Iterable[Row], order: Order = ()) -> list[Row]:
        return ordered(rows, [*order, *((key, False) for key in self.keys)])

    def rows(self, where: Where | None = None, order: Order = ()) -> list[Row]:
        return self.in_order((row for row in self.by_key.values() if matches(row, where)), order)

    def matching(self, where: Where | None) -> Keyed:
        """The CDRs behind the rows that match."""
        return [(key, cdr) for key, cdr in self.keyed if matches(self.by_key[key], where)]

    def totals(self, where: Where | None = None) -> Row:
        return self.figures([cdr for _, cdr in self.matching(where)])

    def level(self, cdrs: list[Cdr], by: Iterable[str], key: Key | None = ()) -> Row:
        """Figures at the grain of `by`, with the values of its dimensions in `key`, None for those of several keys.

        A currency that is not in `by` is a measure here.
        """
        away = [name for name in self.keys if name in by or name not in CURRENCY_KEYS]
        listed = [constant(name) for name in away if key is None or name not in by]
        return self.figures(cdrs) | dict.fromkeys(away) | dict(key or ()) | {"summedAway": listed}

    def subtotals(self, by: Sequence[str], where: Where | None = None, order: Order = ()) -> list[Row]:
        groups = regrouped(self.matching(where), by)
        ties = [(name, False) for name in self.keys if name in by]
        return ordered((self.level(cdrs, by, key) for key, cdrs in groups.items()), [*order, *ties])

    def top(self, n: int, by: str, descending: bool = True, where: Where | None = None) -> Top:
        rows = self.rows(where, [(by, descending)])
        further = {tuple((name, row[name]) for name in self.keys) for row in rows[n:]}
        cdrs = [cdr for key, cdr in self.keyed if key in further]
        return Top(rows[:n], self.figures(cdrs) if further else None, len(further), in_time(cdrs))

    def timeline(
        self,
        calendar: Calendar,
        where: Where | None = None,
        by: Sequence[str] = (),
        series: int = 5,
        series_by: str | None = None,
    ) -> list[Row]:
        """The buckets of each series: the largest first, and all further keys together last."""
        spans = calendar.buckets(self.start, self.end)
        found: list[Row] = []
        for key, cdrs in self._series(where, by, series, series_by or SERIES_BY.get(self.type, "attempts")):
            parts: list[list[Cdr]] = [[] for _ in spans]
            for cdr in cdrs:
                parts[bisect_right([span[0] for span in spans], cdr.dt) - 1].append(cdr)
            for (start, end, clipped), part in zip(spans, parts, strict=True):
                bucket: Row = {"start": start, "end": end, "clipped": clipped, "others": key is None}
                found.append(self.level(part, by, key) | bucket)
        return found

    def _series(
        self, where: Where | None, by: Sequence[str], series: int, series_by: str
    ) -> list[tuple[Key | None, list[Cdr]]]:
        """(its key, its CDRs) of each series; None for that of all further keys."""
        keyed = self.matching(where)
        if not by:
            return [((), [cdr for _, cdr in keyed])]
        groups = regrouped(keyed, by)
        sized = self.subtotals(by, where, [(series_by, True)])
        keys: list[Key] = [tuple((name, row[name]) for name in self.keys if name in by) for row in sized]
        found: list[tuple[Key | None, list[Cdr]]] = [(key, groups[key]) for key in keys[:series]]
        further = [cdr for key in keys[series:] for cdr in groups[key]]
        return [*found, (None, further)] if further else found

    def comparison(
        self, start: datetime, end: datetime, where: Where | None = None, order: Order = ()
    ) -> tuple[list[Row], Row]:
        """(rows, totals): of each measure the parts of its comparison with another range."""
        other = replace(self, start=start, end=end)
        kept = {key for side in (self, other) for key, row in side.by_key.items() if matches(row, where)}
        now, then = (
            regrouped([(key, cdr) for key, cdr in side.keyed if key in kept], self.keys) for side in (self, other)
        )
        rows = (
            compared(self.figures(now.get(key, [])), self.figures(then.get(key, []))) | dict(key) for key in kept
        )  # fmt: skip
        totals = (self.figures([cdr for group in side.values() for cdr in group]) for side in (now, then))
        return [both_sides(row) for row in self.in_order(rows, order)], compared(*totals)

    def calls(self, where: Where | None = None) -> list[Cdr]:
        return in_time(cdr for _, cdr in self.matching(where))


def both_sides(row: Row) -> Row:
    """A currency, which may be a measure, is its current and its previous value even where it is a key."""
    keys = {name: {"current": row[name], "previous": row[name]} for name in CURRENCIES if is_key(row, name)}
    return row | keys


def is_key(row: Row, name: str) -> bool:
    return name in row and not isinstance(row[name], dict)


def compared(current: Row, previous: Row) -> Row:
    return {name: _parts(name, current, previous) for name in current}


def _parts(name: str, current: Row, previous: Row) -> dict[str, Any]:
    now: Any = current[name]
    then: Any = previous[name]
    if name in CURRENCIES:
        return {"current": now, "previous": then}
    currency = CURRENCY_OF.get(name, "")
    units = {current.get(currency), previous.get(currency)} - {None}
    change = None if now is None or then is None or len(units) > 1 else Fraction(now) - Fraction(then)
    exact = None if change is None else type(now)(now - then)
    relative = float(change / abs(Fraction(then))) if change is not None and then else None
    return {"current": now, "previous": then, "change": exact, "relativeChange": relative}


def in_time(cdrs: Iterable[Cdr]) -> list[Cdr]:
    return sorted(cdrs, key=lambda cdr: (cdr.dt, cdr.switch, cdr.callid, cdr.branch_idx))
