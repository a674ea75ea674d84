"""The results of the benchmarks, kept as JSON so that the page can be written again without measuring."""

import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import chdb
import orjson

KEPT = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Table:
    """Headings and cells, all text."""

    title: str
    headings: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        title = ["", f"### {self.title}", ""] if self.title else []
        lines = [self.headings, ["---", *["---:" for _ in self.headings[1:]]], *self.rows]
        return "\n".join([*title, *(f"| {' | '.join(line)} |" for line in lines)])


@dataclass(frozen=True)
class Section:
    """What one benchmark found: figures by name, and tables."""

    figures: dict[str, float]
    tables: list[Table]
    machine: str = field(default_factory=lambda: _machine())


def save(name: str, section: Section, path: Path = KEPT) -> None:
    """Put a section in the place of the one with its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps({**_loaded(path), name: asdict(section)}, option=orjson.OPT_INDENT_2))


def load(path: Path = KEPT) -> dict[str, Section]:
    """All sections that there are."""
    return {
        name: Section(each["figures"], [Table(**table) for table in each["tables"]], each["machine"])
        for name, each in _loaded(path).items()
    }


def _loaded(path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = orjson.loads(path.read_bytes()) if path.exists() else {}
    return kept


def _machine() -> str:
    now = datetime.now(UTC).date()
    return f"{now}, {os.cpu_count()} cores, Python {platform.python_version()}, chDB {chdb.engine_version}"
