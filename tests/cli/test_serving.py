"""`gqlreports serve` and `demo` at their start: the addresses that they take, and what they log."""

import json
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from tests.cli.test_cli import GQLREPORTS, _environment, command, failed, printed
from tests.clickhouse.server import free_port
from tests.store.test_load_cdrs import as_csv, cdr_row
from tests.support.processes import started
from tests.support.terminal import started_on_terminal
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes

LOCAL = "127.0.0.1"


@pytest.mark.parametrize("words", ["serve", "demo"])
def test_a_port_in_use(tmp_path: Path, words: str) -> None:
    """One error, nothing else, and nothing is made."""
    home = tmp_path / "home"
    with closing(socket.create_server((LOCAL, 0))) as other:
        port = str(other.getsockname()[1])
        told = failed(command(home, words, "--port", port))
        assert told == (
            f"{LOCAL} cannot be listened on at port {port}: Address already in use; "
            "stop what listens there, or choose another --port."
        )
        assert not home.exists()
        told = failed(command(home, words, "--port", "0", GQLREPORTS_METRICS_PORT=port))
        assert told == f"Metrics cannot be served at port {port}: Address already in use."
        assert not (home / "store").exists()


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("192.0.2.1", "choose a --host that is an address of this machine."),
        ("no-such-host.invalid", "choose another --host or --port."),
        ("x" * 70, "this is no name of a host"),
    ],
)
def test_a_host_that_is_not_of_this_machine(tmp_path: Path, host: str, told: str) -> None:
    home = tmp_path / "home"
    assert told in failed(command(home, "serve", "--host", host, "--port", "0"))
    assert not home.exists()


def test_a_name_and_a_free_port(tmp_path: Path) -> None:
    """The log names the port that was free; a name may have several addresses."""
    process = subprocess.Popen(
        [*GQLREPORTS, "serve", "--host", "localhost", "--port", "0"],
        env=_environment(tmp_path, {}),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        url = json.loads(process.stderr.readline())["event"].split()[2].rstrip(",")
        assert not url.endswith(":0/")
        for address in (url, url.replace("localhost", LOCAL)):
            assert httpx2.get(f"{address}healthz", timeout=PATIENCE).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


BROKEN = """
import logging, sys, warnings
from importlib.metadata import EntryPoint
from gqlreports.plugins import registry
found = registry.entry_points
broken = EntryPoint("BROKEN", "no.such:Plugin", registry.GROUP)
registry.entry_points = lambda group: [*found(group=group), *([broken] if group == registry.GROUP else [])]
warnings.simplefilter("always")
from gqlreports.web import app
made = app.create_app
def create_app(*arguments, **named):
    warnings.warn("something is old\\nin two lines")
    logging.getLogger("uvicorn.error").warning("a warning of the server")
    return made(*arguments, **named)
from gqlreports.cli import serving
serving.create_app = create_app
from gqlreports.cli import app
sys.argv = ["gqlreports", "serve", "--port", sys.argv[1]]
app()
"""


def test_all_that_is_logged_in_a_pipe_is_json(tmp_path: Path) -> None:
    """A plugin that is left out, a misspelt setting, a warning, the address and what the server warns of."""
    port = str(free_port())
    settings = {"GQLREPORTS_QUERY_TIMOUT": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", BROKEN, port],
        env=_environment(tmp_path, settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    events: list[str] = []
    try:
        assert process.stderr is not None
        while not events or not events[-1].startswith("Panel at"):
            events.append(json.loads(process.stderr.readline())["event"])
        assert httpx2.get(f"http://{LOCAL}:{port}/healthz", timeout=PATIENCE).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        output, rest = process.communicate(timeout=PATIENCE)
    events += [json.loads(line)["event"] for line in rest.splitlines()]
    assert (output, process.returncode) == ("", 0)
    told = "\n".join(events)
    for part in ("QUERY_TIMEOUT meant?", "BROKEN = no.such:Plugin", "something is old\nin two", "a warning of the"):
        assert told.count(part) == 1, events


def test_on_a_terminal_it_is_text(tmp_path: Path) -> None:
    port = str(free_port())
    with started_on_terminal(("serve", "--port", port), tmp_path, {"GQLREPORTS_HOME": str(tmp_path)}) as lines:
        first = next(line for line in lines if line.strip())
    assert f"Panel at http://{LOCAL}:{port}/, GraphQL at http://{LOCAL}:{port}/graphql" in first
    assert not first.startswith("{")


def test_a_demo_beside_real_data(tmp_path: Path) -> None:
    """It refuses, and makes neither a user nor a key."""
    calls, customers = tmp_path / "calls", tmp_path / "customers"
    (tmp_path / "calls.csv").write_bytes(as_csv([cdr_row(0, customer_id="1001")]))
    printed_with_notes = command(calls, "load", "cdrs", str(tmp_path / "calls.csv"))
    assert printed_with_notes.code == 0
    customers.mkdir()
    directory = Directory(f"sqlite:///{customers}/directory.db")
    directory.save_customers([Customer(id="1001", name="Somebody real", currency="USD")])
    directory.close()
    for home in (calls, customers):
        told = failed(command(home, "demo", "--port", "0"))
        assert told.startswith("There are calls or customers here that the demo did not make: ")
        assert "GQLREPORTS_HOME" in told
        assert "--force" in told
        directory = Directory(f"sqlite:///{home}/directory.db")
        assert (directory.list_keys(), directory.users.list()) == ([], [])
        directory.close()
    process = subprocess.Popen(
        [*GQLREPORTS, "demo", "--force", "--port", "0"],
        env=_environment(calls, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        while "Password" not in (line := process.stdout.readline()):
            assert line
    finally:
        process.kill()
        process.communicate()
    with started(calls, {"GQLREPORTS_HOME": str(calls)}):
        assert printed(command(calls, "loads", "--first", "1"))
    directory = Directory(f"sqlite:///{calls}/directory.db")
    assert [each.name for each in directory.users.list()] == ["demo"]
    directory.close()
