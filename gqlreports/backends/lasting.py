"""Whether the answer to a statement changes with the data alone, and neither with the time nor by chance."""

from collections import OrderedDict

from gqlreports.backends.base import Statement
from gqlreports.backends.tree import called
from gqlreports.backends.wall import Ask, rows_of, tree_of
from gqlreports.errors import StoreError

KEPT = 4096
"""For how many texts it is remembered; each is looked at once."""
# ClickHouse has renamed the column, and may give up that with the origin.
_FUNCTIONS = (
    "SELECT lower(name) AS function, COLUMNS('^(origin|(is_)?deterministic)$') FROM system.functions "
    "WHERE lower(name) IN {names:Array(String)}"
)
_NOT_DETERMINISTIC = (0, "SQLUserDefined", "ExecutableUserDefined", "WasmUserDefined")
# ClickHouse calls them not deterministic, since more than their arguments decides; dictionaries are a part of the data.
_BY_DATA = ("arrayjoin", "dict")


class Lasting:
    """Asks the store what it knows of a statement's functions."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, bool] = OrderedDict()

    async def lasts(self, statement: Statement, ask: Ask) -> bool:
        """False also where the store cannot tell now."""
        if (known := self._known.get(statement.sql)) is not None:
            return known
        try:
            lasts = await _lasts(statement, ask)
        except StoreError:
            return False
        self._known[statement.sql] = lasts
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return lasts


async def _lasts(statement: Statement, ask: Ask) -> bool:
    names = [name for name in called(await tree_of(statement, ask)) if not name.startswith(_BY_DATA)]
    found = await rows_of(Statement(_FUNCTIONS, {"names": names}), ask)
    return not any(value in _NOT_DETERMINISTIC for row in found for value in row.values())
