"""The migrations that a store has come by, and the cluster that it is on, `''` for none.

One that two processes ran at once may stand here twice.
"""

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import DateTime64, String, UInt32
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import ReplacingMergeTree
from sqlalchemy import Column, Table

from gqlreports.tables.metadata import metadata

migration = Table(
    "migration",
    metadata,
    Column("number", UInt32),
    Column("name", String),
    Column("cluster", String),
    Column("applied_at", DateTime64(3, "UTC")),
    ReplacingMergeTree(version="applied_at", order_by="number"),
)
