"""The store's dictionaries: rate centers and DIDs, by what is known now and by what was known before.

Numbering data and DIDs are said by files, and later files say otherwise.  A row of numbering data counts for calls from
its `valid_from` on, and what a file says of all calls takes the place of all that was known before.  What was said, and
when, is kept, so that a report can be run as of an earlier moment.
"""

from collections.abc import Iterable

from gqlreports.backends.base import Session, Statement
from gqlreports.store.topology import Topology, identifier, literal
from gqlreports.tables import KNOWN

_NEVER = "9223372036854775807"
"""The largest Int64, for an end that is open."""

# What was said of each prefix: from which calls on it counts (in ms), when it became known (in us), rate center and
# state; and when something else became known.
_SAID_OF_PREFIXES = f"""
SELECT prefix,
    arraySort(groupArray((toUnixTimestamp64Milli(valid_from), known, rate_center, toString(state)))) AS said,
    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 IN (x.1, 0), y.2, {_NEVER}), said)), said) AS until
FROM (
    SELECT prefix, valid_from, rate_center, state,
        toUnixTimestamp64Micro({KNOWN}) AS known
    FROM {{database}}.numbering FINAL
) GROUP BY prefix
"""
_TIMELINES = f"SELECT prefix, arrayFilter((x, u) -> u = {_NEVER}, said, until) AS timeline FROM ({_SAID_OF_PREFIXES})"
_BLOCKS = "arrayJoin(if(length(prefix) = 7, [toUInt64(prefix)], arrayMap(d -> toUInt64(prefix) * 10 + d, range(10))))"

# The rate center of every thousands-block in service: the block's own if it has one, otherwise that of its central
# office code.
_RATE_CENTERS = f"""
SELECT block, argMax(rate_center, precise) AS rate_center, argMax(state, precise) AS state
FROM (
    SELECT {_BLOCKS} AS block, length(prefix) AS precise, timeline[-1].3 AS rate_center, timeline[-1].4 AS state
    FROM ({_TIMELINES}) WHERE rate_center != ''
) GROUP BY block
"""

# The same for earlier calls, only of blocks that had another one.  Both ends are inclusive.
_RATE_CENTERS_BEFORE = f"""
SELECT block, span.1 AS valid_from, span.2 AS valid_to, span.3 AS rate_center, span.4 AS state FROM (
    SELECT block,
        arraySort(arrayDistinct(arrayConcat([toInt64(0)], own.1, code.1))) AS starts,
        arrayJoin(arrayMap(
            (start, next) -> (
                start, next - 1,
                if((arrayLast(x -> x.1 <= start, own) AS its).3 != '', its, arrayLast(x -> x.1 <= start, code)) AS one
            ),
            arrayPopBack(starts), arrayPopFront(starts)
        )) AS pair,
        (pair.1, pair.2, pair.3.3, if(pair.3.3 = '', '', pair.3.4)) AS span
    FROM (
        SELECT block, groupArrayArrayIf(timeline, precise) AS own, groupArrayArrayIf(timeline, NOT precise) AS code
        FROM (
            SELECT {_BLOCKS} AS block, length(prefix) = 7 AS precise, timeline FROM ({_TIMELINES})
            WHERE substring(prefix, 1, 6) IN (
                SELECT substring(prefix, 1, 6) FROM ({_TIMELINES}) WHERE length(timeline) > 1 OR timeline[1].1 > 0
            )
        ) GROUP BY block
    )
)
"""

# As of a moment counts what was loaded by then, to the millisecond, as with calls.
_MILLISECONDS = (
    "arrayMap(x -> intDiv(x, 1000), said.2) AS known_from, arrayMap(x -> intDiv(x, 1000), until) AS known_until"
)
_NUMBERING_HISTORY = f"""
SELECT toUInt64(prefix) AS prefix, said.1 AS valid_from, {_MILLISECONDS}, said.3 AS rate_center, said.4 AS state
FROM ({_SAID_OF_PREFIXES})
"""

# The same of the periods of DIDs, whose ends are inclusive and in milliseconds.
_SAID_OF_DIDS = f"""
SELECT customer_id, number, arraySort(groupArray((start, known, end))) AS said,
    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 = x.1, y.2, {_NEVER}), said)), said) AS until
FROM (
    SELECT customer_id, number, toUnixTimestamp64Milli(valid_from) AS start,
        if(valid_to IS NULL, {_NEVER}, toUnixTimestamp64Milli(assumeNotNull(valid_to)) - 1) AS end,
        toUnixTimestamp64Micro({KNOWN}) AS known
    FROM {{database}}.did FINAL
) GROUP BY customer_id, number
"""
_DID_WINDOWS = f"""
SELECT customer_id, number, one.1 AS valid_from, one.3 AS valid_to
FROM ({_SAID_OF_DIDS}) ARRAY JOIN arrayFilter((x, u) -> u = {_NEVER}, said, until) AS one
"""
_DID_HISTORY = f"""
SELECT customer_id, number, said.1 AS valid_from, said.3 AS valid_to, {_MILLISECONDS}
FROM ({_SAID_OF_DIDS})
"""

_MOMENTS = "valid_from Array(Int64), known_from Array(Int64), known_until Array(Int64)"


def dictionaries(topology: Topology) -> list[str]:
    """The statements that create the dictionaries.

    On a server they replace existing dictionaries, which hold no data of their own.
    """

    windows = "RANGE(MIN valid_from MAX valid_to)"
    return [
        f"{_create('rate_center', topology)} "
        "(block UInt64, rate_center String DEFAULT '', state String DEFAULT '') "
        f"PRIMARY KEY block {_source(topology, _RATE_CENTERS, 'numbering')} LAYOUT(HASHED()) {_lifetime(topology)}",
        f"{_create('rate_center_before', topology)} "
        "(block UInt64, valid_from Int64, valid_to Int64, rate_center String DEFAULT '', state String DEFAULT '') "
        f"PRIMARY KEY block {_source(topology, _RATE_CENTERS_BEFORE, 'numbering')} "
        f"LAYOUT(RANGE_HASHED()) {windows} {_lifetime(topology)}",
        f"{_create('numbering_history', topology)} "
        f"(prefix UInt64, {_MOMENTS}, rate_center Array(String), state Array(String)) "
        f"PRIMARY KEY prefix {_source(topology, _NUMBERING_HISTORY, 'numbering')} LAYOUT(HASHED()) "
        f"{_lifetime(topology)}",
        f"{_create('did_window', topology)} "
        "(customer_id String, number String, valid_from Int64, valid_to Int64) "
        f"PRIMARY KEY customer_id, number {_source(topology, _DID_WINDOWS, 'did')} "
        f"LAYOUT(COMPLEX_KEY_RANGE_HASHED()) {windows} {_lifetime(topology)}",
        f"{_create('did_history', topology)} "
        f"(customer_id String, number String, {_MOMENTS}, valid_to Array(Int64)) "
        f"PRIMARY KEY customer_id, number {_source(topology, _DID_HISTORY, 'did')} LAYOUT(COMPLEX_KEY_HASHED()) "
        f"{_lifetime(topology)}",
    ]


async def reload(session: Session, names: Iterable[str]) -> None:
    """Let dictionaries have the rows of their tables.  The histories take memory, so those not in use stay unloaded."""
    loaded = {name for [name] in await session.query(Statement(_LOADED))}
    for name in names:
        if name in loaded or not name.endswith("_history"):
            await session.command(Statement(f"SYSTEM RELOAD DICTIONARY {name}"))


_LOADED = """
SELECT name FROM system.dictionaries
WHERE database = currentDatabase() AND status IN ('LOADED', 'LOADED_AND_RELOADING')
"""


def _create(name: str, topology: Topology) -> str:
    if topology.database is None:
        return f"CREATE DICTIONARY IF NOT EXISTS {name}"
    return f"CREATE OR REPLACE DICTIONARY {name}{topology.on_cluster}"


def _source(topology: Topology, query: str, table: str) -> str:
    """The clause that makes a dictionary read from its own server, in the store's database, as the migrating user."""
    database = identifier(topology.database or "default")
    parts = [f"QUERY {literal(query.format(database=database))}"]
    if topology.user:
        parts.insert(0, f"USER {literal(topology.user)} PASSWORD {literal(topology.password or '')}")
    if topology.cluster:
        parts.append(f"INVALIDATE_QUERY {literal(f'SELECT max(loaded_at) FROM {database}.{table}')}")
    return f"SOURCE(CLICKHOUSE({' '.join(parts)}))"


def _lifetime(topology: Topology) -> str:
    """How often a dictionary checks for changes.

    A load reloads the dictionary on its own server.  The other servers of a cluster check every 10 to 20 seconds.
    """
    return "LIFETIME(MIN 10 MAX 20)" if topology.cluster else "LIFETIME(0)"
