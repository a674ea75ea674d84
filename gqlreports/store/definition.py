"""The statements that create the CDR store; each does nothing where its object is there."""

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy.schema import CreateTable

from gqlreports.tables import metadata

_DIALECT = ClickHouseDialect()

# The rate center of every thousands-block in service: its own where one is assigned, else its code's.
_RATE_CENTER = """
CREATE DICTIONARY IF NOT EXISTS rate_center (block UInt64, rate_center String DEFAULT '', state String DEFAULT '')
PRIMARY KEY block
SOURCE(CLICKHOUSE(QUERY '
    SELECT block, argMax(rate_center, precise) AS rate_center, argMax(state, precise) AS state
    FROM (
        SELECT toUInt64(prefix) AS block, rate_center, state, 1 AS precise
        FROM default.numbering FINAL WHERE length(prefix) = 7 AND rate_center != \\'\\'
        UNION ALL
        SELECT toUInt64(prefix) * 10 + arrayJoin(range(10)) AS block, rate_center, state, 0 AS precise
        FROM default.numbering FINAL WHERE length(prefix) = 6 AND rate_center != \\'\\'
    ) GROUP BY block'))
LAYOUT(HASHED()) LIFETIME(0)
"""

# Who had a DID when; from and to are milliseconds since 1970, both within the window.
_DID_WINDOW = """
CREATE DICTIONARY IF NOT EXISTS did_window (customer_id String, number String, valid_from Int64, valid_to Int64)
PRIMARY KEY customer_id, number
SOURCE(CLICKHOUSE(QUERY '
    SELECT customer_id, number, toUnixTimestamp64Milli(valid_from) AS valid_from,
        if(valid_to IS NULL, 9223372036854775807, toUnixTimestamp64Milli(assumeNotNull(valid_to)) - 1) AS valid_to
    FROM default.did FINAL'))
LAYOUT(COMPLEX_KEY_RANGE_HASHED()) RANGE(MIN valid_from MAX valid_to) LIFETIME(0)
"""


def definition() -> list[str]:
    """Tables first, then the dictionaries that read them."""
    tables = [str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)) for table in metadata.sorted_tables]
    return [*tables, _RATE_CENTER, _DID_WINDOW]
