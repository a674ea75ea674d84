"""Shows what a load of a CDR file would do, and loads nothing."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from gqlreports.backends.base import Backend, Statement
from gqlreports.store.files import FileRecord, OnRead, Rejects, opened_members
from gqlreports.store.formats import ReadOptions, open_cdrs
from gqlreports.store.load_cdrs import CdrLoad
from gqlreports.store.load_counts import LoadCounts
from gqlreports.store.records import Pending

SHOWN = (
    "dt", "customer_id", "account", "callid", "branch_idx", "source_cli", "dest_number", "answered", "duration",
    "customer_charge", "customer_card_currency", "sip_code",
)  # fmt: skip
"""The columns of the calls that are shown."""
_FIRST = 10
_CALLS = f"SELECT {', '.join(SHOWN)} FROM checked WHERE reason = '' LIMIT {{most:UInt64}}"
_TOTALS = """
SELECT countIf(branch_idx = 0), countIf(answered), sum(duration),
    sumMap(map(customer_card_currency, toDecimal128(customer_charge, 8))),
    sumMap(map(provider_card_currency, toDecimal128(provider_charge, 8)))
FROM checked WHERE reason = ''
"""


@dataclass
class Totals:
    """Figures to hold against the switch's own: seconds of talk time, and money by currency."""

    calls: int = 0
    answered: int = 0
    duration: Decimal = Decimal(0)
    customer_charges: dict[str, Decimal] = field(default_factory=dict)
    provider_charges: dict[str, Decimal] = field(default_factory=dict)

    @property
    def asr(self) -> Decimal | None:
        """Answered per call, 0 to 1."""
        return Decimal(self.answered) / self.calls if self.calls else None


class _Reasons(Rejects):
    """Counts rejected rows by reason and keeps the first of each."""

    def __init__(self) -> None:
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self.first: dict[str, FileRecord] = {}

    def add(self, record: FileRecord, reason: str) -> None:
        self.count += 1
        self.reasons[reason] += 1
        self.first.setdefault(reason, record)


@dataclass
class Check:
    """What would be loaded of a file: the first calls as rows of `SHOWN`, fields without a place, and totals.

    `reasons` are how many rows would be rejected and why; `lines` has the first line of each reason.
    """

    counts: LoadCounts
    calls: Sequence[Sequence[Any]]
    unused: Sequence[str]
    reasons: Counter[str]
    lines: dict[str, int]
    totals: Totals


async def check_cdrs(backend: Backend, path: str, on_read: OnRead, options: ReadOptions) -> Check:
    """Read a file as `load_cdrs` does, and store nothing.  Raises LoadError for what that refuses."""
    rejects, totals, counts = _Reasons(), Totals(), LoadCounts()
    calls: list[Sequence[Any]] = []
    unused: dict[str, None] = {}
    pending = Pending() if options.pending is None else options.pending
    each = replace(options, pending=pending, last=False)
    with opened_members(path, on_read) as members:
        for name, stream in members:
            with ExitStack() as stack:
                opened = open_cdrs(stream, f"{path}.{name}" if name else path, each, stack)
                unused |= dict.fromkeys(opened.unused)
                load = CdrLoad(backend, opened, rejects, 0, False, options.first_branch == 0)
                async with aclosing(load.chunks()) as chunks:
                    async for staged in chunks:
                        await load.prepare(staged)
                        if len(calls) < _FIRST:
                            calls += await staged.session.query(Statement(_CALLS, {"most": _FIRST - len(calls)}))
                        [figures] = await staged.session.query(Statement(_TOTALS))
                        _add(totals, figures)
                counts.add(load.counts)
    if options.last:
        counts.reject(pending.rest(path), rejects)
    counts.waiting = pending.count
    counts.rejected, counts.reasons = rejects.count, rejects.reasons
    return Check(
        counts, calls, tuple(unused), rejects.reasons, {why: at.line for why, at in rejects.first.items()}, totals
    )


def _add(totals: Totals, figures: Sequence[Any]) -> None:
    calls, answered, duration, customer, provider = figures
    totals.calls += calls
    totals.answered += answered
    totals.duration += duration or 0
    for counter, charges in ((totals.customer_charges, customer), (totals.provider_charges, provider)):
        for currency, charge in charges.items():
            counter[currency] = counter.get(currency, Decimal(0)) + charge
