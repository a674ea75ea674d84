"""A fact other than calls: a table and a declaration are enough for all that a report can be asked."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import DateTime64, Int8, String, UInt8
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import MergeTree
from sqlalchemy import Column, Select, Table, func, select
from starlette.testclient import TestClient

from gqlreports.backends.base import Backend, Customers, Statement
from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.plugins import CountingBasis, Fact, Report, Scope, count, dimension, measure, ratio, total
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.schema.explanation import readings
from gqlreports.schema.plan.rows import totals
from gqlreports.schema.request import ReportRequest, Selection
from gqlreports.store.definition import EMBEDDED, MIGRATIONS, Migration, StoreDefinition
from gqlreports.tables import REPORTS_READ, metadata
from gqlreports.web.app import create_app
from tests.support import sites
from tests.support.sites import Engine, Site


def message_table() -> Table:
    return Table(
        "message",
        metadata,
        Column("sent_at", DateTime64(3, "UTC")),
        Column("id", String),
        Column("customer_id", String),
        Column("number", String),
        Column("parts", UInt8),
        Column("sign", Int8),
        Column("loaded_at", DateTime64(3, "UTC")),
        MergeTree(order_by=("customer_id", "sent_at", "id")),
        info={REPORTS_READ: True},
    )


def reports_of(message: Table) -> dict[str, Report]:
    messages = Fact(
        message,
        time=message.c.sent_at,
        owner=message.c.customer_id,
        key=(message.c.id,),
        sign=message.c.sign,
        loaded_at=message.c.loaded_at,
        dimensions=(message.c.sent_at, message.c.id, message.c.number, message.c.parts),
    )
    all_sent = count(None, "messages")
    all_parts = total(func.toInt64(message.c.parts), "parts of messages")

    class MessagesPerNumber(Report):
        """Messages by number."""

        fact = messages
        rollup = True

        number = dimension(message.c.number, "Number")
        sent = measure(all_sent, "Messages")
        long = measure(count(message.c.parts > 1, "messages of several parts"), "Long messages")
        parts = measure(all_parts, "Parts")
        mean = ratio(all_parts, all_sent, "Parts per message")

    class Burglar(Report):
        """All messages, by a statement that would like to see those of all customers."""

        fact = messages

        number = dimension(message.c.number, "Number")
        sent = measure(all_sent, "Messages")

        def statement(self, scope: Scope) -> Select[Any]:
            everybody = select(message.c.id).where(message.c.customer_id != "nobody")
            return super().statement(scope).where(message.c.id.in_(everybody))

    return {"MESSAGES_PER_NUMBER": MessagesPerNumber(), "BURGLAR": Burglar()}


OWN, OTHER = "5001", "05001"
START = datetime(2025, 10, 20, tzinfo=UTC)
END = START + timedelta(days=10)
LOADED = datetime(2025, 11, 1, tzinfo=UTC)
LATER = datetime(2025, 11, 2, tzinfo=UTC)
RANDOM = random.Random(11)
Row = tuple[datetime, str, str, str, int, int, datetime]


def _rows() -> list[Row]:
    first = [
        (
            START + timedelta(milliseconds=RANDOM.randrange(10 * 86_400_000)),
            f"message-{place}",
            RANDOM.choice([OWN, OWN, OTHER]),
            RANDOM.choice(["491", "492", "493"]),
            RANDOM.randrange(1, 4),
            1,
            LOADED,
        )
        for place in range(2000)
    ]
    taken_back = [(*row[:5], -1, LATER) for row in first[::50]]
    return [*first, *taken_back]


ROWS = _rows()


def truth(
    key: Callable[[Row], object] = lambda row: row[3],
    customer: str = OWN,
    start: datetime = START,
    end: datetime = END,
    as_of: datetime = LATER,
) -> dict[object, tuple[int, int, int]]:
    """By key the messages, the long ones among them, and all parts."""
    found: dict[object, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in ROWS:
        sent_at, _, owner, _, parts, sign, loaded_at = row
        if owner == customer and start <= sent_at < end and loaded_at <= as_of:
            for place, value in enumerate((1, int(parts > 1), parts)):
                found[key(row)][place] += value * sign
    return {key: (sent, long, parts) for key, (sent, long, parts) in found.items() if sent}


@dataclass
class Messages:
    """A store of messages, and an application over it."""

    registry: Registry
    backend: EmbeddedBackend
    client: TestClient
    key: str

    def ask(
        self, fields: str, name: str = "MESSAGES_PER_NUMBER", customer: str = OWN, more: str = ""
    ) -> dict[str, Any]:
        """The report over all of the range."""
        query = (
            f'{{ customReport(customer: "{customer}", type: {name}, from: "{START.isoformat()}", '
            f'to: "{END.isoformat()}"{more}) {{ dataThrough '
            f"... on {self.registry.reports[name].type_name}Report {{ {fields} }} }} }}"
        )
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = self.client.post("/graphql", json={"query": query}, headers=headers).json()
        assert "errors" not in answer, answer["errors"]
        report: dict[str, Any] = answer["data"]["customReport"]
        return report


@pytest.fixture(scope="module")
def messages(engine: Engine, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Messages]:
    message = message_table()
    reports = {name: RegisteredReport(name, report, "tests") for name, report in reports_of(message).items()}
    registry = Registry(MappingProxyType({**sites.REGISTRY.reports, **reports}))
    steps = (*MIGRATIONS, Migration(99, "messages", lambda placement: placement.create(message)))
    engine.close()
    path = tmp_path_factory.mktemp("messages") / "store"
    backend = EmbeddedBackend(path, StoreDefinition(EMBEDDED, steps, registry.rollups))
    asyncio.run(fill(backend))
    yield Messages(registry, backend, TestClient(create_app(registry, backend, site.directory)), site.staff_key)
    asyncio.run(backend.close())
    metadata.remove(message)


async def fill(backend: Backend) -> None:
    values = ", ".join(
        f"('{sent_at:%F %T.%f}', '{id}', '{owner}', '{number}', {parts}, {sign}, '{loaded_at:%F %T}')"
        for sent_at, id, owner, number, parts, sign, loaded_at in ROWS
    )
    async with backend.session() as session:
        await session.command(Statement(f"INSERT INTO message VALUES {values}"))


def figures(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["sent"], row["long"], row["parts"]


FIGURES = "sent long parts"


@pytest.mark.parametrize("customer", [OWN, OTHER])
def test_rows_and_totals_are_those_of_one_customer(messages: Messages, customer: str) -> None:
    answer = messages.ask(f"rows {{ number {FIGURES} mean }} rowCount totals {{ {FIGURES} }}", customer=customer)
    expected = truth(customer=customer)
    assert {row["number"]: figures(row) for row in answer["rows"]} == expected
    assert answer["rowCount"] == len(expected)
    for row in answer["rows"]:
        sent, _, parts = expected[row["number"]]
        assert Decimal(str(row["mean"])) == pytest.approx(Decimal(parts) / sent)
    [total_of_all] = truth(lambda row: None, customer).values()
    assert figures(answer["totals"]) == total_of_all
    assert answer["dataThrough"] is None  # which is about loads of calls


def test_filters_and_the_largest(messages: Messages) -> None:
    expected = truth()
    most = max(sent for sent, _, _ in expected.values())
    fields = f"""
        rows(where: {{ sent: {{ lt: {most} }} }}) {{ number }}
        top(n: 1, by: SENT) {{ rows {{ number sent }} others {{ {FIGURES} }} }}
    """
    answer = messages.ask(fields)
    assert {row["number"] for row in answer["rows"]} == {key for key, (sent, _, _) in expected.items() if sent < most}
    [largest] = answer["top"]["rows"]
    others = [each for key, each in expected.items() if key != largest["number"]]
    assert largest["sent"] == most
    assert figures(answer["top"]["others"]) == tuple(map(sum, zip(*others, strict=True)))


def test_days_and_another_range(messages: Messages) -> None:
    before = (START - timedelta(days=5)).isoformat()
    middle = (START + timedelta(days=5)).isoformat()
    fields = f"""
        timeline(every: DAY) {{ start {FIGURES} }}
        comparison(with: {{ range: {{ from: "{before}", to: "{middle}" }} }}) {{
            rows {{ number sent {{ current previous }} }}
        }}
    """
    answer = messages.ask(fields)
    days = {datetime.fromisoformat(each["start"]).date(): figures(each) for each in answer["timeline"]}
    assert days == truth(lambda row: row[0].date())
    previous = truth(end=START + timedelta(days=5))
    for row in answer["comparison"]["rows"]:
        assert row["sent"]["current"] == truth()[row["number"]][0]
        assert row["sent"]["previous"] == previous[row["number"]][0]


def test_the_store_as_it_stood_before_a_correction(messages: Messages) -> None:
    answer = messages.ask(f"rows {{ number {FIGURES} }}", more=f', asOf: "{LOADED.isoformat()}"')
    then = truth(as_of=LOADED)
    assert then != truth()
    assert {row["number"]: figures(row) for row in answer["rows"]} == then


def test_a_long_range_is_read_from_the_rollup(messages: Messages) -> None:
    report = messages.registry.reports["MESSAGES_PER_NUMBER"]
    parameters = report.report.Parameters()
    request = ReportRequest(report, Customers.of(OWN), START, END, parameters, CountingBasis.CALL, staff=True)
    [read] = asyncio.run(
        readings(messages.backend, totals(request, Selection.all(list(report.report.columns.values())[1:])))
    )
    assert read.is_rollup


def test_no_calls_are_behind_messages(messages: Messages) -> None:
    report = messages.registry.reports["MESSAGES_PER_NUMBER"].report
    assert not report.lists_calls()


def test_the_store_itself_keeps_customers_apart(messages: Messages) -> None:
    """A subquery of the table sees the rows of the one customer too."""
    answer = messages.ask("rows { number sent }", "BURGLAR")
    assert {row["number"]: row["sent"] for row in answer["rows"]} == {
        key: sent for key, (sent, _, _) in truth().items()
    }


def test_a_fact_without_an_owner_is_refused() -> None:
    other = Table("elsewhere", metadata, Column("at", DateTime64(3, "UTC")), Column("whose", String))
    try:
        with pytest.raises(TypeError, match="customer_id"):
            Fact(other, other.c.at, other.c.whose, (), other.c.at, other.c.at, ())
    finally:
        metadata.remove(other)
