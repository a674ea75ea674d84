"""From a GraphQL selection to a ClickHouse statement, and from ClickHouse's JSON to the response."""
