"""Runs a report over the golden calls in each state of the store, and notes which rules it breaks."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gqlreports.errors import StoreError
from gqlreports.plugins.contract import AnyColumn
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.testing import totals
from gqlreports.testing.answers import (
    AnswerTable,
    column_statement,
    row_table,
    rows_of,
    tables_of,
    total_table,
    value_fault,
)
from gqlreports.testing.breaches import DETERMINISM, ISOLATION, RANGE, RATIOS, ROLLUP, RUNS, SIGN, SUMS, Breach, Rule
from gqlreports.testing.cases import Case, cases_of
from gqlreports.testing.comparing import differences
from gqlreports.testing.golden import OTHER, OWN, SILENT
from gqlreports.testing.golden_store import GoldenStore, StoreState

_STATES: tuple[tuple[StoreState, Rule, str, str], ...] = (
    (StoreState.CORRECTED, SIGN, "with calls as they are", "with calls that were corrected"),
    (StoreState.OUTSIDE, RANGE, "with the calls of the range", "with calls outside it too"),
    (StoreState.OTHERS, ISOLATION, "without other customers", "with their calls and numbers"),
)
"""The states in which a report must say the same as in PLAIN; the rule if it does not; and both in words."""
_LONGEST = 300
_FAILURE = "Run it with gqlreports.testing.run_report, the same basis and parameters, to see the whole error."
_ALONE = "Callers select the columns that they need: let a statement of your own use those in scope.columns alone."
_GROUPED = "Group a statement of your own by the keys of scope.dimensions, and by nothing else."


Answers: TypeAlias = Mapping[Case, list[AnswerTable]]


@dataclass
class Examination:
    """The examination of one report; `found` are the breaches so far, the first of each rule and column."""

    report: RegisteredReport
    store: GoldenStore
    found: dict[tuple[str, str], Breach] = field(default_factory=dict)

    async def run(self) -> None:
        await self.store.bring(StoreState.PLAIN)
        plain = {case: tables for case in cases_of(self.report) if (tables := await self._first_answer(case))}
        # First, since a figure that changes by itself would seem to break the other rules too.
        await self._check_determinism(plain)
        for case, tables in plain.items():
            await self._note_found(case, SUMS, totals.sum_breaches(case, OWN, tables, self.store.backend))
            await self._note_found(case, RATIOS, totals.ratio_breaches(case, tables, self.store.backend))
        for state, rule, *words in _STATES:
            await self.store.bring(state)
            await self._compare(plain, rule, words)
            if state is StoreState.OTHERS:
                for case in plain:
                    if of_other := await self._answer(case, OTHER):
                        found = totals.sum_breaches(case, OTHER, of_other, self.store.backend)
                        await self._note_found(case, SUMS, found)
        if self.report.rollup is not None:
            await self.store.bring(StoreState.MANY)
            for case in plain:
                await self._note_found(case, ROLLUP, totals.rollup_breaches(case, self.store.backend))

    async def _check_determinism(self, plain: Answers) -> None:
        for case in plain:
            for column in case.request().columns:
                await self._check_column(case, column)
        await self._compare(plain, DETERMINISM, ["asked once", "asked again"])
        await self.store.bring(StoreState.PARTS)
        await self._compare(plain, DETERMINISM, ["stored in one part", "stored in several parts"])
        await self.store.merge()
        await self._compare(plain, DETERMINISM, ["stored in one part", "merged from several parts"])

    async def _check_column(self, case: Case, column: AnyColumn) -> None:
        """Check a column that is asked for alone."""
        try:
            version = await self.store.backend.version(column_statement(case.request(), column))
        except Exception as error:
            failure = (("alone it fails with", _words_of(error)),)
            self._note(RUNS, column.graphql_name, f"with {case}", failure, _ALONE)
            return
        if version is None:
            known = (("its SQL calls", "a function that ClickHouse calls non-deterministic"),)
            self._note(DETERMINISM, column.graphql_name, f"with {case}", known)

    async def _first_answer(self, case: Case) -> list[AnswerTable] | None:
        """What the report says of the calls; None if it cannot say it.  It must also say something of none."""
        tables, nothing = await self._answer(case, OWN), await self._answer(case, SILENT)
        if nothing and nothing[0].rows:
            found = (("expected", "no row"), ("found", nothing[0].rows[0]))
            self._note(RUNS, nothing[0].keys[0], f"over no calls, with {case}", found)
        return tables

    async def _answer(self, case: Case, customer: str) -> list[AnswerTable] | None:
        """What the report says of a customer's calls; None if it cannot, which is noted."""
        try:
            tables = await tables_of(case.request(customer), self.store.backend)
        except Exception as error:
            column = await self._failing_column(case)
            self._note(
                RUNS, column, f"for customer {customer}, with {case}", (("it fails with", _words_of(error)),), _FAILURE
            )
            return None
        for table in tables:
            self._check_values(case, table)
        return tables

    async def _failing_column(self, case: Case) -> str:
        """The first column that fails even alone; empty if it is none of them."""
        for column in case.request().columns:
            try:
                await rows_of(case.request(), self.store.backend, [column])
            except Exception:
                return column.graphql_name
        return ""

    def _check_values(self, case: Case, table: AnswerTable) -> None:
        columns: dict[str, AnyColumn] = {each.graphql_name: each for each in case.request().columns}
        for row in table.rows:
            for name in row.keys() & columns.keys():
                if value_fault(columns[name], row[name]):
                    declared = columns[name].type.name + (" or null" if columns[name].nullable else "")
                    where = f"in {table.what}, with {case}"
                    self._note(RUNS, name, where, (("declared", declared), ("found", row[name])))
        if not columns.keys() >= set(table.keys):
            return
        keys = [tuple(row[key] for key in table.keys) for row in table.rows]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            found = (("expected", "one row for each key"), ("found twice", twice))
            self._note(RUNS, table.keys[0], f"in {table.what}, with {case}", found, _GROUPED)

    async def _compare(self, plain: Answers, rule: Rule, words: Iterable[str]) -> None:
        """Compare answers with what the report says now."""
        first, second = words
        for case, tables in plain.items():
            try:
                now = await self._rows_and_totals(case)
            except Exception as error:
                failure = ((first, "an answer"), (second, f"it fails with {_words_of(error)}"))
                self._note(rule, await self._failing_column(case), f"with {case}", failure)
                continue
            for each in differences(tables, now):
                values = ((first, each.first), (second, each.second))
                self._note(rule, each.column, f"{each.where}, with {case}", values)

    async def _rows_and_totals(self, case: Case) -> list[AnswerTable]:
        """What all else is made of, unless the report has a statement of its own: then all it says."""
        request, backend = case.request(), self.store.backend
        if self.report.report.overrides_statement():
            return await tables_of(request, backend)
        return [await row_table(request, backend), await total_table(request, backend)]

    def _note(
        self, rule: Rule, column: str, where: str, values: tuple[tuple[str, object], ...], advice: str = ""
    ) -> None:
        self._note_all([Breach(rule, type(self.report.report).__name__, column, where, values, advice)])

    async def _note_found(self, case: Case, rule: Rule, found: Awaitable[list[Breach]]) -> None:
        try:
            self._note_all(await found)
        except Exception as error:
            failure = (("it fails with", _words_of(error)),)
            self._note(rule, await self._failing_column(case), f"with {case}", failure, _FAILURE)

    def _note_all(self, found: Iterable[Breach]) -> None:
        for each in found:
            if each.rule is DETERMINISM or not self._is_unsteady(each.column):
                self.found.setdefault((each.rule.name, each.column), each)

    def _is_unsteady(self, column: str) -> bool:
        """Whether a column changes by itself; with a statement of the report's own, all do if one does."""
        unsteady = [name for rule, name in self.found if rule == DETERMINISM.name]
        return bool(unsteady) if self.report.report.overrides_statement() else column in unsteady


def _words_of(error: Exception) -> str:
    told = error.for_operators if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
    return told.strip().partition("\n")[0][:_LONGEST]
