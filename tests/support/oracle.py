"""Test oracle: the shipped reports by brute force, from the meaning of their columns alone."""

from __future__ import annotations

import csv
import gzip
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Literal

Basis = Literal["CALL", "ATTEMPT"]
Row = dict[str, object]
Reject = tuple[int, str]
Cells = Mapping[str, str]
Key = tuple[tuple[str, object], ...]

ANSWER_TIME_COLUMNS = ("answer_time", "answer_dt", "answered_at", "connect_time")
TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"(?: ?(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
NPA_NXX = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{2}")
EFFECTIVE = {480, 486, 600, 603}


@dataclass(frozen=True, slots=True)
class Cdr:
    """One routed branch of a call; `answered` is decided here, once, as section 3 says."""

    dt: datetime
    callid: str
    branch_idx: int
    switch: str
    customer_id: str
    account: str
    tech_prefix: str
    dest_cli: str
    dest_number: str
    lrn: str
    answered: bool
    duration: Decimal
    customer_charge: Decimal
    customer_currency: str
    customer_duration: Decimal
    dest_code: str
    dest_name: str
    provider_id: str
    provider_card_id: str
    provider_charge: Decimal
    provider_currency: str
    provider_duration: Decimal
    pdd: int | None
    sip_code: int
    release_reason: str
    dtmf: str


@dataclass(frozen=True, slots=True)
class Did:
    digits: str
    customer_id: str
    valid_from: datetime | None
    valid_to: datetime | None  # exclusive

    def covers(self, dt: datetime) -> bool:
        """Half-open, as every range in the design: valid_from <= dt < valid_to."""
        begun = self.valid_from is None or self.valid_from <= dt
        return begun and (self.valid_to is None or dt < self.valid_to)


# ---- cells ----


def parse_time(text: str) -> datetime:
    """A UTC time, or ISO 8601 with an offset; cut to whole milliseconds (never rounded into the next one)."""
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    zone = UTC
    if offset and offset not in "Zz":
        away = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:].lstrip(":") or 0))
        zone = timezone(-away if offset[0] == "-" else away)
    micros = int(((fraction or "") + "000")[:3]) * 1000
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micros, zone)
        return local.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def parse_number(cells: Cells, name: str, places: int | None = None, signed: bool = False) -> Decimal:
    """An empty or absent cell is 0; ValueError for what is no number, or too long for Decimal(18, 8)."""
    text = cells.get(name, "") or "0"
    if NUMBER.fullmatch(text) is None:
        raise ValueError(f"bad number: {name}")
    value = Decimal(text)
    if abs(value) >= 10**10 or (value < 0 and not signed):
        raise ValueError(f"bad number: {name}")
    if places is not None and value != value.quantize(Decimal(1).scaleb(-places)):
        raise ValueError(f"bad number: {name}")
    return value


def parse_whole(cells: Cells, name: str) -> int:
    text = cells.get(name, "") or "0"
    if re.fullmatch(r"[0-9]{1,10}", text) is None:
        raise ValueError(f"bad number: {name}")
    return int(text)


def parse_thousandths(cells: Cells, name: str) -> Decimal:
    """Seconds, cut to whole milliseconds."""
    return Decimal(int(parse_number(cells, name) * 1000)).scaleb(-3)


def digits_of(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _cell(text: str) -> str:
    """A cell without the blanks around it; \\N is how ClickHouse and MySQL write nothing."""
    return "" if text == "\\N" else text.strip()


def records(path: str | Path) -> Iterator[tuple[int, Cells | None]]:
    """(number of the record's first line, cells by trimmed header name; None where the cell count is wrong).

    Plain or .gz, comma or tab (told by the header line), BOM, CRLF and padded cells are all accepted.
    """
    path = Path(path)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = list(StringIO(raw.decode("utf-8-sig", errors="replace"), newline=""))
    tabs = bool(lines) and "\t" in lines[0]
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(lines)
    header: list[str] = []
    line = 1
    for row in reader:
        if any(cell.strip() for cell in row):
            if not header:
                header = [cell.strip() for cell in row]
            elif len(row) != len(header):
                yield line, None
            else:
                yield line, dict(zip(header, (_cell(cell) for cell in row), strict=True))
        line = reader.line_num + 1


# ---- files ----


def is_answered(cells: Cells, duration: Decimal) -> bool:
    """An answer time; in a file without that column the SIP status; without a status the duration."""
    for name in ANSWER_TIME_COLUMNS:
        if name in cells:
            if cells[name]:
                parse_time(cells[name])
            return bool(cells[name])
    status = parse_whole(cells, "sip_code")
    return 200 <= status <= 299 if status else duration > 0


def read_cdr(cells: Cells) -> Cdr:
    """ValueError, with the reason as its text, for a row that cannot be right."""
    if not cells.get("customer_id"):
        raise ValueError("no customer")
    if not cells.get("callid"):
        raise ValueError("no callid")
    try:
        dt = parse_time(cells.get("dt", ""))
    except ValueError as error:
        raise ValueError("bad time: dt") from error
    if cells.get("branch_idx") == "":
        raise ValueError("bad number: branch_idx")
    parse_number(cells, "ring_duration")
    parse_number(cells, "customer_card_rate", signed=True)
    duration = parse_number(cells, "duration")
    customer_charge = parse_number(cells, "customer_charge", places=8, signed=True)
    provider_charge = parse_number(cells, "provider_charge", places=8, signed=True)
    try:
        answered = is_answered(cells, duration)
    except ValueError as error:
        raise ValueError("bad time: answer time") from error
    return Cdr(
        dt=dt,
        callid=cells["callid"],
        branch_idx=parse_whole(cells, "branch_idx"),
        switch=cells.get("switch", ""),
        customer_id=cells["customer_id"],
        account=cells.get("account", ""),
        tech_prefix=cells.get("tech_prefix", ""),
        dest_cli=cells.get("dest_cli", ""),
        dest_number=cells.get("dest_number", ""),
        lrn=cells.get("lrn", ""),
        answered=answered,
        duration=parse_thousandths(cells, "duration"),
        customer_charge=customer_charge,
        customer_currency=cells.get("customer_card_currency", ""),
        customer_duration=parse_thousandths(cells, "customer_duration"),
        dest_code=cells.get("customer_card_dest_code", ""),
        dest_name=cells.get("customer_card_dest_name", ""),
        provider_id=cells.get("provider_id", ""),
        provider_card_id=cells.get("provider_card_id", ""),
        provider_charge=provider_charge,
        provider_currency=cells.get("provider_card_currency", ""),
        provider_duration=parse_thousandths(cells, "provider_duration"),
        pdd=parse_whole(cells, "pdd_out") if cells.get("pdd_out") else None,
        sip_code=parse_whole(cells, "sip_code"),
        release_reason=cells.get("release_reason", ""),
        dtmf=cells.get("dtmf", ""),
    )


def read_cdrs(path: str | Path) -> tuple[list[Cdr], list[Reject]]:
    """Kept rows (first of each (switch, callid, branch_idx) wins) and rejects as (line number, reason)."""
    kept: dict[tuple[str, str, int], Cdr] = {}
    rejects: list[Reject] = []
    for line, cells in records(path):
        if cells is None:
            rejects.append((line, "wrong number of cells"))
            continue
        try:
            cdr = read_cdr(cells)
        except ValueError as error:
            rejects.append((line, str(error)))
        else:
            kept.setdefault((cdr.switch, cdr.callid, cdr.branch_idx), cdr)
    return list(kept.values()), rejects


def read_dids(path: str | Path) -> tuple[list[Did], list[Reject]]:
    """A bare date is that day's midnight UTC; an empty end is open."""

    def moment(text: str) -> datetime | None:
        return parse_time(text if len(text) > 10 else f"{text} 00:00:00") if text else None

    dids: list[Did] = []
    rejects: list[Reject] = []
    for line, cells in records(path):
        if cells is None or not digits_of(cells["did"]) or not cells["customer_id"]:
            rejects.append((line, "no number or no customer"))
            continue
        try:
            valid_from, valid_to = moment(cells.get("valid_from", "")), moment(cells.get("valid_to", ""))
        except ValueError:
            rejects.append((line, "bad time"))
            continue
        dids.append(Did(digits_of(cells["did"]), cells["customer_id"], valid_from, valid_to))
    return dids, rejects


class Numbering:
    """Live rate centers and their states by 6 digits (office code) and 7 (thousands-block); the last one wins."""

    def __init__(self) -> None:
        self.live: dict[str, tuple[str, str]] = {}

    def add(self, path: str | Path) -> None:
        """Reads either layout, told by its headers."""
        for _, cells in records(path):
            if cells is None:
                continue
            if "NPA-NXX" in cells:
                status, center, size = cells["Use"], cells["RateCenter"], 6
                prefix = digits_of(cells["NPA-NXX"])
            elif {"NPA", "NXX", "X", "STATUS", "Rate Center"} <= cells.keys():
                status, center, size = cells["STATUS"], cells["Rate Center"], 7
                prefix = cells["NPA"] + cells["NXX"] + cells["X"]
            else:
                raise ValueError(f"not a numbering file: {path}")
            if status == "AS" and center and len(prefix) == size and prefix.isdecimal():
                self.live[prefix] = center, cells["State"]

    def rate_center(self, digits10: str) -> str:
        return self._of(digits10)[0]

    def state(self, digits10: str) -> str:
        return self._of(digits10)[1]

    def _of(self, digits10: str) -> tuple[str, str]:
        return self.live.get(digits10[:7]) or self.live.get(digits10[:6], ("", ""))


# ---- what the numbers mean ----


def nanp(number: str, ten_digits: bool = True) -> str:
    """The 10 digits of a NANP number, "" for any other. `ten_digits`: whether the bare form counts."""
    match = re.fullmatch(r"\+?1([0-9]{10})", number) or (ten_digits and re.fullmatch(r"([0-9]{10})", number))
    digits = match.group(1) if match else ""
    return digits if NPA_NXX.match(digits) else ""


def total(values: Iterable[Decimal]) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return sum(values, Decimal(0))


def money(charges: Iterable[tuple[Decimal, str]]) -> tuple[Decimal | None, str | None]:
    """(sum, currency) of the non-zero charges: (None, None) of several currencies, (0, None) of none."""
    nonzero = [(charge, currency) for charge, currency in charges if charge]
    currencies = {currency for _, currency in nonzero}
    if len(currencies) > 1:
        return None, None
    return total(charge for charge, _ in nonzero), (currencies.pop() or None) if currencies else None


def ratio(numerator: Decimal | int | None, denominator: Decimal | int | None) -> float | None:
    """The double nearest to the exact quotient; None where either is unknown, and over 0."""
    return float(Fraction(numerator) / Fraction(denominator)) if numerator is not None and denominator else None


def nearest_rank(values: Iterable[int | None], percent: int) -> int | None:
    """The smallest known value that at least ceil(percent / 100 * n) of the n known ones do not exceed."""
    known = sorted(value for value in values if value is not None)
    needed = -(-percent * len(known) // 100)
    return next((value for value in known if bisect_right(known, value) >= needed), None)


def rounded(value: Fraction) -> Decimal:
    """A cost to 8 decimals, half away from 0."""
    whole = int(abs(value) * 10**8 + Fraction(1, 2))
    return Decimal(whole if value >= 0 else -whole).scaleb(-8)


def attempts(cdrs: list[Cdr], basis: Basis) -> int:
    """The one number with which the basis has a say: first branches (CALL), or all rows (ATTEMPT)."""
    return sum(1 for cdr in cdrs if basis == "ATTEMPT" or cdr.branch_idx == 0)


def called_number(cdr: Cdr, number: object) -> str:
    """The 10 digits of the called number, "" outside the plan; with LRN, of the routing number where there is one."""
    if number == "LRN" and cdr.lrn:
        return nanp(cdr.lrn)
    return nanp(cdr.dest_number, ten_digits=cdr.dest_code == "" or cdr.dest_code.startswith("1"))


def usa_rate_center_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    """callCount is `attempts` of the basis; money sums all branches under either."""
    customer, customer_currency = money((cdr.customer_charge, cdr.customer_currency) for cdr in cdrs)
    provider, provider_currency = money((cdr.provider_charge, cdr.provider_currency) for cdr in cdrs)
    return {
        "totalCustomerCharge": customer,
        "totalProviderCharge": provider,
        "customerCurrency": customer_currency,
        "providerCurrency": provider_currency,
        "callCount": attempts(cdrs, basis),
    }


def did_as_cli_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    """count is `attempts` of the basis."""
    return {"count": attempts(cdrs, basis)}


def group_by_tech_prefix_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    """total is `attempts` of the basis; answeredCalls and acd take answered rows of any branch in both."""
    answered = [cdr for cdr in cdrs if cdr.answered]
    return {
        "asr": ratio(len(answered), attempts(cdrs, basis)),
        "acd": ratio(total(cdr.duration for cdr in answered), len(answered)),
        "answeredCalls": len(answered),
        "total": attempts(cdrs, basis),
    }


def dtmf_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    """The basis has no say. dtmfCalls and digits are over answered rows; providerCharge over all rows."""
    answered = [cdr for cdr in cdrs if cdr.answered]
    dtmf_calls = sum(1 for cdr in answered if cdr.dtmf)
    digits = sum(len(cdr.dtmf) for cdr in answered)
    charge, currency = money((cdr.provider_charge, cdr.provider_currency) for cdr in cdrs)
    return {
        "answeredCalls": len(answered),
        "dtmfCalls": dtmf_calls,
        "dtmfRatio": ratio(dtmf_calls, len(answered)),
        "digits": digits,
        "providerCurrency": currency,
        "providerCharge": charge,
        "costPerDigit": Fraction(charge) / digits if charge is not None and digits else None,
    }


def acd(answered: list[Cdr]) -> float | None:
    return ratio(total(cdr.duration for cdr in answered), len(answered))


def ner(cdrs: list[Cdr]) -> float | None:
    """What the network could do was done: answered, busy, no answer, declined. Each branch counts."""
    return ratio(sum(1 for cdr in cdrs if cdr.answered or cdr.sip_code in EFFECTIVE), len(cdrs))


def asr_per_route_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    """Each branch that was sent to the route is an attempt on it; the basis has no say."""
    answered = [cdr for cdr in cdrs if cdr.answered]
    return {
        "attempts": len(cdrs),
        "answeredCalls": len(answered),
        "asr": ratio(len(answered), len(cdrs)),
        "ner": ner(cdrs),
        "acd": acd(answered),
        "pddP50": nearest_rank((cdr.pdd for cdr in cdrs), 50),
        "pddP95": nearest_rank((cdr.pdd for cdr in cdrs), 95),
    }


def usa_calls_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    answered = [cdr for cdr in cdrs if cdr.answered]
    return {
        "calls": attempts(cdrs, basis),
        "connected": len(answered),
        "asr": ratio(len(answered), attempts(cdrs, basis)),
        "duration": total(cdr.duration for cdr in answered),
    }


def per_number_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    answered = [cdr for cdr in cdrs if cdr.answered]
    charge, currency = money((cdr.customer_charge, cdr.customer_currency) for cdr in cdrs)
    return {
        "attempts": attempts(cdrs, basis),
        "connected": len(answered),
        "asr": ratio(len(answered), attempts(cdrs, basis)),
        "acd": acd(answered),
        "talkTime": total(cdr.duration for cdr in answered),
        "customerCharge": charge,
        "customerCurrency": currency,
    }


def breakout_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    """Billed durations, money and PDD are over all branches. Profit is null unless all its money is in one currency."""
    provider_charge, provider_currency = money((cdr.provider_charge, cdr.provider_currency) for cdr in cdrs)
    earned = [(cdr.customer_charge, cdr.customer_currency) for cdr in cdrs]
    spent = [(-cdr.provider_charge, cdr.provider_currency) for cdr in cdrs]
    profit, profit_currency = money(earned + spent)
    return per_number_measures(cdrs, basis) | {
        "ner": ner(cdrs),
        "customerDuration": total(cdr.customer_duration for cdr in cdrs),
        "providerDuration": total(cdr.provider_duration for cdr in cdrs),
        "providerCharge": provider_charge,
        "providerCurrency": provider_currency,
        "profit": profit,
        "profitCurrency": profit_currency,
        "margin": ratio(profit, money(earned)[0]),
        "pddP50": nearest_rank((cdr.pdd for cdr in cdrs), 50),
        "pddP95": nearest_rank((cdr.pdd for cdr in cdrs), 95),
    }


def release_reasons_measures(cdrs: list[Cdr], basis: Basis) -> Row:
    """Each branch was released for a reason of its own; the basis has no say."""
    return {"attempts": len(cdrs), "connected": sum(1 for cdr in cdrs if cdr.answered)}


MEASURES: dict[str, Callable[[list[Cdr], Basis], Row]] = {
    "USA_RATE_CENTER": usa_rate_center_measures,
    "DID_AS_CLI": did_as_cli_measures,
    "GROUP_BY_TECH_PREFIX": group_by_tech_prefix_measures,
    "DTMF": dtmf_measures,
    "ASR_PER_ROUTE": asr_per_route_measures,
    "USA_CALLS": usa_calls_measures,
    "BREAKOUT": breakout_measures,
    "PER_NUMBER": per_number_measures,
    "RELEASE_REASONS": release_reasons_measures,
}
PARAMETERS: dict[str, dict[str, tuple[object, ...]]] = {  # allowed values, the default first
    "USA_RATE_CENTER": {
        "side": ("TERMINATING", "ORIGINATING"),
        "number": ("DIALED", "LRN"),
        "byCurrency": (False, True),
    },
    "DID_AS_CLI": {"didsOnly": (False, True)},
    "GROUP_BY_TECH_PREFIX": {},
    "DTMF": {"byCurrency": (False, True)},
    "ASR_PER_ROUTE": {},
    "USA_CALLS": {"number": ("DIALED", "LRN")},
    "BREAKOUT": {"byCurrency": (False, True)},
    "PER_NUMBER": {"side": ("DIALED", "CLI"), "byCurrency": (False, True)},
    "RELEASE_REASONS": {},
}


CURRENCY_KEYS: dict[str, tuple[str, ...]] = {  # the keys of each row by currency
    "USA_RATE_CENTER": ("customerCurrency", "providerCurrency"),
    "DTMF": ("providerCurrency",),
    "BREAKOUT": ("customerCurrency", "providerCurrency"),
    "PER_NUMBER": ("customerCurrency",),
}


class World:
    """All that the reports read."""

    def __init__(self, cdrs: list[Cdr], numbering: Numbering, dids: list[Did]) -> None:
        self.cdrs = cdrs
        self.numbering = numbering
        self.dids = dids
        self._by_customer: dict[str, list[Cdr]] = {}
        for cdr in cdrs:
            self._by_customer.setdefault(cdr.customer_id, []).append(cdr)
        self._keys: dict[tuple[object, ...], Key] = {}
        self._by_did: dict[tuple[str, str], list[Did]] = {}
        for did in dids:
            self._by_did.setdefault((did.customer_id, did.digits), []).append(did)

    @classmethod
    def load(cls, directory: str | Path) -> World:
        """cdrs.csv.gz or cdrs.csv; and dids.csv, co_codes.tsv, thousands_blocks.csv where they exist."""
        place = Path(directory)
        packed = place / "cdrs.csv.gz"
        cdrs, _ = read_cdrs(packed if packed.exists() else place / "cdrs.csv")
        numbering = Numbering()
        for path in (place / "co_codes.tsv", place / "thousands_blocks.csv"):
            if path.exists():
                numbering.add(path)
        dids = read_dids(place / "dids.csv")[0] if (place / "dids.csv").exists() else []
        return cls(cdrs, numbering, dids)

    def together(self, customers: Iterable[str]) -> str:
        """A name under which the calls of several customers are one's."""
        ids = sorted(customers)
        name = " + ".join(ids)
        self._by_customer.setdefault(name, [cdr for cdr in self.cdrs if cdr.customer_id in ids])
        return name

    def is_did(self, cdr: Cdr) -> bool:
        dids = self._by_did.get((cdr.customer_id, digits_of(cdr.dest_cli)), ())
        return any(did.covers(cdr.dt) for did in dids)

    def jurisdiction(self, cdr: Cdr, called_state: str) -> str:
        """By the states of the caller and the called; one that is unknown tells nothing."""
        states = {self.numbering.state(nanp(cdr.dest_cli)), called_state}
        if "" in states:
            return "INDETERMINATE"
        return "INTRASTATE" if len(states) == 1 else "INTERSTATE"

    def in_report(self, type: str, cdr: Cdr, chosen: Mapping[str, object]) -> bool:
        if type == "USA_CALLS":
            return called_number(cdr, chosen["number"]) != ""
        return self.is_did(cdr) or not chosen.get("didsOnly")

    def dimensions(self, type: str, cdr: Cdr, chosen: Mapping[str, object]) -> Row:
        """The key of the row that this CDR belongs to."""
        return self.own_dimensions(type, cdr, chosen) | self.currencies(type, cdr, chosen)

    def currencies(self, type: str, cdr: Cdr, chosen: Mapping[str, object]) -> Row:
        """What is a key of the row too, by currency."""
        named: Row = {
            "customerCurrency": cdr.customer_currency or None,
            "providerCurrency": cdr.provider_currency or None,
        }
        return {name: named[name] for name in CURRENCY_KEYS.get(type, ())} if chosen.get("byCurrency") else {}

    def own_dimensions(self, type: str, cdr: Cdr, chosen: Mapping[str, object]) -> Row:
        if type == "GROUP_BY_TECH_PREFIX":
            return {"techPrefix": cdr.tech_prefix}
        if type == "DTMF":
            return {"route": cdr.provider_card_id}
        if type == "DID_AS_CLI":
            return {"account": cdr.account, "destCli": cdr.dest_cli, "isDid": self.is_did(cdr)}
        if type == "ASR_PER_ROUTE":
            return {"provider": cdr.provider_id, "route": cdr.provider_card_id}
        if type == "BREAKOUT":
            return {"destinationCode": cdr.dest_code, "destinationName": cdr.dest_name}
        if type == "PER_NUMBER":
            return {"number": cdr.dest_cli if chosen["side"] == "CLI" else cdr.dest_number}
        if type == "RELEASE_REASONS":
            return {"releaseReason": cdr.release_reason, "sipCode": cdr.sip_code}
        if type == "USA_CALLS":
            state = self.numbering.state(called_number(cdr, chosen["number"]))
            return {"state": state, "jurisdiction": self.jurisdiction(cdr, state)}
        if chosen["side"] == "ORIGINATING":
            digits, otherwise = nanp(cdr.dest_cli), ""
        else:
            digits, otherwise = called_number(cdr, chosen["number"]), cdr.dest_code
        return {
            "prefix": digits[:6] if digits else otherwise,
            "rc": self.numbering.rate_center(digits) if digits else "",
        }

    def _key(self, type: str, cdr: Cdr, chosen: Mapping[str, object]) -> Key:
        asked = (type, tuple(chosen.items()), id(cdr))
        if asked not in self._keys:
            self._keys[asked] = tuple(self.dimensions(type, cdr, chosen).items())
        return self._keys[asked]

    def _narrow(
        self, type: str, customer: str, start: datetime, end: datetime, parameters: Mapping[str, object]
    ) -> tuple[list[Cdr], dict[str, object]]:
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("a naive time could mean two instants")
        allowed = PARAMETERS[type]
        chosen = {name: values[0] for name, values in allowed.items()} | dict(parameters)
        for name, value in chosen.items():
            if name not in allowed or value not in allowed[name]:
                raise ValueError(f"{type}: {name}={value!r}")
        cdrs = [cdr for cdr in self._by_customer.get(customer, []) if start <= cdr.dt < end]
        return [cdr for cdr in cdrs if self.in_report(type, cdr, chosen)], chosen

    def keyed(
        self, type: str, customer: str, start: datetime, end: datetime, **parameters: object
    ) -> list[tuple[Key, Cdr]]:
        """The CDRs of the report, each with the key of its row."""
        cdrs, chosen = self._narrow(type, customer, start, end, parameters)
        return [(self._key(type, cdr, chosen), cdr) for cdr in cdrs]

    def report(
        self,
        type: str,
        customer: str,
        start: datetime,
        end: datetime,
        basis: Basis = "CALL",
        **parameters: object,
    ) -> list[Row]:
        """One row for each key that has a CDR (of any branch) in the range, in the order of the keys."""
        groups: dict[Key, list[Cdr]] = {}
        for key, cdr in self.keyed(type, customer, start, end, **parameters):
            groups.setdefault(key, []).append(cdr)
        ordered = sorted(groups, key=lambda key: [str(value) for _, value in key])
        return [MEASURES[type](groups[key], basis) | dict(key) for key in ordered]

    def totals(
        self,
        type: str,
        customer: str,
        start: datetime,
        end: datetime,
        basis: Basis = "CALL",
        **parameters: object,
    ) -> Row:
        """The measures over all CDRs of the report, from the sums; no dimensions."""
        return MEASURES[type](self._narrow(type, customer, start, end, parameters)[0], basis)
