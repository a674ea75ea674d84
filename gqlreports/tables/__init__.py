"""The tables of the CDR store, as SQLAlchemy knows them."""

from gqlreports.tables.cdr import CODECS, cdr
from gqlreports.tables.cdr_load import cdr_load
from gqlreports.tables.did import did
from gqlreports.tables.metadata import metadata
from gqlreports.tables.migration import migration
from gqlreports.tables.numbering import numbering

DICTIONARIES = ("rate_center", "did_window")
"""The names of the store's dictionaries."""

__all__ = ["CODECS", "DICTIONARIES", "cdr", "cdr_load", "did", "metadata", "migration", "numbering"]
