"""Which layout a file has, by what is in it; and what to tell where that is not certain."""

import csv
import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from gqlreports.errors import LoadError
from gqlreports.store.cdr_columns import COLUMNS, KINDS
from gqlreports.store.csv_rows import Dialect
from gqlreports.store.files import BOM
from gqlreports.store.layout import FileForm, Layout, Marks, shipped
from gqlreports.store.records import header_of

DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": ";", "\t": "tabs", "|": "|"}
REQUIRED = tuple(each.name for each in COLUMNS if each.required)
_SQL = re.compile(r"\s*(--|/\*|INSERT\s+INTO|CREATE\s+TABLE|SET\s)", re.IGNORECASE)
_ELEMENT = re.compile(r"<([A-Za-z][\w.-]*)")
_ROWS = 3
"""How many rows are looked at to recognize a file without a header."""
_VALUE = re.compile(r"[\d.,:+ TZ/-]+")


@dataclass(frozen=True)
class FileStart:
    """The beginning of a file, in UTF-8."""

    start: bytes

    @property
    def text(self) -> str:
        return self.start.removeprefix(BOM).decode("utf-8", "replace").lstrip()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def is_json(self) -> bool:
        return self.text[:1] in ("{", "[")

    @property
    def is_xml(self) -> bool:
        return self.text.startswith("<")

    def header(self, delimiter: str) -> list[str]:
        return header_of(self.lines[0].encode(), Dialect(delimiter)) if self.lines else []

    @property
    def delimiter(self) -> str:
        """The character that divides the first line, as far as one can see."""
        first = self.lines[0] if self.lines else ""
        return max(DELIMITERS, key=first.count)

    @property
    def object(self) -> object:
        """The first object of a JSON file, if the beginning holds it whole."""

        try:
            value = json.JSONDecoder().raw_decode(self.text.lstrip("[ \r\n\t"))[0]
        except (ValueError, RecursionError):
            return None
        return value


def plain_delimiter(start: FileStart, constants: Collection[str]) -> str | None:
    """The delimiter with which the first line is the header of our own format, but for `constants`."""
    for delimiter in DELIMITERS:
        try:
            names = start.header(delimiter)
        except LoadError:
            continue
        if {*REQUIRED} <= {*names, *constants}:
            return delimiter
    return None


def recognise(start: FileStart) -> list[Layout]:
    """The shipped layouts that the beginning of a file meets."""
    return [each for each in shipped().values() if _meets(start, each)]


def _meets(start: FileStart, layout: Layout) -> bool:
    marks, reading = layout.marks, layout.reading
    if not (marks.fields or marks.columns or marks.places):
        return False
    if reading.format == "json":
        return start.is_json and all(_has(_first(start.object, reading.records), name) for name in marks.fields)
    if reading.format == "xml":
        return start.is_xml and all(f"<{name}" in start.text for name in (reading.records, *marks.fields))
    if start.is_json or start.is_xml or len(start.lines) <= reading.skip:
        return False
    line = start.lines[reading.skip]
    if reading.format == "pairs":
        return all(re.search(rf"\b{re.escape(name)}=", line) for name in marks.fields)
    if reading.header:
        return {*marks.fields} <= {each.strip() for each in _cells(line, reading)}
    # The first row may be the one with a fault.
    return any(_has_places(_cells(each, reading), marks) for each in start.lines[reading.skip :][:_ROWS])


def _cells(line: str, reading: FileForm) -> list[str]:
    try:
        return Dialect(reading.delimiter, reading.quote, reading.escape).cells(line)
    except csv.Error:
        return []


def _has_places(cells: Sequence[str], marks: Marks) -> bool:
    return (not marks.columns or len(cells) in marks.columns) and all(
        int(place) <= len(cells) and re.fullmatch(pattern, cells[int(place) - 1].strip())
        for place, pattern in marks.places.items()
    )


def _first(value: object, path: str) -> object:
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value[0] if isinstance(value, list) and value else value


def _has(value: object, path: str) -> bool:
    for name in path.split("."):
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return False
    return True


def what_was_seen(start: FileStart, found: Sequence[Layout]) -> str:
    """Why a file without a layout cannot be loaded, and what to do."""
    if found:
        return f"it may be {_either(each.name for each in found)}; say which, by --layout"
    near = _near(start)
    advice = f"near are the layouts {_either(near)}: try --layout" if near else "give a --layout"
    return f"{_seen(start)}; {advice}, or write one (`gqlreports layouts show NAME` prints one to start from)"


def _seen(start: FileStart) -> str:
    if not start.text:
        return "it is empty"
    if _SQL.match(start.text):
        return "it is SQL; export the table as CSV with a header"
    if start.is_xml:
        return f"it is XML, with {_listed(dict.fromkeys(_ELEMENT.findall(start.text)))}"
    if start.is_json:
        value = start.object
        names = list(value) if isinstance(value, dict) else []
        return f"it is JSON, with {_listed(names)}" if names else "it begins like JSON, but holds no object"
    cells = [each.strip() for each in start.lines[0].split(start.delimiter)]
    if len(cells) == 1:
        return "its first line has no cells divided by commas, ;, tabs or |"
    divided = f"its first line has {len(cells)} cells divided by {_NAMES[start.delimiter]}"
    if sum(bool(_VALUE.fullmatch(each)) for each in cells) > len(cells) // 4:
        return f"{divided}, which are values: it has no header"
    lacking = [name for name in REQUIRED if name not in cells]
    if len(lacking) < len(REQUIRED):
        return f"it lacks the columns {', '.join(lacking)} (--set COLUMN=VALUE gives one to all rows)"
    return f"{divided}: {_listed(cells)}"


def _near(start: FileStart) -> list[str]:
    """The layouts that share most with the beginning of the file."""
    if start.is_xml or start.is_json or not start.lines:
        kind = "xml" if start.is_xml else "json"
        return [each.name for each in shipped().values() if start.text and each.reading.format == kind]
    cells = [each.strip().strip('"') for each in start.lines[0].split(start.delimiter)]
    near = []
    for layout in shipped().values():
        named = {name for source in layout.columns.values() for ref in source.refs for name in ref}
        shared = named & {*cells} - KINDS.keys()
        if layout.reading.format == "csv" and (
            (layout.reading.header and len(shared) >= 3) or len(cells) in layout.marks.columns
        ):
            near.append(layout.name)
    return near


def _either(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _listed(names: Iterable[str]) -> str:
    some = [each for each in names if each][:8]
    return ", ".join(some) + (", ..." if len(some) == 8 else "")
