"""An embedded store that holds the golden calls, in one state after another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.plugins.registry import RegisteredReport
from gqlreports.store.dictionaries import reload
from gqlreports.tables import DICTIONARIES
from gqlreports.testing.golden import CODES, DIDS, END, GONE, MIDDLE, OTHER, OWN, START, golden_calls
from gqlreports.testing.running import embedded_store, load_calls

COPIES = 200
"""How often each call is there in the state MANY; so many calls of an hour that ClickHouse reads the hour's sums."""

_CALL = f"NOT startsWith(callid, '{GONE}')"
_OWN = f"customer_id = '{OWN}'"
_IN_RANGE = f"dt >= '{START:%Y-%m-%d %H:%M:%S.%f}' AND dt < '{END:%Y-%m-%d %H:%M:%S.%f}'"
_KEPT = f"{_OWN} AND {_CALL} AND {_IN_RANGE}"
_LATE = f"dt >= '{MIDDLE:%Y-%m-%d %H:%M:%S}'"
_ODD = "cityHash64(callid) % 2 = 1"


def _some(condition: str) -> str:
    return f"SELECT * FROM golden WHERE {condition}"


def _taken_back(condition: str) -> str:
    """Calls, each as a row and the row that takes it back."""
    return f"SELECT * REPLACE (each AS sign) FROM golden ARRAY JOIN [1, -1] AS each WHERE {condition}"


class StoreState(Enum):
    """What a store holds; the value is the queries for its calls, each of which is inserted by itself.

    In all of them customer OWN has the same calls in the range, once what was taken back is left out; in MANY each of
    them COPIES times.
    """

    PLAIN = (_some(_KEPT),)
    OUTSIDE = (_some(f"{_OWN} AND {_CALL}"),)
    OTHERS = (_some(f"{_CALL} AND ({_KEPT} OR NOT {_OWN})"),)
    CORRECTED = (_some(_KEPT), _taken_back(_KEPT), _taken_back(f"{_OWN} AND NOT {_CALL}"))
    PARTS = tuple(
        _some(f"{_KEPT} AND {late} AND {odd}") for late in (_LATE, f"NOT {_LATE}") for odd in (_ODD, f"NOT {_ODD}")
    )
    MANY = (
        f"SELECT * REPLACE (concat(callid, '-', toString(copy)) AS callid) FROM golden "
        f"ARRAY JOIN range({COPIES}) AS copy WHERE {_KEPT}",
    )


@dataclass(frozen=True)
class GoldenStore:
    """The store; `backend` answers reports, and `session` changes what is in it."""

    backend: Backend
    session: Session

    async def bring(self, state: StoreState) -> None:
        """Make the store hold a state."""
        await self.run("TRUNCATE TABLE cdr", "SYSTEM STOP MERGES cdr")
        await self.run(*(f"INSERT INTO cdr {query}" for query in state.value))
        owners = (OWN, OTHER) if state is StoreState.OTHERS else (OWN,)
        numbers = [f"('{owner}', '{number}')" for owner in owners for number in DIDS[owner]]
        await self.run("TRUNCATE TABLE did", f"INSERT INTO did (customer_id, number) VALUES {', '.join(numbers)}")
        await reload(self.session, DICTIONARIES)

    async def merge(self) -> None:
        """Merge what was inserted by itself."""
        await self.run("SYSTEM START MERGES cdr", "OPTIMIZE TABLE cdr FINAL")

    async def run(self, *statements: str) -> None:
        for sql in statements:
            await self.session.command(Statement(sql))


@asynccontextmanager
async def golden_store(report: RegisteredReport, folder: Path) -> AsyncIterator[GoldenStore]:
    """A store for one report, in a new folder."""
    backend = embedded_store(report, folder)
    try:
        await load_calls(backend, golden_calls(), folder)
        async with backend.session() as session:
            store = GoldenStore(backend, session)
            codes = ", ".join(f"('{prefix}', '{center}', '{state}')" for prefix, center, state in CODES)
            await store.run(
                "CREATE TEMPORARY TABLE golden AS SELECT * FROM cdr",
                f"INSERT INTO numbering (prefix, rate_center, state) VALUES {codes}",
            )
            yield store
    finally:
        await backend.close()
