"""The golden calls: made-up CDRs that hold every awkward case on purpose, the same each time.

Customers 1001 and 1002 have calls with the same numbers, accounts and call ids.  Those of 1001 are charged in several
currencies, those of 1002 in one; 1003 has none.  The calls named `gone` were all taken back by corrections.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

Value = TypeVar("Value")
Call = dict[str, str]

OWN, OTHER, SILENT = "1001", "1002", "1003"
GONE = "gone"
_MILLISECOND = timedelta(milliseconds=1)
MIDDLE = datetime(2025, 10, 26, 1, tzinfo=UTC)
"""When the clock of Madrid goes back; a call begins then, and another a millisecond before."""
START = datetime(2025, 10, 24, 17, 30, 0, 1000, tzinfo=UTC)
END = datetime(2025, 11, 3, 5, 0, 0, 1000, tzinfo=UTC)
"""The range of the reports, from START until just before END, neither at a full hour."""
MOMENTS = (
    START,
    START + _MILLISECOND,
    datetime(2025, 10, 25, tzinfo=UTC),
    datetime(2025, 10, 25, 23, 59, 59, 999000, tzinfo=UTC),
    MIDDLE - _MILLISECOND,
    MIDDLE,
    datetime(2025, 10, 31, 23, 59, 59, 999000, tzinfo=UTC),
    datetime(2025, 11, 1, tzinfo=UTC),
    datetime(2025, 11, 2, 4, tzinfo=UTC),
    datetime(2025, 11, 2, 5, 59, 59, 999000, tzinfo=UTC),
    datetime(2025, 11, 2, 6, tzinfo=UTC),
    datetime(2025, 11, 2, 6, 30, tzinfo=UTC),
    END - _MILLISECOND,
)
"""Midnights, the ends of months and of summer time in Madrid and New York, and both edges of the range."""
_OUTSIDE = (START - _MILLISECOND, END, START - timedelta(days=365), END + timedelta(days=1))
_ACCOUNTS = ("trunk", "", "Trunk", "NULL", "trunk ", 'say "hi", a', "007")
_PREFIXES = ("", "0044", "044", "777", "#31")
_DESTINATIONS = (
    ("12015550100", "1", "USA"),
    ("+12025550101", "1", "USA"),
    ("2015550102", "", ""),
    ("6023456789", "60", "Malaysia"),
    ("442079460018", "44", "United Kingdom"),
    ("911", "", ""),
    ("anonymous", "", ""),
    ("", "", ""),
)
_CLIS = ("12015550199", "+12025550198", "", "anonymous", "5550100", "null", "12015550199", "sip:alice@example.net")
_LRNS = ("", "", "12025550000", "0")
_CHARGES = ("0.1", "0.2", "0", "0.00000001", "-0.5", "12345678.90000001", "3", "0")
_CURRENCIES = ("USD", "EUR", "USD", "", "KWD")
_PRESSED = ("", "1", "0", "12#", "")
# Duration, status and reason of each branch of a call; the last of several branches is where it was routed at last.
_COURSES = (
    (("60", "200", "Done"),),
    (("0", "486", "Busy"),),
    (("0", "503", "Failed"), ("30.5", "200", "Done")),
    (("0.001", "200", "Done"),),
    (("0", "200", "Done"),),
    (("0", "503", "Failed"), ("0", "480", "No answer"), ("0", "404", "")),
    (("3600", "200", "Done"),),
    (("0", "", ""),),
)
_DELAYS = ("", "0", "200", "1500", "65536")
_CALLS = 91
DIDS = {OWN: ("12015550199",), OTHER: ("12025550198", "5550100")}
"""The telephone numbers of each customer."""
CODES = (("201555", "ALDFORD", "NJ"), ("202555", "BRACKWICK", "DC"))
"""Numbering data: prefix, rate center and state."""


def golden_calls() -> Iterator[Call]:
    """All calls as rows of a CDR file: those of the range, those outside it, and those that are gone."""
    for customer in (OWN, OTHER):
        for place in range(_CALLS):
            yield from _branches(customer, "call", place, _each(MOMENTS, place))
        for place, moment in enumerate(_OUTSIDE):
            yield from _branches(customer, "outside", place, moment)
        for place in range(len(MOMENTS)):
            for branch in _branches(customer, GONE, place, MOMENTS[place]):
                yield branch | _gone(place)


def _branches(customer: str, kind: str, place: int, moment: datetime) -> Iterator[Call]:
    number, code, name = _each(_DESTINATIONS, place)
    course = _each(_COURSES, place)
    currencies = _CURRENCIES if customer == OWN else ("USD",)
    for branch, (duration, status, reason) in enumerate(course):
        last = branch == len(course) - 1
        yield {
            "customer_id": customer,
            "dt": f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}",
            "callid": f"{kind}-{place}",
            "branch_idx": str(branch),
            "switch": f"sw{place % 2}",
            "direction": _each(("in", "out"), place),
            "account": _each(_ACCOUNTS, place),
            "tech_prefix": _each(_PREFIXES, place),
            "source_cli": _each(_CLIS, place),
            "dest_cli": _each(_CLIS, place),
            "source_dest_number": number,
            "dest_number": number,
            "lrn": _each(_LRNS, place),
            "duration": duration,
            "customer_duration": duration if last else "0",
            "customer_charge": _each(_CHARGES, place) if last else "0",
            "customer_card_currency": _each(currencies, place),
            "customer_card_dest_code": code,
            "customer_card_dest_name": name,
            "provider_id": f"p{(place + branch) % 3}",
            "provider_card_id": f"route-{(place + branch) % 4}",
            "provider_duration": duration,
            "provider_charge": _each(_CHARGES, place + branch + 1),
            "provider_card_currency": _each(currencies, place + branch),
            "pdd_out": _each(_DELAYS, place),
            "ring_duration": _each(("0", "4.5"), place),
            "sip_code": status,
            "sip_reason": reason,
            "release_reason": reason,
            "dtmf": _each(_PRESSED, place),
            "source_ip": _each(("192.0.2.1", "2001:db8::17", ""), place),
        }


def _gone(place: int) -> Call:
    """Values that no other call has: greater, smaller or different ones, in every third of these calls the same key."""
    own = place % 3
    return {
        "account": "trunk" if own else "gone",
        "tech_prefix": "777" if own else "999",
        "dest_cli": "12015550199" if own else "12025559999",
        "dest_number": "12015550100" if own else "12025558888",
        "provider_card_id": "route-0" if own else "route-gone",
        "duration": "86400",
        "sip_code": "200",
        "customer_charge": "999999.5",
        "customer_card_currency": "GBP",
        "provider_charge": "888888.5",
        "provider_card_currency": "JPY",
        "pdd_out": "99999" if place % 2 else "0",
        "release_reason": "Gone",
        "dtmf": "123456789",
    }


def _each(values: Sequence[Value], place: int) -> Value:
    return values[place % len(values)]
