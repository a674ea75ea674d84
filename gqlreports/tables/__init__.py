"""The tables of the CDR store, as SQLAlchemy knows them."""

from gqlreports.tables.cdr import CODECS, cdr
from gqlreports.tables.cdr_load import cdr_load
from gqlreports.tables.did import did
from gqlreports.tables.metadata import metadata
from gqlreports.tables.migration import migration
from gqlreports.tables.numbering import numbering

__all__ = ["CODECS", "cdr", "cdr_load", "did", "metadata", "migration", "numbering"]
