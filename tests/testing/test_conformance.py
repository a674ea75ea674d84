"""Each rule of the conformance kit catches a report that breaks it, and the shipped reports break none."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy import column as column_named
from sqlalchemy import table as table_named

from gqlreports.plugins import (
    COUNT,
    FLAG,
    MOMENT,
    RATIO,
    TEXT,
    Additivity,
    Aggregate,
    CountingBasis,
    Fact,
    Report,
    ReportParameters,
    Scope,
    Sum,
    Tally,
    answered,
    attempts,
    cdr,
    customer_charge,
    dimension,
    measure,
    ratio,
    total,
    whole,
)
from gqlreports.tables import CALLS
from gqlreports.testing import RULES, breaches
from gqlreports.testing.golden import OWN, golden_calls
from tests.support import sites
from tests.support.sites import Engine

pytestmark = [pytest.mark.thorough, pytest.mark.counted]

ONE: Any = literal_column("1")


class Calls(Report):
    """Calls by account: what the others have too."""

    account = dimension(cdr.c.account, "Account of the customer")
    calls = measure(attempts, "Calls", unit="calls")


class Undescribed(Calls):
    calls = measure(attempts, "", unit="calls")


class Unlabelled(Calls):
    """Money whose currency nobody can tell."""

    charged = measure(customer_charge.total, "What the customer was charged", unit="money")


class WithoutKey(Report):
    """A report that the server leaves out."""

    calls = measure(attempts, "Calls", unit="calls")


class WithUndescribedParameter(Calls):
    """Calls by account, with a parameter."""

    class Parameters(ReportParameters):
        short: bool = False


class Mistyped(Calls):
    """A text that is declared as a number."""

    longest = measure(whole(literal_column("'long'"), COUNT, "the longest call"), "Longest call", unit="s")


class NotNullable(Calls):
    """A figure over nothing that is declared not to be null."""

    share = measure(
        Aggregate(
            (Sum(condition=cdr.c.answered), Sum()),
            lambda some, every: func.divide(some, every),
            RATIO,
            "answered / all",
            additivity=Additivity.NOT_ADDITIVE,
        ),
        "Answered CDRs",
        unit="0..1",
    )


def _of_basis(basis: CountingBasis) -> tuple[Sum, ...]:
    return (Sum(literal_column("no_such_column")),) if basis is CountingBasis.ATTEMPT else (Sum(),)


class OneBasis(Calls):
    """A figure that can only be counted by calls."""

    odd = measure(Aggregate(_of_basis, lambda each: each, COUNT, "calls"), "Calls", unit="calls")


class Ungrouped(Calls):
    """A statement of its own with several rows for a key."""

    def statement(self, scope: Scope) -> Select[Any]:
        statement = super().statement(scope)
        return statement.group_by(cdr.c.callid) if scope.dimensions else statement


class Counting(Calls):
    """CDRs that are counted without their sign, in a way that no declaration shows."""

    rows_stored = measure(
        whole(func.toInt64(func.length(func.groupArray(cdr.c.dt))), COUNT, "rows"), "CDRs", unit="CDRs"
    )


class Summing(Calls):
    """Seconds that are summed without the sign."""

    seconds = measure(whole(func.sum(func.toInt64(cdr.c.duration)), COUNT, "seconds"), "Seconds", unit="s")


class Earliest(Calls):
    """The first moment, of calls that were taken back too."""

    first = measure(whole(func.max(cdr.c.pdd_out), COUNT, "longest delay", nullable=True), "Longest delay", unit="ms")


class Busy(Calls):
    """Accounts with several CDRs, counted without the sign."""

    def statement(self, scope: Scope) -> Select[Any]:
        busy = select(cdr.c.account).group_by(cdr.c.account).having(func.count() > literal_column("20"))
        return super().statement(scope).where(cdr.c.account.in_(busy))


class OutOfRange(Calls):
    """Calls that are held against those of all time."""

    def statement(self, scope: Scope) -> Select[Any]:
        stored = table_named("cdr", column_named("dt"), schema="default")
        first = select(func.min(stored.c.dt)).scalar_subquery()
        return super().statement(scope).where(func.toDate(cdr.c.dt) > func.toDate(first))


_OTHERS = func.tuple(literal_column("'1002'"), func.replaceAll(cdr.c.dest_cli, literal_column("'+'"), ""))
_moment = func.toUnixTimestamp64Milli(cdr.c.dt)


class OfOthers(Calls):
    """Numbers that are found in the inventory of another customer."""

    known = dimension(
        func.toBool(func.dictHas(literal_column("'did_window'"), _OTHERS, _moment)), "Whether it is known", type=FLAG
    )


class Random(Calls):
    """A figure of chance."""

    luck = measure(whole(func.rand() % 1000, COUNT, "chance"), "Luck", unit="points")


class Timely(Calls):
    """A figure that depends on when it is asked for."""

    today = dimension(
        func.toDateTime64(func.today(), literal_column("3"), literal_column("'UTC'")), "Today", type=MOMENT
    )


class AnyCall(Calls):
    """Some call, which depends on how calls are stored."""

    some = measure(whole(func.any(cdr.c.callid), TEXT, "some call"), "Some call")


class Few(Report):
    """Some calls by switch, without an order."""

    switch = dimension(cdr.c.switch, "Switch")
    calls = measure(attempts, "Calls", unit="calls")

    def statement(self, scope: Scope) -> Select[Any]:
        few = select(cdr.c.callid).limit(literal_column("40"))
        return super().statement(scope).where(cdr.c.callid.in_(few))


class Floating(Calls):
    """Money in floating point."""

    money = measure(total(func.toFloat64(cdr.c.customer_charge), "charges", unit=RATIO), "Charges", unit="units")


class Largest(Sum):
    """No sum at all: the sum of several hours' largest values is not the largest value."""

    def over(self, fact: Fact) -> Any:
        return func.max(self.value)


_last_branch = Largest(func.toInt64(cdr.c.branch_idx))


class LastBranch(Calls):
    """The last branch of an account, kept by the hour as if it were a sum."""

    rollup = True

    last = measure(
        Aggregate((_last_branch,), lambda each: each, COUNT, "the last branch", additivity=Additivity.NOT_ADDITIVE),
        "Number of the last branch",
    )


_present = Aggregate(
    (Tally(cdr.c.direction, literal_column("true")),),
    lambda tally: func.toInt64(func.length(func.mapFilter(literal_column("(value, rows) -> rows > 0"), tally))),
    COUNT,
    "number of directions",
)


class Distinct(Calls):
    """How many directions there are, as if they could be added."""

    directions = measure(_present, "Directions", unit="directions")


class LostTotals(Calls):
    """A statement of its own whose totals leave out what its rows have."""

    def statement(self, scope: Scope) -> Select[Any]:
        statement = super().statement(scope)
        return statement if scope.dimensions else statement.where(cdr.c.account != literal_column("''"))


class AveragedRatio(Calls):
    """Totals that are the mean of the rows' ratios."""

    asr = ratio(answered, attempts, "Answered calls per attempt", unit="0..1")

    def statement(self, scope: Scope) -> Select[Any]:
        if scope.dimensions:
            return super().statement(scope)
        keys = (type(self).columns["account"],)
        rows = super().statement(replace(scope, dimensions=keys)).subquery()  # type: ignore[arg-type]
        figure: dict[str, Any] = {"asr": func.avg, "calls": func.sum}
        return select(*(figure[each.name](rows.c[each.name]).label(each.name) for each in scope.columns))


class TogetherOnly(Calls):
    """A statement of its own that needs a column which nobody may have asked for."""

    answered_calls = measure(answered, "Answered calls", unit="calls")

    def statement(self, scope: Scope) -> Select[Any]:
        if not scope.dimensions and all(each.name != "calls" for each in scope.columns):
            raise KeyError("calls")
        return super().statement(scope)


CASES: list[tuple[type[Report], dict[str, set[str]]]] = [
    (Undescribed, {"declared": {"", "calls"}}),
    (Unlabelled, {"declared": {"charged"}}),
    (WithoutKey, {"declared": {""}}),
    (WithUndescribedParameter, {"declared": {""}}),
    (Mistyped, {"runs": {"longest"}}),
    (NotNullable, {"runs": {"share"}}),
    (OneBasis, {"runs": {"odd"}}),
    (Ungrouped, {"runs": {"account"}}),
    (TogetherOnly, {"runs": {"answeredCalls"}}),
    (Counting, {"sign": {"rowsStored"}}),
    (Summing, {"declared": {""}}),
    (Earliest, {"sign": {"first"}}),
    (Busy, {"declared": {""}}),
    (OutOfRange, {"range": {"calls"}}),
    (OfOthers, {"isolation": {"account", "calls"}}),
    (Random, {"determinism": {"luck"}}),
    (Timely, {"determinism": {"today"}}),
    (AnyCall, {"determinism": {"some"}}),
    (Few, {"determinism": {"calls"}}),
    (Floating, {"determinism": {"money"}}),
    (LastBranch, {"rollup": {"last"}}),
    (Distinct, {"sums": {"directions"}}),
    (LostTotals, {"sums": {"calls"}}),
    (AveragedRatio, {"ratios": {"asr"}}),
]


@pytest.mark.parametrize(("report", "broken"), CASES, ids=[report.__name__ for report, _ in CASES])
def test_a_rule_catches_what_breaks_it(engine: Engine, report: type[Report], broken: dict[str, set[str]]) -> None:
    engine.close()
    found: dict[str, set[str]] = {}
    for each in breaches(report):
        found.setdefault(each.rule.name, set()).add(each.column)
    assert found == broken


def test_each_rule_has_such_a_report() -> None:
    assert {name for _, broken in CASES for name in broken} == {rule.name for rule in RULES}


TOLD = """\
Counting breaks the rule `sign`: A call that was corrected or taken back counts
as if it had always been so.
  column rowsStored, in rows for account '', with basis CALL
    with calls as they are:         {stored}
    with calls that were corrected: {corrected}
  Sum with the sign: use count, total, percentile or Sum and Tally of
  gqlreports.plugins for func.count, func.sum, func.min and the like, or
  multiply by cdr.c.sign."""


def test_a_breach_is_told_in_lines_of_79_characters(engine: Engine) -> None:
    """A CDR that is corrected to what it was has three rows."""
    engine.close()
    [breach] = breaches(Counting)
    stored = sum(
        each["account"] == "" and each["customer_id"] == OWN and each["callid"].startswith("call-")
        for each in golden_calls()
    )
    assert str(breach) == TOLD.format(stored=stored, corrected=3 * stored)


class Messages(Report):
    """Messages by number, of another fact than calls."""

    fact = replace(CALLS)

    number = dimension(cdr.c.dest_number, "Number")


def test_a_report_about_another_fact_is_refused() -> None:
    with pytest.raises(ValueError, match="Messages is about cdr, and the kit has only calls: test it with rows"):
        breaches(Messages)


@pytest.mark.parametrize("name", sites.REGISTRY.reports)
def test_the_shipped_reports_keep_all_rules(engine: Engine, name: str) -> None:
    engine.close()
    assert [str(each) for each in breaches(type(sites.REGISTRY.reports[name].report), name)] == []
