"""Numbering data and DIDs over time: what a report says of each call, now and as of each earlier moment.

The truth is a list of what each file said, read backwards for each call.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gqlreports.backends.base import Customers
from gqlreports.plugins import CountingBasis, Report, ReportParameters, attempts, cdr, dimension, measure
from gqlreports.plugins.builtin.called_number import Number, called_number, numbering_data
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.schema.types.columns import validated
from gqlreports.store.effective import Effective
from gqlreports.store.load_dids import load_dids
from gqlreports.store.load_numbering import load_numbering
from gqlreports.tables import DICTIONARIES
from tests.store.test_load_cdrs import Store, as_csv, cdr_row
from tests.store.test_load_dids import HEADER
from tests.store.test_load_numbering import blocks, codes
from tests.support.awkward import block_row, code_row
from tests.support.sites import REGISTRY, Engine, nothing

CODE, OTHER = "201555", "202555"
DAYS = [datetime(2025, 11, day, tzinfo=UTC) for day in range(3, 9)]
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("effective") / "store"


@pytest.fixture
def store(engine: Engine, home: Path, tmp_path: Path) -> Store:
    """A store with a call on each day, one millisecond before and at midnight, to two blocks of one code."""
    made = Store(engine.open(home), tmp_path)
    moments = [day + step for day in DAYS for step in (-timedelta(milliseconds=1), timedelta(0))]
    rows = [
        cdr_row(
            n,
            dt=f"{moment:%Y-%m-%d %H:%M:%S.%f}"[:23],
            dest_number=number,
            dest_cli=number,
            lrn="",
            account=f"{moment} {number}",
        )
        for n, (moment, number) in enumerate((moment, number) for moment in moments for number in NUMBERS)
    ]
    made.load(as_csv(rows))
    return made


STATES = {"201": "NJ", "202": "DC"}
NUMBERS = (f"1{CODE}0100", f"1{CODE}1100", f"1{OTHER}0100")


@dataclass(frozen=True)
class Said:
    """That a file said, at its place in the order of loading, a rate center of a prefix for calls from a moment on."""

    prefix: str
    center: str
    since: datetime


@dataclass
class Files:
    """What all files said, in the order in which they were loaded."""

    said: list[Said] = field(default_factory=list)

    def load(self, lines: dict[str, str], since: datetime, corrects: bool) -> None:
        """By the rules of docs/loading.md."""
        known, has_blocks = {each.prefix for each in self.said}, any(len(each.prefix) == 7 for each in self.said)
        for prefix, center in lines.items():
            block_of_known = len(prefix) == 7 and has_blocks and prefix[:6] in known
            if corrects:
                self.said = [each for each in self.said if each.prefix != prefix]
            elif self._latest(prefix, since) == center:
                continue
            first = prefix not in known and not block_of_known
            self.said.append(Said(prefix, center, ALWAYS if corrects or first else since))

    def of(self, number: str, at: datetime) -> str:
        return self._latest(number[1:8], at) or self._latest(number[1:7], at) or ""

    def _latest(self, prefix: str, at: datetime) -> str | None:
        """Of what holds at that time, what began last; of what began at once, what was said last."""
        found = [(each.since, place, each.center) for place, each in enumerate(self.said)
                 if each.prefix == prefix and each.since <= at]  # fmt: skip
        return max(found)[2] if found else None


def load(store: Store, lines: dict[str, str], effective: Effective) -> None:
    for digits in (6, 7):
        rows = {prefix: center for prefix, center in lines.items() if len(prefix) == digits}
        if rows:
            path = store.folder / "numbering"
            path.write_text(
                codes(*(code_row(prefix, center, "AS" if center else "UA") for prefix, center in rows.items()))
                if digits == 6
                else blocks(
                    *(
                        block_row(prefix[:6], prefix[6], "AS" if center else "AV", center)
                        for prefix, center in rows.items()
                    )
                )
            )
            asyncio.run(load_numbering(store.backend, str(path), nothing, effective))


LINES = st.dictionaries(
    st.sampled_from([CODE, OTHER, f"{CODE}0", f"{CODE}1"]), st.sampled_from(["A", "B", "C", ""]), min_size=1
)
STEPS = st.lists(st.tuples(LINES, st.sampled_from(DAYS), st.sampled_from([False, False, False, True])), max_size=6)
CHECKED = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Centers(Report):
    """The rate center and the state of each call, which its account tells apart."""

    account = dimension(cdr.c.account, "Account")
    rc = dimension(numbering_data("rate_center", called_number(Number.DIALED)), "Rate center")
    state = dimension(numbering_data("state", called_number(Number.DIALED)), "State")
    calls = measure(attempts, "Calls")


CENTERS = RegisteredReport("CENTERS", Centers(), "tests")


def rows(store: Store, report: RegisteredReport, as_of: datetime | None) -> list[dict[str, Any]]:
    start, end = DAYS[0] - timedelta(days=1), DAYS[-1] + timedelta(days=1)
    given = ReportParameters() if report is CENTERS else validated(report, {})
    request = ReportRequest(
        report, Customers.of("5001"), start, end, given, CountingBasis.CALL, staff=True, as_of=as_of
    )
    answer = ReportAnswer(request, store.backend).rows(Selection.all(request.columns))
    found: list[dict[str, Any]] = orjson.loads(asyncio.run(answer))
    return found


def centers(store: Store, as_of: datetime | None = None) -> dict[str, tuple[str, str]]:
    return {row["account"]: (row["rc"], row["state"]) for row in rows(store, CENTERS, as_of)}


def truth(files: Files) -> dict[str, tuple[str, str]]:
    found = {}
    for day, step, number in product(DAYS, (-timedelta(milliseconds=1), timedelta(0)), NUMBERS):
        center = files.of(number, day + step)
        found[f"{day + step} {number}"] = (center, STATES[number[1:4]] if center else "")
    return found


def now() -> datetime:
    """A moment that is after all that was done before, and before all that is done next, to the millisecond."""
    time.sleep(0.002)
    moment = datetime.now(UTC)
    time.sleep(0.002)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@CHECKED
@given(STEPS)
def test_each_call_has_the_rate_center_of_its_time(
    store: Store, steps: list[tuple[dict[str, str], datetime, bool]]
) -> None:
    store.command("TRUNCATE TABLE numbering", *(f"SYSTEM RELOAD DICTIONARY {name}" for name in DICTIONARIES))
    files = Files()
    known = [(now(), truth(files))]
    for lines, since, corrects in steps:
        load(store, lines, Effective(since, corrects))
        files.load({each: center for each, center in lines.items() if len(each) == 6}, since, corrects)
        files.load({each: center for each, center in lines.items() if len(each) == 7}, since, corrects)
        assert centers(store) == truth(files)
        known.append((now(), truth(files)))
    for as_of, then in known:
        assert centers(store, as_of) == then


@dataclass(frozen=True)
class Line:
    """A line of a file of DIDs of customer 5001: a number, and its period."""

    number: str
    since: datetime | None
    until: datetime | None

    @property
    def text(self) -> str:
        return f"{self.number},5001,{self.since or ''},{self.until or ''}\n"


@dataclass
class Inventory:
    """The end of each period of a DID by its number and beginning, as the files said last."""

    periods: dict[tuple[str, datetime], datetime | None] = field(default_factory=dict)

    def load(self, lines: list[Line], since: datetime, corrects: bool) -> None:
        """By the rules of docs/loading.md."""
        before = {each: until for each, until in self.periods.items() if until is None or until > each[1]}
        told = {}
        for line in lines:
            begins = [begin for number, begin in before if number == line.number]
            still = [begin for begin in begins if (end := before[line.number, begin]) is None or end > since]
            if line.since is not None:
                begin = line.since
            elif corrects:
                begin = ALWAYS
            elif still:
                begin = max(still)
            elif line.until is not None and line.until <= since:
                begin = max(begins, default=ALWAYS)
            else:
                begin = since if before else ALWAYS
            told[line.number, begin] = line.until
        if corrects:
            numbers = {line.number for line in lines}
            self.periods |= {each: each[1] for each in before if each[0] in numbers}
        self.periods |= told

    def has(self, number: str, at: datetime) -> bool:
        return any(
            number == its and since <= at and (until is None or at < until)
            for (its, since), until in self.periods.items()
        )


def dids(store: Store, as_of: datetime | None = None) -> dict[str, bool]:
    return {row["account"]: row["isDid"] for row in rows(store, REGISTRY.reports["DID_AS_CLI"], as_of)}


def true_dids(inventory: Inventory) -> dict[str, bool]:
    moments = product(DAYS, (-timedelta(milliseconds=1), timedelta(0)), NUMBERS)
    return {f"{day + step} {number}": inventory.has(number, day + step) for day, step, number in moments}


PERIODS = st.builds(
    Line, st.sampled_from(NUMBERS), st.none() | st.sampled_from(DAYS[:3]), st.none() | st.sampled_from(DAYS[3:])
)


@CHECKED
@given(st.lists(st.tuples(st.lists(PERIODS, min_size=1, max_size=4), st.sampled_from(DAYS), st.booleans()), max_size=5))
def test_a_number_is_a_did_in_its_time(store: Store, steps: list[tuple[list[Line], datetime, bool]]) -> None:
    store.command("TRUNCATE TABLE did", *(f"SYSTEM RELOAD DICTIONARY {name}" for name in DICTIONARIES))
    inventory = Inventory()
    known = [(now(), true_dids(inventory))]
    for lines, since, corrects in steps:
        path = store.folder / "dids.csv"
        path.write_text(HEADER + "".join(line.text for line in lines))
        asyncio.run(load_dids(store.backend, str(path), nothing, Effective(since, corrects)))
        inventory.load(lines, since, corrects)
        assert dids(store) == true_dids(inventory)
        known.append((now(), true_dids(inventory)))
    for as_of, then in known:
        assert dids(store, as_of) == then
