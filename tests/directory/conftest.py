"""The databases of the directory's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gqlreports.directory.directory import Directory
from tests.support.postgresql import PostgreSql, programs


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgreSql.made(found)
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/er/directory.db"
    postgresql: PostgreSql = request.getfixturevalue("postgresql")
    return postgresql.new_database()


@pytest.fixture
def directory(url: str) -> Iterator[Directory]:
    made = Directory(url)
    yield made
    made.close()
