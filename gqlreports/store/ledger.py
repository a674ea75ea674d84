"""The SQL that adds rows to the ledger of CDRs, corrects them, and takes loads back.

Each insert covers one partition (a month) and one block, because only a block of a partition is atomic.  A correction
takes back the old version of a row and adds the new one in a single insert, so a reader sees either the one or the
other.  An interrupted load can be run again: it finds what it has stored already.

Two rows with one key are the same call if they start within a day of each other.  Switches use call ids again later.
"""

from collections.abc import Collection

from gqlreports.store.cdr_columns import ANSWER_TIME, COLUMNS, KEY, NULLABLE

# With these settings an insert writes a single block, so that it is atomic within a partition.
ONE_BLOCK = "min_insert_block_size_rows = 100000000, min_insert_block_size_bytes = 0, max_insert_threads = 1"

_VALUES = (*(column.name for column in COLUMNS), "answered")
_CONTENT = ", ".join(_VALUES)
_HASH = f"cityHash64(formatRowNoNewline('TSV', {_CONTENT}))"
_CALL = "customer_id, switch, callid"


def _close(one: str, other: str) -> str:
    return f"abs(date_diff('millisecond', {one}, {other})) <= 86400000"


def among(rows: str) -> str:
    """A condition on `cdr`: the key is among the keys of `rows`.  A hash of the callid quickly rules out most rows."""
    # GLOBAL, since a temporary table exists only on the server of its session.
    hashed = f"cityHash64(callid) GLOBAL IN (SELECT cityHash64(callid) FROM {rows})"
    return f"{hashed} AND ({KEY}) GLOBAL IN (SELECT {KEY} FROM {rows})"


def near(rows: str) -> str:
    """A condition on `cdr`: the call starts within a day of the calls in `rows`."""
    first, last = (
        f"(SELECT {bound}(dt) {sign} INTERVAL 1 DAY FROM {rows})" for bound, sign in (("min", "-"), ("max", "+"))
    )
    return f"dt >= {first} AND dt <= {last}"


# Counting distinct hashes is faster than counting distinct keys.  If all hashes differ, so do all keys.
COUNT = f"""
SELECT
    countIf(reason != ''), countIf(reason = ''), uniqExactIf(cityHash64({KEY}), reason = ''),
    countIf(reason = '' AND branch_idx > 0), minIf(branch_idx, reason = ''),
    toUnixTimestamp64Milli(minIf(dt, reason = '')), toUnixTimestamp64Milli(maxIf(dt, reason = '')),
    arraySort(groupUniqArrayIf(toYYYYMM(dt), reason = ''))
FROM checked
"""

COUNT_LOCAL_TIMES = "SELECT countIf(startsWith(reason, 'local time')) FROM checked"
COUNT_KEYS = f"SELECT uniqExact({KEY}) FROM checked WHERE reason = ''"
CUSTOMERS = "SELECT customer_id, count() FROM checked WHERE reason = '' GROUP BY customer_id"

# The start of each call that has several attempts in this chunk.  A switch may give each attempt a time of its own.
STARTS = f"""
CREATE TEMPORARY TABLE starts ENGINE = Memory AS
SELECT {_CALL}, argMin(dt, branch_idx) AS start, min(branch_idx) AS lowest FROM checked
WHERE reason = '' AND cityHash64({_CALL}) IN (
    SELECT cityHash64({_CALL}) FROM checked WHERE reason = '' AND branch_idx > 0
)
GROUP BY {_CALL}
"""
STARTS_BEFORE = f"""
INSERT INTO starts SELECT {_CALL}, argMin(dt, branch_idx), min(branch_idx) AS first FROM cdr
WHERE {near("checked WHERE reason = ''")}
AND cityHash64(callid) GLOBAL IN (SELECT cityHash64(callid) FROM starts WHERE lowest > 0)
AND ({_CALL}) GLOBAL IN (SELECT {_CALL} FROM starts WHERE lowest > 0)
GROUP BY {_CALL} HAVING sum(sign) > 0 AND first = 0
"""
_FIRST_START = f"(SELECT {_CALL}, argMin(start, lowest) AS start FROM starts GROUP BY {_CALL} HAVING min(lowest) = 0)"
_OTHER_START = f"branch_idx > 0 AND dt != start AND {_close('dt', 'start')}"
COUNT_STARTS = f"""
SELECT countIf({_OTHER_START}), (SELECT countIf(lowest = 0) FROM starts)
FROM checked INNER JOIN {_FIRST_START} AS first USING ({_CALL}) WHERE reason = ''
"""
# All attempts of a call count where the call began.  A single thread keeps the rows in order.
ALIGN = (
    f"""
CREATE TEMPORARY TABLE aligned ENGINE = Memory AS
SELECT checked.* REPLACE (if(first.start > toDateTime64(0, 3, 'UTC') AND {_OTHER_START}, first.start, dt) AS dt)
FROM checked LEFT ANY JOIN {_FIRST_START} AS first USING ({_CALL}) SETTINGS max_threads = 1
""",
    "TRUNCATE TABLE checked",
    "INSERT INTO checked SELECT * FROM aligned SETTINGS max_threads = 1",
)

TWO_ANSWERS = f"""
SELECT callid FROM checked WHERE reason = '' AND answered AND cityHash64({_CALL}) IN (
    SELECT cityHash64({_CALL}) FROM checked WHERE reason = '' AND answered AND branch_idx > 0
)
GROUP BY {_CALL} HAVING uniqExact(branch_idx) > 1 AND {_close("min(dt)", "max(dt)")}
ORDER BY min(dt), callid LIMIT {{most:UInt64}}
"""
WITHOUT_FIRST = f"""
SELECT callid FROM starts GROUP BY {_CALL} HAVING min(lowest) > 0 ORDER BY min(start), callid LIMIT {{most:UInt64}}
"""

NUMBERED = """
CREATE TEMPORARY TABLE numbered ENGINE = Memory AS
SELECT *, rowNumberInAllBlocks() AS place FROM checked WHERE reason = '' SETTINGS max_threads = 1
"""


def dropped(last_counts: bool) -> str:
    """The statement that finds the rows that repeat a key within the chunk, and whether each says the `same`.

    The first row of a call counts or, in a correction, the last.
    """
    rows = f"arraySort(groupArray((toInt64(place), toUnixTimestamp64Milli(dt), {_HASH})))"
    rows = f"arrayReverse({rows})" if last_counts else rows
    near = "abs(held.2 - each.2) <= 86400000"
    return f"""
CREATE TEMPORARY TABLE dropped ENGINE = Memory AS
SELECT each.1 AS place, arrayExists(held -> {near} AND held.3 = each.3, kept) AS same
FROM (
    SELECT
        {rows} AS rows,
        arrayFold(
            (kept, each) -> if(arrayExists(held -> {near}, kept), kept, arrayPushBack(kept, each)),
            rows, CAST([], 'Array(Tuple(Int64, Int64, UInt64))')
        ) AS kept
    FROM numbered GROUP BY {KEY} HAVING count() > 1
) ARRAY JOIN arrayFilter(each -> NOT has(kept, each), rows) AS each
"""


COUNT_DROPPED = "SELECT count(), countIf(NOT same) FROM dropped"
KEPT = """
CREATE TEMPORARY TABLE kept ENGINE = Memory AS
SELECT * FROM numbered WHERE place NOT IN (SELECT place FROM dropped) SETTINGS max_threads = 1
"""


def there(source: str) -> str:
    """The statement that finds what is stored of the keys in `source`, and whether this load stored it.

    A call that was taken back for itself stays known, so that its file does not bring it back.  A load that was taken
    back as a whole may come again.
    """
    return f"""
CREATE TEMPORARY TABLE there ENGINE = Memory AS
SELECT {KEY}, stored_dt, if(number > 0, stored_hash, 0) AS hash, own FROM (
    SELECT {KEY}, dt AS stored_dt, {_HASH} AS stored_hash, sum(sign) AS number,
        maxIf(load_id = {{load:UInt64}}, sign > 0) AS own
    FROM cdr WHERE {near(source)} AND {among(source)}
    AND load_id GLOBAL NOT IN (SELECT id FROM cdr_load WHERE unloaded_at IS NOT NULL)
    GROUP BY {KEY}, dt, stored_hash
)
"""


COUNT_THERE = "SELECT count() FROM there"


def known(source: str) -> str:
    """The statement that finds the rows of `source` that are stored already."""
    return f"""
CREATE TEMPORARY TABLE known ENGINE = Memory AS
SELECT {KEY}, dt, max(own) AS own, max(hash = new_hash) AS same
FROM (SELECT {KEY}, dt, {_HASH} AS new_hash FROM {source} WHERE reason = '') AS source INNER JOIN there USING ({KEY})
WHERE {_close("dt", "stored_dt")} GROUP BY {KEY}, dt
"""


COUNT_KNOWN = "SELECT count(), countIf(own), countIf(NOT same) FROM known"


def new_rows(source: str, known: bool) -> str:
    """The statement that inserts the new rows of a month."""
    new = f"AND ({KEY}, dt) NOT IN (SELECT {KEY}, dt FROM known)" if known else ""
    return (
        f"INSERT INTO cdr ({_CONTENT}, sign, loaded_at, load_id) "
        f"SELECT {_CONTENT}, 1, now64(3, 'UTC'), {{load:UInt64}} FROM {source} "
        f"WHERE reason = '' AND toYYYYMM(dt) = {{month:UInt32}} {new} "
        f"SETTINGS {ONE_BLOCK}"
    )


# The versions in effect of each call that the file corrects, usually one.  The signs of a version that was taken back
# add up to 0.
VERSIONS = f"""
CREATE TEMPORARY TABLE version ENGINE = Memory AS
SELECT stored.*, new.place AS place FROM (
    SELECT {_CONTENT}, sum(sign) AS number FROM cdr WHERE {near("kept")} AND {among("kept")}
    GROUP BY {_CONTENT} HAVING number > 0
) AS stored INNER JOIN (SELECT {KEY}, dt AS new_dt, place FROM kept) AS new USING ({KEY})
WHERE {_close("stored.dt", "new.new_dt")}
ORDER BY abs(date_diff('millisecond', stored.dt, new.new_dt)) LIMIT 1 BY {_CONTENT}
"""


def corrected(columns: Collection[str]) -> str:
    """The statement that computes the new versions.  Columns that the file lacks keep their values."""
    values = ", ".join(f"{_new_value(name, columns)} AS {name}" for name in _VALUES)
    return f"""
CREATE TEMPORARY TABLE corrected ENGINE = Memory AS
SELECT place, {values}, toInt64(version.number) AS held FROM kept LEFT ANY JOIN version USING (place)
"""


def _new_value(name: str, columns: Collection[str]) -> str:
    stored = "version.number > 0"
    if name in columns or (name == "answered" and ANSWER_TIME in columns):
        return f"kept.{name}"
    if name == "answered" and "sip_code" in columns:
        # Another field may have decided it at the first load; it stays unless what decides it now has changed.
        decisive = [each for each in ("sip_code", "duration") if each in columns]
        stored += "".join(f" AND kept.{each} = version.{each}" for each in decisive)
    return f"if({stored}, version.{name}, kept.{name})"


def _same(name: str) -> str:
    # = is NULL for two NULLs.
    return f"corrected.{name} {'<=>' if name in NULLABLE else '='} version.{name}"


NO_CHANGES = "CREATE TEMPORARY TABLE unchanged (place UInt64) ENGINE = Memory"
# A call with several versions in effect always needs a correction.
FIND_UNCHANGED = f"""
INSERT INTO unchanged SELECT place FROM corrected INNER JOIN version USING (place)
GROUP BY place HAVING sum(version.number) = 1 AND min({" AND ".join(map(_same, _VALUES))})
"""

# A correction into another month would be two inserts into two partitions, and so not atomic.  These rows are rejected.
FIND_MOVED = f"""
CREATE TEMPORARY TABLE moved ENGINE = Memory AS
SELECT DISTINCT {", ".join(f"corrected.{name} AS {name}" for name in KEY.split(", "))}, place
FROM corrected INNER JOIN version USING (place) WHERE toYYYYMM(corrected.dt) != toYYYYMM(version.dt)
"""
LEAVE_MOVED = "INSERT INTO unchanged SELECT place FROM moved"

COUNT_CORRECTED = """
SELECT countIf(held = 0), countIf(held > 0 AND place NOT IN (SELECT place FROM unchanged)), (SELECT count() FROM moved)
FROM corrected
"""

# ARRAY JOIN takes a version back as often as it is in effect.
CORRECT = f"""
INSERT INTO cdr ({_CONTENT}, sign, loaded_at, load_id)
SELECT {_CONTENT}, sign, now64(3, 'UTC'), {{load:UInt64}} FROM (
    SELECT {_CONTENT}, 1 AS sign FROM corrected
    WHERE toYYYYMM(dt) = {{month:UInt32}} AND place NOT IN (SELECT place FROM unchanged)
    UNION ALL
    SELECT {_CONTENT}, -1 AS sign FROM version ARRAY JOIN range(toUInt64(number)) AS each
    WHERE toYYYYMM(dt) = {{month:UInt32}} AND place NOT IN (SELECT place FROM unchanged)
) SETTINGS {ONE_BLOCK}
"""


def outcomes(repeats: bool, known: bool) -> str:
    """The query for what became of each row of a placed chunk: its record, customer, hash of the key, and outcome."""
    repeated = "record IN (SELECT record FROM numbered WHERE place IN (SELECT place FROM dropped))" if repeats else "0"
    there = f"({KEY}, dt) IN (SELECT {KEY}, dt FROM known)" if known else "0"
    return f"""
SELECT record, customer_id, cityHash64({KEY}), multiIf({repeated}, 'repeated', {there}, 'there_before', 'added')
FROM checked WHERE reason = '' ORDER BY record
"""


CORRECTED_OUTCOMES = f"""
SELECT record, customer_id, cityHash64({KEY}), multiIf(
    place IN (SELECT place FROM dropped), 'repeated',
    place IN (SELECT place FROM moved), 'rejected',
    place IN (SELECT place FROM unchanged), 'there_before',
    place IN (SELECT place FROM corrected WHERE held > 0), 'corrected',
    'added'
) FROM numbered ORDER BY record
"""

_OF_LOAD = (
    "dt >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') - INTERVAL 2 DAY "
    "AND dt <= fromUnixTimestamp64Milli({last:Int64}, 'UTC') + INTERVAL 2 DAY"
)
# What is left of a load: the rows that it added or took back, without those that were undone already.
_LEFT_OF_LOAD = f"""
SELECT {_CONTENT}, sum(sign) AS number FROM cdr WHERE load_id = {{load:UInt64}} AND {_OF_LOAD}
GROUP BY {_CONTENT} HAVING number != 0
"""
# An unload that was interrupted has restored rows under the load's id, later than the load ended.
LOADED = f"""
SELECT count() FROM cdr
WHERE load_id = {{load:UInt64}} AND {_OF_LOAD} AND sign > 0
AND loaded_at <= fromUnixTimestamp64Milli({{finished:Int64}}, 'UTC')
"""
UNLOAD_MONTHS = f"SELECT toYYYYMM(dt) AS month, sum(abs(number)) FROM ({_LEFT_OF_LOAD}) GROUP BY month ORDER BY month"
UNLOAD = f"""
INSERT INTO cdr ({_CONTENT}, sign, loaded_at, load_id)
SELECT {_CONTENT}, if(number > 0, -1, 1), now64(3, 'UTC'), {{load:UInt64}} FROM ({_LEFT_OF_LOAD})
ARRAY JOIN range(toUInt64(abs(number))) AS each WHERE toYYYYMM(dt) = {{month:UInt32}} SETTINGS {ONE_BLOCK}
"""
# The loads that took back rows which this load had added.
CORRECTED_LATER = f"""
SELECT DISTINCT arrayJoin(others) FROM (
    SELECT groupUniqArrayIf(load_id, sign < 0 AND load_id != {{load:UInt64}}) AS others,
        sumIf(sign, load_id = {{load:UInt64}}) AS own, sum(sign) AS held
    FROM cdr WHERE {_OF_LOAD}
    GROUP BY {_CONTENT} HAVING own > 0 AND held < own
)
"""
