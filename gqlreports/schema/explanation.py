"""What a statement reads: rollups or calls, how much of each, and in a cluster where, as the store plans it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.plugins.rollup import PREFIX

_NODE = re.compile(r"(?P<indent> *)(?P<kind>Aggregating|ReadFromMergeTree|ReadFromRemote)\b(?: \((?P<name>.*)\))?")
_GRANULES = re.compile(r" *Granules: (\d+)/(\d+)")
_STEP = 2
"""By how many columns a node of a plan is indented under its parent."""


@dataclass(frozen=True)
class Reading:
    """A rollup or table that is read: its name, and how many of its granules (some thousand rows each).

    `shard` counts the shards of a cluster besides the asked server from 1 on; it is 0 there, and None where no other
    server is asked.  One that is not `grouped` is summed up by the asked server, so that its calls are sent there.
    """

    name: str
    granules: int
    granules_in_all: int
    shard: int | None = None
    grouped: bool = True

    @property
    def is_rollup(self) -> bool:
        return self.name.startswith(PREFIX)


async def readings(backend: Backend, statement: Statement) -> list[Reading]:
    """In the order of the plan."""
    sql = f"EXPLAIN distributed = 1, indexes = 1, projections = 1 {statement.sql}"
    explained = Statement(sql, statement.parameters, rollup=statement.rollup)
    lines = [row["explain"] for row in orjson.loads((await backend.fetch_json(explained)).json)]
    found = list(_readings(lines))
    if not any(each.shard for each in found):
        return [Reading(each.name, each.granules, each.granules_in_all) for each in found]
    return found


def _readings(lines: Sequence[str]) -> Iterator[Reading]:
    """A node is followed by its indexes, of which the first begins with all granules, and by its children."""
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
            yield Reading(node["name"].rpartition(".")[2], last, first, 0 if outside else shard, grouped)


def _granules(lines: Sequence[str]) -> tuple[int, int]:
    """The granules of the table and those that are read, from the lines after a node."""
    found: list[tuple[int, int]] = []
    for line in lines:
        if _NODE.match(line):
            break
        if granules := _GRANULES.match(line):
            found.append((int(granules[2]), int(granules[1])))
    return (found[0][0], found[-1][1]) if found else (0, 0)
