"""A real ClickHouse server on loopback, and a cluster of several.

npm's `@chdb/lib-linux-x64-gnu` holds the whole of `clickhouse local`, and that program opens ClickHouse's own HTTP and
native listeners: the real handlers, sessions, users, profiles, quotas, query log, KILL, `Distributed`.  It has
no keeper, so no `ON CLUSTER` and no replication, no users made by SQL (they are written into `users.xml`) and no TLS.
"""
