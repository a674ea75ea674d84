"""A real PostgreSQL in a temporary directory, started and stopped by the tests."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError


def programs() -> Path | None:
    """Where PostgreSQL's programs are: in the PATH, or where Debian's package has them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


@dataclass
class PostgreSql:
    """It refuses to run as root, and runs as `postgres` then."""

    programs: Path
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def made(cls, programs: Path) -> "PostgreSql":
        server = cls(programs, Path(tempfile.mkdtemp(prefix="gqlreports-postgresql-")))
        if user := server._user:
            shutil.chown(server.folder, user)
        server._run("initdb", "--username=tests", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        server.start()
        return server

    def start(self) -> None:
        options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.folder / "data", *options],
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        engine = create_engine(self.url("postgres"))
        for _ in range(600):
            try:
                with engine.connect():
                    break
            except OperationalError:
                time.sleep(0.05)
        engine.dispose()

    def stop(self, mode: str = "fast") -> None:
        if self.process:
            self._run("pg_ctl", "stop", f"--mode={mode}", "--wait")
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://tests@/{database}?host={self.folder}"

    def new_database(self, like: str = "template1") -> str:
        """The URL of an empty one, or of a copy of another that nobody is connected to."""
        name = f"test_{secrets.token_hex(6)}"
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
        engine.dispose()
        return self.url(name)

    @property
    def _user(self) -> str | None:
        return pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None

    def _run(self, program: str, *options: str) -> None:
        command = [str(self.programs / program), *options, "-D", str(self.folder / "data")]
        subprocess.run(command, user=self._user, cwd=self.folder, capture_output=True, check=True)
