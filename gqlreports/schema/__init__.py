"""Turns GraphQL selections into ClickHouse statements, and ClickHouse's JSON into responses."""
