"""The embedded store alone: what a failed query leaves in the engine, and who else has the directory."""

import asyncio
import subprocess
import sys
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver._chdbclient import ChdbClient

from gqlreports.backends.base import Statement
from gqlreports.backends.embedded.backend import EmbeddedSession
from gqlreports.backends.embedded.readers import Reader
from gqlreports.backends.failures import ReadFailed
from gqlreports.backends.settings import WRITING
from tests.backends.test_conformance import HALF, NEXT
from tests.support.sites import Engine

pytestmark = pytest.mark.processes


def test_the_engine_does_leak_so_these_tests_mean_something(engine: Engine, tmp_path: Path) -> None:
    """If this fails, chDB no longer leaks, and connections could be kept after a failure."""
    path = tmp_path / "store"
    backend = engine.open(path)
    asyncio.run(backend.open())
    reader = Reader(path, "leaking", {}, (None, None))
    with pytest.raises(ReadFailed, match="throwIf"):
        reader.fetch_json(Statement(f"{HALF} WHERE throwIf(number = 390000, 'no') = 0"))
    assert b"clean" not in reader.fetch_json(NEXT).json[:100]
    reader.close()


def test_a_directory_that_another_process_has_open(engine: Engine, tmp_path: Path) -> None:
    engine.open(tmp_path / "store")
    script = (
        "import asyncio, sys; from pathlib import Path;"
        "from gqlreports.backends.embedded.backend import EmbeddedBackend;"
        "asyncio.run(EmbeddedBackend(Path(sys.argv[1])).open())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "store")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "StoreUnavailable: The store is in use by process" in done.stderr


def test_a_session_knows_of_the_engine_what_a_client_asks_it(engine: Engine, tmp_path: Path) -> None:
    """Its client takes it from an earlier one; this holds it to the driver that is installed."""
    backend = engine.open(tmp_path / "store")
    asked = clickhouse_connect.get_client(interface="chdb", path=str(tmp_path / "store"), chdb_options=WRITING)

    async def in_session() -> ChdbClient:
        async with backend.session() as session:
            assert isinstance(session, EmbeddedSession)
            assert isinstance(session._client, ChdbClient)
            return session._client

    told = asyncio.run(in_session())
    for name in ("server_version", "server_tz", "server_settings", "protocol_version", "_client_settings"):
        assert getattr(told, name) == getattr(asked, name), name
    asked.close()
