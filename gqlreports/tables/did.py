"""The customers' inventory of DID numbers, each with the time in which it was theirs."""

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import DateTime64, Nullable, String
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import ReplacingMergeTree
from sqlalchemy import Column, Table

from gqlreports.tables.fact import REPORTS_READ
from gqlreports.tables.metadata import metadata

did = Table(
    "did",
    metadata,
    Column("customer_id", String),
    Column("number", String),
    Column("valid_from", DateTime64(3, "UTC")),
    Column("valid_to", Nullable(DateTime64(3, "UTC"))),
    Column("loaded_at", DateTime64(6, "UTC")),
    ReplacingMergeTree(version="loaded_at", order_by=("customer_id", "number", "valid_from")),
    info={REPORTS_READ: True},
)
