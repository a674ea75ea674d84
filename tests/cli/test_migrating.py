"""`gqlreports migrate`, and what the other commands say of a store that needs it, as a user types them."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from gqlreports.directory.migrations import HEAD
from gqlreports.store.definition import MIGRATIONS, StoreDefinition
from gqlreports.store.topology import Topology
from tests.support import commands, sites
from tests.support.stores import ServedStore, command, drop, new_database

pytestmark = pytest.mark.processes

PENDING = ", ".join(f"{each.number} ({each.name})" for each in MIGRATIONS)
ROLLUPS = [f"rollup of {each.report}" for each in sites.REGISTRY.rollups]
DONE = "".join(f"{each}: done\n" for each in (*(f"{each.number} ({each.name})" for each in MIGRATIONS), *ROLLUPS))


PAGE = (Path(__file__).parent.parent.parent / "docs" / "upgrades.md").read_text()
RELEASED = 5
"""The last migration of version 0.2.0."""


def typed(home: Path, url: str | None, *words: str) -> tuple[str, str, int]:
    store = {"GQLREPORTS_STORE": url} if url else {}
    done = commands.typed(words, home, {"GQLREPORTS_HOME": str(home), **store})
    return done.stdout, done.stderr, done.code


def test_from_an_empty_database_to_a_report(served_store: ServedStore, tmp_path: Path) -> None:
    empty = replace(served_store, database=f"test_{secrets.token_hex(6)}")
    command(empty.url, f"CREATE DATABASE {empty.database}")
    url = f"{empty.url}/{empty.database}"
    example = Path(__file__).parent.parent.parent / "docs" / "example"
    told = f"error: The store lacks {PENDING}: run `gqlreports migrate`, then start again.\n"
    for words in (("serve", "--port", "0"), ("load", "cdrs", str(example / "calls.csv"))):
        assert typed(tmp_path, url, *words)[1:] == (told, 1)

    statements, errors, code = typed(tmp_path, url, "migrate", "--dry-run")
    assert (errors, code) == ("", 0)
    assert statements.count("CREATE TABLE IF NOT EXISTS") >= 4
    assert typed(tmp_path, None, "migrate", "--store", url) == (DONE, "", 0)
    assert typed(tmp_path, url, "migrate") == ("No migration is pending.\n", "", 0)

    assert typed(tmp_path, url, "load", "customers", str(example / "customers.csv"))[2] == 0
    for added in ("7 loaded, 0 there before", "0 loaded, 7 there before"):
        assert added in typed(tmp_path, url, "load", "cdrs", str(example / "calls.csv"))[0]
    span = ("--from", "2025-11-03T00:00:00Z", "--to", "2025-11-04T00:00:00Z", "--format", "csv")
    printed, errors, code = typed(tmp_path, url, "run", "GROUP_BY_TECH_PREFIX", "--customer", "1001", *span)
    assert (errors, code) == ("", 0)
    assert printed.startswith("techPrefix,asr,acd,answeredCalls,total\n")
    assert len(printed.splitlines()) > 1
    drop(empty)


def test_from_an_embedded_store_to_a_server(served_store: ServedStore, tmp_path: Path) -> None:
    """Corrections and load times included; again, nothing is added; a month that is there in part is refused."""
    example = Path(__file__).parent.parent.parent / "docs" / "example"
    for words in (
        ("customers", "customers.csv"),
        ("cdrs", "calls.csv"),
        ("dids", "dids.csv"),
        ("numbering", "co_codes.tsv"),
    ):
        assert typed(tmp_path, None, "load", words[0], str(example / words[1]))[2] == 0
    target = new_database(served_store.url, served_store.cluster)
    url, embedded = f"{target.url}/{target.database}", f"chdb://{tmp_path}/store"
    parts = ("cdr 202511: 7", "did: 2", "numbering: 3", "cdr_load: 1", "cdr_load_customer: 2")
    told = "".join(f"{each} rows {{0}}\n" for each in parts)
    assert typed(tmp_path, None, "copy", embedded, url) == (told.format("copied"), "", 0)
    assert typed(tmp_path, None, "copy", embedded, url) == (told.format("there before"), "", 0)
    span = ("--customer", "1001", "--from", "2025-11-03T00:00:00Z", "--to", "2025-11-04T00:00:00Z", "--format", "csv")
    for report in ("USA_RATE_CENTER", "DID_AS_CLI", "DTMF"):
        here, there = typed(tmp_path, None, "run", report, *span), typed(tmp_path, url, "run", report, *span)
        assert here == there
        assert here[2] == 0
    command(url, "INSERT INTO cdr (callid, dt, sign) VALUES ('more', '2025-11-30 00:00:00', 1)")
    printed, errors, code = typed(tmp_path, None, "copy", embedded, url)
    assert (printed, code) == ("", 1)
    assert "has 8 of the 7 rows of cdr 202511" in errors
    drop(target)


def test_an_embedded_store_migrates_itself(tmp_path: Path) -> None:
    assert typed(tmp_path, None, "migrate") == (DONE, "", 0)
    assert typed(tmp_path, None, "migrate") == ("No migration is pending.\n", "", 0)
    printed, errors, code = typed(tmp_path, None, "migrate", "--cluster", "main")
    assert (printed, code) == ("", 1)
    assert "A cluster needs a server" in errors


def test_a_server_of_the_last_release(served_store: ServedStore, tmp_path: Path) -> None:
    """What the page of upgrades says: nothing is served or loaded until it is migrated, and its calls are kept."""
    old = replace(served_store, database=f"test_{secrets.token_hex(6)}")
    command(old.url, f"CREATE DATABASE {old.database}")
    released = StoreDefinition(Topology(old.database, old.cluster), MIGRATIONS[:RELEASED], sites.REGISTRY.rollups)
    url = f"{old.url}/{old.database}"
    rollups = [statement for each in released.rollup_statements([]).values() for statement in each]
    for statement in (*released.record, *released.statements([]), *rollups):
        command(url, statement)
    command(url, "INSERT INTO cdr (callid, customer_id, dt, sign) VALUES ('kept', '1', '2025-11-03 00:00:00', 1)")
    lacking = [f"{each.number} ({each.name})" for each in MIGRATIONS[RELEASED:]]
    told = f"error: The store lacks {', '.join(lacking)}: run `gqlreports migrate`, then start again.\n"
    for words in (("serve", "--port", "0"), ("loads",), ("load", "cdrs", "-")):
        assert typed(tmp_path, url, *words) == ("", told, 1)
    done = "".join(f"{each}: done\n" for each in lacking)
    assert typed(tmp_path, url, "migrate") == (done, "", 0)
    assert typed(tmp_path, url, "migrate") == ("No migration is pending.\n", "", 0)
    assert f"$ gqlreports serve\n{told}$ gqlreports migrate\n{done}" in PAGE
    span = ("--from", "2025-11-03T00:00:00Z", "--to", "2025-11-04T00:00:00Z")
    customers = tmp_path / "customers.csv"
    customers.write_text("id,name,currency\n1,Kept,USD\n")
    assert typed(tmp_path, url, "load", "customers", str(customers))[2] == 0
    printed = typed(tmp_path, url, "run", "GROUP_BY_TECH_PREFIX", "--customer", "1", *span, "--format", "csv")[0]
    assert printed.splitlines()[1:] == [",0,,0,1"]
    drop(old)


def test_the_page_of_upgrades_has_this_version() -> None:
    assert f"| 0.2.0 | 1 to {RELEASED} | 0003 |\n" in PAGE
    assert f"| unreleased | 1 to {len(MIGRATIONS)} | {HEAD} |\n" in PAGE


def test_an_address_that_is_none(tmp_path: Path) -> None:
    printed, errors, code = typed(tmp_path, None, "migrate", "--store", "clickhouse://u:s3cret@host:port/db")
    assert (printed, code) == ("", 1)
    assert "GQLREPORTS_STORE" in errors
    assert "s3cret" not in errors
