"""A GraphQL API for reports over call detail records in ClickHouse."""
