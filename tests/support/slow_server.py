"""A server with reports that take their time: `python -m tests.support.slow_server FOLDER PORT SECONDS` prints a key.

It gives running requests that many seconds when it is told to end.
"""

import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, func, literal_column

from gqlreports.backends.embedded.backend import EmbeddedBackend
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Role
from gqlreports.plugins import Report, Scope, attempts, cdr, dimension, measure
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.store.definition import definition
from gqlreports.web.app import HttpOptions, create_app
from gqlreports.web.lifecycle import GracefulServer, Shutdown
from tests.support import sites
from tests.web.test_leaving import Endless


class Slow(Report):
    """Takes the store three seconds."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(literal_column("(SELECT sleep(3))") == func.toUInt8(0))


def main(folder: Path, port: int, seconds: float) -> None:
    directory = Directory(f"sqlite:///{folder}/directory.db")
    directory.save_customers([Customer(id="1", name="One", currency="USD")])
    sys.stdout.write(f"{directory.create_key('tests', Role.STAFF)}\n")
    sys.stdout.flush()
    reports = {**sites.REGISTRY.reports}
    for report in (Slow, Endless):
        name = report.__name__.upper()
        reports[name] = RegisteredReport(name, report(), "tests")
    shutdown = Shutdown()
    backend = EmbeddedBackend(folder / "store", definition())
    app = create_app(Registry(MappingProxyType(reports)), backend, directory, http=HttpOptions(shutdown=shutdown))
    GracefulServer(app, "127.0.0.1", port, shutdown, seconds).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
