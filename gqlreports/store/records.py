"""Records of files that ClickHouse cannot read as they are: JSON, XML, key=value, unusual CSV, and pairs of events.

They are read one by one, and handed on as JSON lines with the fields that a layout needs.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

import orjson
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from gqlreports.errors import LoadError
from gqlreports.store.csv_rows import NO_UTF8, Dialect, Lines
from gqlreports.store.files import BOM, Chunk, FileRecord
from gqlreports.store.layout import FileForm, Pairs, Ref

NO_JSON = "no JSON object"
NO_END = "begins a call whose end is in no file given"
NO_START = "ends a call whose beginning is in no file given"
TWO_STARTS = "begins a call that has begun already"
TWO_ENDS = "ends a call that has ended already"
_READ_AT_ONCE = 1 << 20
_LARGEST_DOCUMENT = 256 << 20


@dataclass
class SwitchRecord:
    """A record as it stands in the file, and its fields by name, path or place; or the reason why it is none.

    A record that is `left_out` is no call; one that is `joined` is the later half of a call.
    """

    at: FileRecord
    fields: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    left_out: bool = False
    joined: bool = False


def records_of(stream: io.BufferedReader, reading: FileForm, names: Sequence[str]) -> Iterator[SwitchRecord]:
    """The records of a file, with the fields of these names.  Raises LoadError if it is no such file at all."""
    if reading.format == "xml":
        return _xml(stream, reading, names)
    if reading.format == "json":
        return (_flat(at, value, names, reading) for at, value in json_documents(stream, reading.records))
    if reading.format == "pairs":
        return _key_values(stream, reading)
    return _csv(stream, reading)


def _csv(stream: io.BufferedReader, reading: FileForm) -> Iterator[SwitchRecord]:
    dialect = Dialect(reading.delimiter, reading.quote, reading.escape)
    for _ in range(reading.skip):
        stream.readline()
    line = reading.skip + 1
    names: list[str] = []
    if reading.header:
        names = header_of(stream.readline(), dialect)
        line += 1
    for _ in range(reading.skip_rows):
        stream.readline()
        line += 1
    start = stream.peek(_READ_AT_ONCE).decode("utf-8", "replace")
    width = len(names)
    widths = frozenset([width]) if width else dialect.widths(start.rpartition("\n")[0] or start)
    rest: list[str] = []
    while True:
        read = [each.decode("utf-8", "surrogateescape").removesuffix("\n") for each in islice(stream, 20_000)]
        lines = Lines([*rest, *read], line, widths, dialect, last=not read)
        rows, end = lines.rows()
        for row in rows:
            if row.reason:
                yield SwitchRecord(row.record, reason=row.reason)
            elif width and len(row.cells) not in (0, width) and row.record.text.strip():
                fewer = "fewer" if len(row.cells) < width else "more"
                yield SwitchRecord(row.record, reason=f"{fewer} cells than the header")
            elif row.record.text.strip():
                keys = names or map(str, range(1, len(row.cells) + 1))
                yield SwitchRecord(row.record, dict(zip(keys, row.cells, strict=False)))
        line += end
        rest = list(lines.texts[end:])
        if not read:
            return


def header_of(line: bytes, dialect: Dialect) -> list[str]:
    """The names in the first line of a CSV file.  Raises LoadError if that cannot be read."""
    try:
        cells = dialect.cells(line.removeprefix(BOM).decode("utf-8", "replace").rstrip("\r\n"))
    except csv.Error as error:
        lines = "its lines end in carriage returns alone; convert them to line feeds"
        raise LoadError(lines if b"\r" in line else f"its first line cannot be read: {error}") from error
    return [name.strip() for name in cells]


_KEY = re.compile(r"[\w.$-]+$")


def _key_values(stream: io.BufferedReader, reading: FileForm) -> Iterator[SwitchRecord]:
    for number, raw in enumerate(stream, 1):
        text = raw.decode("utf-8", "surrogateescape").strip()
        if not text:
            continue
        fields: dict[str, str] = {}
        for part in text.split(reading.delimiter):
            name, equal, value = part.partition("=")
            # Before the first key there may be the time and the name of a log.
            if equal and (key := _KEY.search(name.strip())):
                fields[key[0]] = value.strip()
        broken = NO_UTF8 if not _is_text(text) else "" if fields else "no key=value"
        yield SwitchRecord(FileRecord(number, text), fields, broken)


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in text)


def json_documents(stream: io.BufferedReader, path: str = "") -> Iterator[tuple[FileRecord, Any]]:
    """The objects of JSON lines, of an array, of one object, or of the array at a path in it; None for what is none."""
    start = stream.peek(_READ_AT_ONCE).removeprefix(BOM).lstrip()
    first = start.split(b"\n", 1)[0].strip()
    if not path and not start.startswith(b"[") and (_parsed(first) is not None or not _continues(start)):
        for number, raw in enumerate(stream, 1):
            if text := raw.removeprefix(BOM).strip():
                yield FileRecord(number, text.decode("utf-8", "surrogateescape")), _parsed(text)
        return
    body = stream.read(_LARGEST_DOCUMENT + 1)
    if len(body) > _LARGEST_DOCUMENT:
        raise LoadError(f"a JSON document may have {_LARGEST_DOCUMENT >> 20} MiB; give JSON lines, one object a line")
    yield from _within(body.removeprefix(BOM), path)


def _continues(start: bytes) -> bool:
    """Whether an object is spread over several lines, rather than broken."""
    lines = start.split(b"\n", 2)
    return len(lines) > 1 and not any(_parsed(line.strip()) is not None for line in start.split(b"\n")[1:-1])


def _within(body: bytes, path: str) -> Iterator[tuple[FileRecord, Any]]:
    text = body.decode("utf-8", "surrogateescape")
    place, line, decoder = 0, 1, json.JSONDecoder(parse_float=str, parse_int=str)
    while (found := re.compile(r"[^\s,]").search(text, place)) is not None:
        line += text.count("\n", place, found.start())
        place = found.start()
        if text[place] in "[]" and not path:
            place += 1
            continue
        try:
            value, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise LoadError(f"it is no JSON from line {line} on: {error.msg}") from error
        except RecursionError as error:
            raise LoadError(f"its JSON is nested too deep in line {line}") from error
        for each in _at(value, path):
            at = FileRecord(line, json.dumps(each) if path else text[place:end])
            # The store would not read a text that is no Unicode, such as half of a pair of surrogates.
            yield at, each if _parsed(at.text.encode("utf-8", "surrogateescape")) is not None else None
        line += text.count("\n", place, end)
        place = end


def _at(value: Any, path: str) -> list[Any]:
    if not path:
        return [value]
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) else [value]


def _parsed(text: bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def no_json(record: FileRecord) -> str:
    """Why a record is no JSON object."""
    return NO_JSON if _is_text(record.text) else NO_UTF8


def _flat(at: FileRecord, value: Any, names: Sequence[str], reading: FileForm) -> SwitchRecord:
    if value is None:
        return SwitchRecord(at, reason=no_json(at))
    fields = {}
    for name in names:
        if (found := _field(value, name)) is not None:
            fields[name] = unquote_plus(found) if reading.url_encoded else found
    return SwitchRecord(at, fields)


def _field(value: Any, path: str) -> str | None:
    for name in (path,) if isinstance(value, dict) and path in value else path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
            return None
    return printed(value)


def printed(value: Any) -> str | None:
    """A value of JSON as a text; whole numbers without a decimal point."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value) if isinstance(value, int) else orjson.dumps(value).decode()


def _xml(stream: io.BufferedReader, reading: FileForm, names: Sequence[str]) -> Iterator[SwitchRecord]:
    name = reading.records
    number = 0
    try:
        for _, element in ElementTree.iterparse(stream, events=("end",), forbid_dtd=True):
            if element.tag.rpartition("}")[2] == name:
                number += 1
                text = ElementTree.tostring(element, encoding="unicode").strip()
                fields = {}
                for each in names:
                    if (found := _of_element(element, each)) is not None:
                        fields[each] = unquote_plus(found) if reading.url_encoded else found
                yield SwitchRecord(FileRecord(number, text), fields)
                element.clear()
    except (ElementTree.ParseError, DefusedXmlException) as error:
        raise LoadError(f"it is no XML that can be read: {error}") from error


def _of_element(element: Any, path: str) -> str | None:
    *names, last = path.split(".")
    for name in names:
        element = _child(element, name)
        if element is None:
            return None
    if last.startswith("@"):
        value: str | None = element.get(last[1:])
        return value
    found = _child(element, last)
    return None if found is None else (found.text or "").strip()


def _child(element: Any, name: str) -> Any:
    """The first child of a name, whatever its namespace."""
    return next((each for each in element if each.tag.rpartition("}")[2] == name), None)


@dataclass
class Pending:
    """Events whose other half has not come yet, by key, each with the file that it is from.

    It is kept from file to file of one load, since the halves of a call may be in two files.
    """

    starts: dict[tuple[str, ...], tuple[str, SwitchRecord]] = field(default_factory=dict)
    ends: dict[tuple[str, ...], tuple[str, SwitchRecord]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.starts) + len(self.ends)

    def rest(self, file: str) -> Iterator[SwitchRecord]:
        """What is left after the last file."""
        for halves, reason in ((self.starts, NO_END), (self.ends, NO_START)):
            for origin, record in halves.values():
                place = "" if origin == file else f" ({origin})"
                yield SwitchRecord(record.at, reason=reason + place)
            halves.clear()


def pair(records: Iterable[SwitchRecord], pairs: Pairs, pending: Pending, file: str) -> Iterator[SwitchRecord]:
    """The calls of a file of events: a start and its end are one record, in which the end's fields are `end.NAME`.

    The later half is `joined` besides; an event that is neither a start nor an end is left out.
    """
    starts, ends = pending.starts, pending.ends
    for record in records:
        key = tuple(record.fields.get(name, "") for name in pairs.key)
        if record.reason:
            yield record
        elif _meets(record, pairs.start):
            if pairs.needs_end and not _meets(record, pairs.needs_end):
                yield record
            elif key in ends:
                yield _joined(record, ends.pop(key)[1])
                yield SwitchRecord(record.at, joined=True)
            elif key in starts:
                yield SwitchRecord(record.at, reason=TWO_STARTS)
            else:
                starts[key] = file, record
        elif _meets(record, pairs.end):
            if key in starts:
                yield _joined(starts.pop(key)[1], record)
                yield SwitchRecord(record.at, joined=True)
            elif key in ends:
                yield SwitchRecord(record.at, reason=TWO_ENDS)
            else:
                ends[key] = file, record
        else:
            yield SwitchRecord(record.at, left_out=True)


def _joined(start: SwitchRecord, end: SwitchRecord) -> SwitchRecord:
    return SwitchRecord(start.at, {**start.fields, **{f"end.{name}": text for name, text in end.fields.items()}})


def _meets(record: SwitchRecord, conditions: Mapping[str, tuple[str, ...]]) -> bool:
    return all(record.fields.get(name, "") in texts for name, texts in conditions.items())


def record_chunks(
    records: Iterator[SwitchRecord], cells: Mapping[Ref, str], most_rows: int, most_bytes: int
) -> Iterator[Chunk]:
    """The records in chunks of JSON lines.  `cells` names the cell of each field."""
    ended = False
    while not ended:
        lines: list[bytes] = []
        good: list[FileRecord] = []
        broken: list[tuple[FileRecord, str]] = []
        size = left_out = joined = 0
        for record in records:
            size += len(record.at.text)
            if record.left_out or record.joined:
                left_out += record.left_out
                joined += record.joined
            elif record.reason:
                broken.append((record.at, record.reason))
            else:
                good.append(record.at)
                lines.append(orjson.dumps(_row(record.fields, cells)))
            if size > most_bytes or len(good) + len(broken) >= most_rows:
                break
        else:
            ended = True
        if good or broken or left_out or joined:
            yield Chunk(b"\n".join(lines), "JSONEachRow", lambda good=good: good, None, broken, left_out, joined)  # type: ignore[misc]


def _row(fields: Mapping[str, str], cells: Mapping[Ref, str]) -> dict[str, str]:
    row = {}
    for ref, cell in cells.items():
        for name in ref:
            if name in fields:
                row[cell] = fields[name]
                break
    return row
