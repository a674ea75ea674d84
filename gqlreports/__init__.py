"""A GraphQL API for reports over call detail records in ClickHouse."""

__version__ = "0.2.0"
