"""Opens a CDR file: finds out what it is, and how its rows become those of the store."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice

from gqlreports.errors import LoadError
from gqlreports.extras import needed
from gqlreports.store import mapping
from gqlreports.store.cdr_columns import EXTRA_CELLS, KINDS, Kind
from gqlreports.store.csv_rows import Dialect, csv_chunks
from gqlreports.store.files import Chunk, FileRecord, OpenFile, about, filled, recoded
from gqlreports.store.layout import ColumnSource, FileForm, Layout, Ref
from gqlreports.store.recognition import FileStart, plain_delimiter, recognise, what_was_seen
from gqlreports.store.records import Pending, header_of, json_documents, no_json, pair, record_chunks, records_of
from gqlreports.store.staging import Staging, cell_name, plain_staging

CHUNK_BYTES = 64 << 20
CHUNK_ROWS = 400_000
_SEEN = 1 << 20
_SAMPLE = 1000
"""How many JSON objects tell which columns a file has."""


@dataclass(frozen=True)
class ReadOptions:
    """How files are read, as far as the files do not tell.

    `time_zone` is the one of local times, `constants` are the values of columns by name, and attempts are numbered from
    `first_branch`.  For files of events, `pending` is what earlier files of the load left, and `last` tells that no
    other file follows.
    """

    layout: Layout | None = None
    time_zone: str | None = None
    encoding: str | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    first_branch: int = 0
    pending: Pending | None = None
    last: bool = True

    @cached_property
    def prepared(self) -> "dict[str, _Prepared]":
        """What was made of layouts, by their names: for a small file it takes longer than all the rest."""
        return {}


@dataclass(frozen=True)
class Opened:
    """An open file: its rows in chunks, how each chunk is staged, and its layout if it has one.

    `unused` are the names of fields that have no place in the store, as far as the beginning of the file tells them.
    """

    chunks: Iterator[Chunk]
    staging: Staging
    layout: Layout | None = None
    unused: tuple[str, ...] = ()
    restaged: Callable[[Sequence[str]], Staging] | None = None
    """Returns how a chunk is staged that has more columns than the beginning of the file."""


def open_cdrs(stream: io.BufferedReader, path: str, options: ReadOptions, stack: ExitStack) -> Opened:
    """Find out what a file is, and open it.

    Raises LoadError for a file that cannot be read or whose layout is not certain, and NotInstalled for a Parquet file
    if the packages for it are missing.
    """
    try:
        if stream.peek(4).startswith(b"PAR1"):
            with needed("files", "Parquet files need"):
                from gqlreports.store.parquet import parquet_source
            source = parquet_source(stream, stack, CHUNK_ROWS // 2)
            return Opened(source.chunks, _plain(source, path, options), unused=_unused(source.columns))
        return _opened_text(stream, path, options)
    except LoadError as error:
        raise LoadError(about(path, str(error))) from error


def _opened_text(stream: io.BufferedReader, path: str, options: ReadOptions) -> Opened:
    layout = options.layout
    own = layout.reading.encoding if layout and layout.reading.encoding != "utf-8" else None
    stream = filled(recoded(stream, options.encoding or own), _SEEN)
    seen = FileStart(stream.peek(_SEEN))
    if layout is None:
        if (delimiter := plain_delimiter(seen, options.constants)) is not None:
            return _plain_csv(stream, path, delimiter, options)
        found = recognise(seen)
        if len(found) != 1:
            if seen.is_json and not found and _is_plain(seen):
                return _plain_json(stream, path, options)
            raise LoadError(what_was_seen(seen, found))
        layout = found[0]
        if layout.reading.encoding != "utf-8" and options.encoding is None:
            stream = filled(recoded(stream, layout.reading.encoding), _SEEN)
    return _with_layout(stream, path, layout, options)


def _is_plain(seen: FileStart) -> bool:
    """Whether JSON is in our own format, or nearly so."""
    value = seen.object
    return not isinstance(value, dict) or len(KINDS.keys() & value.keys()) > 2 or not value


def _with_constants(layout: Layout, options: ReadOptions) -> Layout:
    constants = {name: ColumnSource(constant=text) for name, text in options.constants.items()}
    columns = {**layout.columns, **constants}
    if options.first_branch and "branch_idx" in columns and columns["branch_idx"].constant is None:
        branch = columns["branch_idx"]
        columns["branch_idx"] = replace(branch, minus=branch.minus + options.first_branch)
    if "customer_id" not in columns:
        raise LoadError(f"the layout {layout.name} has no customer_id; give it by --set customer_id=...")
    return replace(layout, columns=columns)


def _plain_csv(stream: io.BufferedReader, path: str, delimiter: str, options: ReadOptions) -> Opened:
    if delimiter != ",":
        names = header_of(stream.peek(_SEEN).split(b"\n", 1)[0], Dialect(delimiter))
        source = OpenFile(tuple(names), _no_chunks(), csv=False)
        staged = _plain(source, path, options)
        records = records_of(stream, FileForm(delimiter=delimiter), names)
        cells: dict[Ref, str] = {(name,): name for name in names if name in KINDS}
        return Opened(record_chunks(records, cells, CHUNK_ROWS, CHUNK_BYTES), staged, unused=_unused(names))
    columns = tuple(header_of(stream.readline(), Dialect()))
    names = [cell_name(place, name) for place, name in enumerate(columns)]
    source = OpenFile(
        columns, csv_chunks(stream, [*names, *EXTRA_CELLS], 2, frozenset([len(names)]), CHUNK_BYTES), csv=True
    )
    staged = _plain(source, path, options)
    return Opened(source.chunks, staged, unused=_unused(source.columns))


def _unused(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name and name not in KINDS))


def _no_chunks() -> Iterator[Chunk]:
    return iter(())


def _plain(source: OpenFile, path: str, options: ReadOptions) -> Staging:
    """How the rows of a file in our own format are staged."""
    staged = plain_staging(source, path, options.constants)
    columns = dict(staged.columns)
    zone = mapping.zone_of(options.time_zone)
    for name in columns:
        if zone and KINDS[name] is Kind.MOMENT and name not in staged.values and name not in options.constants:
            columns[name] = mapping.zoned(columns[name], zone)
    if options.first_branch and "branch_idx" in columns and "branch_idx" not in options.constants:
        branch = f"toString({columns['branch_idx']})"
        columns["branch_idx"] = f"ifNull(toString(toInt64OrNull({branch}) - {options.first_branch}), {branch})"
    return replace(staged, columns=columns)


def _plain_json(stream: io.BufferedReader, path: str, options: ReadOptions) -> Opened:
    documents = json_documents(stream)
    first = list(islice(documents, _SAMPLE))
    names = dict.fromkeys(name for _, value in first if value is not None for name in value)
    if not names:
        raise LoadError("there is no JSON object in it; give JSON lines, one object a line, or an array of objects")

    def staged(names: Sequence[str]) -> Staging:
        source = OpenFile(tuple(names), _no_chunks(), csv=False)
        return _plain(source, path, options)

    chunks = _json_chunks(chain(first, documents), names)
    return Opened(chunks, staged(list(names)), unused=_unused(list(names)), restaged=staged)


def _json_chunks(documents: Iterator[tuple[FileRecord, object]], known: dict[str, None]) -> Iterator[Chunk]:
    """`known` are the columns of the beginning; a later object may have others."""
    names = dict(known)
    ended = False
    while not ended:
        good: list[FileRecord] = []
        broken: list[tuple[FileRecord, str]] = []
        size = 0
        for record, value in documents:
            if isinstance(value, dict):
                good.append(record)
                names |= dict.fromkeys(value)
            else:
                broken.append((record, no_json(record)))
            size += len(record.text)
            if size > CHUNK_BYTES or len(good) + len(broken) >= CHUNK_ROWS:
                break
        else:
            ended = True
        data = "\n".join(record.text for record in good).encode("utf-8", "surrogateescape")
        more = tuple(names) if len(names) > len(known) else ()
        yield Chunk(data, "JSONEachRow", lambda good=good: good, None, broken, names=more)  # type: ignore[misc]


@dataclass(frozen=True)
class _Prepared:
    """A layout with the options' constants, the names of the fields that are read, and how they are staged."""

    layout: Layout
    names: list[str]
    cells: dict[Ref, str]
    staging: Staging


def _prepared(layout: Layout, options: ReadOptions) -> _Prepared:
    made = options.prepared.get(layout.name)
    if made is None:
        named = _with_constants(layout, options)
        refs = mapping.refs_of(named)
        names = [*(name for ref in refs for name in ref)]
        if (pairs := named.pairs) is not None:
            names += [*pairs.key, *pairs.start, *pairs.end, *pairs.needs_end]
        names = list(dict.fromkeys(name.removeprefix("end.") for name in names))
        cells = {ref: f"f{place}" for place, ref in enumerate(refs)}
        made = _Prepared(named, names, cells, _mapped(named, cells, options, csv=False))
        options.prepared[layout.name] = made
    return made


def _with_layout(stream: io.BufferedReader, path: str, layout: Layout, options: ReadOptions) -> Opened:
    if layout.reading.plain and layout.pairs is None:
        layout = _with_constants(layout, options)
        return _csv_with_layout(stream, layout, mapping.refs_of(layout), options)
    made = _prepared(layout, options)
    layout, cells = made.layout, made.cells
    records = records_of(stream, layout.reading, made.names)
    if layout.pairs:
        pending = Pending() if options.pending is None else options.pending
        calls = pair(records, layout.pairs, pending, path)
        # `rest` looks at what is pending only when the calls have been read.
        records = chain(calls, pending.rest(path)) if options.last else calls
    chunks = record_chunks(records, cells, CHUNK_ROWS, CHUNK_BYTES)
    return Opened(chunks, made.staging, layout)


def _csv_with_layout(stream: io.BufferedReader, layout: Layout, refs: Sequence[Ref], options: ReadOptions) -> Opened:
    reading = layout.reading
    for _ in range(reading.skip):
        stream.readline()
    if reading.header:
        header = header_of(stream.readline(), Dialect())
    else:
        header = list(map(str, range(1, 1 + max(int(name) for ref in refs for name in ref if name.isdigit()))))
    line = 1 + reading.skip + reading.header + reading.skip_rows
    for _ in range(reading.skip_rows):
        stream.readline()
    places = {ref: next((header.index(name) for name in ref if name in header), None) for ref in refs}
    lacking = [
        f"{' or '.join(ref)} for {column}"
        for column in ("customer_id", "callid", "dt")
        for ref in layout.columns[column].refs
        if places[ref] is None
    ]
    lacking += [f"{name} to tell which records count" for name in layout.where if places[name,] is None]
    if lacking:
        raise LoadError(f"it lacks what the layout {layout.name} needs: {', '.join(lacking)}")
    used = sorted({place for place in places.values() if place is not None})
    names = [f"f{place}" if place in used else f"_{place}" for place in range(len(header))]
    cells = {ref: f"f{place}" for ref, place in places.items() if place is not None}
    start = stream.peek(_SEEN).decode("utf-8", "replace").rpartition("\n")[0]
    widths = frozenset([len(header)]) if reading.header else Dialect().widths(start)
    extra = EXTRA_CELLS if reading.header else ()
    chunks = csv_chunks(stream, [*names, *extra], line, widths, CHUNK_BYTES)
    fields = tuple(f"f{place}" for place in used)
    unused = tuple(name for place, name in enumerate(header) if place not in used) if reading.header else ()
    return Opened(chunks, _mapped(layout, cells, options, csv=True, fields=fields, first=names[0]), layout, unused)


def _mapped(
    layout: Layout,
    cells: Mapping[Ref, str],
    options: ReadOptions,
    csv: bool,
    fields: tuple[str, ...] | None = None,
    first: str = "",
) -> Staging:
    def cell(ref: Ref) -> str:
        return f"staged.{cells[ref]}" if ref in cells else "''"

    branch = layout.columns.get("branch_idx")
    columns = mapping.expressions(layout, cell, mapping.zone_of(options.time_zone))
    if branch is None:
        columns["branch_idx"] = "'0'"
    return Staging(
        tuple(dict.fromkeys(cells.values())) if fields is None else fields,
        columns,
        csv=csv,
        sizes=csv and layout.reading.header,
        first=first,
        values=mapping.is_time(layout),
        counts=mapping.condition(layout, cell),
        order=cell(branch.order) if branch and branch.order else "",
    )
