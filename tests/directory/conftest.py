"""The PostgreSQL of the directory's tests."""

from collections.abc import Iterator

import pytest

from tests.directory.postgresql import PostgreSql, programs


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    server = PostgreSql.made(found)
    yield server
    server.remove()
