"""Tables in few tokens: CSV in which each name stands once, with whole rows up to a number of bytes."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

MOST_BYTES = 16 * 1024
"""Bytes of the rows of one table; rows that would exceed them are left out."""
MOST_CHARACTERS = 200
"""Characters of one cell; a longer text is cut."""
_DIGITS = 4


def table(names: Sequence[str], rows: Iterable[Sequence[Any]], most: int = MOST_BYTES) -> tuple[str, int]:
    """A heading and the first rows that fit into `most` bytes, a line for each; and the number of these rows."""
    lines = [line(names)]
    for row in rows:
        text = line(row)
        most -= len(text.encode()) + 1
        if most < 0:
            break
        lines.append(text)
    return "\n".join(lines), len(lines) - 1


def line(cells: Iterable[Any]) -> str:
    return ",".join(map(cell, cells))


class Blank:
    """A cell of the totals under a column that they lack; it is printed as nothing, and an empty text as ""."""


BLANK = Blank()


def cell(value: Any) -> str:
    """A value of JSON: texts as they are, or as in JSON where a reader could take them for something else.

    Fractions have 4 digits after the point, those below 1 have 4 significant digits.  Exact decimals are texts.
    """
    if value is BLANK:
        return ""
    if isinstance(value, float):
        return _fraction(value)
    if isinstance(value, str):
        return _text(value)
    printed = orjson.dumps(value).decode()
    return _text(printed) if isinstance(value, dict | list) else printed


def _fraction(value: float) -> str:
    shown = round(value, _DIGITS) if abs(value) >= 1 else float(f"{value:.{_DIGITS}g}")
    return str(int(shown)) if shown == int(shown) else str(shown)


def _text(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}... ({len(text)} characters)"
    plain = text.isprintable() and text == text.strip() and not set(text) & set(',"')
    return text if plain and text not in ("", "null", "true", "false") else orjson.dumps(text).decode()
