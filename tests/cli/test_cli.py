"""The command `gqlreports`, as a shell or a pipe sees it: what it prints, where, and how it ends."""

import csv
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema
from typer.testing import CliRunner, Result

from gqlreports.cli.commands import app
from gqlreports.directory.directory import Directory
from tests.store.test_load_cdrs import as_csv, as_json, cdr_row
from tests.support.awkward import BLOCK_HEADINGS, CODE_HEADINGS, DID_HEADINGS, block_row, code_row, csv_line
from tests.support.commands import Done, typed

pytestmark = pytest.mark.processes

GQLREPORTS = [str(Path(sys.executable).with_name("gqlreports"))]
SPAN = ("--customer", "5001", "--from", "2025-11-01T00:00:00Z", "--to", "2025-12-01T00:00:00Z")
ROWS = [
    cdr_row(0, dest_number="12015550100"),
    cdr_row(1, dest_number="12015551100", sip_code="503", duration="0", customer_charge="0", provider_charge="0"),
    cdr_row(1, dest_number="12015551100", branch_idx="1", duration="30"),
    cdr_row(2, dest_number="442079460018", customer_card_dest_code="44", tech_prefix="", dest_cli="+442079460019"),
]
CSV = """\
techPrefix,asr,acd,answeredCalls,total
,1,61.5,1,1
0044,1,45.75,2,2
"""


def command(home: Path, *arguments: str, stdin: bytes = b"", **settings: str) -> Done:
    """Run the command in a process of its own."""
    return typed(arguments, Path.cwd(), {"GQLREPORTS_HOME": str(home), **settings}, stdin)


def _environment(home: Path, settings: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    return inherited | {"GQLREPORTS_HOME": str(home), "PYTHONIOENCODING": "utf-8"} | settings


def printed(done: Done) -> str:
    """What a command that must succeed prints."""
    assert (done.code, done.stderr.strip()) == (0, "")
    return done.stdout


def failed(done: Done) -> str:
    """The one line that a command that must fail tells on standard error."""
    assert (done.code, done.stdout) == (1, "")
    return _one_line(done.stderr)


def _one_line(text: str) -> str:
    assert text.startswith("error: "), text
    [line] = text.splitlines()
    return line.removeprefix("error: ")


def inside(home: Path, *arguments: str, **settings: str) -> Result:
    """Run a command that opens no store in this process."""
    result = CliRunner().invoke(app, arguments, env={"GQLREPORTS_HOME": str(home), **settings})
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result


def printed_inside(home: Path, *arguments: str) -> str:
    result = inside(home, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def failed_inside(home: Path, *arguments: str, **settings: str) -> str:
    result = inside(home, *arguments, **settings)
    assert (result.exit_code, result.stdout) == (1, "")
    return _one_line(result.stderr)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "customers.json").write_text(json.dumps([{"id": "5001", "name": "Marigold", "currency": "USD"}]))
    (folder / "cdrs.csv").write_bytes(as_csv([*ROWS[:3], cdr_row(9, dt="never"), cdr_row(10, customer_id="")]))
    (folder / "cdrs.jsonl.gz").write_bytes(gzip.compress(as_json(ROWS[2:])))
    (folder / "dids.csv").write_text("".join(map(csv_line, [DID_HEADINGS, ["+12025550101", "5001", "2020-01-01", ""]])))
    codes = [CODE_HEADINGS, code_row("201555", "ALDFORD", "AS"), code_row("202555", "GONE", "UA")]
    (folder / "codes").write_text("".join("\t".join(cells) + "\r\n" for cells in codes))
    blocks = [BLOCK_HEADINGS, block_row("201555", "1", "AS", "CORM"), block_row("201555", "x", "AS", "CORM")]
    (folder / "blocks").write_text("".join(map(csv_line, blocks)))
    return folder


@pytest.fixture(scope="module")
def loading(files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A home into which each kind of file was loaded by a command, and what the commands printed."""
    home = tmp_path_factory.mktemp("shell") / "home"

    def load(kind: str, *names: str) -> str:
        return printed(command(home, "load", kind, *(str(files / name) for name in names))).replace(f"{files}/", "")

    output = {
        "customers": load("customers", "customers.json"),
        "dids": load("dids", "dids.csv"),
        "cdrs": load("cdrs", "cdrs.csv", "cdrs.jsonl.gz"),
        "numbering": load("numbering", "codes", "blocks"),
    }
    return home, output


@pytest.fixture
def home(loading: tuple[Path, dict[str, str]]) -> Path:
    return loading[0]


def test_loading_prints_counts(loading: tuple[Path, dict[str, str]], files: Path) -> None:
    assert loading[1] == {
        "customers": "customers.json: 1 customers loaded\n",
        "dids": "dids.csv: 1 loaded, 0 rejected\n",
        "cdrs": "cdrs.csv: 3 loaded, 0 there before, 2 rejected, see cdrs.csv.rejects.csv\n"
        "cdrs.jsonl.gz: 1 loaded, 1 there before, 0 rejected\n",
        "numbering": "codes: 1 in service, 1 not in service, 0 rejected\n"
        "blocks: 1 in service, 0 not in service, 1 rejected, see blocks.rejects.csv\n",
    }
    with (files / "cdrs.csv.rejects.csv").open(newline="") as file:
        assert [row[:2] for row in csv.reader(file)] == [
            ["line", "reason"], ["5", "bad time in dt"], ["6", "no customer_id"],
        ]  # fmt: skip
    with (files / "blocks.rejects.csv").open(newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["line", "3"]


def test_loading_again_and_from_standard_input_adds_nothing(home: Path, files: Path) -> None:
    path = str(files / "cdrs.csv")
    told = printed(command(home, "load", "cdrs", path, "-", stdin=(files / "cdrs.jsonl.gz").read_bytes()))
    assert told == (
        f"{path}: 0 loaded, 3 there before, 2 rejected, see {path}.rejects.csv\n"
        "-: 0 loaded, 2 there before, 0 rejected\n"
    )


def test_a_file_with_wrong_headers_is_refused(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_bytes(as_csv([{"a": "1", "callid": "x"}], ["a", "callid"]))
    told = failed(command(home, "load", "cdrs", str(path)))
    assert "customer_id" in told
    assert "nothing was loaded" in told
    assert "callid" not in told


def test_a_file_that_is_not_there(home: Path) -> None:
    assert failed(command(home, "load", "cdrs", "no[/such].csv")).startswith("no[/such].csv cannot be read")


def test_csv(home: Path) -> None:
    assert printed(command(home, "run", "GROUP_BY_TECH_PREFIX", *SPAN, "--format", "csv")) == CSV


def test_json(home: Path) -> None:
    rows = json.loads(printed(command(home, "run", "USA_RATE_CENTER", *SPAN, "--format", "json")))
    assert rows == [
        _money("201555", "ALDFORD", "0.12345678", "0.00000001", 1),
        _money("201555", "CORM", "0.12345678", "0.00000001", 1),
        _money("44", "", "0.12345678", "0.00000001", 1),
    ]


def _money(prefix: str, center: str, charge: str, provider_charge: str, calls: int) -> dict[str, Any]:
    return {
        "prefix": prefix, "rc": center, "totalCustomerCharge": charge, "totalProviderCharge": provider_charge,
        "customerCurrency": "USD", "providerCurrency": "EUR", "callCount": calls,
    }  # fmt: skip


def test_table_with_totals(home: Path) -> None:
    arguments = ("run", "USA_RATE_CENTER", *SPAN, "--param", "side=ORIGINATING", "--basis", "ATTEMPT")
    header, *rows, totals = cells(printed(command(home, *arguments)))
    assert header[:3] == ["prefix", "rc", "totalCustomerCharge"]
    assert rows == [
        ["", "", "0.12345678", "0.00000001", "USD", "EUR", "1"],
        ["202555", "", "0.24691356", "0.00000002", "USD", "EUR", "3"],
    ]
    assert totals == ["", "", "0.37037034", "0.00000003", "USD", "EUR", "4"]


def cells(table: str) -> list[list[str]]:
    """The lines of a printed table that hold text."""
    lines = [re.split("[│┃]", line) for line in table.splitlines() if line[:1] in "│┃" and line]
    return [[cell.strip() for cell in line[1:-1]] for line in lines]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("NOTHING", *SPAN), "'NOTHING'; there are ASR_PER_ROUTE"),
        (("DTMF", "--customer", "9999", *SPAN[2:]), "9999"),
        (("DTMF", "--customer", "[/b]", *SPAN[2:]), "'[/b]'"),
        (("DTMF", *SPAN[:4], "--to", "2025-11-01T00:00:00Z"), "before"),
        (("DTMF", *SPAN[:4], "--to", "2025-12-41"), "--to 2025-12-41"),
        (("DTMF", *SPAN[:4], "--to", "2025-12-01T00:00:00"), "offset"),
        (("DTMF", *SPAN[:2], "--from", "now", *SPAN[4:]), "--from now"),
        (("USA_RATE_CENTER", *SPAN, "--param", "side"), "NAME=VALUE"),
        (("USA_RATE_CENTER", *SPAN, "--param", "side=UP"), "side"),
        (("USA_RATE_CENTER", *SPAN, "--param", "sides=ORIGINATING"), "sides"),
        (("DTMF", *SPAN, "--param", "side=ORIGINATING"), "side"),
    ],
)
def test_reports_that_cannot_be_run(home: Path, arguments: Sequence[str], told: str) -> None:
    assert told in failed_inside(home, "run", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "DTMF"),
        ("run", "DTMF", *SPAN, "--basis", "HOUR"),
        ("run", "DTMF", *SPAN, "--format", "xml"),
        ("load", "cdrs"),
        ("load", "calls", "x"),
        ("key", "create", "--name", "x", "--role", "root"),
        ("nothing",),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: Sequence[str]) -> None:
    result = inside(tmp_path / "home", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage" in result.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"GQLREPORTS_STORE": "nonsense"},
        {"GQLREPORTS_STORE": "chdb://"},
        {"GQLREPORTS_QUERY_TIMEOUT": "soon"},
        {"GQLREPORTS_QUERY_TIMEOUT": "0"},
    ],
)
def test_settings_that_are_wrong(home: Path, settings: dict[str, str]) -> None:
    assert next(iter(settings)) in failed_inside(home, "run", "DTMF", *SPAN, **settings)


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert failed_inside(tmp_path / "home", "key", "list")


@pytest.mark.parametrize("url", ["nonsense", "nonsense://x", "sqlite:///{tmp_path}"])
def test_a_directory_that_cannot_be_opened(tmp_path: Path, url: str) -> None:
    assert failed_inside(tmp_path, "key", "list", GQLREPORTS_DIRECTORY=url.format(tmp_path=tmp_path))


def test_a_directory_that_is_another_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "directory.db").write_bytes(bytes(range(256)) * 20)
    assert failed_inside(tmp_path, "key", "list")


def test_the_types_are_listed(tmp_path: Path) -> None:
    header, *rows = cells(printed_inside(tmp_path / "home", "reports"))
    assert header == ["type", "package", "what it is"]
    assert {"ASR_PER_ROUTE", "BREAKOUT", "DID_AS_CLI", "DTMF", "GROUP_BY_TECH_PREFIX", "PER_NUMBER"} <= {
        row[0] for row in rows
    }
    assert not (tmp_path / "home").exists()


def test_the_schema_needs_no_store(tmp_path: Path) -> None:
    staff = build_schema(printed_inside(tmp_path / "home", "sdl"))
    partner = build_schema(printed_inside(tmp_path / "home", "sdl", "--partner"))
    assert {"DtmfReport", "UsaRateCenterReport"} <= staff.type_map.keys()
    assert staff.type_map.keys() - partner.type_map.keys() >= {"DtmfReport", "DtmfRow"}
    assert not (tmp_path / "home").exists()


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    long = "n" * 90
    key = printed_inside(tmp_path, "key", "create", "--name", long, "--role", "staff").strip()
    customers = [f"20000000000{number}" for number in range(9)]
    owned = [argument for customer in customers for argument in ("--customer", customer)]
    other = printed_inside(tmp_path, "key", "create", "--name", "Oak [/b] [red]", "--role", "partner", *owned).strip()
    assert key != other
    header, staff, partner = cells(printed_inside(tmp_path, "key", "list"))
    assert header[:6] == ["id", "name", "role", "customers", "reports", "networks"]
    assert header[6:] == ["created", "expires", "revoked", "replaced by"]
    assert staff[1:6] == [long, "staff", "all", "all", "all"]
    assert partner[1:4] == ["Oak [/b] [red]", "partner", ", ".join(customers)]
    assert staff[8] == partner[8] == ""
    assert printed_inside(tmp_path, "key", "revoke", staff[0]) == f"{staff[0]} is revoked\n"
    _, revoked, _ = cells(printed_inside(tmp_path, "key", "list"))
    assert revoked[:8] == staff[:8]
    assert revoked[8] != ""
    assert key not in printed_inside(tmp_path, "key", "list")


def test_keys_are_limited_and_rotated(tmp_path: Path) -> None:
    limits = (
        "--report",
        "DTMF",
        "--network",
        "10.0.0.0/8",
        "--customer",
        "7",
        "--expires",
        "2100-01-01T00:00:00+01:00",
    )
    key = printed_inside(tmp_path, "key", "create", "--name", "x", "--role", "staff", *limits).strip()
    id = key.split("_")[1]
    new = printed_inside(tmp_path, "key", "rotate", id, "--overlap", "30m").strip()
    _, first, second = cells(printed_inside(tmp_path, "key", "list"))
    assert first[:6] == [id, "x", "staff", "7", "DTMF", "10.0.0.0/8"]
    assert second[1:6] == first[1:6]
    left = datetime.fromisoformat(first[7]).replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(minutes=28) < left <= timedelta(minutes=30)
    assert (first[9], second[9]) == (new.split("_")[1], "")
    assert second[0] == new.split("_")[1]
    assert "rotated already" in failed_inside(tmp_path, "key", "rotate", id)


def test_who_ran_what_is_listed(tmp_path: Path) -> None:
    directory = Directory(f"sqlite:///{tmp_path}/directory.db")
    moments = {
        "at": datetime(2025, 11, 3, 1, 2, 3),
        "range_start": datetime(2025, 1, 1),
        "range_end": datetime(2025, 2, 1),
    }
    who = {"caller": "oidc:[red]ann", "name": "Ann [/b]", "source": "::1", "request_id": "r-1"}
    for customer in ("1001", "1002"):
        directory.record_runs([{"report_type": "DTMF", "customer_id": customer, **moments, **who}])
    directory.close()
    header, run = cells(printed_inside(tmp_path, "audit", "--customer", "1002", "--caller", who["caller"]))
    assert header == ["at", "caller", "name", "source", "report", "customer", "from", "to", "request"]
    assert run[:4] == ["2025-11-03T01:02:03.000Z", "oidc:[red]ann", "Ann [/b]", "::1"]
    assert run[4:] == ["DTMF", "1002", "2025-01-01T00:00:00.000Z", "2025-02-01T00:00:00.000Z", "r-1"]
    assert len(cells(printed_inside(tmp_path, "audit", "--first", "1"))) == 2
    assert len(cells(printed_inside(tmp_path, "audit", "--since", "2025-11-03T01:02:04Z"))) == 1
    assert "an offset or Z" in failed_inside(tmp_path, "audit", "--since", "yesterday")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "--name", "x", "--role", "partner"), "partner"),
        (("create", "--name", "x", "--role", "admin", "--customer", "5001"), "admin"),
        (("create", "--name", "x", "--role", "staff", "--report", "NO_SUCH"), "no report type NO_SUCH"),
        (("create", "--name", "x", "--role", "staff", "--network", "10.0.0.1/8"), "host bits"),
        (("create", "--name", "x", "--role", "staff", "--expires", "2100-01-01"), "an offset or Z"),
        (("rotate", "nothing", "--overlap", "2w"), "24h"),
        (("rotate", "nothing", "--overlap", "999999d"), "between 0 and 366 days"),
        (("revoke", "nothing"), "nothing"),
        (("revoke", "[/nothing]"), "[/nothing]"),
    ],
)
def test_keys_that_cannot_be(tmp_path: Path, arguments: Sequence[str], told: str) -> None:
    Directory(f"sqlite:///{tmp_path}/directory.db").close()
    assert told in failed_inside(tmp_path, "key", *arguments)


@pytest.mark.parametrize("arguments", [("sdl",), ("run", "DTMF", *SPAN)])
def test_a_pipe_that_nobody_reads(home: Path, arguments: Sequence[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*GQLREPORTS, *arguments], stdout=write, stderr=subprocess.PIPE, env=_environment(home, {}), timeout=60
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.fixture
def server(home: Path) -> Iterator[str]:
    """The address of a server on the store, which is stopped as a service manager would stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [*GQLREPORTS, "serve", "--port", str(port)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(home, {})) as run:
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            run.send_signal(signal.SIGTERM)
            output, told = run.communicate(timeout=60)
    url = f"http://127.0.0.1:{port}"
    first, *lines = (json.loads(line)["event"] for line in told.splitlines())
    assert (output, first) == (b"", f"Panel at {url}/, GraphQL at {url}/graphql")
    assert set(lines) <= {"request"}


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


def test_while_a_server_runs(server: str, home: Path, files: Path) -> None:
    key = printed_inside(home, "key", "create", "--name", "while it runs", "--role", "staff").strip()
    path = str(files / "cdrs.csv")
    told = f"{path}: 0 loaded, 3 there before, 2 rejected, see {path}.rejects.csv\n"
    assert printed(command(home, "load", "cdrs", path)) == told
    in_use = r"The store is in use by process \d+: stop that one, then try again\."
    assert re.fullmatch(in_use, failed(command(home, "serve", "--port", "0")))
    customer = 'customReport(customer: "5001", type: DTMF, from: "2025-11-01T00:00:00Z", to: "2025-12-01T00:00:00Z")'
    query = f"{{ {customer} {{ ... on DtmfReport {{ totals {{ answeredCalls }} }} }} }}"
    request = urllib.request.Request(
        f"{server}/graphql",
        json.dumps({"query": query}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)
    assert answer["data"] == {"customReport": {"totals": {"answeredCalls": 3}}}
    taken = failed(command(home.parent / "other", "serve", "--port", server.rpartition(":")[2]))
    assert "Address already in use" in taken


def test_help_names_the_commands(tmp_path: Path) -> None:
    told = printed_inside(tmp_path / "home", "--help")
    assert all(f" {name} " in told for name in ("serve", "demo", "run", "reports", "sdl", "load", "key"))
    assert not (tmp_path / "home").exists()
