"""The store's dictionaries: rate centers by thousands-block, and who had a DID when."""

from gqlreports.store.placement import Placement, identifier, literal

# The rate center of every thousands-block in service: its own where one is assigned, else its code's.
_RATE_CENTERS = """
SELECT block, argMax(rate_center, precise) AS rate_center, argMax(state, precise) AS state
FROM (
    SELECT toUInt64(prefix) AS block, rate_center, state, 1 AS precise
    FROM {database}.numbering FINAL WHERE length(prefix) = 7 AND rate_center != ''
    UNION ALL
    SELECT toUInt64(prefix) * 10 + arrayJoin(range(10)) AS block, rate_center, state, 0 AS precise
    FROM {database}.numbering FINAL WHERE length(prefix) = 6 AND rate_center != ''
) GROUP BY block
"""

# From and to are milliseconds since 1970, both within the window.
_DID_WINDOWS = """
SELECT customer_id, number, toUnixTimestamp64Milli(valid_from) AS valid_from,
    if(valid_to IS NULL, 9223372036854775807, toUnixTimestamp64Milli(assumeNotNull(valid_to)) - 1) AS valid_to
FROM {database}.did FINAL
"""


def dictionaries(placement: Placement) -> list[str]:
    """The statements that make both; on a server they replace those that are there, which hold nothing of their own."""
    return [
        f"{_create('rate_center', placement)} (block UInt64, rate_center String DEFAULT '', state String DEFAULT '') "
        f"PRIMARY KEY block {_source(placement, _RATE_CENTERS, 'numbering')} LAYOUT(HASHED()) {_lifetime(placement)}",
        f"{_create('did_window', placement)} "
        "(customer_id String, number String, valid_from Int64, valid_to Int64) "
        f"PRIMARY KEY customer_id, number {_source(placement, _DID_WINDOWS, 'did')} "
        f"LAYOUT(COMPLEX_KEY_RANGE_HASHED()) RANGE(MIN valid_from MAX valid_to) {_lifetime(placement)}",
    ]


def _create(name: str, placement: Placement) -> str:
    if placement.database is None:
        return f"CREATE DICTIONARY IF NOT EXISTS {name}"
    return f"CREATE OR REPLACE DICTIONARY {name}{placement.on_cluster}"


def _source(placement: Placement, query: str, table: str) -> str:
    """The server itself, in the store's database, as the user that migrates."""
    database = identifier(placement.database or "default")
    parts = [f"QUERY {literal(query.format(database=database))}"]
    if placement.user:
        parts.insert(0, f"USER {literal(placement.user)} PASSWORD {literal(placement.password or '')}")
    if placement.cluster:
        parts.append(f"INVALIDATE_QUERY {literal(f'SELECT max(loaded_at) FROM {database}.{table}')}")
    return f"SOURCE(CLICKHOUSE({' '.join(parts)}))"


def _lifetime(placement: Placement) -> str:
    """Loading reloads a dictionary on its own server; the others of a cluster look every few seconds."""
    return "LIFETIME(MIN 10 MAX 20)" if placement.cluster else "LIFETIME(0)"
