"""Numbering data: the rate center of central office codes (6 digits) and of thousands-blocks (7 digits).

A code that is listed but not in service has the rate center `''`.
"""

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import DateTime64, LowCardinality, String
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import ReplacingMergeTree
from sqlalchemy import Column, Table

from gqlreports.tables.fact import REPORTS_READ
from gqlreports.tables.metadata import metadata

numbering = Table(
    "numbering",
    metadata,
    Column("prefix", String),
    Column("rate_center", String),
    Column("state", LowCardinality(String)),
    Column("loaded_at", DateTime64(6, "UTC")),
    ReplacingMergeTree(version="loaded_at", order_by="prefix"),
    info={REPORTS_READ: True},
)
