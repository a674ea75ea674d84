"""Loads numbering data in the layouts of the North American Numbering Plan's administrator.

Central office codes are tab separated, their cells padded; thousands-blocks are CSV.  Which one a file is shows in
its headers.  A code counts if its Use is AS, a block if its STATUS is AS; a renewed file takes back what it lists
with another.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import orjson

from gqlreports.backends.base import Backend, Statement
from gqlreports.errors import LoadError
from gqlreports.store.files import FileRow, OnRead, Rejects, file_rows, opened, rejects_beside

_LIVE = "AS"


@dataclass(frozen=True)
class NumberingLayout:
    """The columns that a layout is known by, and where in a row prefix, status, rate center and state stand.

    `form` is what the digits of a prefix look like.
    """

    form: re.Pattern[str]
    prefix: tuple[str, ...]
    status: str
    rate_center: str
    state: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.prefix, self.status, self.rate_center, self.state)


CENTRAL_OFFICE_CODES = NumberingLayout(
    re.compile("[2-9][0-9]{2}[2-9][0-9]{2}"), ("NPA-NXX",), "Use", "RateCenter", "State"
)
THOUSANDS_BLOCKS = NumberingLayout(
    re.compile("[2-9][0-9]{2}[2-9][0-9]{3}"), ("NPA", "NXX", "X"), "STATUS", "Rate Center", "State"
)


@dataclass
class LoadedNumbering:
    """How many prefixes a file listed in service and out of it, and how many lines were no prefix."""

    in_service: int = 0
    out_of_service: int = 0
    rejected: int = 0


Prefixes: TypeAlias = dict[str, tuple[str, str]]


async def load_numbering(backend: Backend, path: str, on_read: OnRead) -> LoadedNumbering:
    """Load one file; it counts at once, also for CDRs that are there already.

    Lines that hold no prefix go to `PATH.rejects.csv`.  Raises LoadError for a file of neither layout.
    """
    prefixes: Prefixes = {}
    with opened(path, on_read) as stream, rejects_beside(path) as rejects:
        names, rows = file_rows(stream)
        layout = _layout(names, path)
        for row in rows:
            _take(row, layout, prefixes, rejects)
    await _save(backend, prefixes)
    live = sum(1 for rate_center, _ in prefixes.values() if rate_center)
    return LoadedNumbering(live, len(prefixes) - live, rejects.count)


def _layout(names: tuple[str, ...], path: str) -> NumberingLayout:
    for layout in (CENTRAL_OFFICE_CODES, THOUSANDS_BLOCKS):
        if set(layout.columns) <= set(names):
            return layout
    wanted = " or ".join(", ".join(layout.columns) for layout in (CENTRAL_OFFICE_CODES, THOUSANDS_BLOCKS))
    raise LoadError(f"{path} has neither layout of numbering data: it needs the columns {wanted}; nothing was loaded.")


def _take(row: FileRow, layout: NumberingLayout, prefixes: Prefixes, rejects: Rejects) -> None:
    """A prefix that a file lists twice is in service if either line says so."""
    prefix = "".join(row.values[name] for name in layout.prefix).replace("-", "")
    if not layout.form.fullmatch(prefix):
        rejects.add(row.record, f"no prefix in {', '.join(layout.prefix)}")
        return
    live = row.values[layout.status] == _LIVE
    if live or prefix not in prefixes:
        prefixes[prefix] = (row.values[layout.rate_center] if live else "", row.values[layout.state])


async def _save(backend: Backend, prefixes: Prefixes) -> None:
    loaded_at = datetime.now(UTC).isoformat()
    lines = [
        orjson.dumps({"prefix": prefix, "rate_center": center, "state": state, "loaded_at": loaded_at})
        for prefix, (center, state) in prefixes.items()
    ]
    async with backend.session() as session:
        if lines:
            await session.insert("numbering", None, b"\n".join(lines), "JSONEachRow")
        await session.command(Statement("SYSTEM RELOAD DICTIONARY rate_center"))
