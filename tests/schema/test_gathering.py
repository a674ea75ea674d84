"""Fields of one report in one request: they come from one statement, and are what each is by itself."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqlreports.backends.base import Backend, Customers, Fetched, Statement
from gqlreports.plugins.types import Operator
from gqlreports.schema.answer import ReportAnswer
from gqlreports.schema.plan.batch import FieldBatcher, RowCountField, TotalsField
from gqlreports.schema.plan.filters import EVERYTHING, Condition, Where
from gqlreports.schema.plan.grain import total_columns
from gqlreports.schema.plan.rows import Order, Page
from gqlreports.schema.request import Selection
from tests.schema.test_plan import request, select
from tests.support.asking import CUSTOMERS
from tests.support.drawing import drawn
from tests.support.sites import REGISTRY, Site
from tests.test_rollups import KEPT

pytestmark = pytest.mark.thorough

RANGES = [("2025-10-20T00:00:00Z", "2025-11-20T00:00:00Z"), ("2025-10-25T10:20:30.456Z", "2025-11-03T09:00:00.001Z")]


def columns(type: str) -> list[str]:
    return [each.graphql_name for each in REGISTRY.reports[type].columns(staff=True)]


def totals(type: str) -> list[str]:
    return [each.graphql_name for each in total_columns(REGISTRY.reports[type].columns(staff=True))]


def query(type: str, parts: dict[str, str], basis: str) -> str:
    """One report under as many aliases as there are parts."""
    name = REGISTRY.reports[type].type_name
    given = f"customer: $customer, type: {type}, from: $from, to: $to, basis: {basis}"
    reports = " ".join(
        f"{alias}: customReport({given}) {{ ... on {name}Report {{ {part} }} }}" for alias, part in parts.items()
    )
    return f"query ($customer: ID!, $from: DateTime!, $to: DateTime!) {{ {reports} }}"


@pytest.mark.parametrize("type", KEPT)
@given(choose=st.data())
@drawn(8)
def test_each_field_is_what_it_is_by_itself(site: Site, type: str, choose: st.DataObject) -> None:
    """Rows in pages, of any columns, totals and counts, filtered or not, also under several aliases."""
    figure, text = totals(type)[0], columns(type)[0]
    wheres = [None, f'{{{text}: {{ne: "77"}}}}', f"{{{figure}: {{gt: 1}}}}", f"{{not: {{{figure}: {{isNull: true}}}}}}"]
    where = choose.draw(st.sampled_from(wheres))
    given = f"where: {where}" if where else ""
    brackets = f"({given})" if given else ""
    some = st.lists(st.sampled_from(columns(type)), min_size=1, unique=True)
    order = choose.draw(st.sampled_from([*REGISTRY.reports[type].report.columns.values()])).constant_name
    first, offset = choose.draw(st.integers(0, 40)), choose.draw(st.integers(0, 5))
    ordered = f"(orderBy: [{{column: {order}, direction: DESC}}], first: {first}, offset: {offset} {given})"
    fields = [
        f"rows{ordered} {{ {' '.join(choose.draw(some))} __typename }}",
        f"totals{brackets} {{ {' '.join(choose.draw(st.lists(st.sampled_from(totals(type)), min_size=1)))} }}",
        f"rowCount{brackets}",
        f"rows{ordered} {{ own: {choose.draw(some)[0]} }}",
    ]
    together = {f"f{place}": part for place, part in enumerate(choose.draw(st.permutations(fields)))}
    basis = choose.draw(st.sampled_from(["CALL", "ATTEMPT"]))
    variables = {"customer": choose.draw(st.sampled_from(CUSTOMERS))}
    variables |= dict(zip(("from", "to"), choose.draw(st.sampled_from(RANGES)), strict=True))
    found = site.data(query(type, together, basis), **variables)
    for alias, part in together.items():
        assert site.data(query(type, {alias: part}, basis), **variables) == {alias: found[alias]}


class Counting:
    """A backend that counts what it is asked for."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.statements = 0

    async def fetch_json(self, statement: Statement) -> Fetched:
        self.statements += 1
        return await self._backend.fetch_json(statement)


def statements(site: Site, type: str, *ask: Callable[[ReportAnswer], Coroutine[Any, Any, object]]) -> int:
    """How many statements some fields take that are asked for at once, each of an answer of its own."""
    counting: Any = Counting(site.backend)
    batcher = FieldBatcher(counting)
    answers = [ReportAnswer(request(type), counting, batcher=batcher) for _ in ask]

    async def run() -> None:
        await asyncio.gather(*(each(answer) for each, answer in zip(ask, answers, strict=True)))

    asyncio.run(run())
    assert sum(answer.statistics.statements for answer in answers) == len(ask)
    return int(counting.statements)


def rows(*names: str, order: tuple[Order, ...] = ()) -> Callable[[ReportAnswer], Coroutine[Any, Any, bytes]]:
    return lambda answer: answer.rows(select(answer.request, *names), Page(order, 10))


def count(answer: ReportAnswer) -> Coroutine[Any, Any, int]:
    return answer.row_count()


def total(*names: str, where: Where = EVERYTHING) -> Callable[[ReportAnswer], Coroutine[Any, Any, bytes]]:
    return lambda answer: answer.totals(select(answer.request, *names), where)


def test_what_goes_together(site: Site) -> None:
    """One filter, one order, and columns that are sums, of a report with few rows."""
    prefixes = REGISTRY.reports["GROUP_BY_TECH_PREFIX"].report.columns
    by_asr = (Order(prefixes["asr"]),)
    busy = Where(Condition(prefixes["total"], Operator.GT, 0), (1,))
    assert statements(site, "GROUP_BY_TECH_PREFIX", rows("total"), total("asr", "total"), count, rows("acd")) == 1
    assert statements(site, "GROUP_BY_TECH_PREFIX", rows("total"), rows("total", order=by_asr)) == 2
    assert statements(site, "GROUP_BY_TECH_PREFIX", rows("total"), count, total("total", where=busy)) == 2
    assert statements(site, "ASR_PER_ROUTE", rows("pddP50"), total("asr")) == 2
    assert statements(site, "PER_NUMBER", rows("attempts"), count) == 2


def test_who_leaves_takes_nothing_from_others(site: Site) -> None:
    batcher = FieldBatcher(site.backend)
    asked, selection = replace(request("DTMF"), customers=Customers.of("5001")), Selection("", ())

    async def run() -> tuple[bytes, Fetched] | None:
        leaving = asyncio.create_task(batcher.ask(asked, TotalsField(selection), EVERYTHING))
        staying = asyncio.create_task(batcher.ask(asked, RowCountField(), EVERYTHING))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    found = asyncio.run(run())
    assert found is not None
    assert int(found[0]) > 0
