"""Where the tables of a store are: on one server, or spread over a cluster."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy import Table
from sqlalchemy.schema import CreateColumn, CreateTable

from gqlreports.errors import InvalidInput

_DIALECT = ClickHouseDialect()
_ENGINE = re.compile(r"Engine (\w*)MergeTree(?:\((\w+)\))?")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_-]*")
SHARDED_BY = "sharded_by"
"""The name, in a table's `info`, of the expression that determines a row's shard.

A table without it has all of its rows on every shard.
"""


def literal(text: str) -> str:
    """Quote a string for SQL that cannot take parameters."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """Quote a name for SQL that cannot take parameters."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


@dataclass(frozen=True)
class Topology:
    """The placement of a store.

    `database` is None for the connection's own database.  `cluster` is a name in the server's `remote_servers`.  The
    store's dictionaries read its tables with `user` and `password`.
    """

    database: str | None = None
    cluster: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.cluster is not None and not _NAME.fullmatch(self.cluster):
            raise InvalidInput(f"{self.cluster!r} is no name of a cluster.")

    @property
    def on_cluster(self) -> str:
        """The clause that follows the name of what a statement creates or alters."""
        return f" ON CLUSTER {literal(self.cluster)}" if self.cluster else ""

    def create(self, table: Table) -> list[str]:
        """The statements that create a table if it does not exist.

        In a cluster, a sharded table consists of `<name>_local` on each shard and a Distributed table `<name>` over
        them.
        """
        create = str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT))
        if self.cluster is None:
            return [create]
        key = table.info.get(SHARDED_BY)
        if key is None:
            return [self._replicated(create, table.name, table.name, "", "{shard}-{replica}")]
        local = f"{table.name}_local"
        over = f"Distributed({literal(self.cluster)}, {literal(self.database or 'default')}, {literal(local)}, {key})"
        return [
            self._replicated(create, table.name, local, "/{shard}", "{replica}"),
            f"CREATE TABLE IF NOT EXISTS `{table.name}`{self.on_cluster} AS `{local}` ENGINE = {over}",
        ]

    def stored(self, table: Table) -> str:
        """The name of the table in which the rows of a table are stored."""
        local = self.cluster is not None and SHARDED_BY in table.info
        return f"{table.name}{'_local' if local else ''}"

    def alter(self, table: Table) -> str:
        """The beginning of a statement that alters a table where its rows are stored."""
        return f"ALTER TABLE `{self.stored(table)}`{self.on_cluster}"

    def system(self, table: str, replicas: bool = False) -> str:
        """A table of ClickHouse about itself, such as `parts`; in a cluster of one replica of each shard, or of all."""
        function = "clusterAllReplicas" if replicas else "cluster"
        return f"{function}({literal(self.cluster)}, system.{table})" if self.cluster else f"system.{table}"

    def add_columns(self, table: Table, codecs: Mapping[str, str]) -> list[str]:
        """The statements that add columns of a table if they are missing, and set how each is compressed."""
        columns = [str(CreateColumn(table.c[name]).compile(dialect=_DIALECT)) for name in codecs]
        add = ", ".join(f"ADD COLUMN IF NOT EXISTS {column}" for column in columns)
        compress = ", ".join(f"MODIFY COLUMN `{name}` CODEC({codec})" for name, codec in codecs.items())
        statements = [f"{self.alter(table)} {add}", f"{self.alter(table)} {compress}"]
        if self.cluster is not None and SHARDED_BY in table.info:
            statements.append(f"ALTER TABLE `{table.name}`{self.on_cluster} {add}")
        return statements

    def lengthen_order(self, table: Table, order: Sequence[str], new: Sequence[str]) -> str:
        """The statement that gives a table an order that ends with new columns, which it adds if they are missing."""
        columns = [str(CreateColumn(table.c[name]).compile(dialect=_DIALECT)) for name in new]
        add = ", ".join(f"ADD COLUMN IF NOT EXISTS {column}" for column in columns)
        return f"{self.alter(table)} {add}, MODIFY ORDER BY ({', '.join((*order, *new))})"

    def set_defaults(self, table: Table, names: Sequence[str]) -> list[str]:
        """The statements that give columns of a table the defaults that they have now, for rows to come."""
        columns = [str(CreateColumn(table.c[name]).compile(dialect=_DIALECT)) for name in names]
        modify = ", ".join(f"MODIFY COLUMN {column}" for column in columns)
        statements = [f"{self.alter(table)} {modify}"]
        if self.stored(table) != table.name:
            statements.append(f"ALTER TABLE `{table.name}`{self.on_cluster} {modify}")
        return statements

    def _replicated(self, create: str, name: str, local: str, shard: str, replica: str) -> str:
        def engine(found: re.Match[str]) -> str:
            version = f", {found[2]}" if found[2] else ""
            path = f"/clickhouse/tables/{{database}}/{local}{shard}"
            return f"Engine Replicated{found[1]}MergeTree({literal(path)}, {literal(replica)}{version})"

        named = create.replace(f"`{name}`", f"`{local}`{self.on_cluster}", 1)
        return _ENGINE.sub(engine, named, count=1)
