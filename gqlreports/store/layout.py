"""Layouts: how the file of a switch is read, and from where each column of a CDR comes.

A layout is a TOML file; docs/layouts.md describes it.  Shipped layouts are in the folder `layouts`, named after the
switch.
"""

import codecs
import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import available_timezones

from gqlreports.errors import LoadError
from gqlreports.store.cdr_columns import KINDS, Kind

FORMATS = ("csv", "json", "xml", "pairs")
TIMES = ("iso", "epoch", "epoch-ms", "epoch-us", "gregorian")
"""The forms of a time, besides patterns of `strptime`."""
EXTRA = "extra."
"""Precedes the names of values that have no column of their own."""
ANY = "?*"
"""Stands for any text but the empty one, in conditions."""

Value = TypeVar("Value")
Ref = tuple[str, ...]
"""Names of fields, or places from 1, of which the first counts that a file has."""


@dataclass(frozen=True)
class FileForm:
    """How a file is divided into records and fields."""

    format: str = "csv"
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    header: bool = True
    skip: int = 0
    skip_rows: int = 0
    encoding: str = "utf-8"
    records: str = ""
    url_encoded: bool = False

    @property
    def plain(self) -> bool:
        """Whether ClickHouse reads the rows of the file as they are."""
        return (self.format, self.delimiter, self.quote, self.escape) == ("csv", ",", '"', "")


@dataclass(frozen=True)
class ColumnSource:
    """Where the value of a column comes from: a `constant`, a `field`, a `text` of fields, or two times.

    With `types` the field depends on the type of the record.  The rest says how the field's text becomes the value, in
    this order: `none`, `pattern`, `match`, `table` and `other`, `time` in `zone`, `decimal`, `scale`, `minus`, `round`,
    `whole`.
    """

    constant: str | None = None
    field: Ref = ()
    types: Mapping[str, str] = dataclasses.field(default_factory=dict)
    text: str = ""
    start: Ref = ()
    end: Ref = ()
    order: Ref = ()
    none: tuple[str, ...] = ()
    pattern: str = ""
    match: Mapping[str, str] = dataclasses.field(default_factory=dict)
    table: Mapping[str, str] = dataclasses.field(default_factory=dict)
    other: str | None = None
    time: str = ""
    zone: str = ""
    decimal: str = ""
    scale: str = ""
    minus: int = 0
    round: bool = False
    whole: bool = False

    @property
    def refs(self) -> Iterator[Ref]:
        """All fields that the value needs."""
        yield from (each for each in (self.field, self.start, self.end, self.order) if each)
        yield from ((each,) for each in self.types.values())
        yield from ((name,) for name in names_in(self.text))


@dataclass(frozen=True)
class Pairs:
    """How two records make a call: `key` are the fields that both share; `start` and `end` tell which is which.

    A start for which `needs_end` holds is no whole call without its end.
    """

    key: tuple[str, ...]
    start: Mapping[str, tuple[str, ...]]
    end: Mapping[str, tuple[str, ...]]
    needs_end: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Marks:
    """By what a file of the layout is recognised; without any mark it is not."""

    fields: tuple[str, ...] = ()
    columns: tuple[int, ...] = ()
    places: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    name: str
    about: str
    notes: str
    reading: FileForm
    marks: Marks
    where: Mapping[str, tuple[str, ...]]
    where_not: Mapping[str, tuple[str, ...]]
    type_field: str
    types: tuple[str, ...]
    pairs: Pairs | None
    columns: Mapping[str, ColumnSource]


def is_encoding(name: str) -> bool:
    """Whether there is an encoding of texts of this name."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def names_in(template: str) -> list[str]:
    """The fields in a text such as `{cluster}-{call}`."""
    return re.findall(r"\{([^{}]+)\}", template)


@cache
def shipped() -> Mapping[str, Layout]:
    """The layouts that come with the product, by name."""
    folder = files("gqlreports.store") / "layouts"
    texts = {each.name.removesuffix(".toml"): each.read_text("utf-8") for each in folder.iterdir()}
    return {name: parse_layout(texts[name], name) for name in sorted(texts)}


def layout_text(name: str) -> str:
    """A shipped layout as it is written.  Raises LoadError for an unknown name."""
    if name not in shipped():
        raise LoadError(f"There is no layout {name}; there are {', '.join(shipped())}, and files of your own.")
    return (files("gqlreports.store") / "layouts" / f"{name}.toml").read_text("utf-8")


def find_layout(name: str) -> Layout:
    """A shipped layout by its name, or a file's by its path.

    Raises LoadError if there is neither, and for a file with a mistake, naming its line.
    """
    if name in shipped():
        return shipped()[name]
    path = Path(name)
    if not path.is_file():
        raise LoadError(f"There is no layout {name}; there are {', '.join(shipped())}, and files of your own.")
    try:
        return parse_layout(path.read_text("utf-8"), name)
    except (OSError, UnicodeError) as error:
        raise LoadError(f"{name} cannot be read: {error}") from error


def parse_layout(text: str, name: str) -> Layout:
    """The layout of a TOML text.  Raises LoadError for the first mistake, with its line."""
    try:
        return _Parser(text, name).layout()
    except tomllib.TOMLDecodeError as error:
        raise LoadError(f"{name}: {error}.") from error


class _Parser:
    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.tables: dict[str, Any] = tomllib.loads(text)

    def layout(self) -> Layout:
        known = ("about", "notes", "file", "recognise", "where", "where_not", "types", "pairs", "columns")
        self._only(self.tables, known, "")
        reading = self._reading(self._table("file"))
        columns = {column: self._source(column, each) for column, each in self._columns().items()}
        for needed in ("callid", "dt"):
            if needed not in columns:
                raise self._fault("columns", f"{needed} is missing; say from which field it comes")
        if reading.format == "csv" and not reading.header:
            for column, source in columns.items():
                for name in (name for ref in source.refs for name in ref):
                    if not name.removeprefix("end.").isdigit():
                        raise self._fault(column, f"{name} is no place, and the file has no header")
        types = self._table("types")
        self._only(types, ("field", "values"), "types")
        return Layout(
            name=self.name,
            about=self._text(self.tables.get("about", ""), "about"),
            notes=self._text(self.tables.get("notes", ""), "notes"),
            reading=reading,
            marks=self._marks(),
            where=self._conditions("where", self._table("where")),
            where_not=self._conditions("where_not", self._table("where_not")),
            type_field=str(types.get("field", "")),
            types=self._texts(types.get("values", []), "types.values"),
            pairs=self._pairs(),
            columns=columns,
        )

    def _columns(self) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        for column, each in self._table("columns").items():
            # A bare key with a dot is a table of its own in TOML.
            if column == EXTRA[:-1] and isinstance(each, dict):
                columns |= {f"{EXTRA}{name}": source for name, source in each.items()}
            elif column in KINDS or column.startswith(EXTRA):
                columns[column] = each
            else:
                raise self._fault(column, "there is no such column; `gqlreports layouts columns` lists them")
        return columns

    def _reading(self, table: Mapping[str, Any]) -> FileForm:
        kinds = {name: type(default) for name, default in vars(FileForm()).items()}
        self._only(table, tuple(kinds), "file")
        for name, value in table.items():
            if type(value) is not kinds[name]:
                raise self._fault(name, f"must be a {_KINDS[kinds[name]]}")
        if "delimiter" not in table and table.get("format") == "pairs":
            table = {**table, "delimiter": ";"}
        reading = FileForm(**table)
        if reading.format not in FORMATS:
            raise self._fault("format", f"must be one of {', '.join(FORMATS)}")
        for name in ("delimiter", "quote", "escape"):
            value = getattr(reading, name)
            if len(value) > 1 or not (value.isascii() and (value or name != "delimiter")):
                raise self._fault(name, "must be one ASCII character")
        if not is_encoding(reading.encoding):
            raise self._fault("encoding", f"{reading.encoding} is no known encoding")
        if min(reading.skip, reading.skip_rows) < 0:
            raise self._fault("skip", "must not be negative")
        return reading

    def _source(self, column: str, given: Any) -> ColumnSource:
        if not isinstance(given, dict):
            raise self._fault(column, 'must be a table such as { field = "name" }')
        allowed = {
            "is",
            "field",
            "text",
            "from",
            "to",
            *(set(vars(ColumnSource())) - {"constant", "types", "start", "end"}),
        }
        self._only(given, tuple(sorted(allowed)), column)
        kinds = [name for name in ("is", "field", "text", "from", "order") if name in given]
        if len(kinds) != 1 or ("from" in given) != ("to" in given):
            raise self._fault(column, "needs one of is, field, text, order, or from and to")
        field = given.get("field", ())
        types = {kind: str(place) for kind, place in field.items()} if isinstance(field, dict) else {}
        source = ColumnSource(
            constant=self._text(given["is"], column) if "is" in given else None,
            field=() if types else self._ref(field, column),
            types=types,
            text=self._text(given.get("text", ""), column),
            start=self._ref(given.get("from", ()), column),
            end=self._ref(given.get("to", ()), column),
            order=self._ref(given.get("order", ()), column),
            none=self._texts(given.get("none", ()), column),
            pattern=self._pattern(given.get("pattern", ""), column),
            match={self._pattern(key, column): value for key, value in self._values(given, "match", column).items()},
            table=self._values(given, "table", column),
            other=self._text(given["other"], column) if "other" in given else None,
            time=self._text(given.get("time", ""), column),
            zone=self._text(given.get("zone", ""), column),
            decimal=self._text(given.get("decimal", ""), column),
            scale=self._text(given.get("scale", ""), column),
            minus=self._typed(given.get("minus", 0), int, column, "minus"),
            round=self._typed(given.get("round", False), bool, column, "round"),
            whole=self._typed(given.get("whole", False), bool, column, "whole"),
        )
        return self._checked(column, source)

    def _values(self, given: Mapping[str, Any], key: str, column: str) -> dict[str, str]:
        table = given.get(key, {})
        if not isinstance(table, dict):
            raise self._fault(column, f"{key} must be a table of texts")
        return {self._text(each, column): self._text(value, column) for each, value in table.items()}

    def _typed(self, given: Any, kind: type[Value], column: str, key: str) -> Value:
        if type(given) is not kind:
            raise self._fault(column, f"{key} must be a {_KINDS[kind]}")
        return given

    def _checked(self, column: str, source: ColumnSource) -> ColumnSource:
        is_time = KINDS.get(column) is Kind.MOMENT
        if is_time != bool(source.time) and not source.start:
            raise self._fault(column, f"needs its form: time = one of {', '.join(TIMES)}, or a pattern" if is_time else
                              "is no time")  # fmt: skip
        if source.start and not source.time:
            raise self._fault(column, 'needs the form of its times, such as time = "iso"')
        if source.time and source.time not in TIMES and "%" not in source.time:
            raise self._fault(column, f"time must be one of {', '.join(TIMES)}, or a pattern such as %d/%m/%Y %H:%M:%S")
        if source.scale and not re.fullmatch(r"-?[0-9]+(\.[0-9]{1,12})?", source.scale):
            raise self._fault(column, f"scale {source.scale} is no decimal number")
        if source.types and not self.tables.get("types"):
            raise self._fault(column, "has a field for each type, and there is no [types]")
        if source.start and (source.pattern or source.match or source.table or source.scale or source.minus):
            raise self._fault(column, "of two times, only none, time and zone can be given")
        if source.order and source != ColumnSource(order=source.order):
            raise self._fault(column, "with order, nothing else can be given")
        if source.zone and source.zone not in available_timezones():
            raise self._fault(column, f"there is no time zone {source.zone}")
        if wrong := set(re.findall("%(.?)", source.time)) - set(_DIRECTIVES):
            raise self._fault(column, f"%{min(wrong)} cannot be read; there are %{', %'.join(_DIRECTIVES)}")
        if source.decimal not in ("", ",", "."):
            raise self._fault(column, "decimal is the character before the decimals: a comma or a point")
        if source.order and column != "branch_idx":
            raise self._fault(column, "only branch_idx is numbered in an order")
        return source

    def _pairs(self) -> Pairs | None:
        table = self._table("pairs")
        if not table:
            return None
        self._only(table, ("key", "start", "end", "needs_end"), "pairs")
        conditions = (self._conditions(name, table.get(name, {})) for name in ("start", "end", "needs_end"))
        return Pairs(self._texts(table.get("key", ()), "key"), *conditions)

    def _marks(self) -> Marks:
        table = self._table("recognise")
        self._only(table, ("fields", "columns", "places"), "recognise")
        given, columns = table.get("places", {}), table.get("columns", [])
        if not isinstance(given, dict) or not all(str(place).isdigit() for place in given):
            raise self._fault("places", "must be a table of places and regular expressions")
        if not isinstance(columns, list) or not all(type(each) is int for each in columns):
            raise self._fault("columns", "must be a list of whole numbers")
        places = {str(place): self._pattern(each, "places") for place, each in given.items()}
        return Marks(self._texts(table.get("fields", ()), "fields"), tuple(columns), places)

    def _conditions(self, name: str, table: Any) -> dict[str, tuple[str, ...]]:
        if not isinstance(table, dict):
            raise self._fault(name, "must be a table of fields and lists of texts")
        return {str(each): self._texts(values, name) for each, values in table.items()}

    def _table(self, name: str) -> dict[str, Any]:
        table = self.tables.get(name, {})
        if not isinstance(table, dict):
            raise self._fault(name, "must be a table")
        return table

    def _ref(self, given: Any, key: str) -> Ref:
        given = given if isinstance(given, list | tuple) else [given]
        if not all(type(each) in (int, str) for each in given):
            raise self._fault(key, "a field is a name, or a place from 1")
        return tuple(map(str, given))

    def _texts(self, given: Any, key: str) -> tuple[str, ...]:
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise self._fault(key, "must be a list of texts")
        return tuple(self._text(each, key) for each in given)

    def _text(self, given: Any, key: str) -> str:
        if type(given) not in (int, str):
            raise self._fault(key, "must be a text")
        return str(given)

    def _pattern(self, given: Any, key: str) -> str:
        pattern = self._text(given, key)
        try:
            re.compile(pattern)
        except re.error as error:
            raise self._fault(key, f"{pattern} is no regular expression: {error}") from None
        # ClickHouse's expressions (RE2) have no look around and no references.
        if re.search(r"\(\?(?![:PimsU-])|\(\?P[=>]|\\[1-9ZuUN]|[*+?}]\+|\{\d{4,}", pattern):
            raise self._fault(key, f"{pattern} has what RE2 expressions lack, such as looking around")
        return pattern

    def _only(self, table: Mapping[str, Any], known: Sequence[str], place: str) -> None:
        for key in table:
            if key not in known:
                what = f"{place}: there is no {key}" if place else f"there is no {key}"
                raise self._fault(str(key), f"{what}; there are {', '.join(known)}")

    def _fault(self, key: str, what: str) -> LoadError:
        lines = self.text.splitlines()
        pattern = re.compile(rf"""(^|[\s\[{{.,"']){re.escape(key)}["']?\s*[\]=.]""")
        line = next((number for number, each in enumerate(lines, 1) if pattern.search(each)), None)
        place = f", line {line}" if line else ""
        return LoadError(f"{self.name}{place}, {key}: {what}.")


_DIRECTIVES = "dmYyHIMSfpbBajz"
"""The directives of `strptime` that can be read."""
_KINDS: Mapping[type[Any], str] = {str: "text", bool: "true or false", int: "whole number"}
