"""Telephony files that hold every awkward case at once, made anew from a seed.

`write_files` writes what a loader must take, `write_rejects` what it must refuse row by row.
A field `\\N` is missing. `{n}` in a table stands for a ten-digit NANP number.
"""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Row = dict[str, str]
START, END = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)
COLUMNS = [
    "dt",
    "callid",
    "branch_idx",
    "switch",
    "direction",
    "customer_id",
    "account",
    "tech_prefix",
    "source_cli",
    "dest_cli",
    "source_dest_number",
    "dest_number",
    "lrn",
    "duration",
    "customer_duration",
    "customer_charge",
    "customer_card_id",
    "customer_card_rate",
    "customer_card_currency",
    "customer_card_dest_code",
    "customer_card_dest_name",
    "provider_id",
    "provider_card_id",
    "provider_duration",
    "provider_charge",
    "provider_card_currency",
    "pdd_out",
    "ring_duration",
    "sip_code",
    "sip_reason",
    "release_reason",
    "dtmf",
    "source_ip",
]
DID_HEADINGS = ["did", "customer_id", "valid_from", "valid_to"]
CODE_HEADINGS = [
    "State",
    "NPA-NXX  ",
    " OCN",
    "Company",
    "RateCenter ",
    "EffectiveDate",
    "Use ",
    "AssignDate",
    "Initial/Growth",
    "Pooled Code",
    "In Service File Updated 12/01/2025",
]
BLOCK_HEADINGS = [
    "Region",
    "State",
    "NPA",
    "NXX",
    "X",
    "STATUS",
    "Code Holder",
    "Contaminated (Y or N)",
    "Contaminated TNs not Available for Assignment",
    "Rate Center",
    "Block Effective Date",
    "Block Available Date",
    "Assigned To",
    "OCN",
    "Date Assigned",
]


@dataclass(frozen=True)
class Customer:
    id: str
    name: str
    currencies: tuple[str, ...]
    weight: int
    listed: bool = True


CUSTOMERS = (
    Customer("5001", "Marigold Voice", ("USD",), 56),
    Customer("05001", 'Çelik & "Söhne" <GmbH>', ("EUR", "USD"), 14),
    Customer("o'hara-west", "O'Hara\\West, Inc.", ("JPY", "USD"), 11),
    Customer("5003", "千鳥テレコム 📞", ("KWD",), 8),
    Customer("5004", "Twin Telecom", ("GBP", ""), 6),
    Customer("5005", "Twin Telecom", ("USD",), 3),
    Customer("5009", "Silent Line", ("CHF",), 0),
    Customer("9901", "", ("USD",), 2, listed=False),
)
PROFITABLE = CUSTOMERS[5]
"""Its providers charge in its own currency."""
PROVIDER_CARDS = (
    ("1", "110", ("USD",)), ("1", "111", ("EUR",)), ("2", "120", ("GBP",)), ("3", "130", ("USD", "EUR")),
    ("4", "140", ("",)), ("5", "150", ("USD",)), ("", "", ("",)),
)  # fmt: skip
TECH_PREFIXES = ("", "0044", "044", "44", "9011", "1", "777", "#31", "vip*", "00440")
ORPHAN_PREFIX = "555"
ACCOUNTS = (
    "trunk", "Trunk", "trunk ", "", "a,b", 'say "hi"', "two\r\nlines", "naïve-Ω", "tab\there", "back\\slash",
    "NULL", "007",
)  # fmt: skip
CALL_KEYS = (
    ("east-1", "call-{:x}@core"), ("east-1", "CALL-{:x}@core"), ("west-2", "call-{:x}@core"),
    ("west-2", '"{}", odd'), ("süd-3", "é{}"), ("süd-3", " {} "),
)  # fmt: skip
INSTANTS = tuple(
    f"2025-{text}+00:00"
    for text in (
        "10-20 00:00:00.000000", "10-20 00:00:00.001000", "11-19 23:59:59.999000", "11-19 23:59:59.999999",
        "11-20 00:00:00.000000", "10-31 23:59:59.999999", "11-01 00:00:00.000000", "11-05 00:00:00.000000",
        "10-26 00:59:59.999999", "10-26 01:00:00.000000", "10-26 00:30:00.000000", "10-26 01:30:00.000000",
        "10-25 22:00:00.000000", "10-26 23:00:00.000000", "11-02 05:30:00.000000", "11-02 06:30:00.000000",
        "11-02 05:59:59.999000", "11-02 06:00:00.000000", "11-02 04:00:00.000000", "11-03 05:00:00.000000",
        "11-02 09:00:00.000000", "10-25 13:30:00.000000", "10-28 18:30:00.000000", "10-28 18:29:59.999000",
        "10-28 18:15:00.000000", "11-09 12:00:00.000000",
    )
)  # fmt: skip
KOLKATA = timezone(timedelta(hours=5, minutes=30))
CARACAS = timezone(timedelta(hours=-4))
TIME_FORMS = ("millis", "millis", "millis", "millis", "seconds", "micros", "zulu", "kolkata", "caracas")
FAILOVER = ((0, 1),) * 4 + ((0, 1, 2),) * 3 + ((0, 1, 2, 3),) * 3
BRANCHES = ((0,),) * 40 + FAILOVER + ((1,), (1, 2), (0, 2), (2, 0), tuple(range(12)))
FULL_WIDTH = "".join(chr(0xFF10 + int(digit)) for digit in "12025550100")
ARABIC = "".join(chr(0x0660 + int(digit)) for digit in "2025550100")
USA, NOWHERE = ("1", "USA"), ("", "")
DESTINATIONS = (
    ("+1{n}", USA), ("{n}", USA), ("1{n}", NOWHERE), ("{n}", NOWHERE), ("+1{n}", NOWHERE),
    ("1{n}", ("1212", "USA, Metro")), ("{n}", ("1876", "Jamaica")), ("1{n}", ("60", "Malaysia")),
    ("{n}", ("60", "Malaysia")), ("+{n}", USA), ("001{n}", USA), ("0111{n}", USA), ("1{n}0", USA),
    ("1 {n}", USA), (" 1{n}", USA), ("1{n} ", USA), ("1{n};npdi=yes", USA),
    ("sip:+1{n}@gw.example.net;user=phone", USA), ("tel:+1{n}", USA), ("11234567890", USA),
    ("12120001234", USA), ("0234567890", USA), ("1234567890", NOWHERE), (FULL_WIDTH, USA),
    (ARABIC, NOWHERE), ("1-800-555-CALL", USA), ("(201) 555-0100", USA), ("12015550100", USA),
    ("6023456789", ("60", "Malaysia")), ("6023456789", NOWHERE), ("60312345678", ("60", "Malaysia")),
    ("4422334455", ("44", "United Kingdom")), ("442079460018", ("44", "United Kingdom")),
    ("+442079460018", ("44", "United Kingdom")), ("00442079460018", NOWHERE),
    ("22507000001", ("225", "Côte d'Ivoire")), ("82212345678", ("82", 'Korea, "South"')), ("911", NOWHERE),
    ("411", USA), ("0", NOWHERE), ("1800", NOWHERE), ("2999123", NOWHERE), ("*67", NOWHERE),
    ("#31#", NOWHERE), ("", NOWHERE), ("+", NOWHERE), ("anonymous", NOWHERE), ("Anonymous", NOWHERE),
    ("sip:desk@pbx.example.org", NOWHERE), ("9" * 30, NOWHERE), ("12O25550100", USA), ("-1{n}", USA),
)  # fmt: skip
CLIS = (
    "", "", "\\N", "+1{n}", "{n}", "+{n}", "anonymous", "Anonymous", "anonymous@anonymous.invalid",
    "Restricted", "unavailable", "5550100", "18005550", "911", "0", "+", "+442079460018",
    "sip:alice@example.net", '"Bell, Jr" <sip:bell@example.net>', " ", " 1{n}", "1{n} ", "11234567890",
    "12125550100,", "Ünal", FULL_WIDTH, "=1+1", "it's", "back\\slash", "two\nlines",
)  # fmt: skip
LRNS = ("1{n}", "1{n}", "1{n}", "+1{n}", "{n}", "\\N", "0", "11234567890")
CHARGES = (
    "0.00000001", "0.00000003", "-0.12345678", "9999999999.99999999", "-9999999999.99999999",
    "9007199254.74099301", "1e-05", "5E-8", "2.5e+1", ".25", "3.", "00.5", "0.50000000000000", "0.1", "0.2",
    "", "\\N", "-0", "0.00000000", "0",
)  # fmt: skip
DURATIONS = ("0.000", "0", "0.001", "0.001", "0.999", "5.999", "6", "59.9", "3600.000", "86400.001", "")
ANSWERS = (("200", "OK"),) * 8 + (("202", "Accepted"), ("", ""), ("\\N", ""))
FAILURES = (
    ("404", "Not Found"), ("486", "Busy Here"), ("487", "Request Terminated"),
    ("480", 'Temporarily, "Unavailable"'), ("503", "Kanal überlastet"), ("603", "Decline "),
    ("600", "Busy Everywhere"), ("183", "Session Progress"), ("302", "Moved\nTemporarily"), ("", ""),
)  # fmt: skip
KEYPAD = (
    "1", "0", "000", "2#", "9*0", "*", "#", "A", "ABCD", "1234567890*#ABCD", "007", "1E5", "5" * 300, "\\N",
)  # fmt: skip
DELAYS = ("", "\\N", "0", "200", "9000", "65536")
SOURCE_IPS = ("192.0.2.10", "203.0.113.255", "2001:db8::17", "::ffff:192.0.2.1", "")
WINDOWS: tuple[tuple[tuple[int, str, str], ...], ...] = (
    ((0, "2020-01-01", ""),),
    ((0, "2020-01-01", "2025-11-01"),),
    ((0, "2025-11-01", ""),),
    ((0, "2019-01-01", "2025-10-01"),),
    ((0, "2026-01-01", ""),),
    ((0, "2020-01-01", "2025-11-05"), (1, "2025-11-05", "")),
    ((0, "2020-01-01", "2025-10-26"), (0, "2025-11-02", "")),
    ((0, "2020-01-01", "2025-11-10"), (0, "2025-10-30", "")),
    ((0, "2020-01-01", ""), (0, "2020-01-01", "")),
    ((0, "", "2025-11-02"),),
    ((0, "2025-10-31", "2025-11-01"),),
    ((0, "2020-01-01", ""), (1, "2020-01-01", "")),
)
STATES = {
    "201": "NJ", "202": "DC", "303": "CO ", "404": "GA", "442": "CA", "512": "TX", "601": "MS", "602": "", "609": "NJ",
    "617": "MA", "702": "NV", "713": " TX", "805": "CA", "816": "MO", "907": "AK", "918": "",
}  # fmt: skip
CODE_USES = ("AS",) * 16 + ("UA", "VC", "RV", "PR")
BLOCKS = (("0", "AS", 1), ("1", "AS", 2), ("2", "AS", 0), ("3", "AV", 3), ("4", "RT", 4))
ODD_CENTERS = (
    "ST HALDEN", "PORT ELM 3", "LOWMOOR-ST", "QUILLBRIDGE", "HARTSWICK (UPPER)", "O'DELLBGH", "UPR,VALE",
)  # fmt: skip
ROOTS, ENDINGS = ["ALD", "BRACK", "CORM", "DUNN", "ELST", "FARN", "GORS", "HEX"], ["FORD", "WICK", "MERE", "TON3"]
CENTERS = tuple(root + ending for root in ROOTS for ending in ENDINGS) + ODD_CENTERS


class Numbering:
    """NPA-NXX codes, of which some have no record, some are not live, and some are split into blocks."""

    def __init__(self, rng: random.Random) -> None:
        areas = [
            "201",
            "202",
            "303",
            "404",
            "512",
            "601",
            "602",
            "609",
            "617",
            "702",
            "713",
            "805",
            "816",
            "907",
            "918",
            "442",
        ]
        self.codes = [npa + str(nxx) for npa in areas for nxx in sorted(rng.sample(range(200, 1000), 25))]
        self.rng = rng

    def number(self) -> str:
        return f"{self.rng.choice(self.codes)}{self.rng.randrange(6000):04}"

    def code_rows(self) -> Iterable[list[str]]:
        for i, code in enumerate(self.codes):
            if i % 23 == 22:
                continue
            use = CODE_USES[i % len(CODE_USES)]
            center = "" if i % 40 == 3 else center_of(i)
            if i % 17 == 5:
                yield code_row(code, "OLD" + center_of(i + 1)[:7], "VC")
            yield code_row(code, center, use)
            if i % 17 == 6:
                yield code_row(code, center, use)
            if i % 17 == 7:
                yield code_row(code, "NEW" + center_of(i + 1)[:7], "PR")[:8]

    def block_rows(self) -> Iterable[list[str]]:
        for i, code in enumerate(self.codes):
            if i % 4 == 1 or i % 23 == 22 or CODE_USES[i % len(CODE_USES)] == "UA":
                for digit, status, step in BLOCKS[: 2 + i % 4]:
                    yield block_row(code, digit, status, center_of(i + step))
                if i % 3 == 0:
                    yield block_row(code, "0", "AV", center_of(i + 5))


def center_of(index: int) -> str:
    return CENTERS[index % len(CENTERS)]


def code_row(code: str, center: str, use: str) -> list[str]:
    ocn = "7001" if use == "AS" else ""
    return [
        STATES.get(code[:3], "ZZ"),
        f"{code[:3]}-{code[3:]}  ",
        ocn,
        "",
        f"{center:<10}",
        "",
        f"{use} ",
        "",
        "",
        "N",
        "",
    ]


def block_row(code: str, digit: str, status: str, center: str) -> list[str]:
    """A block 2 lies in another state than the rest of its code."""
    where = ["1", "KS" if digit == "2" else STATES.get(code[:3], "ZZ"), code[:3], code[3:], digit]
    return [*where, status, "", "N", "", f"{center} ", "01/15/2020", "", "", "7001", ""]


class Exchange:
    """Places calls; takes the special values of each table in turn, so that a short file holds all."""

    def __init__(self, rng: random.Random, numbering: Numbering) -> None:
        self.rng, self.numbering = rng, numbering
        self.turns: Counter[tuple[object, ...]] = Counter()
        self.dids = {c.id: ["1" + numbering.number() for _ in WINDOWS] for c in CUSTOMERS}

    def sometimes(self, table: tuple[T, ...], share: float, ordinary: T) -> T:
        if self.rng.random() >= share:
            return ordinary
        self.turns[table] += 1
        return table[self.turns[table] % len(table)]

    def filled(self, form: str) -> str:
        return form.replace("{n}", self.numbering.number())

    def moment(self) -> datetime:
        drawn = START + timedelta(seconds=self.rng.random() * (END - START).total_seconds())
        return datetime.fromisoformat(self.sometimes(INSTANTS, 0.15, drawn.isoformat()))

    def cli(self, customer: Customer) -> str:
        others = (neighbour(customer, -1), self.rng.choice(CUSTOMERS))
        owner = self.rng.choice((customer,) * 4 + others)
        did = self.rng.choice(self.dids[owner.id])
        presented = self.rng.choice((did, did, did, "+" + did, did[1:]))
        return self.filled(self.sometimes(CLIS, 0.35, presented))

    def charge(self, likely: bool) -> str:
        if not likely:
            return self.sometimes(("0", "", "0.00"), 0.2, "0")
        return self.sometimes(CHARGES, 0.3, f"{self.rng.randrange(1, 10**9) / 10**8:.8f}".rstrip("0"))

    def call(self, index: int) -> list[Row]:
        customer = self.rng.choices(CUSTOMERS, [c.weight for c in CUSTOMERS])[0]
        form, (code, name) = self.sometimes(DESTINATIONS, 0.35, ("1{n}", USA))
        branches = self.rng.choice(BRANCHES)
        prefix = self.rng.choice(TECH_PREFIXES) if 0 in branches else ORPHAN_PREFIX
        switch, callid = CALL_KEYS[index % len(CALL_KEYS)]
        dest, cli = self.filled(form), self.cli(customer)
        common = {
            "dt": stamp(self.moment(), self.rng.choice(TIME_FORMS)),
            "callid": callid.format(index // len(CALL_KEYS)), "switch": switch,
            "direction": self.rng.choice(("out", "out", "in")), "customer_id": customer.id,
            "account": self.sometimes(ACCOUNTS, 0.4, f"{customer.id}-{self.rng.choice('AB')}"),
            "tech_prefix": prefix, "source_cli": cli, "dest_cli": cli, "source_dest_number": prefix + dest,
            "dest_number": dest, "lrn": self.filled(self.sometimes(LRNS, 0.3, "")), "customer_card_id": "7",
            "customer_card_rate": self.rng.choice(("0.00533", "0.0066", "0.00000001", "1e-3", "0")),
            "customer_card_currency": self.rng.choice(customer.currencies), "customer_card_dest_code": code,
            "customer_card_dest_name": name,
        }  # fmt: skip
        answering = self.rng.choice((branches[-1], branches[-1], branches[0], None, None, None))
        same = {"provider_card_currency": customer.currencies[0]} if customer == PROFITABLE else {}
        return [common | self.attempt(branch, branch == answering) | same for branch in branches]

    def attempt(self, branch: int, answered: bool) -> Row:
        rng = self.rng
        provider, card, currencies = rng.choice(PROVIDER_CARDS if not answered else PROVIDER_CARDS[:-1])
        code, reason = rng.choice(ANSWERS) if answered else self.sometimes(FAILURES, 0.5, FAILURES[0])
        talk = self.sometimes(DURATIONS, 0.3, f"{rng.expovariate(1 / 90):.3f}")
        early_media = "4.200" if code == "487" and rng.random() < 0.3 else "0.000"
        return {
            "branch_idx": str(branch), "duration": talk if answered else early_media,
            "customer_duration": rng.choice(("0", "6", "12.500")),
            "provider_duration": rng.choice(("0", "6", "66")), "customer_charge": self.charge(answered),
            "provider_charge": self.charge(answered or rng.random() < 0.05), "provider_id": provider,
            "provider_card_id": card, "provider_card_currency": rng.choice(currencies),
            "pdd_out": self.sometimes(DELAYS, 0.25, str(rng.randrange(9000))),
            "ring_duration": rng.choice(("0", "7", "40", "")), "sip_code": code, "sip_reason": reason,
            "release_reason": reason or "Normal Clearing",
            "dtmf": self.sometimes(KEYPAD, 0.35 if answered else 0.1, ""),
            "source_ip": rng.choice(SOURCE_IPS),
        }  # fmt: skip


def neighbour(customer: Customer, step: int) -> Customer:
    return CUSTOMERS[(CUSTOMERS.index(customer) + step) % len(CUSTOMERS)]


def stamp(moment: datetime, form: str) -> str:
    local = moment.astimezone({"kolkata": KOLKATA, "caracas": CARACAS}.get(form, UTC))
    if form in ("kolkata", "caracas"):
        return local.isoformat(" " if form == "kolkata" else "T", "milliseconds")
    if form == "zulu":
        return local.isoformat("T", "milliseconds").removesuffix("+00:00") + "Z"
    spec = {"seconds": "seconds", "micros": "microseconds"}.get(form, "milliseconds")
    return local.isoformat(" ", spec).removesuffix("+00:00")


def resent(rows: list[Row]) -> list[Row]:
    """Rows that a switch sends a second time: some unchanged, some re-rated."""
    rated = [row for row in rows if row["sip_code"] == "200"]
    new_price = {"customer_charge": "7.00000007", "provider_charge": "0.00000009"}
    return rated[::40] + [row | new_price for row in rated[7::40]]


def did_rows(dids: dict[str, list[str]]) -> Iterable[list[str]]:
    for customer in CUSTOMERS:
        for i, (did, windows) in enumerate(zip(dids[customer.id], WINDOWS, strict=True)):
            for step, begin, end in windows:
                yield [("+" if i % 3 == 0 else "") + did, neighbour(customer, step).id, begin, end]


def csv_line(cells: Iterable[str], quote_all: bool = False) -> str:
    def cell(text: str) -> str:
        plain = not quote_all and text == text.strip() and not set(text) & set('",\r\n')
        return text if plain else '"' + text.replace('"', '""') + '"'

    return ",".join(map(cell, cells)) + "\r\n"


def cdr_line(row: Row) -> str:
    return csv_line(row[column] for column in COLUMNS)


def write_text(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(lines), encoding="utf-8", newline="")


def write_files(directory: Path, seed: int = 1, calls: int = 2000) -> None:
    rng = random.Random(seed)
    numbering = Numbering(rng)
    exchange = Exchange(rng, numbering)
    rows = [row for index in range(calls) for row in exchange.call(index)]
    rng.shuffle(rows)
    listed = [{"id": c.id, "name": c.name, "currency": c.currencies[0]} for c in CUSTOMERS if c.listed]
    directory.mkdir(parents=True, exist_ok=True)
    write_text(directory / "cdrs.csv", [csv_line(COLUMNS), *map(cdr_line, rows + resent(rows))])
    write_text(directory / "customers.json", [json.dumps(listed, indent=1, ensure_ascii=False)])
    dids = [DID_HEADINGS, *did_rows(exchange.dids)]
    codes = [CODE_HEADINGS, *numbering.code_rows(), [""]]
    blocks = [BLOCK_HEADINGS, *numbering.block_rows()]
    write_text(directory / "dids.csv", map(csv_line, dids))
    write_text(directory / "co_codes.tsv", ("\t".join(cells) + "\r\n" for cells in codes))
    write_text(directory / "thousands_blocks.csv", (csv_line(cells, quote_all=True) for cells in blocks))


WRONG = (
    ("customer_id", ""), ("customer_id", "\\N"), ("dt", ""), ("dt", "\\N"), ("dt", "yesterday"),
    ("dt", "2025-13-01 00:00:00"), ("dt", "2025-02-30 10:00:00"), ("dt", "2025-11-02 24:61:00"),
    ("dt", "0000-00-00 00:00:00"), ("dt", "1761955200000x"), ("callid", ""), ("switch", ""),
    ("branch_idx", ""), ("branch_idx", "-1"), ("branch_idx", "first"), ("branch_idx", "1.5"),
    ("branch_idx", "4294967296"), ("duration", "-1.000"),
    ("duration", "n/a"), ("duration", "00:01:30"), ("duration", "nan"),
    ("sip_code", "OK"), ("sip_code", "70000"), ("customer_charge", "free"), ("customer_charge", "1,50"),
    ("customer_charge", "1.2.3"), ("customer_charge", "NaN"), ("customer_charge", "99999999999.0"),
    ("customer_charge", "$1.00"), ("provider_charge", "inf"), ("provider_charge", "--1"),
    ("provider_charge", "1e40"),
)  # fmt: skip


def write_rejects(path: Path) -> list[tuple[int, str]]:
    """Good rows with bad ones between; returns line (the heading is line 1) and column of each bad row."""
    rng = random.Random(1)
    exchange = Exchange(rng, Numbering(rng))
    good = exchange.call(0)[0] | {
        "customer_id": CUSTOMERS[0].id, "dt": "2025-11-02 06:00:00.000", "account": "trunk", "dest_cli": "",
        "source_cli": "", "branch_idx": "0", "sip_code": "200", "sip_reason": "OK", "release_reason": "OK",
        "duration": "1.500", "customer_charge": "0.5", "provider_charge": "0.25",
    }  # fmt: skip
    lines, bad = [csv_line(COLUMNS)], list[tuple[int, str]]()
    for index, (column, wrong) in enumerate(WRONG):
        lines.append(cdr_line(good | {"callid": f"good-{index}"}))
        lines.append(cdr_line(good | {"callid": f"bad-{index}", column: wrong}))
        bad.append((len(lines), column))
    cut_short = next(csv.reader(io.StringIO(lines[1])))[: COLUMNS.index("dest_number")]
    lines.append(csv_line(cut_short))
    bad.append((len(lines), "dest_number"))
    lines.append(cdr_line(good | {"callid": "good-last", "account": "two\r\nlines"}))
    write_text(path, lines)
    return bad
