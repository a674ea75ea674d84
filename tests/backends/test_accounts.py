"""The users that `docs/deploying.md` makes on a server: each can do what the page says, with no grant too many."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Role
from tests.clickhouse.accounts import Grant, user_with
from tests.clickhouse.deployment import (
    ACCOUNTS,
    LOADER,
    LOADS,
    QUERY,
    READER,
    REPORT,
    ROOT,
    SPAN,
    Deployment,
    deployment,
)
from tests.clickhouse.server import free_port
from tests.support import sites, stores

pytestmark = pytest.mark.processes

ROWS = "techPrefix,asr,acd,answeredCalls,total\n,1,96,2,2\n0044,0.5,63.25,1,2\n"
TOTALS = [{"techPrefix": "", "total": 2}, {"techPrefix": "0044", "total": 2}]
RANGE = "customer=1001&from=2025-11-03T00:00:00Z&to=2025-11-04T00:00:00Z"
LACKS = "The store's user lacks a right: "


def without(grant: Grant) -> str:
    """The name of a user who has all but this grant of another."""
    return f"without_{ACCOUNTS.grants.index(grant)}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Migrated and loaded by its loader."""
    more = ""
    for grant in ACCOUNTS.grants:
        others = [each for each in ACCOUNTS.granted(grant.to) if each != grant]
        more += user_with(without(grant), others, ACCOUNTS.users[grant.to])
    with deployment(tmp_path_factory.mktemp("accounts"), ACCOUNTS.xml(more)) as made:
        for sql in ("CREATE DATABASE private", "CREATE TABLE private.notes (a Int8) ENGINE = Memory"):
            stores.command(made.server.url(), sql)
        statements = made.printed(LOADER, "migrate", "--dry-run")
        assert f"USER '{LOADER}' PASSWORD '[HIDDEN]'" in statements
        assert "done" in made.printed(LOADER, "migrate")
        assert made.printed(LOADER, "migrate") == "No migration is pending.\n"
        assert {words: made.printed(LOADER, *words) for words in LOADS} == LOADS
        yield made


def test_the_page_has_both_users() -> None:
    assert set(ACCOUNTS.users) == {READER, LOADER} == {each.to for each in ACCOUNTS.grants}


def test_compose_has_the_same_users() -> None:
    """Its cluster of one needs two rights more."""
    users = ElementTree.parse(ROOT / "deploy" / "clickhouse" / "users.xml")
    for name in ACCOUNTS.users:
        queries = [each.text or "" for each in users.findall(f"./users/{name}/grants/query")]
        rights = {
            (right, on) for each in queries for rights, on in [each[6:].split(" ON ")] for right in rights.split(", ")
        }
        cluster = {("CLUSTER", "*.*"), ("REMOTE", "*.*")} if name == LOADER else set()
        assert rights == {(each.right, each.on) for each in ACCOUNTS.granted(name)} | cluster
    for name, settings in ACCOUNTS.profiles.items():
        profile = users.find(f"./profiles/{name}")
        assert profile is not None
        for each in settings:
            found = (profile.findtext(f"constraints/{each.name}/{bound}") for bound in ("min", "max"))
            assert (profile.findtext(each.name), *found) == (each.value, each.least, each.most)


def test_the_reader_runs_reports(store: Deployment, tmp_path: Path) -> None:
    assert store.printed(READER, *REPORT) == ROWS
    assert "of 1 granules" in store.printed(READER, "explain", "GROUP_BY_TECH_PREFIX", *SPAN)
    file = tmp_path / "report.csv"
    assert store.printed(READER, "run", "GROUP_BY_TECH_PREFIX", *SPAN, "-o", str(file)) == f"{file}: 2 rows\n"


def test_the_reader_serves(store: Deployment) -> None:
    """GraphQL, whose answers are kept, and every report as a file."""
    with serving(store, READER) as (address, key):
        begun = time.monotonic()
        while True:
            answer = orjson.loads(sent(address, key, "/graphql", orjson.dumps({"query": QUERY})))
            assert answer["data"]["customReport"]["rows"] == TOTALS
            statistics = answer["extensions"]["statistics"]["customReport"]
            if statistics["cached"] == statistics["statements"] > 0:
                break
            # In the seconds after a dictionary was loaded nothing is kept.
            assert time.monotonic() - begun < 60
            time.sleep(0.3)
        for report in sites.REGISTRY.reports:
            lines = sent(address, key, f"/export/{report}.csv?{RANGE}").decode().splitlines()
            assert lines[-1] == f"# {len(lines) - 2} rows"
            assert len(lines) > 2


@contextmanager
def serving(store: Deployment, user: str) -> Iterator[tuple[str, str]]:
    """`gqlreports serve`: its address, and a key of staff."""
    port = free_port()
    directory = Directory(f"sqlite:///{store.home}/directory.db")
    key = directory.create_key("staff", Role.STAFF)
    directory.close()
    others = {name: value for name, value in os.environ.items() if not name.startswith("GQLREPORTS_")}
    command = [str(Path(sys.executable).with_name("gqlreports")), "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=others | store.variables(user), stderr=subprocess.PIPE)
    try:
        address = f"http://127.0.0.1:{port}"
        while True:
            assert process.poll() is None
            try:
                with urllib.request.urlopen(f"{address}/readyz"):
                    break
            except urllib.error.URLError:
                time.sleep(0.05)
        yield address, key
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0


def sent(address: str, key: str, path: str, body: bytes | None = None) -> bytes:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address + path, body, headers)) as answer:
        found: bytes = answer.read()
    return found


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("migrate",), "SELECT ON system.projections"),
        (("load", "cdrs", "calls.csv"), "CREATE TEMPORARY TABLE ON *.*"),
        (("load", "dids", "dids.csv"), "CREATE TEMPORARY TABLE ON *.*"),
        (("load", "numbering", "co_codes.tsv"), "CREATE TEMPORARY TABLE ON *.*"),
    ],
)
def test_the_reader_writes_nothing(store: Deployment, words: Sequence[str], right: str) -> None:
    assert store.error(READER, *words) == f"{LACKS}{READER} needs the grant {right}."


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO cdr (callid) VALUES ('x')",
        "ALTER TABLE cdr DELETE WHERE 1",
        "TRUNCATE TABLE cdr",
        "DROP TABLE cdr",
        "CREATE TABLE more (a Int8) ENGINE = Memory",
        "SYSTEM RELOAD DICTIONARY did_window",
        "KILL QUERY WHERE user != currentUser()",
        "SELECT * FROM system.query_log",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', 'gqlreports', 'cdr')",
        "SELECT * FROM private.notes",
        "GRANT ALL ON *.* TO gqlreports_reader",
    ],
)
def test_what_the_reader_may_not_do_by_its_grants_alone(store: Deployment, sql: str) -> None:
    """Without any setting of ours.  What is killed is nothing, for it sees none of others."""
    told = store.sent(READER, sql)
    assert "Code: 497" in told or (sql.startswith("KILL") and told == ""), told


@pytest.mark.parametrize("setting", ["max_execution_time = 0", "max_execution_time = 61", "max_memory_usage = 0"])
def test_no_query_lifts_the_limits_of_the_readers_profile(store: Deployment, setting: str) -> None:
    assert "Code: 452" in store.sent(READER, f"SELECT 1 SETTINGS {setting}")


def test_the_loader_stays_in_its_database(store: Deployment) -> None:
    for sql in (
        "CREATE TABLE private.more (a Int8) ENGINE = Memory",
        "DROP DATABASE private",
        "SELECT * FROM private.notes",
    ):
        assert "Code: 497" in store.sent(LOADER, sql)


def test_the_loader_copies_a_store_that_the_reader_reads(store: Deployment, tmp_path: Path) -> None:
    with deployment(tmp_path) as target:
        target.printed(LOADER, "migrate")
        told = target.printed(LOADER, "copy", store.url(READER), target.url(LOADER))
        assert told.splitlines()[:3] == ["cdr 202511: 7 rows copied", "did: 2 rows copied", "numbering: 3 rows copied"]
        target.printed(LOADER, "load", "customers", "customers.csv")
        for report in ("USA_RATE_CENTER", "DID_AS_CLI"):
            words = ("run", report, *SPAN, "--format", "csv")
            assert target.printed(READER, *words) == store.printed(READER, *words)


ERASE = ("erase", "--number", "+13125550177", "--yes")


def test_the_loader_drops_months_and_erases_a_number(tmp_path: Path) -> None:
    with deployment(tmp_path) as made:
        made.printed(LOADER, "migrate")
        made.printed(LOADER, "load", "cdrs", "calls.csv")
        assert made.typed(LOADER, *ERASE).stdout.splitlines() == [
            "2 rows hold the number",
            "  dest_number: 2",
            "  as 13125550177",
            "2 rows changed; none of it is left on the store's disk",
        ]
        assert made.printed(LOADER, "retain", "--months", "600").startswith("No calls are stored from before ")


# What fails without each grant of the page, and the right that is named then; without the last two nothing fails.
NEEDED: dict[str, list[tuple[tuple[str, ...], str]]] = {
    "GRANT SELECT ON gqlreports.*": [(REPORT, "SHOW TABLES ON gqlreports.migration")],
    "GRANT dictGet ON gqlreports.*": [
        (("run", "DID_AS_CLI", *SPAN), "dictGet ON gqlreports.did_window"),
        (("run", "USA_RATE_CENTER", *SPAN), "dictGet ON gqlreports.rate_center_before"),
    ],
    "GRANT ALL ON gqlreports.*": [
        (("migrate",), "SHOW TABLES ON gqlreports.migration"),
        (("load", "cdrs", "calls.csv"), "SHOW TABLES ON gqlreports.migration"),
    ],
    "GRANT SELECT ON system.projections": [
        (("migrate",), "SELECT ON system.projections"),
        (("migrate", "--dry-run"), "SELECT ON system.projections"),
    ],
    "GRANT TABLE ENGINE ON *": [
        (("migrate",), "TABLE ENGINE ON ReplacingMergeTree"),
        (("load", "cdrs", "calls.csv"), "TABLE ENGINE ON Memory"),
    ],
    "GRANT SYSTEM RELOAD DICTIONARY ON *.*": [
        (("load", "dids", "dids.csv"), "SYSTEM RELOAD DICTIONARY ON *.*"),
        (("load", "numbering", "co_codes.tsv"), "SYSTEM RELOAD DICTIONARY ON *.*"),
    ],
    "GRANT SELECT ON system.parts TO gqlreports_loader": [
        (("retain", "--months", "600"), "SELECT ON system.parts"),
    ],
    "GRANT SELECT ON system.mutations": [
        (("erase", "--number", "+16505550100", "--yes"), "SELECT ON system.mutations"),
    ],
    "GRANT SELECT ON system.dictionaries TO gqlreports_loader": [
        (("load", "dids", "dids.csv"), "SELECT ON system.dictionaries"),
        (("load", "numbering", "co_codes.tsv"), "SELECT ON system.dictionaries"),
    ],
    "GRANT SELECT ON system.parts": [],
    "GRANT SELECT ON system.dictionaries": [],
}


@pytest.mark.parametrize("grant", ACCOUNTS.grants, ids=str)
def test_what_fails_without_a_grant(store: Deployment, grant: Grant) -> None:
    user = without(grant)
    needed = NEEDED.get(f"{grant} TO {grant.to}", NEEDED[str(grant)])
    for words, right in needed:
        assert store.error(user, *words) == f"{LACKS}{user} needs the grant {right}."
    if not needed:
        assert store.printed(user, *REPORT) == ROWS


@pytest.mark.parametrize("grant", [each for each in ACCOUNTS.grants if each.to == READER], ids=str)
def test_what_callers_of_the_api_are_told_without_a_grant(
    store: Deployment, grant: Grant, caplog: pytest.LogCaptureFixture
) -> None:
    """Which right is missing is in the log alone."""
    report, columns = ("DID_AS_CLI", "DidAsCli") if grant.right == "dictGet" else ("DTMF", "Dtmf")
    query = QUERY.replace("GROUP_BY_TECH_PREFIX", report).replace("GroupByTechPrefix", columns)
    with store.asked(without(grant)) as asked:
        answer = asked(re.sub(r"rows \{.*?\}", "rowCount", query))
    if grant.on.startswith("system."):
        assert "errors" not in answer
        assert "No answers are kept: grant SELECT on system.parts and system.dictionaries for that." in caplog.text
        return
    [error] = answer["errors"]
    assert (error["message"], error["extensions"]["code"]) == (
        "The store's user lacks a right; the log says which.",
        "STORE_FAILED",
    )
    assert (
        f"necessary to have the grant {grant.right if grant.right == 'dictGet' else 'SHOW TABLES'} ON gqlreports."
        in caplog.text
    )
