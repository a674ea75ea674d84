"""From a request and a selection to one ClickHouse statement."""
