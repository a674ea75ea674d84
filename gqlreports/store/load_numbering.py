"""Loads numbering data in the layouts of the North American Numbering Plan's administrator.

Files of central office codes are tab-separated with padded cells; files of thousands-blocks are CSV.  The headers show
which of the two a file is.  A code is in service if its Use is AS, and a block if its STATUS is AS.  A newer file takes
a prefix out of service by listing it with another value.  What it says otherwise than the store counts for calls from a
date on; earlier calls keep what they had.
"""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from gqlreports.backends.base import Backend, Session, Statement
from gqlreports.errors import LoadError
from gqlreports.store.dictionaries import reload
from gqlreports.store.effective import TODAY, Effective
from gqlreports.store.files import FileRow, OnRead, Rejects, file_rows, opened, rejects_beside
from gqlreports.tables import KNOWN, NUMBERING_DICTIONARIES

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
    """How many prefixes a file lists as in service and as out of service, and how many lines have no valid prefix.

    `renewed` of the prefixes were known otherwise, themselves or by their code.  Of `until_later` the store knows a
    later change, until which the file counts.  `repeated` lines are about a prefix that another line has too.
    """

    in_service: int = 0
    out_of_service: int = 0
    rejected: int = 0
    renewed: int = field(default=0, compare=False)
    until_later: int = field(default=0, compare=False)
    repeated: int = field(default=0, compare=False)


Prefixes: TypeAlias = dict[str, tuple[str, str]]


async def load_numbering(backend: Backend, path: str, on_read: OnRead, effective: Effective = TODAY) -> LoadedNumbering:
    """Load one file.  It takes effect at once, also for CDRs that are already loaded.

    A prefix that was not known counts for all calls, and what a known one says otherwise for calls from the effective
    moment on.  A new block of a code that is known also counts from then on, unless the store has no blocks.

    Lines without a valid prefix go to `PATH.rejects.csv`.  Raises LoadError for a file in neither layout.
    """
    prefixes: Prefixes = {}
    with opened(path, on_read) as stream, rejects_beside(path) as rejects:
        names, rows = file_rows(stream)
        layout = _layout(names, path)
        lines = 0
        for row in rows:
            _take(row, layout, prefixes, rejects)
            lines += 1
    async with backend.session() as session:
        renewed = await _save(session, prefixes, effective) if prefixes else (0, 0)
        await reload(session, NUMBERING_DICTIONARIES)
    live = sum(1 for rate_center, _ in prefixes.values() if rate_center)
    return LoadedNumbering(live, len(prefixes) - live, rejects.count, *renewed, lines - rejects.count - len(prefixes))


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
    if row.missing > 0:
        rejects.add(row.record, f"{row.missing} cells are missing")
        return
    live = row.values[layout.status] == _LIVE
    if live or prefix not in prefixes:
        prefixes[prefix] = (row.values[layout.rate_center] if live else "", row.values[layout.state])


async def _save(session: Session, prefixes: Prefixes, effective: Effective) -> tuple[int, int]:
    """Add what the store does not say already.

    Returns how many prefixes were known otherwise, and for how many of them a later change is known.
    """
    lines = [
        orjson.dumps({"prefix": prefix, "rate_center": center, "state": state})
        for prefix, (center, state) in prefixes.items()
    ]
    await session.command(Statement(_SAID))
    await session.insert("said", None, b"\n".join(lines), "JSONEachRow")
    await session.command(Statement(_HELD, effective.values))
    await session.command(Statement(_RENEWED, effective.values))
    [[renewed]] = await session.query(Statement("SELECT count() FROM renewed"))
    [[later]] = await session.query(Statement(_LATER, effective.values))
    await session.command(Statement(_SAVE, effective.values))
    return int(renewed), int(later)


_SAID = "CREATE TEMPORARY TABLE said (prefix String, rate_center String, state String) ENGINE = Memory"
# What holds of each prefix at the effective moment; of a correction, for all calls.
_HELD = f"""
CREATE TEMPORARY TABLE held ENGINE = Memory AS
SELECT prefix, {{corrects:Bool}} AND (versions > 1 OR latest.1 > 0) AS wrong, latest.1 AS valid_from,
    latest.2 AS known_from, latest.3 AS rate_center, latest.4 AS state
FROM (
    SELECT prefix, count() AS versions, max((valid_from, known, rate_center, toString(state))) AS latest
    FROM (
        SELECT prefix, rate_center, state, valid_from, {KNOWN} AS known,
            maxIf(known, valid_from = 0) OVER (PARTITION BY prefix) AS corrected
        FROM numbering FINAL
    )
    WHERE known >= corrected
        AND (valid_from <= fromUnixTimestamp64Milli({{effective:Int64}}, 'UTC') OR {{corrects:Bool}})
    GROUP BY prefix
)
"""
# What is said otherwise than before: of a prefix, and of a new block of a code that is known.
_RENEWED = """
CREATE TEMPORARY TABLE renewed ENGINE = Memory AS
WITH (SELECT count() FROM numbering WHERE length(prefix) = 7) > 0 AS blocks
SELECT said.prefix AS prefix FROM said LEFT JOIN held USING (prefix)
WHERE if(
    held.prefix != '',
    (said.rate_center, said.state) != (held.rate_center, held.state) OR held.wrong,
    length(said.prefix) = 7 AND blocks AND substring(said.prefix, 1, 6) IN (SELECT prefix FROM numbering)
)
"""
_LATER = """
SELECT uniqExact(prefix) FROM numbering
WHERE NOT {corrects:Bool} AND prefix IN (SELECT prefix FROM renewed)
    AND valid_from > fromUnixTimestamp64Milli({effective:Int64}, 'UTC')
"""
_SAVE = """
INSERT INTO numbering (prefix, rate_center, state, loaded_at, valid_from, known_from)
WITH
    fromUnixTimestamp64Micro({now:Int64}, 'UTC') AS now,
    said.prefix IN (SELECT prefix FROM renewed) AS is_new,
    held.prefix != '' AND NOT is_new AS same
SELECT said.prefix, said.rate_center, said.state, now,
    multiIf(
        same, held.valid_from,
        is_new AND NOT {corrects:Bool}, fromUnixTimestamp64Milli({effective:Int64}, 'UTC'),
        fromUnixTimestamp64Milli(0, 'UTC')
    ),
    if(same, held.known_from, now)
FROM said LEFT JOIN held USING (prefix)
"""
