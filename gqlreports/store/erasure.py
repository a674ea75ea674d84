"""Erases a telephone number from the store, so that all figures stay as they are.

One mutation changes all calls, so every call has the same replacement.  ClickHouse keeps a mutation that has begun: if
the process is killed, the store ends it when it is open again.  So an erasure first waits for mutations that were begun
before it.  At last the former parts of the tables and the texts of the mutations are removed from the disk, because
both hold the number.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import String
from sqlalchemy import Table

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import InvalidInput, StoreBusy, StoreError
from gqlreports.store.dictionaries import reload
from gqlreports.store.migrate import placement
from gqlreports.store.phone_number import PhoneNumber, new_token
from gqlreports.store.topology import Topology
from gqlreports.tables import ABROAD, DID_DICTIONARIES, KNOWN, NANP_COLUMNS, cdr, did

_DIALED = ("source_dest_number", "dest_number")
_CALLING = ("source_cli", "dest_cli")
_NUMBERS = (*_CALLING, *_DIALED, "lrn", "account")
"""The columns that hold a number and little else; reports group by them."""
_KEYS = ("customer_id", "switch", "callid")
"""The texts of a CDR's key, which cannot be changed."""
_TEXTS = tuple(
    column.name
    for column in cdr.columns
    if isinstance(column.type, String) and column.name not in (*_NUMBERS, *_KEYS, "dtmf")
)

_PATIENCE = 600.0
"""Seconds to wait until former parts are gone.  A query that reads them keeps them; replicas look every 5 minutes."""
_PAUSE = 0.1
_NO_MONTH = "190001"
"""The partition of a month without calls.  Dropping it makes ClickHouse remove the former parts of a table at once."""
# A former part goes only when the new one is surely on the disk.
_REMOVAL = {"old_parts_lifetime": 1, "min_rows_to_fsync_after_merge": 1, "fsync_part_directory": 1}


@dataclass
class Found:
    """What holds a number: how many rows of calls in which column, in which forms, and from which files.

    `forms` are the cells with what takes their place.  `others` counts, by column, the rows with the same digits in
    another number or in a key; these stay.  `dids` counts the entries of the inventory of DIDs.
    """

    rows: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    forms: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    rejects: list[str] = field(default_factory=list)
    dids: int = 0


@dataclass(frozen=True)
class Erasure:
    """The erasure of one number.  `token` is a random number that takes its place, and tells nothing of it."""

    number: PhoneNumber
    token: str = field(default_factory=new_token)

    async def find(self, session: Session) -> Found:
        """What would be erased.  Raises InvalidInput if the number is a DID that is still in use."""
        found = Found(dids=await self._ended_dids(session))
        cells = await session.query(Statement(_CELLS, {"pattern": self.number.pattern}))
        prefixes = {tech_prefix for _, _, tech_prefix, _, _ in cells}
        for column, text, _, abroad, rows in cells:
            erased = self.number.erased(text, prefixes, self.token)
            if erased is None or not self._is_meant(column, text, abroad):
                found.others[column] += rows
            else:
                found.columns[column] += rows
                found.forms[text] = erased
        for column, rows in await session.query(Statement(_TEXT_CELLS, {"pattern": self.number.pattern})):
            (found.others if column in _KEYS else found.columns)[column] += rows
        values = self._values(found.forms)
        [[found.rows]] = await session.query(Statement(f"SELECT count() FROM cdr WHERE {self._held}", values))
        found.files = await _names(session, f"{_OF_FILES} id IN (SELECT load_id FROM cdr WHERE {self._held})", values)
        found.rejects = await _names(session, f"{_OF_FILES} rejected > 0", {})
        return found

    async def erase(self, backend: Backend) -> Found:
        """Erase the number.  Returns when none of it is on the disk; it can be stopped at any point and run again.

        Raises InvalidInput as `find` does, StoreError if the store cannot end a change, and StoreBusy if queries still
        read what is to be removed.
        """
        async with backend.session() as session:
            placed = await placement(session)
            for table in (cdr, did):
                await _ended(session, placed, table)
            found = await self.find(session)
            # A store that was made earlier would not know where the correction of an erased call counts.
            for statement in placed.set_defaults(cdr, NANP_COLUMNS):
                await session.command(Statement(statement))
            settings = ", ".join(f"{name} = {value}" for name, value in _REMOVAL.items())
            for table in (cdr, did):
                await session.command(Statement(f"{placed.alter(table)} MODIFY SETTING {settings}"))
            if found.rows:
                await self._erase_calls(session, placed, found)
            if found.dids:
                await self._remove_dids(session, placed)
            for table in (cdr, did):
                await _remove_former(session, placed, table)
                await session.command(Statement(f"{placed.alter(table)} RESET SETTING {', '.join(_REMOVAL)}"))
        return found

    async def _ended_dids(self, session: Session) -> int:
        rows = await session.query(Statement(_DIDS, {"numbers": self.number.dids}))
        for customer, in_use in rows:
            if in_use:
                raise InvalidInput(
                    f"The number is a DID of customer {customer}, and in use: load DIDs that give it an end, "
                    "and erase it after that."
                )
        return len(rows)

    async def _erase_calls(self, session: Session, placed: Topology, found: Found) -> None:
        if found.dids:
            # Before the calls change, so that a report finds their DIDs then.
            for each in self.number.dids:
                values = {"number": each, "erased": self.number.erased(each, (), self.token) or each}
                await session.command(Statement(_ERASED_DIDS, values))
            await reload(session, DID_DICTIONARIES)
        change = f"{placed.alter(cdr)} UPDATE {self._changes} WHERE {self._held} SETTINGS mutations_sync = 0"
        await session.command(Statement(change, self._values(found.forms)))
        await _ended(session, placed, cdr)

    async def _remove_dids(self, session: Session, placed: Topology) -> None:
        remove = f"{placed.alter(did)} DELETE WHERE number IN {{numbers:Array(String)}} SETTINGS mutations_sync = 0"
        await session.command(Statement(remove, {"numbers": self.number.dids}))
        await _ended(session, placed, did)
        await reload(session, DID_DICTIONARIES)

    def _values(self, forms: dict[str, str]) -> dict[str, object]:
        number = self.number
        return {
            "pattern": number.pattern,
            "forms": list(forms),
            "erased": list(forms.values()),
            "text": f"{number.erased_digits}~{self.token}",
            "nanp": int(number.digits) if number.is_nanp else 0,
            "erased_nanp": int(number.erased_digits) if number.is_nanp else 0,
        }

    def _is_meant(self, column: str, text: str, abroad: bool) -> bool:
        """Whether ten digits without a country code are this number, as reports read them."""
        if not self.number.is_ambiguous or text != self.number.digits:
            return True
        return self.number.is_nanp != (column in _DIALED and abroad)

    def _holds(self, column: str) -> str:
        """The condition that a column of numbers holds the number."""
        holds = f"has({{forms:Array(String)}}, {column})"
        if not self.number.is_ambiguous:
            return holds
        abroad = f"({ABROAD})" if column in _DIALED else "0"
        return f"({holds} AND (length({column}) != 10 OR {abroad} = {int(not self.number.is_nanp)}))"

    @property
    def _held(self) -> str:
        """The condition that a row holds the number anywhere but in its key."""
        texts = (f"match({each}, {{pattern:String}})" for each in (*_TEXTS, "dtmf"))
        return f"({' OR '.join((*map(self._holds, _NUMBERS), *texts))})"

    @property
    def _changes(self) -> str:
        """What a row that holds the number is changed to.

        The keys that were pressed become 0, because they are the person's as well; how many they are stays.
        """
        forms = "{forms:Array(String)}, {erased:Array(String)}"
        numbers = [f"{each} = if({self._holds(each)}, transform({each}, {forms}, {each}), {each})" for each in _NUMBERS]
        text = "replaceRegexpAll({}, {{pattern:String}}, {{text:String}})".format
        texts = [f"{each} = {text(each)}" for each in _TEXTS if each != "caller_name"]
        calling = " OR ".join(map(self._holds, _CALLING))
        name = f"caller_name = if({calling}, '', {text('caller_name')})"
        nanp = "if({0} = {{nanp:UInt64}}, {{erased_nanp:UInt64}}, {0})".format
        tens = [f"{each} = {nanp(each)}" for each in NANP_COLUMNS]
        return ", ".join([*numbers, *texts, name, *tens, "dtmf = repeat('0', length(dtmf))"])


async def find_number(backend: Backend, number: PhoneNumber) -> Found:
    """What holds a number.  Raises InvalidInput if it is a DID that is still in use."""
    async with backend.session() as session:
        return await Erasure(number).find(session)


async def erase_number(backend: Backend, number: PhoneNumber) -> Found:
    """Erase a number from the store; see `Erasure.erase`."""
    return await Erasure(number).erase(backend)


async def _names(session: Session, sql: str, values: dict[str, object]) -> list[str]:
    return [name for [name] in await session.query(Statement(f"{sql} ORDER BY file", values))]


async def _ended(session: Session, placed: Topology, table: Table) -> None:
    """Wait until no mutation of a table is under way.  Raises StoreError if one fails."""
    running = _about(placed, table, "mutations", "latest_fail_reason", "NOT is_done")
    while rows := await session.query(running):
        for [reason] in rows:
            if reason:
                told = "The store cannot change its calls yet, and tries again by itself"
                raise StoreError(f"{told}; the log says why.", f"{told}: {reason}")
        await asyncio.sleep(_PAUSE)


async def _remove_former(session: Session, placed: Topology, table: Table) -> None:
    """Remove the texts of a table's mutations and its former parts from the disk."""
    mutations = _about(placed, table, "mutations", "mutation_id", "is_done")
    parts = _about(placed, table, "parts", "hostName(), name", "NOT active")
    give_up = time.monotonic() + _PATIENCE
    clean = f"{placed.alter(table)} DROP PARTITION ID '{_NO_MONTH}'"
    former = {tuple(each) for each in await session.query(parts)}
    kill = f"KILL MUTATION{placed.on_cluster} WHERE database = currentDatabase() AND table = '{placed.stored(table)}'"
    while True:
        if await session.query(mutations):
            await session.command(Statement(f"{kill} AND is_done SYNC"))
        await session.command(Statement(clean))
        left = former & {tuple(each) for each in await session.query(parts)}
        if not left and not await session.query(mutations):
            return
        if time.monotonic() > give_up:
            raise StoreBusy("The number is erased, but queries still read what held it before: run this again later.")
        await asyncio.sleep(_PAUSE)


def _about(placed: Topology, table: Table, system: str, columns: str, condition: str) -> Statement:
    """The query for what ClickHouse tells of a table."""
    sql = f"SELECT {columns} FROM {placed.system(system, replicas=True)} WHERE {condition}"
    of_table = "AND database = currentDatabase() AND table = {table:String}"
    return Statement(f"{sql} {of_table}", {"table": placed.stored(table)})


_TUPLES = ", ".join(f"('{each}', toString({each}))" for each in _NUMBERS)
_CELLS = f"""
SELECT cell.1 AS column, cell.2 AS text, tech_prefix, abroad, count() FROM (
    SELECT arrayJoin([{_TUPLES}]) AS cell, tech_prefix, {ABROAD} AS abroad FROM cdr
    WHERE {" OR ".join(f"match({each}, {{pattern:String}})" for each in _NUMBERS)}
) WHERE match(text, {{pattern:String}}) GROUP BY ALL ORDER BY ALL
"""
_COUNTS = ", ".join(f"('{each}', countIf(match({each}, {{pattern:String}})))" for each in (*_TEXTS, "dtmf", *_KEYS))
_TEXT_CELLS = f"SELECT each.1, each.2 FROM (SELECT arrayJoin([{_COUNTS}]) AS each FROM cdr) WHERE each.2 > 0"
_OF_FILES = "SELECT DISTINCT file FROM cdr_load WHERE"
_DIDS = f"""
SELECT customer_id, argMax(coalesce(valid_to > now64(3), true), {KNOWN})
FROM did FINAL WHERE number IN {{numbers:Array(String)}} GROUP BY customer_id, number, valid_from
"""
_ERASED_DIDS = f"""
INSERT INTO did (customer_id, number, valid_from, valid_to, loaded_at, known_from)
SELECT customer_id, {{erased:String}}, valid_from, valid_to, now64(6), {KNOWN}
FROM did FINAL WHERE number = {{number:String}}
"""
