"""Directories of all versions are brought to this one, and what was in them stays."""

import hashlib
import re
import secrets
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from gqlreports.directory import migrations
from gqlreports.directory.directory import Directory
from gqlreports.directory.models import Base
from gqlreports.directory.principal import Role
from gqlreports.errors import DirectoryUnavailable

# The tables of the first release, as it made them.
FIRST = """
CREATE TABLE customer (id VARCHAR(64) NOT NULL, name VARCHAR(255) NOT NULL,
  currency VARCHAR(3) NOT NULL, PRIMARY KEY (id));
CREATE TABLE api_key (id VARCHAR(16) NOT NULL, name VARCHAR(255) NOT NULL, role VARCHAR(16) NOT NULL,
  hash VARCHAR(64) NOT NULL, created_at TIMESTAMP NOT NULL, revoked_at TIMESTAMP, PRIMARY KEY (id), UNIQUE (hash));
CREATE TABLE api_key_customer (key_id VARCHAR(16) NOT NULL, customer_id VARCHAR(64) NOT NULL,
  PRIMARY KEY (key_id, customer_id), FOREIGN KEY(key_id) REFERENCES api_key (id));
INSERT INTO customer VALUES ('1001', 'Alder', 'USD')
"""


def run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for each in statements:
            connection.execute(text(each))
    engine.dispose()


def old_key(url: str, key_id: str, role: str, *customers: str) -> str:
    """A key as the first release made and kept it."""
    key = "gqlr_" + secrets.token_urlsafe(32)
    hashed = hashlib.sha256(key.encode()).hexdigest()
    owned = [f"INSERT INTO api_key_customer VALUES ('{key_id}', '{each}')" for each in customers]
    columns = "id, name, role, hash, created_at"
    values = f"'{key_id}', 'Old', '{role}', '{hashed}', '2025-11-01 00:00:00'"
    run(url, f"INSERT INTO api_key ({columns}) VALUES ({values})", *owned)
    return key


@pytest.fixture
def first_url(empty_url: str, tmp_path: Path) -> str:
    """A directory of the first release."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    moments = "DATETIME" if empty_url.startswith("sqlite") else "TIMESTAMP"
    run(empty_url, *FIRST.replace("TIMESTAMP", moments).strip().split(";\n"))
    return empty_url


def test_a_directory_of_the_first_release_is_adopted(first_url: str) -> None:
    staff, partner = old_key(first_url, "0a1b2c3d", "staff"), old_key(first_url, "4e5f6a7b", "partner", "1001", "1002")
    directory = Directory(first_url)
    assert (directory.authenticate(staff).role, directory.authenticate(staff).customers) == (Role.STAFF, None)
    assert directory.authenticate(partner).customers == frozenset({"1001", "1002"})
    assert directory.customer(directory.authenticate(partner), "1001").name == "Alder"
    new = directory.create_key("New", Role.STAFF, networks=["10.0.0.0/8"])
    assert directory.authenticate(new, "10.1.1.1").name == "New"
    assert [each.id for each in directory.list_keys()][:2] == ["0a1b2c3d", "4e5f6a7b"]
    directory.revoke_key("0a1b2c3d")
    directory.close()
    again = Directory(first_url)
    assert [each.id for each in again.list_keys() if each.revoked_at] == ["0a1b2c3d"]
    assert again.authenticate(partner).key_id == "4e5f6a7b"
    again.close()


def test_several_that_start_at_once_on_an_old_directory(first_url: str) -> None:
    key = old_key(first_url, "0a1b2c3d", "staff")
    found = []
    start = threading.Barrier(6)

    def opened() -> None:
        start.wait()
        directory = Directory(first_url)
        found.append(directory.authenticate(key).key_id)
        directory.close()

    threads = [threading.Thread(target=opened) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == ["0a1b2c3d"] * 6


def differences(url: str) -> list[object]:
    """Between a database and the models, as Alembic finds them."""
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "directory_version"})
        found = compare_metadata(context, Base.metadata)
    engine.dispose()
    return list(found)


def test_new_tables_are_those_of_the_models(empty_url: str) -> None:
    Directory(empty_url).close()
    assert differences(empty_url) == []


def test_adopted_tables_are_those_of_the_models(first_url: str) -> None:
    assert differences(first_url) != []
    Directory(first_url).close()
    assert differences(first_url) == []


def test_a_directory_of_a_newer_release_is_refused(empty_url: str) -> None:
    Directory(empty_url).close()
    run(empty_url, "UPDATE directory_version SET version_num = '9999'")
    with pytest.raises(DirectoryUnavailable, match="newer gqlreports"):
        Directory(empty_url)


def test_an_upgrade_that_fails_changes_nothing(first_url: str) -> None:
    run(first_url, "CREATE TABLE report_run (mine INTEGER)")
    with pytest.raises(DirectoryUnavailable):
        Directory(first_url)
    run(first_url, "DROP TABLE report_run")
    directory = Directory(first_url)
    assert directory.list_keys() == []
    directory.close()


def test_the_last_step_is_the_one_that_is_wanted() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrations.HEAD]
    assert all(re.fullmatch(r"\d{4}", each.revision) for each in script.walk_revisions())
