"""`gqlreports serve` as operators run it: a process of its own, with nothing set but what its test sets."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.clickhouse.server import free_port
from tests.support.waiting import PATIENCE


@dataclass(frozen=True)
class Process:
    """Its address, the file that its log goes to, and the process itself."""

    url: str
    log: Path
    running: "subprocess.Popen[bytes]"

    def ready(self) -> int | None:
        """The status of /readyz; None where nobody listens yet."""
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=10).status_code
        except httpx2.TransportError:
            return None

    def until_ready(self, status: int = 200) -> None:
        """AssertionError with its log where it never says so."""
        began = time.monotonic()
        while self.ready() != status:
            assert time.monotonic() - began < PATIENCE, self.log.read_text()
            time.sleep(0.02)


@contextmanager
def serving(folder: Path, variables: Mapping[str, str]) -> Iterator[Process]:
    """A server that must be there until the end."""
    with started(folder, variables) as made:
        yield made
        assert made.running.poll() is None, made.log.read_text()


@contextmanager
def started(folder: Path, variables: Mapping[str, str]) -> Iterator[Process]:
    """A server that may be stopped or killed."""
    port = free_port()
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    command = [str(Path(sys.executable).with_name("gqlreports")), "serve", "--port", str(port)]
    log = folder / f"serve-{port}.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, env={**others, **variables}, stdout=file, stderr=file)
    try:
        made = Process(f"http://127.0.0.1:{port}", log, process)
        made.until_ready()
        yield made
    finally:
        process.kill()
        process.wait()
