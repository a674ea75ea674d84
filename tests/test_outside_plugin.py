"""The report of examples/gqlreports-hours, built, installed, found and served as any outsider's is."""

import csv
import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.awkward import COLUMNS

pytestmark = pytest.mark.processes

EXAMPLE = Path(__file__).parent.parent / "examples" / "gqlreports-hours"
PATIENCE = 60
QUERY = """{
  customReport(customer: "1001", type: CALLS_BY_HOUR, from: "2025-10-20T00:00:00Z", to: "2025-10-21T00:00:00Z") {
    ... on CallsByHourReport {
      rows(orderBy: [{column: HOUR, direction: DESC}]) { hour calls answeredCalls asr talkTime }
      rowCount
      totals { calls answeredCalls asr talkTime }
    }
  }
}"""


@dataclass(frozen=True)
class Attempt:
    """A row of the file; `hour` is where the report must count it, None where it must not."""

    hour: str | None
    dt: str
    callid: str
    duration: str
    branch_idx: int = 0
    customer_id: str = "1001"


ATTEMPTS = [
    Attempt("00", "2025-10-20 00:00:00.000", "a", "12.250"),
    Attempt("00", "2025-10-20 00:59:59.999", "b", "0"),
    Attempt("00", "2025-10-20 00:59:59.999", "b", "60", branch_idx=1),
    Attempt("01", "2025-10-20 01:00:00.000", "c", "0"),
    Attempt("23", "2025-10-20T18:29:00-05:00", "d", "0.001"),
    Attempt("23", "2025-10-20 23:30:00.000", "e", "0"),
    Attempt("23", "2025-10-20 23:59:59.999", "f", "3600"),
    Attempt(None, "2025-10-19 23:59:59.999", "g", "7"),
    Attempt(None, "2025-10-21 00:00:00.000", "h", "7"),
    Attempt(None, "2025-10-20 01:30:00.000", "i", "7", customer_id="1002"),
]


def write_files(folder: Path) -> None:
    with (folder / "cdrs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(asdict(each) for each in ATTEMPTS)
    (folder / "customers.csv").write_text("id,name,currency\n1001,Marigold Voice,USD\n1002,Twin Telecom,EUR\n")


def figures(attempts: list[Attempt]) -> dict[str, Any]:
    calls = sum(each.branch_idx == 0 for each in attempts)
    talks = [Decimal(each.duration) for each in attempts if Decimal(each.duration)]
    return {"calls": calls, "answeredCalls": len(talks), "asr": len(talks) / calls, "talkTime": sum(talks)}


def exact(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "talkTime": Decimal(row["talkTime"])}


@dataclass(frozen=True)
class Installation:
    """An environment of its own, and a home for its data."""

    python: Path
    home: Path

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.python, *arguments], env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def gqlreports(self, *arguments: str) -> str:
        return self.run(*self.command, *arguments)

    @property
    def command(self) -> tuple[str, str]:
        return "-c", "from gqlreports.cli import app; app()"

    @property
    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
        return {**others, "GQLREPORTS_HOME": str(self.home / "data"), "COLUMNS": "1000"}

    @contextmanager
    def served(self) -> Iterator[str]:
        """The address of a running server, which is ended in any case."""
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = str(free.getsockname()[1])
        command = [str(self.python), *self.command, "serve", "--strict", "--port", port]
        with (self.home / "log").open("w") as log:
            server = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        try:
            self._await(server, f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}/graphql"
        finally:
            server.terminate()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def _await(self, server: subprocess.Popen[bytes], health: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while server.poll() is None and time.monotonic() < deadline:
            try:
                httpx2.get(health, timeout=PATIENCE).raise_for_status()
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        pytest.fail((self.home / "log").read_text())


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A fresh environment that sees the packages of this one, and holds the example."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    scheme = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    (packages / "running.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    python = Path(sysconfig.get_path("scripts", "venv", scheme)) / "python"
    made = Installation(python, tmp_path)
    made.run("-m", "pip", "install", "--quiet", "--no-deps", str(EXAMPLE))
    assert (packages / "gqlreports_hours.py").is_file()
    return made


def test_a_report_of_another_package(installation: Installation, tmp_path: Path) -> None:
    write_files(tmp_path)
    commands = (
        ("reports", "--strict"),
        ("load", "cdrs", str(tmp_path / "cdrs.csv")),
        ("load", "customers", str(tmp_path / "customers.csv")),
    )
    with ThreadPoolExecutor() as pool:
        listed, loaded, _ = pool.map(lambda arguments: installation.gqlreports(*arguments), commands)
    assert any("CALLS_BY_HOUR" in line and "gqlreports-hours" in line for line in listed.splitlines())
    assert "10 loaded" in loaded
    key = installation.gqlreports("key", "create", "--name", "tests", "--role", "staff").strip()
    with installation.served() as address:
        response = httpx2.post(
            address, json={"query": QUERY}, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE
        )
    [answer] = response.json()["data"].values()

    hours = {hour: [each for each in ATTEMPTS if each.hour == hour] for hour in ("23", "01", "00")}
    assert [exact(row) for row in answer["rows"]] == [
        {"hour": f"2025-10-20T{hour}:00:00.000Z", **figures(attempts)} for hour, attempts in hours.items()
    ]
    assert answer["rowCount"] == len(hours)
    assert exact(answer["totals"]) == figures([each for each in ATTEMPTS if each.hour])
