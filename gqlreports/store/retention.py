"""Drops the calls of months that are kept no longer.

Calls are stored by month (UTC), and a month goes as a whole, with its sums in rollups.  Reports that run meanwhile end
with the calls that they began with.  The months go in their order, the oldest first, so what an interruption leaves has
no gap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.store.migrate import placement
from gqlreports.store.topology import Topology
from gqlreports.tables import cdr

_FIRST_KEPT = "SELECT toYYYYMM(addMonths(now('UTC'), -{months:UInt16}))"
_CALLS = """
SELECT toYYYYMM(dt) AS month, sum(sign) FROM cdr
WHERE dt < parseDateTime64BestEffort({first:String} || '-01', 3, 'UTC') GROUP BY month ORDER BY month
"""


@dataclass(frozen=True)
class StoredMonth:
    """A month of calls: how many CDRs it has, and how many bytes it takes, in a cluster without further replicas."""

    year: int
    month: int
    cdrs: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True)
class Retention:
    """The first month that is kept, as `2025-11`, and the earlier months that are stored, the oldest first."""

    first_kept: str
    expired: Sequence[StoredMonth]


async def retention(backend: Backend, months: int) -> Retention:
    """What goes if the current month and so many whole months before it are kept, by the store's clock in UTC."""
    async with backend.session() as session:
        [[first]] = await session.query(Statement(_FIRST_KEPT, {"months": months}))
        first_kept = f"{first // 100:04}-{first % 100:02}"
        calls = await session.query(Statement(_CALLS, {"first": first_kept}))
        sizes = await _sizes(session, await placement(session))
    expired = [StoredMonth(month // 100, month % 100, cdrs, sizes.get(month, 0)) for month, cdrs in calls]
    return Retention(first_kept, expired)


async def drop_months(
    backend: Backend, months: Sequence[StoredMonth], on_dropped: Callable[[StoredMonth], None]
) -> None:
    """Drop months of calls for good, and tell `on_dropped` of each.  It can be stopped at any point and run again."""
    async with backend.session() as session:
        table = (await placement(session)).alter(cdr)
        for each in months:
            # The caller was shown how large the month is, so the server's limit for mistakes does not apply.
            unlimited = "SETTINGS max_partition_size_to_drop = 0"
            await session.command(Statement(f"{table} DROP PARTITION {each.year:04}{each.month:02} {unlimited}"))
            on_dropped(each)


async def _sizes(session: Session, placed: Topology) -> dict[int, int]:
    """The bytes of each stored month."""
    parts = await session.query(
        Statement(
            f"SELECT toUInt32(partition), sum(bytes_on_disk) FROM {placed.system('parts')} "
            "WHERE active AND database = currentDatabase() AND table = {table:String} GROUP BY partition",
            {"table": placed.stored(cdr)},
        )
    )
    return dict(parts)  # type: ignore[arg-type]
