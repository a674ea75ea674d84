"""What a statement reads: rollups or calls, and how much of each, as the store plans it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.plugins.rollup import PREFIX


@dataclass(frozen=True)
class Reading:
    """A rollup or table that is read: its name, and how many of its granules (some thousand rows each)."""

    name: str
    granules: int
    granules_in_all: int

    @property
    def is_rollup(self) -> bool:
        return self.name.startswith(PREFIX)


async def readings(backend: Backend, statement: Statement) -> list[Reading]:
    """In the order of the plan; those of which nothing is read are not told."""
    sql = f"EXPLAIN json = 1, indexes = 1, projections = 1 {statement.sql}"
    explained = Statement(sql, statement.parameters, rollup=statement.rollup)
    [row] = orjson.loads((await backend.fetch_json(explained)).json)
    [plan] = orjson.loads(row["explain"])
    return list(_readings(plan["Plan"]))


def _readings(node: dict[str, Any]) -> Iterator[Reading]:
    if node["Node Type"] == "ReadFromMergeTree":
        indexes = node.get("Indexes") or [{}]
        first, last = indexes[0].get("Initial Granules", 0), indexes[-1].get("Selected Granules", 0)
        yield Reading(node["Description"].rpartition(".")[2], last, first)
    for each in node.get("Plans", ()):
        yield from _readings(each)
