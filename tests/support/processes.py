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
    """Its address, the file that its log goes to, and its id."""

    url: str
    log: Path
    id: int

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
def serving(folder: Path, variables: Mapping[str, str], killed: bool = False) -> Iterator[Process]:
    """A process that must live until the context ends, unless it is to be `killed` by its test."""
    port = free_port()
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    command = [str(Path(sys.executable).with_name("gqlreports")), "serve", "--port", str(port)]
    log = folder / f"serve-{port}.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, env={**others, **variables}, stdout=file, stderr=file)
    try:
        made = Process(f"http://127.0.0.1:{port}", log, process.pid)
        made.until_ready()
        yield made
        assert killed or process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()
