"""Test oracle of reports that are grouped by declared dimensions, by brute force from the meaning of each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tests.support.analysis_oracle import Analysis, Keyed, Where, constant, matches
from tests.support.oracle import PARAMETERS, Cdr, World, called_number

ONE_DIGIT, TWO_DIGITS = ("1", "7"), (
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98",
)  # fmt: skip


def calling_code(code: str) -> str:
    """The country calling code that a destination code begins with, as ITU-T E.164 assigns them."""
    for known in (*ONE_DIGIT, *TWO_DIGITS):
        if code.startswith(known):
            return known
    return code[:3] if re.match(r"[2-9][0-9]{2}", code) else ""


def called(cdr: Cdr) -> str:
    return called_number(cdr, "DIALED")


VALUES: dict[str, Callable[[World, Cdr], object]] = {
    "customer": lambda world, cdr: cdr.customer_id,
    "account": lambda world, cdr: cdr.account,
    "switch": lambda world, cdr: cdr.switch,
    "techPrefix": lambda world, cdr: cdr.tech_prefix,
    "destination": lambda world, cdr: cdr.dest_code,
    "destinationName": lambda world, cdr: cdr.dest_name,
    "destinationCountry": lambda world, cdr: calling_code(cdr.dest_code),
    "provider": lambda world, cdr: cdr.provider_id,
    "route": lambda world, cdr: cdr.provider_card_id,
    "sipCode": lambda world, cdr: cdr.sip_code,
    "releaseReason": lambda world, cdr: cdr.release_reason,
    "q850Cause": lambda world, cdr: 0,
    "hangupSide": lambda world, cdr: "",
    "codec": lambda world, cdr: "",
    "hourOfDay": lambda world, cdr: cdr.dt.hour,
    "weekday": lambda world, cdr: cdr.dt.isoweekday(),
    "npa": lambda world, cdr: called(cdr)[:3],
    "npaNxx": lambda world, cdr: called(cdr)[:6],
    "rateCenter": lambda world, cdr: world.numbering.rate_center(called(cdr)) if called(cdr) else "",
    "state": lambda world, cdr: world.numbering.state(called(cdr)) if called(cdr) else "",
    "dnis": lambda world, cdr: cdr.dest_number,
    "cli": lambda world, cdr: cdr.dest_cli,
    "isDid": lambda world, cdr: world.is_did(cdr),
}
"""Each dimension of a CDR; the files of the awkward site do not say how a call was ended, nor its codec."""


@dataclass(frozen=True)
class GroupedAnalysis(Analysis):
    """A report whose rows are grouped by dimensions, of the calls that meet `only`.

    Without `group_by` it has its own keys.
    """

    group_by: tuple[str, ...] = ()
    only: Where = field(default_factory=dict)

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.group_by or super().dimensions

    @property
    def type_name(self) -> str:
        return super().type_name + ("Grouped" if self.group_by else "")

    @property
    def arguments(self) -> str:
        group_by = f", groupBy: [{', '.join(map(constant, self.group_by))}]" if self.group_by else ""
        return group_by + (f", filter: {literal(self.only)}" if self.only else "")

    @cached_property
    def keyed(self) -> Keyed:
        chosen = {name: values[0] for name, values in PARAMETERS[self.type].items()} | dict(self.parameters)
        found: Keyed = []
        for key, cdr in self.world.keyed(self.type, self.customer, self.start, self.end, **self.parameters):
            if self.only and not matches({name: value(self.world, cdr) for name, value in VALUES.items()}, self.only):
                continue
            if self.group_by:
                grouped = {name: VALUES[name](self.world, cdr) for name in self.group_by}
                key = tuple((grouped | self.world.currencies(self.type, cdr, chosen)).items())
            found.append((key, cdr))
        return found


def literal(value: object) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {literal(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return json.dumps(value)
