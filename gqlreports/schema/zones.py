"""Named time zones of the IANA database."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from gqlreports.errors import InvalidInput


def zone(name: str | None) -> ZoneInfo:
    """None is UTC.  Raises InvalidInput for a name that is not in the database."""
    if name is None:
        return ZoneInfo("UTC")
    if name not in _names():
        raise InvalidInput(f"There is no time zone {name[:64]!r}; give an IANA name, as Europe/Madrid.")
    return ZoneInfo(name)


@lru_cache(1)
def _names() -> frozenset[str]:
    """All but the two that stand for no place."""
    return frozenset(available_timezones()) - {"localtime", "Factory"}
