"""What a statement will read, taken from ClickHouse's EXPLAIN: rollups or calls, how much, and on which shards."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.plugins.rollup import PREFIX

_NODE = re.compile(r"(?P<indent> *)(?P<kind>Aggregating|ReadFromMergeTree|ReadFromRemote)\b(?: \((?P<name>.*)\))?")
_GRANULES = re.compile(r" *Granules: (\d+)/(\d+)")
_STEP = 2
"""The indentation of a node under its parent in a plan, in characters."""


@dataclass(frozen=True)
class TableRead:
    """A rollup or table that is read: its name, and how many of its granules (some thousand rows each).

    In a cluster `shard` is 0 for the server that runs the query, and counts the other shards from 1.  It is None if
    no other server takes part.  If a shard's reading is not `grouped`, its calls are sent to the server that runs the
    query, which sums them up.
    """

    name: str
    granules: int
    granules_in_all: int
    shard: int | None = None
    grouped: bool = True

    @property
    def is_rollup(self) -> bool:
        return self.name.startswith(PREFIX)


async def readings(backend: Backend, statement: Statement) -> list[TableRead]:
    """What a statement will read, in the order of the plan."""
    sql = f"EXPLAIN distributed = 1, indexes = 1, projections = 1 {statement.sql}"
    explained = Statement(sql, statement.parameters, rollup=statement.rollup)
    lines = [row["explain"] for row in orjson.loads((await backend.fetch_json(explained)).json)]
    found = list(_readings(lines))
    if not any(each.shard for each in found):
        return [TableRead(each.name, each.granules, each.granules_in_all) for each in found]
    return found


def _readings(lines: Sequence[str]) -> Iterator[TableRead]:
    """Parse the lines of a plan: a node is followed by its indexes and then by its children.

    The first index starts from all granules of the table.
    """
    path: list[tuple[int, str]] = []
    remote, shard = -1, 0
    for place, line in enumerate(lines):
        indent = len(line) - len(line.lstrip(" "))
        path = [each for each in path if each[0] < indent]
        if indent == remote + _STEP and any(kind == "ReadFromRemote" for _, kind in path):
            shard += 1
        if (node := _NODE.match(line)) is None:
            continue
        kind = node["kind"]
        path.append((indent, kind))
        if kind == "ReadFromRemote":
            remote = indent
        if kind == "ReadFromMergeTree":
            kinds = [each for _, each in path]
            outside = "ReadFromRemote" not in kinds
            grouped = outside or "Aggregating" in kinds[kinds.index("ReadFromRemote") :]
            first, last = _granules(lines[place + 1 :])
            yield TableRead(node["name"].rpartition(".")[2], last, first, 0 if outside else shard, grouped)


def _granules(lines: Sequence[str]) -> tuple[int, int]:
    """The number of granules in the table and the number read, from the lines after a node."""
    found: list[tuple[int, int]] = []
    for line in lines:
        if _NODE.match(line):
            break
        if granules := _GRANULES.match(line):
            found.append((int(granules[2]), int(granules[1])))
    return (found[0][0], found[-1][1]) if found else (0, 0)
