"""A number that is erased: all figures stay, no byte of it stays, whatever is killed; on every kind of store."""

import asyncio
import csv
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson
import pytest

from gqlreports.backends.base import Backend, Statement
from gqlreports.errors import InvalidInput
from gqlreports.store.erasure import erase_number, find_number
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.load_dids import load_dids
from gqlreports.store.loads import unload
from gqlreports.store.phone_number import PhoneNumber, parse_number
from gqlreports.tables import cdr
from tests.conftest import STORES
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.store.test_survival import environment
from tests.support.analysis_oracle import Analysis
from tests.support.asking import CASES, COLUMNS, OTHER_CASES, TOTALS, asked
from tests.support.awkward import csv_line, write_files
from tests.support.commands import Done, typed
from tests.support.processes import serving
from tests.support.sites import Engine, Site, make_site, nothing, served_site
from tests.support.stores import EmbeddedStore, Result, Work, new_cluster_database, new_database
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes

GQLREPORTS = str(Path(sys.executable).with_name("gqlreports"))
BASES: tuple[Literal["CALL", "ATTEMPT"], ...] = ("CALL", "ATTEMPT")
TOKEN = "123456789012"
CUSTOMER = "5001"
START, END = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "digits", "is_nanp"),
    [
        ("+12125550142", "2125550142", True),
        ("1 (212) 555-0142", "2125550142", True),
        ("2125550142", "2125550142", True),
        ("0112125550142", "2125550142", False),
        ("01112125550142", "2125550142", True),
        ("+6023456789", "6023456789", False),
        ("6023456789", "6023456789", True),
        ("+44 20 7946 0958", "442079460958", False),
        ("0044.20.7946.0958", "442079460958", False),
    ],
)
def test_what_number_is_meant(text: str, digits: str, is_nanp: bool) -> None:
    assert parse_number(text) == PhoneNumber(digits, is_nanp)


@pytest.mark.parametrize("text", ["", "anonymous", "1001", "+000000000", "1234567890123456", "+1212555O142"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidInput, match="--number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("number", "text", "erased"),
    [
        ("+12125550142", "12125550142", "12125550000"),
        ("+12125550142", "+12125550142", "+12125550000"),
        ("+12125550142", "2125550142", "2125550000"),
        ("+12125550142", "+1 (212) 555-0142", "+1 (212) 555-0000"),
        ("+12125550142", "212-555-01-42", "212-555-00-00"),
        ("+12125550142", "1\u00a0212\u00a0555\u00a00142", "1\u00a0212\u00a0555\u00a00000"),
        ("+12125550142", "1\u2011212\u2011555\u20110142", "1\u2011212\u2011555\u20110000"),
        ("+12125550142", "1_212_555_0142", "1_212_555_0000"),
        ("+12125550142", "01112125550142", "01112125550000"),
        ("+12125550142", "7712125550142", "7712125550000"),
        ("+12125550142", "77#12125550142", "77#12125550000"),
        ("+12125550142", "sip:+12125550142@192.0.2.1", "sip:+12125550000~@192.0.2.1"),
        ("+12125550142", "+2125550142", None),
        ("+12125550142", "002125550142", None),
        ("+12125550142", "8812125550142", None),
        ("+12125550142", "121255501421", None),
        ("+12125550142", "12125550143", None),
        ("+12125550000", "12125550000", "12125550999"),
        ("+6023456789", "+6023456789", "+0000000000"),
        ("+6023456789", "006023456789", "000000000000"),
        ("+6023456789", "16023456789", None),
        ("6023456789", "16023456789", "16023456000"),
        ("6023456789", "+6023456789", None),
        ("+442079460958", "+44 20 7946 0958", "+00 00 0000 0000"),
    ],
)
def test_the_forms_of_a_number(number: str, text: str, erased: str | None) -> None:
    """Behind what stands in place of the number comes the token; the digits of both are more than a number has."""
    wanted = erased and (erased.replace("~", f"~{TOKEN}") if "~" in erased else f"{erased}~{TOKEN}")
    found = parse_number(number).erased(text, {"77", ""}, TOKEN)
    assert found == wanted
    if found:
        assert parse_number(number).digits not in found
        assert len(re.sub("[^0-9]", "", found)) > 15


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The awkward files, in which many calls of a customer have one number in many forms, and its DID has ended."""
    home = tmp_path_factory.mktemp("files")
    write_files(home, calls=400)
    with (home / "cdrs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    digits = number_of(home)
    forms = [f"1{digits}", f"+1{digits}", digits, f"+1 ({digits[:3]}) {digits[3:6]}-{digits[6:]}", f"011 1{digits}"]
    for place, row in enumerate(rows):
        row |= {"caller_name": f"caller {place % 3}", "linked_callid": "", "extra": "{}"}
        if place % 2 or row["customer_id"] != CUSTOMER:
            continue
        form = forms[place // 2 % len(forms)]
        row |= [
            {"dest_cli": form, "source_cli": form},
            {"dest_number": form, "customer_card_dest_code": "1"},
            {"lrn": form, "dtmf": f"12{digits}#"},
            {"source_dest_number": f"{row['tech_prefix']}1{digits}"},
            {"extra": f'{{"to": "<sip:+1{digits}@192.0.2.1>", "pai": "{form}"}}', "linked_callid": f"{digits}@a"},
            {"caller_name": f"Ann {form}", "release_reason": f"no route to {form}"},
        ][place // 2 % 6]
    with (home / "cdrs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with (home / "dids.csv").open("a") as file:
        file.write(csv_line([f"+1{digits}", CUSTOMER, "2020-01-01", "2025-11-01"]))
        file.write(csv_line([digits, CUSTOMER, "2025-11-05", "2025-11-10"]))
    return home


def number_of(folder: Path) -> str:
    """A number whose rate center the numbering data knows."""
    with (folder / "cdrs.csv").open(newline="") as file:
        found = (re.fullmatch(r"1([2-9]\d\d[2-9]\d{6})", row["dest_number"]) for row in csv.DictReader(file))
        return next(each[1] for each in found if each)


Run: TypeAlias = Callable[[Work[Result]], Result]


@contextmanager
def site_on(
    kind: str, request: pytest.FixtureRequest, engine: Engine, files: Path, home: Path
) -> Iterator[tuple[Site, Run[Any]]]:
    """A site whose store is of that kind, and what does some work on the store."""
    if kind == "embedded":
        site = make_site(home, files, engine)
        yield site, lambda work: asyncio.run(work(site.backend))
        return
    cluster = new_cluster_database(request.getfixturevalue("cluster")) if kind == "cluster" else None
    store = cluster or new_database(request.getfixturevalue("server_url"))
    backend = store.backend()
    with served_site(home, files, engine, backend) as site:
        assert site.served is not None
        portal = site.served.portal
        assert portal is not None

        def run(work: Work[Result]) -> Result:
            done = portal.call(work, backend)
            if cluster:
                cluster.reload_dictionaries()
            return done

        run(find_none)
        yield site, run


async def find_none(backend: Backend) -> None:
    """No work."""


def figures(site: Site, forms: dict[str, str]) -> list[Any]:
    """Rows, their number and totals of all reports by both bases, with the number back in its place."""
    told = []
    for type, parameters in CASES + OTHER_CASES:
        for basis in BASES:
            analysis = Analysis(site.world, type, CUSTOMER, START, END, basis, parameters)
            selection = f"rows(first: 100000) {{ {COLUMNS[type]} }} rowCount totals {{ {TOTALS[type]} }}"
            answer = asked(site, analysis, selection)
            answer["rows"] = sorted(orjson.dumps(back(row, forms)).decode() for row in answer["rows"])
            told.append((type, parameters, basis, answer))
    return told


def back(row: dict[str, Any], forms: dict[str, str]) -> dict[str, Any]:
    """A row as before; of a free text only its beginning is compared."""
    texts = {name: forms.get(value, value) for name, value in row.items() if isinstance(value, str)}
    return row | {name: "no route" if text.startswith("no route") else text for name, text in texts.items()}


async def rows_with(backend: Backend, digits: str) -> int:
    """In how many rows of calls and DIDs the digits are anywhere but in a key."""
    texts = [each.name for each in cdr.c if each.name not in ("callid", "switch", "customer_id", "load_id")]
    cells = ", ".join(f"ifNull(toString({each}), '')" for each in texts)
    everywhere = f"arrayExists(x -> position(replaceRegexpAll(x, '[^0-9]', ''), '{digits}') > 0, [{cells}])"
    async with backend.session() as session:
        [[calls]] = await session.query(Statement(f"SELECT count() FROM cdr WHERE {everywhere}"))
        [[dids]] = await session.query(Statement(f"SELECT count() FROM did WHERE position(number, '{digits}') > 0"))
    return int(calls + dids)


@pytest.mark.parametrize("kind", STORES)
def test_all_figures_stay(
    kind: str, request: pytest.FixtureRequest, engine: Engine, files: Path, tmp_path: Path
) -> None:
    """Those of all reports, but for the number itself; again there is nothing to erase."""
    digits = number_of(files)
    number = parse_number(digits)
    with site_on(kind, request, engine, files, tmp_path) as (site, run):
        before = figures(site, {})
        assert digits in str(before)
        found = run(lambda backend: find_number(backend, number))
        assert run(lambda backend: rows_with(backend, digits)) == found.rows + found.dids > 50
        assert figures(site, {}) == before
        done = run(lambda backend: erase_number(backend, number))
        assert (done.rows, done.columns, done.dids) == (found.rows, found.columns, 2)
        assert run(lambda backend: rows_with(backend, digits)) == 0
        forms = {erased: form for form, erased in done.forms.items()}
        assert digits not in str(figures(site, {}))
        assert figures(site, forms) == before
        again = run(lambda backend: erase_number(backend, number))
        assert (again.rows, again.dids) == (0, 0)
        assert figures(site, forms) == before


EARLIER = r"""
ALTER TABLE cdr MODIFY COLUMN dest_nanp UInt64
DEFAULT toUInt64OrZero(extract(dest_number, '^(?:\\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})$'))
"""


def test_a_correction_and_an_unload_count_where_the_call_did(engine: Engine, tmp_path: Path) -> None:
    """Also in a store that was made before numbers could be erased."""
    (tmp_path / "cdrs.csv").write_bytes(as_csv([cdr_row(n, dest_number="12125550142") for n in range(3)]))
    (tmp_path / "new.csv").write_bytes(as_csv([cdr_row(1, dest_number="13125550142")]))
    store = EmbeddedStore(engine, tmp_path / "store")

    async def prefixes(backend: Backend) -> list[tuple[int, int]]:
        async with backend.session() as session:
            rows = await session.query(
                Statement(
                    "SELECT intDiv(dest_nanp, 1000) AS block, sum(sign) AS n FROM cdr GROUP BY block ORDER BY ALL"
                )
            )
        return [(block, number) for block, number in rows if number]

    async def work(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(Statement(EARLIER))
        first = await load_cdrs(backend, str(tmp_path / "cdrs.csv"), nothing)
        assert await prefixes(backend) == [(2125550, 3)]
        assert (await erase_number(backend, parse_number("12125550142"))).rows == 3
        assert await prefixes(backend) == [(2125550, 3)]
        second = await load_cdrs(backend, str(tmp_path / "new.csv"), nothing, corrects=True)
        assert second.corrected == 1
        assert await prefixes(backend) == [(2125550, 2), (3125550, 1)]
        await unload(backend, f"{second.load:012x}")
        assert await prefixes(backend) == [(2125550, 3)]
        again = await load_cdrs(backend, str(tmp_path / "cdrs.csv"), nothing)
        assert (again.added, again.there_before, again.differing) == (0, 3, 3)
        assert await rows_with(backend, "2125550142") == 0
        await unload(backend, f"{first.load:012x}")
        assert await prefixes(backend) == []

    store.run(work)


def test_ten_digits_that_may_be_two_numbers(engine: Engine, tmp_path: Path) -> None:
    """By the destination of the call, as in reports."""
    cells = [{"customer_card_dest_code": code, "dest_number": "6023456789"} for code in ("60", "1", "")]
    cells += [{"dest_number": "+6023456789"}, {"dest_number": "16023456789"}, {"dest_cli": "6023456789"}]
    (tmp_path / "cdrs.csv").write_bytes(as_csv([cdr_row(n, **each) for n, each in enumerate(cells)]))
    store = EmbeddedStore(engine, tmp_path / "store")

    async def work(backend: Backend) -> None:
        await load_cdrs(backend, str(tmp_path / "cdrs.csv"), nothing)
        malaysian = await find_number(backend, parse_number("+6023456789"))
        assert (malaysian.rows, dict(malaysian.others)) == (2, {"dest_number": 3, "dest_cli": 1})
        await erase_number(backend, parse_number("+6023456789"))
        async with backend.session() as session:
            left = await session.query(Statement("SELECT callid FROM cdr WHERE position(dest_number, '~') ORDER BY 1"))
        assert [callid for [callid] in left] == ["call-0", "call-3"]
        american = await erase_number(backend, parse_number("6023456789"))
        assert (american.rows, dict(american.others)) == (4, {})

    store.run(work)


def test_a_number_that_is_only_in_texts_and_keys(engine: Engine, tmp_path: Path) -> None:
    """Texts are changed, keys are told; keys pressed and the caller's name go with calls that mention the number."""
    cells = [{"extra": '{"pai": "tel:+1-650-555-0142"}'}, {"callid": "16505550142-1"}, {"dtmf": "6505550142#"}]
    cells += [{"caller_name": "Ann", "source_cli": "anonymous", "dest_cli": "+1.650.555.0142"}]
    rows = [cdr_row(n, caller_name="Bob") | {"extra": ""} | each for n, each in enumerate(cells)]
    (tmp_path / "cdrs.csv").write_bytes(as_csv(rows, list(rows[0])))
    store = EmbeddedStore(engine, tmp_path / "store")
    number = parse_number("+16505550142")

    async def work(backend: Backend) -> list[tuple[str, ...]]:
        await load_cdrs(backend, str(tmp_path / "cdrs.csv"), nothing)
        found = await erase_number(backend, number)
        assert (found.rows, dict(found.columns)) == (3, {"extra": 1, "dtmf": 1, "dest_cli": 1})
        assert dict(found.others) == {"callid": 1}
        assert found.files == [str(tmp_path / "cdrs.csv")]
        async with backend.session() as session:
            left = await session.query(
                Statement("SELECT replaceRegexpAll(extra, '~[0-9]+', '~'), dtmf, caller_name FROM cdr ORDER BY callid")
            )
        return [tuple(each) for each in left]

    assert store.run(work) == [
        ("", "12#", "Bob"),
        ('{"pai": "tel:+1-6505550000~"}', "000", "Bob"),
        ("", "0" * 11, "Bob"),
        ("", "000", ""),
    ]


def test_only_texts_hold_it(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "cdrs.csv").write_bytes(as_csv([cdr_row(0, release_reason="no route to +44 20 7946 0958")]))
    store = EmbeddedStore(engine, tmp_path / "store")

    async def work(backend: Backend) -> int:
        await load_cdrs(backend, str(tmp_path / "cdrs.csv"), nothing)
        assert (await erase_number(backend, parse_number("+442079460958"))).rows == 1
        return await rows_with(backend, "442079460958")

    assert store.run(work) == 0


def test_a_did_in_use_is_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "cdrs.csv").write_bytes(as_csv([cdr_row(0, dest_cli="12125550142")]))
    (tmp_path / "dids.csv").write_text("did,customer_id,valid_from,valid_to\n12125550142,5001,,\n")
    store = EmbeddedStore(engine, tmp_path / "store")

    async def work(backend: Backend) -> None:
        await load_cdrs(backend, str(tmp_path / "cdrs.csv"), nothing)
        await load_dids(backend, str(tmp_path / "dids.csv"), nothing)
        for attempt in (find_number, erase_number):
            with pytest.raises(InvalidInput, match="a DID of customer 5001"):
                await attempt(backend, parse_number("2125550142"))
        assert await rows_with(backend, "2125550142") == 2

    store.run(work)


# ---- the disk ----


def command(home: Path, *words: str) -> Done:
    return typed(words, home, {"GQLREPORTS_HOME": str(home)})


def uncompressed(engine: Engine, home: Path) -> None:
    """A store whose files hold the cells as they are."""
    columns = ", ".join(f"MODIFY COLUMN {each.name} CODEC(NONE)" for each in cdr.c if each.name != "branch_idx")

    async def work(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(Statement(f"ALTER TABLE cdr {columns}"))
            await session.command(Statement("ALTER TABLE cdr MODIFY SETTING default_compression_codec = 'NONE'"))
            await session.command(Statement("ALTER TABLE did MODIFY SETTING default_compression_codec = 'NONE'"))

    EmbeddedStore(engine, home / "store").run(work)
    engine.close()


def holding(folder: Path, digits: str) -> list[str]:
    """The files of a folder that hold the digits as a text, or as a number of 64 bits."""
    texts = [digits.encode(), struct.pack("<Q", int(digits))]
    found = []
    for each in folder.rglob("*"):
        try:
            content = each.read_bytes() if each.is_file() else b""
        except FileNotFoundError:
            continue
        if any(text in content for text in texts):
            found.append(str(each.relative_to(folder)))
    return found


def load_plain(engine: Engine, home: Path, files: Path) -> None:
    uncompressed(engine, home)
    for kind, file in (("customers", "customers.json"), ("dids", "dids.csv"), ("cdrs", "cdrs.csv")):
        assert command(home, "load", kind, str(files / file)).code == 0


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a server"])
def test_no_byte_is_left_in_the_folder(beside: bool, engine: Engine, files: Path, tmp_path: Path) -> None:
    """Nor in former parts, projections, the texts of mutations, the directory, or what the server logs."""
    digits, words = number_of(files), ("erase", "--number", f"+1{number_of(files)}")
    load_plain(engine, tmp_path, files)
    assert any("data.bin" in each or ".bin" in each for each in holding(tmp_path, digits))
    with serving(tmp_path, {"GQLREPORTS_HOME": str(tmp_path)}) if beside else nullcontext():
        shown = command(tmp_path, *words, "--dry-run")
        assert (shown.code, shown.stdout.splitlines()[-1]) == (0, "Nothing was changed.")
        assert f"loaded files that hold it, for you to remove: {files / 'cdrs.csv'}" in shown.stderr
        assert holding(tmp_path, digits)
        refused = command(tmp_path, *words)
        assert (refused.code, "Give --yes" in refused.stderr) == (1, True)
        done = command(tmp_path, *words, "--yes")
        assert done.code == 0, done.stderr
        assert done.stdout.splitlines()[-1].endswith("rows changed; none of it is left on the store's disk")
        assert holding(tmp_path, digits) == []
    assert holding(tmp_path, digits) == []
    assert "\n0 rows changed" in command(tmp_path, *words, "--yes").stdout


@pytest.mark.parametrize("moment", ["found", "mutation", "part", "done"])
def test_killed_and_run_again(moment: str, engine: Engine, files: Path, tmp_path: Path) -> None:
    """At any moment that can be seen in the folder; then no figure is another and no byte is left."""
    digits = number_of(files)
    load_plain(engine, tmp_path, files)
    before = per_number(tmp_path)
    words = [GQLREPORTS, "erase", "--number", digits, "--yes"]
    store = tmp_path / "store" / "store"

    def has_come() -> bool:
        if process.poll() is not None:
            return True
        if moment == "found":
            return True
        if moment == "mutation":
            return any(holding_text(each, digits) for each in store.glob("*/*/*mutation_*.txt"))
        return any(store.glob("*/*/2025??_*_*_*_*" if moment == "part" else "*/*/tmp_mut_*"))

    variables = environment(tmp_path) | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("rows hold the number\n")
        wait_until(has_come, 0.001)
        process.send_signal(signal.SIGKILL)
    again = command(tmp_path, *words[1:])
    assert again.code == 0, again.stderr
    assert holding(tmp_path, digits) == []
    assert sorted(re.sub("~[0-9]+", "", each) for each in per_number(tmp_path)) == sorted(
        each.replace(digits, digits[:7] + "000") for each in before
    )


def holding_text(path: Path, digits: str) -> bool:
    try:
        return digits in path.read_text()
    except FileNotFoundError:
        return False


def per_number(home: Path) -> list[str]:
    """Rows without separated forms."""
    span = ("--from", "2025-10-20T00:00:00Z", "--to", "2025-11-20T00:00:00Z", "--format", "csv")
    done = command(home, "run", "PER_NUMBER", "--customer", CUSTOMER, "--param", "side=CLI", *span)
    assert done.code == 0, done.stderr
    return [each for each in done.stdout.splitlines() if "(" not in each]
