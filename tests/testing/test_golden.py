"""The golden calls hold what the rules need, and the states of their store differ in what they say they do."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from gqlreports.backends.base import Statement
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.schema.explanation import readings
from gqlreports.schema.plan import rows
from gqlreports.schema.request import Selection
from gqlreports.testing.cases import cases_of
from gqlreports.testing.golden import END, MOMENTS, OTHER, OWN, SILENT, START, golden_calls
from gqlreports.testing.golden_store import COPIES, GoldenStore, StoreState, golden_store
from tests.support import sites
from tests.support.sites import Engine

CALLS = list(golden_calls())
REPORT = sites.REGISTRY.reports["GROUP_BY_TECH_PREFIX"]


def values(column: str, customer: str = OWN, kind: str = "call") -> set[str]:
    found = (each for each in CALLS if each["callid"].startswith(f"{kind}-") and each["customer_id"] == customer)
    return {each[column] for each in found}


def test_every_awkward_case_is_there() -> None:
    assert values("customer_card_currency") == {"USD", "EUR", "KWD", ""}
    assert values("customer_card_currency", OTHER) == {"USD"}
    assert not values("callid", SILENT)
    assert values("branch_idx") == {"0", "1", "2"}
    assert {"200", "486", "503", ""} <= values("sip_code")
    assert {"", "NULL", "trunk", "Trunk", "trunk "} <= values("account")
    assert {"", "anonymous", "911", "6023456789", "442079460018"} <= values("dest_number")
    assert {"", "null", "sip:alice@example.net"} <= values("dest_cli")
    assert min(map(Decimal, values("provider_charge"))) < 0
    assert values("callid") == values("callid", OTHER)
    assert len(values("dt")) == len(MOMENTS)
    assert not values("dt", kind="outside") & values("dt")
    assert values("account", kind="gone") - values("account") == {"gone"}


def test_each_moment_has_calls_that_began_together() -> None:
    begun = [each["dt"] for each in CALLS if each["customer_id"] == OWN and each["branch_idx"] == "0"]
    assert all(begun.count(f"{moment:%Y-%m-%d %H:%M:%S.%f}"[:-3]) > 2 for moment in MOMENTS)


def with_store(engine: Engine, folder: Path, work: Callable[[GoldenStore], Coroutine[Any, Any, None]]) -> None:
    async def run(report: RegisteredReport) -> None:
        async with golden_store(report, folder) as store:
            await work(store)

    engine.close()
    asyncio.run(run(REPORT))


COUNTED = """
SELECT countIf(customer_id = '1001' AND dt >= {start:DateTime64(3)} AND dt < {end:DateTime64(3)}) AS stored,
    sumIf(sign, customer_id = '1001' AND dt >= {start:DateTime64(3)} AND dt < {end:DateTime64(3)}) AS net,
    uniqExact(customer_id) AS customers, sumIf(sign, dt < {start:DateTime64(3)} OR dt >= {end:DateTime64(3)}) AS outside
FROM cdr
"""


def test_the_states_of_the_store(engine: Engine, tmp_path: Path) -> None:
    span = {"start": f"{START:%Y-%m-%d %H:%M:%S.%f}"[:-3], "end": f"{END:%Y-%m-%d %H:%M:%S.%f}"[:-3]}
    net = len([each for each in CALLS if each["customer_id"] == OWN and each["callid"].startswith("call-")])
    gone = len([each for each in CALLS if each["customer_id"] == OWN and each["callid"].startswith("gone-")])

    async def counted(store: GoldenStore) -> tuple[int, ...]:
        [found] = orjson.loads((await store.backend.fetch_json(Statement(COUNTED, span))).json)
        return tuple(found.values())

    async def check(store: GoldenStore) -> None:
        found = {}
        for state in StoreState:
            await store.bring(state)
            found[state.name] = await counted(store)
        assert found["PLAIN"] == found["PARTS"] == (net, net, 1, 0)
        assert found["CORRECTED"] == (3 * net + 2 * gone, net, 1, 0)
        assert found["OUTSIDE"][:3] == (net, net, 1)
        assert found["OUTSIDE"][3] > 0
        assert found["OTHERS"][:3] == (net, net, 2)
        assert found["MANY"] == (COPIES * net, COPIES * net, 1, 0)
        await store.merge()
        assert await counted(store) == found["MANY"]

    with_store(engine, tmp_path, check)


def test_a_rollup_is_read_where_it_is_compared(engine: Engine, tmp_path: Path) -> None:
    async def check(store: GoldenStore) -> None:
        await store.bring(StoreState.MANY)
        case = next(cases_of(REPORT))
        for request in (case.request(), replace(case.request(), start=START.replace(hour=18, minute=0, microsecond=0))):
            statement = rows.rows(request, Selection.all(request.columns))
            assert any(each.is_rollup for each in await readings(store.backend, statement))

    with_store(engine, tmp_path, check)
