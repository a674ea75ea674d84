"""ClickHouse's HTTP interface on loopback in front of chDB: a real engine, for the real client on the wire.

    python -m tests.clickhouse --path DIR --port 8123 [--password USER:PASSWORD]

It runs as a process of its own.  Native with `client_protocol_version`, parameters, settings, sessions, compression,
progress headers and exceptions after the first bytes are as a server has them; users, quotas, external tables and
clusters are not there.
"""
