"""How many calls the store holds, on every store."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from gqlreports.backends.base import Backend, Customers
from gqlreports.schema.stored_rows import StoredRows
from gqlreports.tables import CALLS
from tests.conftest import SITES, STORES
from tests.support.awkward import END, START
from tests.support.sites import Site
from tests.support.stores import ServedStore

LATER = START + timedelta(days=9, hours=7, milliseconds=1)


@pytest.mark.parametrize("kind", STORES)
def test_as_many_as_the_files_have(kind: str, request: pytest.FixtureRequest) -> None:
    async def counted(backend: Backend) -> tuple[int, dict[Customers, tuple[int, int]]]:
        stored = StoredRows(backend)
        each = {
            customers: (
                await stored.in_range(CALLS, customers, START, END),
                await stored.in_range(CALLS, customers, LATER, END),
            )
            for customers in asked
        }
        return await stored.in_all(CALLS), each

    site: Site = request.getfixturevalue(SITES[kind])
    strange = ["nobody", "5001' OR 1=1 --"]
    asked = [*map(Customers.of, [*site.customers, *strange]), Customers.of(*site.customers[:3], *strange)]
    if kind == "embedded":
        in_all, each = asyncio.run(counted(site.backend))
    else:
        store: ServedStore = request.getfixturevalue("site_store" if kind == "server" else "site_cluster_store")
        in_all, each = store.run(counted)
    whole, rest = (
        Counter(cdr.customer_id for cdr in site.world.cdrs if start <= cdr.dt < END) for start in (START, LATER)
    )
    assert each == {of: (sum(map(whole.__getitem__, of.ids)), sum(map(rest.__getitem__, of.ids))) for of in asked}
    assert in_all >= len(site.world.cdrs)


def test_a_number_is_asked_for_once(site: Site) -> None:
    asked = 0

    class Counting:
        """The store, and how often it is asked."""

        async def fetch_json(self, statement: object) -> object:
            nonlocal asked
            asked += 1
            return await site.backend.fetch_json(statement)  # type: ignore[arg-type]

    async def counted() -> set[int]:
        stored = StoredRows(Counting())  # type: ignore[arg-type]
        return {
            await stored.in_range(CALLS, Customers.of("5001"), datetime(2025, 10, 20, tzinfo=UTC), END)
            for _ in range(5)
        }

    assert len(asyncio.run(counted())) == 1
    assert asked == 1
