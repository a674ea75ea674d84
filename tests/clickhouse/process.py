"""The front as a process of its own, which a test may stop and start again."""

import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class ClickHouse:
    """`credentials` are USER:PASSWORD to ask of clients."""

    path: Path
    credentials: str | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        asked = ["--password", self.credentials] if self.credentials else []
        command = [sys.executable, "-m", "tests.clickhouse", "--path", str(self.path), "--port", str(self.port), *asked]
        self.process = subprocess.Popen(command, cwd=Path(__file__).parent.parent.parent)
        self.wait()

    def wait(self) -> None:
        """Until it answers."""
        for _ in range(600):
            try:
                httpx2.get(f"http://127.0.0.1:{self.port}/ping")
                return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise RuntimeError("ClickHouse's front did not start")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def url(self, database: str = "default") -> str:
        user = f"{self.credentials}@" if self.credentials else ""
        return f"clickhouse://{user}127.0.0.1:{self.port}/{database}"
