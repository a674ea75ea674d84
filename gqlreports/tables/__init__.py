"""The tables of the CDR store, as SQLAlchemy knows them."""

from gqlreports.tables.cdr import CALLS, CODECS, cdr
from gqlreports.tables.cdr_load import cdr_load
from gqlreports.tables.did import did
from gqlreports.tables.fact import Fact, tables_for_reports, tables_of_customers
from gqlreports.tables.metadata import metadata
from gqlreports.tables.migration import migration
from gqlreports.tables.numbering import numbering

DICTIONARIES = ("rate_center", "did_window")
"""The names of the store's dictionaries."""

__all__ = [
    "CALLS",
    "CODECS",
    "DICTIONARIES",
    "Fact",
    "cdr",
    "cdr_load",
    "did",
    "metadata",
    "migration",
    "numbering",
    "tables_for_reports",
    "tables_of_customers",
]
