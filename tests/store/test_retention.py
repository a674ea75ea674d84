"""What goes with the months that are kept no longer, and what stays: on every kind of store, whatever is killed."""

import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gqlreports.backends.base import Backend, Statement
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.loads import Unloaded, unload
from gqlreports.store.retention import StoredMonth, drop_months, retention
from tests.conftest import STORES
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.store.test_survival import environment
from tests.support.commands import Done, typed
from tests.support.processes import serving
from tests.support.sites import Engine, nothing
from tests.support.stores import EmbeddedStore, SharedStore, Store, new_cluster_database, new_database

pytestmark = pytest.mark.processes

GQLREPORTS = str(Path(sys.executable).with_name("gqlreports"))


def first_of_month(back: int) -> datetime:
    """The beginning of the month so many months before the current one."""
    now = datetime.now(UTC)
    month = now.year * 12 + now.month - 1 - back
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def month_of(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


@pytest.fixture(params=[*STORES, "shared"])
def own_store(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Store:
    """One with nothing in it."""
    if request.param in ("embedded", "shared"):
        return (EmbeddedStore if request.param == "embedded" else SharedStore)(engine, tmp_path / "store")
    if request.param == "cluster":
        return new_cluster_database(request.getfixturevalue("cluster"))
    return new_database(request.getfixturevalue("server_url"))


async def calls(backend: Backend) -> list[tuple[str, int]]:
    async with backend.session() as session:
        rows = await session.query(Statement("SELECT callid, sum(sign) FROM cdr GROUP BY callid ORDER BY callid"))
    return [(callid, number) for callid, number in rows]


def test_months_go_as_a_whole_and_the_last_ones_stay(own_store: Store, tmp_path: Path) -> None:
    """From the first millisecond of the first month that is kept; what was corrected goes with its corrections."""
    kept, before = first_of_month(2), first_of_month(2) - timedelta(milliseconds=1)
    moments = [first_of_month(14), first_of_month(13), before, kept, first_of_month(1), first_of_month(0)]
    file, corrected = tmp_path / "cdrs.csv", tmp_path / "corrected.csv"
    rows = [cdr_row(n, dt=moment.isoformat(" ", "milliseconds")) for n, moment in enumerate(moments)]
    file.write_bytes(as_csv(rows))
    corrected.write_bytes(as_csv([rows[1] | {"dest_number": "1"}, rows[4] | {"dest_number": "1"}]))

    async def work(backend: Backend) -> tuple[str, str]:
        first = await load_cdrs(backend, str(file), nothing)
        second = await load_cdrs(backend, str(corrected), nothing, corrects=True)
        found = await retention(backend, 2)
        assert found.first_kept == month_of(kept)
        assert [(str(each), each.cdrs) for each in found.expired] == [
            (month_of(moment), 1) for moment in sorted({moments[0], moments[1], before})
        ]
        assert all(each.bytes > 0 for each in found.expired)
        assert await calls(backend) == [(f"call-{n}", 1) for n in range(6)]
        dropped: list[StoredMonth] = []
        await drop_months(backend, found.expired, dropped.append)
        assert dropped == found.expired
        assert await calls(backend) == [(f"call-{n}", 1) for n in (3, 4, 5)]
        assert (await retention(backend, 2)).expired == []
        await drop_months(backend, found.expired, nothing)
        assert await calls(backend) == [(f"call-{n}", 1) for n in (3, 4, 5)]
        return f"{first.load:012x}", f"{second.load:012x}"

    async def undo(backend: Backend, *loads: str) -> None:
        """What is left of a load is taken back, and how much of it went is told."""
        first, second = loads
        assert await unload(backend, second) == Unloaded(2, 1)
        assert await unload(backend, first) == Unloaded(3, 3)
        assert await unload(backend, first) == Unloaded(0, 3)
        assert await calls(backend) == [(f"call-{n}", 0) for n in (3, 4, 5)]

    loads = own_store.run(work)
    own_store.reopen()
    own_store.run(lambda backend: undo(backend, *loads))


def test_a_query_that_runs_ends_with_what_it_began_with(engine: Engine, tmp_path: Path) -> None:
    store = EmbeddedStore(engine, tmp_path / "store")

    async def work(backend: Backend) -> None:
        async with backend.session() as session:
            await session.command(
                Statement(
                    "INSERT INTO cdr (dt, callid, sign) SELECT toDateTime64('2024-01-01', 3, 'UTC'), "
                    "toString(number), 1 FROM numbers(500000)"
                )
            )
        slow = Statement("SELECT callid FROM cdr")
        async with backend.stream(slow, "CSV") as pieces:
            told = len((await anext(pieces)).splitlines())
            await drop_months(backend, (await retention(backend, 1)).expired, nothing)
            assert await calls(backend) == []
            async for piece in pieces:
                told += piece.count(b"\n")
        assert told == 500_000

    store.run(work)


def cdrs_of_months(path: Path, months: int) -> None:
    rows = [cdr_row(n, dt=(first_of_month(n) + timedelta(hours=9)).isoformat(" ")) for n in range(months)]
    path.write_bytes(as_csv(rows))


def command(home: Path, *words: str) -> Done:
    return typed(words, home, {"GQLREPORTS_HOME": str(home)})


def test_the_command_alone_and_beside_a_server(tmp_path: Path) -> None:
    """It shows what would go, asks nobody where there is nobody, and prints the same beside a server."""
    cdrs_of_months(tmp_path / "cdrs.csv", 5)
    told = []
    for name in ("alone", "beside"):
        home = tmp_path / name
        home.mkdir()
        assert command(home, "load", "cdrs", "../cdrs.csv").code == 0
        if name == "alone":
            told.append(retained(home))
        else:
            with serving(home, {"GQLREPORTS_HOME": str(home)}):
                told.append(retained(home))
    assert told[0] == told[1]


def retained(home: Path) -> list[str]:
    words, gone = ("retain", "--months", "2"), [month_of(first_of_month(back)) for back in (4, 3)]
    shown = "".join(rf"{month}: 1 CDRs, [\d.]+ (kB|bytes)\n" for month in gone)
    first = month_of(first_of_month(2))
    rehearsed = command(home, *words, "--dry-run")
    assert re.fullmatch(rf"{shown}All from {first} on stays\. Nothing was dropped\.\n", rehearsed.stdout)
    refused = command(home, *words)
    assert re.fullmatch(shown, refused.stdout)
    assert (refused.code, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.startswith("error: Nothing was changed: there is no terminal to ask at. Give --yes")
    done = command(home, *words, "--yes")
    dropped = "".join(f"{month}: dropped\n" for month in gone)
    assert (done.code, done.stderr) == (0, "")
    assert re.fullmatch(shown + re.escape(dropped), done.stdout)
    again = command(home, *words, "--yes")
    assert (again.code, again.stdout) == (0, f"No calls are stored from before {first}.\n")
    assert command(home, "retain", "--months", "0").code == 2
    again = command(home, "load", "cdrs", "../cdrs.csv")
    assert "2 loaded, 3 there before" in again.stdout
    return [rehearsed.stdout, refused.stdout, done.stdout]


@pytest.mark.parametrize("lines", [41, 50, 79])
def test_killed_and_run_again(engine: Engine, lines: int, tmp_path: Path) -> None:
    engine.close()
    cdrs_of_months(tmp_path / "cdrs.csv", 43)
    assert command(tmp_path, "load", "cdrs", "cdrs.csv").code == 0
    words = [GQLREPORTS, "retain", "--months", "2", "--yes"]
    variables = {**environment(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
    assert sum(line.endswith(": dropped\n") for line in printed) == lines - 40
    assert command(tmp_path, *words[1:]).code == 0
    store = EmbeddedStore(engine, tmp_path / "store")
    assert store.run(calls) == [(f"call-{n}", 1) for n in (0, 1, 2)]
    engine.close()
