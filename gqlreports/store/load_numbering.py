"""Loads numbering data in the layouts of the North American Numbering Plan's administrator.

Files of central office codes are tab-separated with padded cells; files of thousands-blocks are CSV.  The headers show
which of the two a file is.  A code is in service if its Use is AS, and a block if its STATUS is AS.  A newer file takes
a prefix out of service by listing it with another value.
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
    """A file layout: the columns that hold prefix, status, rate center and state, which also identify the layout.

    `form` is the pattern of a prefix's digits.
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
    """How many prefixes a file lists as in service and as out of service, and how many lines have no valid prefix."""

    in_service: int = 0
    out_of_service: int = 0
    rejected: int = 0


Prefixes: TypeAlias = dict[str, tuple[str, str]]


async def load_numbering(backend: Backend, path: str, on_read: OnRead) -> LoadedNumbering:
    """Load one file.  It takes effect at once, also for CDRs that are already loaded.

    Lines without a valid prefix go to `PATH.rejects.csv`.  Raises LoadError for a file in neither layout.
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
    """Add a row's prefix.  A prefix that a file lists twice is in service if either line says so."""
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
