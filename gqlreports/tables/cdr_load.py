"""Loads of CDR files that came to their end, by which the store tells through when its data is complete."""

from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import DateTime64, UInt64
from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import MergeTree
from sqlalchemy import Column, Table

from gqlreports.tables.metadata import metadata

cdr_load = Table(
    "cdr_load",
    metadata,
    Column("finished_at", DateTime64(3, "UTC"), doc="When the load came to its end."),
    Column("last_dt", DateTime64(3, "UTC"), doc="Start of the latest call of the file."),
    Column("added", UInt64, doc="How many CDRs were new."),
    MergeTree(order_by="finished_at"),
)
