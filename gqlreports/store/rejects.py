"""Rows that could not be loaded, kept in a file beside the one that they came from."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gqlreports.errors import LoadError
from gqlreports.store.cells import Record

_HELD = 10_000


@dataclass
class Rejects:
    """Collects rows and writes them to `target`, which is made when there is a first."""

    target: Path
    count: int = 0
    _rows: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, record: Record, reason: str) -> None:
        self.count += 1
        self._rows.append((record.line, reason, record.text))
        if len(self._rows) >= _HELD:
            self.write()

    def write(self) -> None:
        if not self._rows:
            return
        try:
            self._append()
        except OSError as error:
            raise LoadError(f"Rejected rows cannot be written to {self.target}: {error.strerror}.") from error
        self._rows.clear()

    def _append(self) -> None:
        new = not self.target.exists()
        with self.target.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(("line", "reason", "row"))
            writer.writerows(self._rows)


@contextmanager
def rejects_beside(path: str) -> Iterator[Rejects]:
    """The rejects of a file: `PATH.rejects.csv`, or `stdin.rejects.csv` here for `-`; an older one goes first."""
    target = Path("stdin.rejects.csv" if path == "-" else f"{path}.rejects.csv")
    target.unlink(missing_ok=True)
    rejects = Rejects(target)
    try:
        yield rejects
    finally:
        rejects.write()
