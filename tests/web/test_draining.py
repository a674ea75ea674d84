"""The end of a real process: what runs may end, what does not is cancelled and told so, and the exit code is 0."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.clickhouse.server import free_port

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent.parent
RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'


def report(name: str) -> str:
    fields = f"... on {name.title()}Report {{ rows {{ account calls }} }}"
    return f'{{ customReport(customer: "1", type: {name}, {RANGE}) {{ {fields} }} }}'


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str
    key: str
    answers: list[httpx2.Response] = field(default_factory=list)

    def ask(self, query: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.post(f"{self.url}/graphql", json={"query": query}, headers=headers, timeout=60)

    def ready(self) -> int | None:
        """The status of /readyz; None where nobody listens any more."""
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=60).status_code
        except httpx2.TransportError:
            return None

    def start(self, query: str) -> threading.Thread:
        """Ask, and go on; the answer comes into `answers`."""
        thread = threading.Thread(target=lambda: self.answers.append(self.ask(query)))
        thread.start()
        time.sleep(1)
        return thread


@contextmanager
def server(folder: Path, seconds: float) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "tests.support.slow_server", str(folder), str(port), str(seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        made = Server(process, f"http://127.0.0.1:{port}", process.stdout.readline().strip())
        until = time.monotonic() + 60
        while made.ready() != 200:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield made
    finally:
        process.kill()
        process.communicate()


def ended(made: Server, seconds: float) -> str:
    """The end of the process, which must be a good one: what it wrote to standard error."""
    _, errors = made.process.communicate(timeout=seconds)
    assert made.process.returncode == 0
    assert "Traceback" not in errors
    return errors


def test_what_runs_may_end(tmp_path: Path) -> None:
    with server(tmp_path, seconds=20) as made:
        asking = made.start(report("SLOW"))
        made.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        # It still listens, to say so.
        assert made.ready() == 503
        late = made.ask("{ viewer { name } }")
        assert late.status_code == 503
        assert late.json()["errors"][0]["extensions"] == {"code": "SHUTTING_DOWN"}
        assert int(late.headers["retry-after"]) > 0
        asking.join()
        assert made.answers[0].status_code == 200
        assert made.answers[0].json()["data"] == {"customReport": {"rows": []}}
        ended(made, seconds=60)
        assert made.ready() is None


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_what_does_not_end_is_cancelled(tmp_path: Path, stop: signal.Signals) -> None:
    with server(tmp_path, seconds=2) as made:
        asking = [made.start(report("ENDLESS")) for _ in range(2)]
        made.process.send_signal(stop)
        for each in asking:
            each.join()
        for answer in made.answers:
            assert answer.status_code == 503
            assert answer.json()["errors"][0]["extensions"] == {"code": "SHUTTING_DOWN"}
            assert int(answer.headers["retry-after"]) > 0
        ended(made, seconds=60)


def test_nothing_runs(tmp_path: Path) -> None:
    with server(tmp_path, seconds=20) as made:
        made.process.send_signal(signal.SIGTERM)
        ended(made, seconds=60)
