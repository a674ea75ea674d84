"""Commands while a server has their store open: they do what they do without one, whatever is killed or stopped."""

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gqlreports.backends.base import Statement
from gqlreports.backends.embedded.shared import SharedBackend
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.store.test_survival import ROWS, Key, environment, reported, write_files
from tests.support.awkward import CODE_HEADINGS, DID_HEADINGS, code_row, csv_line
from tests.support.commands import Done, typed, without_notes
from tests.support.killing import killed, stored_parts
from tests.support.processes import Process, serving, started
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes

GQLREPORTS = str(Path(sys.executable).with_name("gqlreports"))
SPAN = ("--customer", "5001", "--from", "2025-11-01T00:00:00Z", "--to", "2025-12-01T00:00:00Z")
FILES = 4
"""So many that a load of them is seen under way."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[Key]]:
    return write_files(tmp_path_factory.mktemp("files"), FILES)


def command(home: Path, *words: str) -> Done:
    return typed(words, home, {"GQLREPORTS_HOME": str(home)}, b"a password that is long enough\n")


def printed(home: Path, *words: str) -> str:
    done = command(home, *words)
    assert (done.code, without_notes(done.stderr)) == (0, "")
    return done.stdout


@contextmanager
def server(home: Path) -> Iterator[Process]:
    """One that may be killed."""
    with started(home, {"GQLREPORTS_HOME": str(home)}) as process:
        yield process


def kept(home: Path) -> Counter[Key]:
    """How often each call is in the store that a server has open."""

    async def counted() -> Counter[Key]:
        backend = SharedBackend(home / "store")
        async with backend.session() as session:
            found = await session.query(Statement("SELECT callid, formatDateTime(dt, '%Y-%m') FROM cdr"))
        await backend.close()
        return Counter((call, month) for call, month in found)

    return asyncio.run(counted())


def test_commands_do_what_they_do_without_a_server(tmp_path: Path) -> None:
    """Each is run on a store alone, and on another beside its server: they print the same."""
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    rows = [cdr_row(number) for number in range(3)]
    (tmp_path / "cdrs.csv").write_bytes(as_csv([*rows, cdr_row(9, dt="never"), cdr_row(10, customer_id="")]))
    (tmp_path / "corrected.csv").write_bytes(as_csv([cdr_row(0, duration="5"), cdr_row(4)]))
    (tmp_path / "wrong.csv").write_bytes(as_csv([{"a": "1", "callid": "x"}], ["a", "callid"]))
    (tmp_path / "customers.json").write_text('[{"id": "5001", "name": "Marigold", "currency": "USD"}]')
    (tmp_path / "dids.csv").write_text("".join(map(csv_line, [DID_HEADINGS, ["+12025550101", "5001", "x", ""]])))
    codes = [CODE_HEADINGS, code_row("201555", "ALDFORD", "AS")]
    (tmp_path / "codes").write_text("".join("\t".join(cells) + "\r\n" for cells in codes))
    commands: list[Sequence[str]] = [
        ("load", "customers", "../customers.json"),
        ("load", "cdrs", "../cdrs.csv", "../cdrs.csv"),
        ("load", "cdrs", "--replace", "../corrected.csv"),
        ("load", "cdrs", "../wrong.csv"),
        ("load", "cdrs", "../not-there.csv"),
        ("load", "dids", "../dids.csv"),
        ("load", "numbering", "../codes"),
        ("migrate",),
        ("migrate", "--dry-run"),
        ("run", "USA_RATE_CENTER", *SPAN, "--format", "csv", "--as-of", "2100-01-01T00:00:00Z"),
        ("run", "DTMF", *SPAN, "-o", "rows.jsonl"),
        ("user", "add", "ann", "--role", "staff", "--password-stdin"),
    ]
    for home in (alone, beside):
        home.mkdir()
        printed(home, "migrate")
    others = Path(tmp_path / "dids.csv.rejects.csv"), Path(tmp_path / "cdrs.csv.rejects.csv")
    with serving(beside, {"GQLREPORTS_HOME": str(beside)}):
        for words in commands:
            told = []
            for home in (alone, beside):
                done = command(home, *words)
                rejects = [each.read_text() if each.exists() else "" for each in others]
                told.append((done.code, done.stdout, done.stderr, rejects))
            assert told[0] == told[1], words
        assert (alone / "rows.jsonl").read_bytes() == (beside / "rows.jsonl").read_bytes()
        explained = printed(beside, "explain", "GROUP_BY_TECH_PREFIX", *SPAN)
        assert re.match(r"rollup_group_by_tech_prefix_\w+: \d+ of \d+ granules\n\d+ rows, ", explained)


def test_the_store_is_copied_from_and_to_a_server(files: dict[str, set[Key]], tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("from", "to")]
    for home in homes:
        home.mkdir()
    urls = [f"chdb://{home}/store" for home in homes]
    with server(homes[0]), server(homes[1]):
        printed(homes[0], "load", "cdrs", *list(files)[:2])
        told = printed(tmp_path, "copy", *urls)
        assert told.splitlines()[:3] == [f"cdr 2025{month}: 4000 rows copied" for month in ("09", "10", "11")]
        assert "there before" in printed(tmp_path, "copy", *urls)
        assert kept(homes[1]) == kept(homes[0]) != Counter()


@pytest.mark.parametrize(("told", "months"), [(0, 1), (2, 2)], ids=["in the first file", "in the third file"])
def test_a_command_that_is_killed(told: int, months: int, files: dict[str, set[Key]], tmp_path: Path) -> None:
    """What was reported is there, and the same command again adds the rest, at once and each row once."""
    words = [GQLREPORTS, "load", "cdrs", *files]
    with server(tmp_path):
        output = "".join(killed(words, tmp_path / "store", told, months, environment(tmp_path)))
        again = printed(tmp_path, "load", "cdrs", *files)
        assert len(reported(output)) < FILES
        assert set().union(*(files[file] for file in reported(output))) <= set(kept(tmp_path))
        assert again.count("\n") == FILES
        assert kept(tmp_path) == Counter(key for keys in files.values() for key in keys)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_ends_in_the_middle_of_a_load(how: int, files: dict[str, set[Key]], tmp_path: Path) -> None:
    """The command tells so in a line, and again it adds the rest, each row once."""
    words = [GQLREPORTS, "load", "cdrs", *files]
    store = tmp_path / "store"
    with server(tmp_path) as process:
        before = stored_parts(store)
        with subprocess.Popen(
            words, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as load:
            began = time.monotonic()
            while not stored_parts(store) - before:
                assert load.poll() is None
                assert time.monotonic() - began < PATIENCE
                time.sleep(0.001)
            process.running.send_signal(how)
            output, errors = load.communicate(timeout=PATIENCE)
        process.running.wait(PATIENCE)
    # A server that shuts down waits a second before it stops what runs, which is enough for some loads.
    if how == signal.SIGKILL or load.returncode:
        assert load.returncode == 1
        assert re.fullmatch(
            r"error: The server that has the store open [^.:]*: run (it|this) again[^.]*\.\n", without_notes(errors)
        )
    assert (store / "commands" / "socket").exists() == (how == signal.SIGKILL)
    with server(tmp_path):
        there = kept(tmp_path)
        assert set(there.values()) == {1}
        assert set().union(*(files[file] for file in reported(output))) <= set(there)
        printed(tmp_path, "load", "cdrs", *files)
        assert kept(tmp_path) == Counter(key for keys in files.values() for key in keys)


def test_a_killed_server_is_no_obstacle(files: dict[str, set[Key]], tmp_path: Path) -> None:
    with server(tmp_path) as process:
        process.running.kill()
        process.running.wait(PATIENCE)
    [first, *_] = files
    assert (tmp_path / "store" / "commands" / "socket").is_socket()
    assert f"{ROWS} loaded, 0 there before" in printed(tmp_path, "load", "cdrs", first)


def test_reports_go_on_during_a_load(tmp_path: Path) -> None:
    """What does not change is the same in each answer; of what is loaded ever more is there."""
    customers = ("5001", "5002")
    (tmp_path / "before.csv").write_bytes(as_csv(cdr_row(row, customer_id="5001") for row in range(100)))
    numbers = range(200_000)
    (tmp_path / "cdrs.csv").write_bytes(as_csv(cdr_row(row, callid=f"n{row}", customer_id="5002") for row in numbers))
    directory = Directory(f"sqlite:///{tmp_path}/directory.db")
    directory.save_customers([Customer(id=each, name=each, currency="USD") for each in customers])
    headers = {"Authorization": f"Bearer {directory.create_key('tests', Role.STAFF)}"}
    directory.close()
    field = (
        '{}: customReport(customer: "{}", type: DTMF, from: "2025-11-01T00:00:00Z", to: "2025-12-01T00:00:00Z") '
        "{{ ... on DtmfReport {{ totals {{ answeredCalls }} }} }}"
    )
    query = {"query": f"{{ {' '.join(field.format(f'c{each}', each) for each in customers)} }}"}
    answers: list[Any] = []
    loaded = threading.Event()
    settings = {"GQLREPORTS_HOME": str(tmp_path), "GQLREPORTS_LIMITS_REQUESTS_PER_MINUTE": "1000000"}
    with serving(tmp_path, settings) as process:
        printed(tmp_path, "load", "cdrs", "before.csv")

        def ask() -> None:
            with httpx2.Client(timeout=PATIENCE) as client:
                while not loaded.is_set():
                    answers.append(client.post(f"{process.url}/graphql", json=query, headers=headers).json())

        callers = [threading.Thread(target=ask) for _ in range(3)]
        for each in callers:
            each.start()
        try:
            assert "200000 loaded, 0 there before, 0 rejected" in printed(tmp_path, "load", "cdrs", "cdrs.csv")
        finally:
            loaded.set()
            for each in callers:
                each.join()
        last = httpx2.post(f"{process.url}/graphql", json=query, headers=headers, timeout=PATIENCE).json()
    found = [{name: each["totals"]["answeredCalls"] for name, each in answer["data"].items()} for answer in answers]
    assert len(found) > 10
    assert {each["c5001"] for each in found} == {100}
    assert all(0 <= each["c5002"] <= 200_000 for each in found)
    assert last["data"]["c5002"]["totals"]["answeredCalls"] == 200_000
