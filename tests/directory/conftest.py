"""The databases of the directory's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from gqlreports.directory.directory import Directory
from tests.support.directories import new_directory
from tests.support.postgresql import PostgreSql, programs


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgreSql.made(found)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def migrated(postgresql: PostgreSql) -> str:
    """The name of a database with the directory's tables."""
    url = postgresql.new_database()
    made = Directory(url)
    made.check()
    made.close()
    return str(make_url(url).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/er/directory.db"
    postgresql: PostgreSql = request.getfixturevalue("postgresql")
    return postgresql.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the directory's tables and nothing in them."""
    if request.param == "sqlite":
        new_directory(tmp_path).close()
        return f"sqlite:///{tmp_path}/directory.db"
    postgresql: PostgreSql = request.getfixturevalue("postgresql")
    return postgresql.new_database(request.getfixturevalue("migrated"))


@pytest.fixture
def directory(url: str) -> Iterator[Directory]:
    made = Directory(url)
    yield made
    made.close()
