"""Kept answers change nothing but the time: with them and without, bytes are the same, whatever is written between."""

import itertools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import NOT_MASKED, Role
from gqlreports.schema.scalars import print_moment
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_dids import load_dids
from gqlreports.telemetry.metrics import Metrics
from gqlreports.web.app import HttpOptions, create_app
from tests.conftest import WHOLE_STORES
from tests.support import sites
from tests.support.directories import new_directory
from tests.support.drawing import drawn
from tests.support.sites import nothing
from tests.support.stores import EmbeddedStore, ServedStore, Store, drop, new_database

pytestmark = pytest.mark.thorough

START = datetime(2025, 11, 1, tzinfo=UTC)
CUSTOMERS = ("1", "2")
FIELDS = {
    "GROUP_BY_TECH_PREFIX": ("GroupByTechPrefix", "techPrefix asr acd answeredCalls total"),
    "USA_RATE_CENTER": ("UsaRateCenter", "prefix callCount totalCustomerCharge"),
    "DID_AS_CLI": ("DidAsCli", "account destCli count isDid"),
    "PER_NUMBER": ("PerNumber", "number attempts connected talkTime"),
}
SELECTIONS = (
    "rows {{ {0} }}",
    "rows(first: 2) {{ {0} }} rowCount",
    "dataThrough rows {{ {0} }} timeline(every: DAY) {{ start {0} }}",
)
HEADINGS = (
    "dt,callid,branch_idx,switch,customer_id,account,tech_prefix,dest_cli,dest_number,duration,customer_charge,"
    "customer_card_currency,provider_card_id,dtmf,lrn,customer_card_dest_code,provider_charge,provider_card_currency"
)
numbers = itertools.count()
days = st.integers(0, 3)
customers = st.sampled_from(CUSTOMERS)
questions = st.tuples(
    st.just("ask"),
    st.sampled_from(sorted(FIELDS)),
    st.sampled_from(SELECTIONS),
    customers,
    days,
    st.sampled_from(["CALL", "ATTEMPT"]),
)
calls = st.tuples(days, customers, st.integers(0, 2), st.integers(0, 90))
writes = st.one_of(
    st.tuples(st.just("load"), st.lists(calls, min_size=1, max_size=4)),
    st.tuples(st.just("replace"), days, customers),
    st.tuples(st.just("delete"), days, customers),
    st.tuples(st.just("dids"), customers, st.integers(0, 2)),
)


class Twins:
    """One store behind two applications, of which one keeps answers and the other does not."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.directory = new_directory(folder)
        self.directory.save_customers([Customer(id=each, name=f"Name {each}", currency="USD") for each in CUSTOMERS])
        self.keys = {each: self.directory.create_key(each, Role.PARTNER, [each]) for each in CUSTOMERS}
        self.metrics = Metrics()
        self.keeping = TestClient(self._app(self.metrics, HttpOptions()))
        self.plain = TestClient(self._app(Metrics(), HttpOptions(answers_bytes=0)))

    def _app(self, metrics: Metrics, http: HttpOptions) -> Starlette:
        return create_app(sites.REGISTRY, self.store.backend(), self.directory, NOT_MASKED, metrics, http=http)

    @property
    def kept(self) -> float:
        """How many statements were answered by what was kept."""
        return self.metrics.registry.get_sample_value("gqlreports_answers_total", {"by": "cache"}) or 0

    def ask(self, client: TestClient, body: dict[str, Any], customer: str) -> bytes:
        headers = {"Authorization": f"Bearer {self.keys[customer]}"}
        return client.post("/graphql", json=body, headers=headers).content

    def write(self, work: Callable[[Backend], Coroutine[Any, Any, Any]]) -> None:
        """As another process does it: for a server, by a backend of its own."""
        self.store.run(work)

    def step(self, kind: str, *given: Any) -> None:
        getattr(self, f"_{kind}")(*given)

    def _ask(self, report: str, selection: str, customer: str, day: int, basis: str) -> None:
        name, fields = FIELDS[report]
        query = (
            "query ($customer: ID!, $from: DateTime!, $to: DateTime!, $basis: CountingBasis) { customReport("
            f"customer: $customer, type: {report}, from: $from, to: $to, basis: $basis) "
            f"{{ customer {{ name }} ... on {name}Report {{ {selection.format(fields)} }} }} }}"
        )
        span = {"from": print_moment(START), "to": print_moment(START + timedelta(days=day + 1))}
        body = {"query": query, "variables": {"customer": customer, "basis": basis, **span}}
        # A text that was never asked is executed, and not only filled in.
        executed = self.ask(self.plain, body | {"query": f"{query} # {next(numbers)}"}, customer)
        assert [self.ask(self.keeping, body, customer) for _ in range(3)] == [executed] * 3
        assert b'"errors"' not in executed
        for other in CUSTOMERS:
            assert (b"NOT_FOUND" in self.ask(self.keeping, body, other)) == (other != customer)

    def _load(self, calls: list[tuple[int, str, int, int]]) -> None:
        file = self.folder / f"calls-{next(numbers)}.csv"
        lines = [
            f"{START + timedelta(days=day, hours=9):%Y-%m-%d %H:%M:%S},call-{next(numbers)},0,twins,{customer},"
            f"account-{n},00{n},1212555010{n},1312555{n:04},{seconds},0.0{seconds:02},USD,card-{n},{n},,1,0,USD"
            for day, customer, n, seconds in calls
        ]
        file.write_text("\n".join([HEADINGS, *lines]) + "\n")
        self.write(lambda backend: load_cdrs(backend, str(file), nothing))

    def _replace(self, day: int, customer: str) -> None:
        """As a correction: one insert that takes a call back, and puts it down with another length."""
        rows = " UNION ALL ".join(
            f"SELECT * REPLACE ({sign} AS sign, {duration} AS duration) FROM cdr WHERE switch = 'twins' "
            f"AND customer_id = '{customer}' AND toDate(dt) = toDate('{START + timedelta(days=day):%Y-%m-%d}')"
            for sign, duration in (("-sign", "duration"), ("sign", "duration + 7"))
        )
        self._commands(f"INSERT INTO cdr SELECT * FROM ({rows})")

    def _delete(self, day: int, customer: str) -> None:
        date = f"{START + timedelta(days=day):%Y-%m-%d}"
        self._commands(f"DELETE FROM cdr WHERE customer_id = '{customer}' AND toDate(dt) = toDate('{date}')")

    def _dids(self, customer: str, n: int) -> None:
        file = self.folder / f"dids-{next(numbers)}.csv"
        file.write_text(f"did,customer_id,valid_from,valid_to\n1212555010{n},{customer},,\n")
        self.write(lambda backend: load_dids(backend, str(file), nothing))

    def _commands(self, *texts: str) -> None:
        async def commanded(backend: Backend) -> None:
            async with backend.session() as session:
                await _all(session, texts)

        self.write(commanded)

    def empty(self) -> None:
        """But for the dictionary, which is what it was until the next load."""
        self._commands("TRUNCATE TABLE cdr", "TRUNCATE TABLE did", "TRUNCATE TABLE cdr_load")


async def _all(session: Session, texts: tuple[str, ...]) -> None:
    for text in texts:
        await session.command(Statement(text))


@pytest.fixture(params=WHOLE_STORES)
def twins(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "embedded":
        store: Store = EmbeddedStore(request.getfixturevalue("engine"), tmp_path / "store")
        made = Twins(store, tmp_path)
        yield made
        assert made.kept > 0
        store.reopen()
        return
    served: ServedStore = new_database(request.getfixturevalue("server_url"))
    made = Twins(served, tmp_path)
    with made.keeping, made.plain:
        yield made
        assert made.kept > 0
    drop(served)


@given(steps=st.lists(st.one_of(questions, questions, writes), min_size=4, max_size=12))
@drawn(5)
def test_answers_are_the_same_kept_or_not(twins: Twins, steps: list[tuple[Any, ...]]) -> None:
    twins.empty()
    twins.step("load", [(day, customer, day % 3, 30 + day) for day in range(4) for customer in CUSTOMERS])
    twins.step("ask", "GROUP_BY_TECH_PREFIX", SELECTIONS[0], "1", 3, "CALL")
    for kind, *values in steps:
        twins.step(kind, *values)
    for customer in CUSTOMERS:
        twins.step("ask", "DID_AS_CLI", SELECTIONS[1], customer, 3, "CALL")
