"""The SQL that computes the columns of a CDR from the fields of a switch's file, by a layout.

Every field is a text.  A time becomes milliseconds since 1970, or a negative number: `BAD_TIME` for a text that is no
time, `LOCAL_TIME` for a local time whose zone nobody gave.  All other columns become texts, which are then checked like
those of a file in our own format.
"""

import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gqlreports.errors import InvalidInput, LoadError
from gqlreports.store.cdr_columns import BAD_TIME, LOCAL_TIME, MOMENT
from gqlreports.store.layout import ANY, EXTRA, ColumnSource, Layout, Ref
from gqlreports.store.staging import ALL
from gqlreports.store.topology import literal

Cell = Callable[[Ref], str]
"""Returns the SQL of the trimmed text of a field."""

_LOCAL = MOMENT.replace(r"(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?$", "$")
_EPOCH = r"^-?[0-9]{1,18}([.][0-9]+)?$"
_GREGORIAN = 62_167_219_200
"""Seconds from the year 0 to 1970, in the Gregorian calendar."""
_STRPTIME = {"%M": "%i", "%B": "%M", "%I": "%h"}
"""Python's directives that have another name in ClickHouse."""


def zone_of(name: str | None) -> str | None:
    """A time zone's name, checked.  Raises InvalidInput for an unknown one."""
    if name is not None:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput(f"There is no time zone {name}; give one such as America/New_York.") from None
    return name


def expressions(layout: Layout, cell: Cell, zone: str | None) -> dict[str, str]:
    """The SQL of each column, by name.  `zone` is the one of times without an offset.

    Raises LoadError if the layout has times that need a zone, and there is none.
    """
    mapped = {name: _value(each, name, layout, cell, zone) for name, each in layout.columns.items() if not each.order}
    extra = {name.removeprefix(EXTRA): mapped.pop(name) for name in sorted(mapped) if name.startswith(EXTRA)}
    return mapped | ({"extra": _object(extra)} if extra else {})


def condition(layout: Layout, cell: Cell) -> str:
    """Whether a record counts."""
    conditions = [_among(cell((name,)), texts) for name, texts in layout.where.items()]
    conditions += [f"NOT {_among(cell((name,)), texts)}" for name, texts in layout.where_not.items()]
    if layout.types:
        conditions.append(_among(cell((layout.type_field,)), layout.types))
    return " AND ".join(conditions) or ALL


def _among(value: str, texts: tuple[str, ...]) -> str:
    if ANY in texts:
        return f"({value} != '' OR {_among(value, tuple(each for each in texts if each != ANY))})"
    return f"{value} IN ({', '.join(map(literal, texts)) or 'NULL'})"


def _value(source: ColumnSource, column: str, layout: Layout, cell: Cell, zone: str | None) -> str:
    if source.constant is not None:
        return literal(source.constant)
    if source.start:
        ends = (_without_none(cell(ref), source) for ref in (source.start, source.end))
        # Between two times of one zone it hardly matters which zone it is.
        first, last = (_time(each, source, column, layout, zone or "UTC") for each in ends)
        seconds = f"toString(toDecimal128(assumeNotNull({_between(first, last, source, zone)}), 3) / 1000)"
        none = f"isNull({first}) OR isNull({last})"
        return f"multiIf({none}, '0', {first} < 0 OR {last} < 0, 'no time', {seconds})"
    value = _without_none(_joined(source, cell) if source.text else _field(source, layout, cell), source)
    if source.pattern:
        value = f"extract({value}, {literal(source.pattern)})"
    if source.match:
        other = value if source.other is None else literal(source.other)
        cases = ", ".join(f"match({value}, {literal(each)}), {literal(text)}" for each, text in source.match.items())
        value = f"multiIf({cases}, {other})"
    if source.table:
        keys, values = ", ".join(map(literal, source.table)), ", ".join(map(literal, source.table.values()))
        other = value if source.other is None else f"if({value} = '', '', {literal(source.other)})"
        value = f"transform({value}, [{keys}], [{values}], {other})"
    if source.time:
        return _time(value, source, column, layout, zone)
    if source.decimal == ",":
        # The points between thousands go, and the comma becomes a point.
        value = f"replaceAll(replaceAll({value}, '.', ''), ',', '.')"
    if source.scale or source.minus or source.round or source.whole:
        value = _number(value, source)
    return value


def _between(first: str, last: str, source: ColumnSource, zone: str | None) -> str:
    """The milliseconds between two times.  An end in the hour that comes twice is in the later one if need be."""
    if (name := source.zone or zone) is None or source.time in ("epoch", "epoch-ms", "epoch-us", "gregorian"):
        return f"{last} - {first}"

    def shown(milliseconds: str) -> str:
        return f"toString(toDateTime(intDiv(assumeNotNull({milliseconds}), 1000), {literal(name)}))"

    again = f"{last} < {first} AND {shown(f'{last} + 3600000')} = {shown(last)}"
    return f"if({again}, {last} + 3600000, {last}) - {first}"


def _joined(source: ColumnSource, cell: Cell) -> str:
    parts = re.split(r"\{([^{}]+)\}", source.text)
    texts = [literal(part) if place % 2 == 0 else cell((part,)) for place, part in enumerate(parts) if part]
    return f"concat({', '.join([*texts, literal('')])})"


def _field(source: ColumnSource, layout: Layout, cell: Cell) -> str:
    if source.types:
        cases = ", ".join(
            f"{cell((layout.type_field,))} = {literal(kind)}, {cell((place,))}" for kind, place in source.types.items()
        )
        return f"multiIf({cases}, '')"
    return cell(source.field)


def _without_none(value: str, source: ColumnSource) -> str:
    return f"if({value} IN ({', '.join(map(literal, source.none))}), '', {value})" if source.none else value


def _number(value: str, source: ColumnSource) -> str:
    number = f"toDecimal256OrNull({value}, 18)"
    if source.scale:
        digits = len(source.scale.partition(".")[2])
        number = f"{number} * toDecimal256({literal(source.scale)}, {digits})"
    if source.minus:
        number = f"{number} - {source.minus}"
    if source.round or source.whole:
        number = f"round({number}, {0 if source.whole else 8})"
    # What is no number stays as it is, and is rejected as such.
    return f"if({value} = '', '', ifNull(toString({number}), {value}))"


def _time(value: str, source: ColumnSource, column: str, layout: Layout, zone: str | None) -> str:
    """Milliseconds since 1970; null for an empty text."""
    return f"if({value} = '', NULL, ifNull({_milliseconds(value, source, column, layout, zone)}, {BAD_TIME}))"


def _milliseconds(value: str, source: ColumnSource, column: str, layout: Layout, zone: str | None) -> str:
    if source.time.startswith("epoch") or source.time == "gregorian":
        seconds = f"toDecimal128OrNull({value}, 6)" + (f" - {_GREGORIAN}" if source.time == "gregorian" else "")
        scaled = {"epoch-ms": seconds, "epoch-us": f"{seconds} / 1000"}.get(source.time, f"({seconds}) * 1000")
        return f"if(match({value}, '{_EPOCH}'), toInt64(floor({scaled})), NULL)"
    zone = zone_of(source.zone) if source.zone else zone
    if source.time == "iso":
        parsed = _UTC.format(value)
        local = _in_zone(parsed, zone) if zone else str(LOCAL_TIME)
        with_offset = f"match({value}, '{MOMENT}'), toUnixTimestamp64Milli({parsed})"
        return f"multiIf(match({value}, '{_LOCAL}'), {local}, {with_offset}, NULL)"
    if zone is None and "%z" not in source.time:
        raise LoadError(
            f"The times of the layout {layout.name} are local ({column}); "
            "say in which zone, such as --time-zone America/New_York."
        )
    pattern = literal(re.sub("%.", lambda found: _STRPTIME.get(found[0], found[0]), source.time))
    parse = "parseDateTime64OrNull" if "%f" in source.time else "parseDateTimeOrNull"
    parsed = f"toDateTime64({parse}({value}, {pattern}, 'UTC'), 3, 'UTC')"
    return f"toUnixTimestamp64Milli({parsed})" if "%z" in source.time else _in_zone(parsed, zone)


def _in_zone(wall: str, zone: str | None) -> str:
    """Milliseconds since 1970 of what the clocks of a zone show, which `wall` gives as if it were UTC.

    It is null for a time that the clocks skip, and the first of two that they show twice.  ClickHouse's parsers with a
    pattern are wrong by an hour on the days on which clocks change; the one without is right, and takes 2.5 times as
    long as these offsets.
    """
    name = literal(zone or "UTC")

    def offset(moment: str) -> str:
        return f"1000 * timezoneOffset(fromUnixTimestamp64Milli({moment}, {name}))"

    shown = f"toUnixTimestamp64Milli({wall})"
    # Where the offset of the day before is no longer right, that of the moment to which it leads is.
    near = f"({shown} - {offset(f'assumeNotNull({shown}) - 86400000')})"
    moment = f"({shown} - {offset(f'assumeNotNull({near})')})"
    return f"if({offset(f'assumeNotNull({moment})')} = {offset(f'assumeNotNull({near})')}, {moment}, NULL)"


def zoned(text: str, zone: str) -> str:
    """The text of a time, in UTC if it names no offset and so is a time of a zone."""
    utc = f"ifNull(toString(fromUnixTimestamp64Milli({_in_zone(_UTC.format(text), zone)}, 'UTC')), 'no time')"
    return f"if(match({text}, '{_LOCAL}'), {utc}, {text})"


_UTC = "parseDateTime64BestEffortOrNull({}, 3, 'UTC')"


def _object(values: Mapping[str, str]) -> str:
    """A JSON object of the texts that are not empty; an empty text if all are."""
    members = ", ".join(
        f"if({value} = '', '', concat({literal(_quoted(name) + ':')}, toJSONString({value})))"
        for name, value in values.items()
    )
    filled = f"arrayFilter(member -> member != '', [{members}])"
    return f"if(empty({filled}), '', concat('{{', arrayStringConcat({filled}, ','), '}}'))"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def refs_of(layout: Layout) -> list[Ref]:
    """All fields that a layout needs, each once."""
    found = [ref for source in layout.columns.values() for ref in source.refs]
    found += [(name,) for table in (layout.where, layout.where_not) for name in table]
    if layout.types:
        found.append((layout.type_field,))
    return list(dict.fromkeys(found))


def is_time(layout: Layout) -> frozenset[str]:
    """The columns that come as milliseconds since 1970."""
    return frozenset(name for name, each in layout.columns.items() if each.time and not each.start)
