"""How a posted body is to be loaded, as the parameters of its address say; and messages that name these parameters."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from gqlreports.errors import InvalidInput
from gqlreports.store.cdr_columns import COLUMNS
from gqlreports.store.formats import ReadOptions
from gqlreports.store.layout import shipped
from gqlreports.store.mapping import zone_of

PARAMETERS = ("layout", "timeZone", "encoding", "set", "firstBranch", "replace")
# FreeSWITCH appends this to any address, even to one that has parameters.
_UUID = re.compile(rb"\?uuid=[^&?]*$")
_IGNORED = "uuid"
_SHOWN = 64
"""How many characters of what a caller gave are repeated."""


@dataclass(frozen=True, eq=False)
class LoadOptions:
    """How a body is read, and whether it corrects what is stored.  Equal options are one object."""

    reading: ReadOptions
    corrects: bool


@lru_cache(128)
def load_options(query: bytes) -> LoadOptions:
    """The options in the query string of an address.

    The same text gives the same object, by which bodies are gathered.  Raises InvalidInput.
    """
    given: dict[str, str] = {}
    constants: dict[str, str] = {}
    for name, value in _pairs(query):
        if name == "set":
            column, equal, text = value.partition("=")
            if not equal or column not in {each.name for each in COLUMNS}:
                raise InvalidInput(f"`set` is COLUMN=VALUE, and there is no column {column[:_SHOWN]!r}.")
            constants[column] = text
        elif name not in PARAMETERS:
            raise InvalidInput(f"There is no parameter {name[:_SHOWN]!r}; there are {', '.join(PARAMETERS)}.")
        elif name in given:
            raise InvalidInput(f"`{name}` is given twice.")
        else:
            given[name] = value
    layout = given.get("layout")
    if layout is not None and layout not in shipped():
        raise InvalidInput(f"There is no layout {layout[:_SHOWN]!r}; there are {', '.join(shipped())}.")
    if given.get("replace", "false") not in ("true", "false"):
        raise InvalidInput("`replace` is true or false.")
    reading = ReadOptions(
        layout=shipped()[layout] if layout is not None else None,
        time_zone=zone_of(given.get("timeZone")),
        encoding=_encoding(given.get("encoding")),
        constants=constants,
        first_branch=_first_branch(given.get("firstBranch", "0")),
    )
    return LoadOptions(reading, given.get("replace") == "true")


def _pairs(query: bytes) -> list[tuple[str, str]]:
    text = _UUID.sub(b"", b"?" + query).removeprefix(b"?").decode("ascii", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=len(COLUMNS) + 10)
    except ValueError:
        raise InvalidInput("The parameters in the address cannot be read.") from None
    return [(name, value) for name, value in pairs if name != _IGNORED]


def _encoding(name: str | None) -> str | None:
    if name is not None:
        try:
            b"a".decode(name)
        except (LookupError, ValueError):
            message = f"There is no encoding {name[:_SHOWN]!r}; try latin-1 or cp1252."
            raise InvalidInput(message) from None
    return name


def _first_branch(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text, re.ASCII):
        raise InvalidInput("`firstBranch` is a number from 0 on.")
    return int(text)


_OPTIONS = {
    "--layout": "layout",
    "--set": "set",
    "--time-zone": "timeZone",
    "--encoding": "encoding",
    "--first-branch": "firstBranch",
    "--replace": "replace",
}
_OPTION = re.compile("|".join(_OPTIONS))
_AT_THE_SHELL = re.compile(r", or write one \(`[^`]*`[^)]*\)")


def with_parameters(message: str) -> str:
    """A message of a load that advises options of the command, with the parameters in their place."""
    return _OPTION.sub(lambda found: f"`{_OPTIONS[found[0]]}`", _AT_THE_SHELL.sub("", message))
