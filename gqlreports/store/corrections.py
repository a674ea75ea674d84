"""Corrected CDRs: the old version of a row is taken back and the new one added, in one insert of one partition.

So whoever reads sees the one or the other, and a load that was broken off may be run again: what it has corrected
already is what the file says.
"""

from collections.abc import Collection

from gqlreports.store.cdr_columns import ANSWER_TIME, COLUMNS

KEY = "switch, callid, branch_idx"
NAMES = ", ".join(column.name for column in COLUMNS)
MOVED = "starts in another month than the call it corrects"
_VALUES = (*(column.name for column in COLUMNS), "answered")
_CONTENT = ", ".join(_VALUES)
ONE_BLOCK = "min_insert_block_size_rows = 100000000, min_insert_block_size_bytes = 0, max_insert_threads = 1"


def among(rows: str) -> str:
    """A condition on `cdr`: the key is one of some rows.  A hash of the callid finds fast that most are not."""
    hashed = f"cityHash64(callid) GLOBAL IN (SELECT cityHash64(callid) FROM {rows})"
    return f"{hashed} AND ({KEY}) GLOBAL IN (SELECT {KEY} FROM {rows})"


# Of rows that repeat a key within the chunk the last counts, as it would if they came in two files.
LASTS = f"""
CREATE TEMPORARY TABLE lasts ENGINE = Memory AS
SELECT {_CONTENT} FROM (SELECT *, rowNumberInAllBlocks() AS place FROM checked WHERE reason = '')
ORDER BY place DESC LIMIT 1 BY {KEY} SETTINGS max_threads = 1
"""

# What holds of each call: usually one version of it.
VERSIONS = f"""
CREATE TEMPORARY TABLE version ENGINE = Memory AS
SELECT {_CONTENT}, sum(sign) AS number FROM cdr
WHERE dt >= (SELECT min(dt) - INTERVAL 1 DAY FROM lasts) AND dt <= (SELECT max(dt) + INTERVAL 1 DAY FROM lasts)
AND {among("lasts")}
GROUP BY {_CONTENT} HAVING number > 0
"""


def corrected(columns: Collection[str]) -> str:
    """Makes the new versions; what the columns of the file do not tell stays as it was."""
    told = {*columns} if {"sip_code", ANSWER_TIME}.isdisjoint(columns) else {*columns, "answered"}
    values = ", ".join(
        f"lasts.{name} AS {name}" if name in told else f"if(version.number > 0, version.{name}, lasts.{name}) AS {name}"
        for name in _VALUES
    )
    return (
        f"CREATE TEMPORARY TABLE corrected ENGINE = Memory AS SELECT {values}, toInt64(version.number) AS held "
        f"FROM lasts LEFT ANY JOIN version USING ({KEY})"
    )


def _same(name: str) -> str:
    return f"corrected.{name} <=> version.{name}" if name == "pdd_out" else f"corrected.{name} = version.{name}"


FIND_UNCHANGED = f"""
INSERT INTO known SELECT {KEY} FROM corrected INNER JOIN version USING ({KEY})
GROUP BY {KEY} HAVING sum(version.number) = 1 AND min({" AND ".join(map(_same, _VALUES))})
"""

FIND_MOVED = f"""
CREATE TEMPORARY TABLE moved ENGINE = Memory AS
SELECT DISTINCT {KEY} FROM corrected INNER JOIN version USING ({KEY})
WHERE toYYYYMM(corrected.dt) != toYYYYMM(version.dt)
"""
LEAVE_MOVED = f"INSERT INTO known SELECT {KEY} FROM moved"

COUNT = f"""
SELECT countIf(held = 0), countIf(held > 0 AND ({KEY}) NOT IN (SELECT {KEY} FROM known)), (SELECT count() FROM moved)
FROM corrected
"""

CORRECT = f"""
INSERT INTO cdr ({_CONTENT}, sign, loaded_at)
SELECT {_CONTENT}, sign, now64(3, 'UTC') FROM (
    SELECT {_CONTENT}, 1 AS sign FROM corrected
    WHERE toYYYYMM(dt) = {{month:UInt32}} AND ({KEY}) NOT IN (SELECT {KEY} FROM known)
    UNION ALL
    SELECT {_CONTENT}, -1 AS sign FROM version ARRAY JOIN range(toUInt64(number)) AS each
    WHERE toYYYYMM(dt) = {{month:UInt32}} AND ({KEY}) NOT IN (SELECT {KEY} FROM known)
) SETTINGS {ONE_BLOCK}
"""
