"""How the panel's table is to show the API's values, written from what its users were promised."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.analysis_oracle import CURRENCY_OF

SHARES = {"asr", "ner", "margin", "dtmfRatio"}
CLOCKS = {"acd", "talkTime", "duration", "customerDuration", "providerDuration"}
KEYS = {"sipCode"}


def shown(name: str, value: Any, row: Mapping[str, Any]) -> str:
    """The text of a cell: money with its currency, shares as percent, seconds as m:ss, what is not there as such."""
    if name in CURRENCY_OF:
        return money(name, value, row)
    if value is None:
        return "—"
    if value == "":
        return "(empty)"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if name in SHARES:
        return percent(value)
    if name in CLOCKS:
        return clock(value)
    if isinstance(value, int) and name not in KEYS:
        return f"{value:,}"
    return str(value)


def money(name: str, value: str | None, row: Mapping[str, Any]) -> str:
    """At least two decimals and all that there are; what is in several currencies has no sum, and is told so."""
    if value is None:
        return "—" if name == "costPerDigit" else "— several currencies"
    amount = Decimal(value)
    decimals = max(2, len(f"{amount:f}".partition(".")[2].rstrip("0")))
    currency = row[CURRENCY_OF[name]]
    return f"{amount:,.{decimals}f} {currency}" if currency else f"{amount:,.{decimals}f}"


def percent(share: float) -> str:
    """Two decimals, halves away from zero."""
    return f"{round(Decimal(repr(share)) * 100, 2):,.2f}%"


def clock(seconds: float | str) -> str:
    """To the nearest second."""
    minutes, rest = divmod(int(Decimal(str(seconds)) + Decimal("0.5")), 60)
    return f"{minutes:,}:{rest:02}"


def moment(value: str, zone: str) -> str:
    return f"{datetime.fromisoformat(value).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
