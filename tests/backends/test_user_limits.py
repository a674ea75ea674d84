"""Users of a server that may do less than the manual's: what is told at the shell, to callers and in the log."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gqlreports.backends.base import Customers, Limits, Statement
from gqlreports.backends.server.backend import ServerBackend
from gqlreports.backends.server.http import parse_address
from gqlreports.errors import QueryTimeout, QueryTooLarge, StatementRefused, StoreError
from tests.backends.test_wall import FILTERED, IMPOSSIBLE, REFUSED, SETUP, found
from tests.clickhouse.accounts import policies, user_with
from tests.clickhouse.deployment import (
    ACCOUNTS,
    DATABASE,
    LOADER,
    LOADS,
    QUERY,
    READER,
    REPORT,
    ROOT,
    Deployment,
    deployment,
)
from tests.support import stores

pytestmark = pytest.mark.processes

PROFILES = {
    "fixed": "<readonly>1</readonly>",
    "asking": "<readonly>2</readonly>",
    "crowded": "<max_concurrent_queries_for_user>8</max_concurrent_queries_for_user>",
    "poor": "<max_memory_usage_for_user>20000000</max_memory_usage_for_user>",
}
QUOTA = "<counted><interval><duration>315360000</duration><queries>30</queries></interval></counted>"
POLICIES = policies((ROOT / "docs" / "operating.md").read_text(), DATABASE)
NO_STORE = "The store cannot be opened or reached now: try again in a moment; the operator's log says why."


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Each of these is the reader with something else about it."""
    granted = ACCOUNTS.granted(READER)
    users = "".join(user_with(name, granted, name) for name in (*PROFILES, "small"))
    users += user_with("counted", granted, READER, "counted")
    users += user_with("policed", granted, READER, more=POLICIES[READER])
    users += user_with("policed_loader", ACCOUNTS.granted(LOADER), more=POLICIES[f"not {READER}"])
    profiles = "".join(f"<{name}>{ACCOUNTS.profile(READER, more)}</{name}>" for name, more in PROFILES.items())
    profiles += f"<small>{ACCOUNTS.profile(READER, max_memory_usage='1000000000')}</small>".replace(
        "<max>4294967296</max>", "<max>1000000000</max>"
    )
    with deployment(tmp_path_factory.mktemp("limited"), ACCOUNTS.xml(users, profiles, QUOTA)) as made:
        made.printed(LOADER, "migrate")
        for words in LOADS:
            made.printed(LOADER, *words)
        for sql in SETUP:
            stores.command(made.server.url(DATABASE), sql)
        yield made


def test_a_wrong_password(store: Deployment) -> None:
    told = store.error(READER, *REPORT, GQLREPORTS_STORE=store.url(READER, "not-this"))
    assert told.startswith(f"The store refuses its user: {READER}: Authentication failed")
    assert "not-this" not in told


def test_a_profile_that_lets_nothing_be_set(store: Deployment) -> None:
    told = "The store's user may set nothing: its profile needs readonly = 2, not 1."
    for words in (REPORT, ("serve", "--port", "0")):
        assert store.error("fixed", *words) == told


@pytest.mark.parametrize(
    ("user", "settings", "told"),
    [
        (
            READER,
            {"GQLREPORTS_QUERY_TIMEOUT": "61"},
            "The store's profile forbids a setting: Setting max_execution_time shouldn't be greater than 60.",
        ),
        (
            "small",
            {},
            "The store's profile forbids a setting: Setting max_memory_usage shouldn't be greater than 1000000000.",
        ),
        (
            READER,
            {"GQLREPORTS_QUERY_MEMORY": "1000"},
            "The query needs more memory than it may use: Query memory limit",
        ),
        (READER, {"GQLREPORTS_QUERY_ROWS": "1"}, "The query has more rows than it may have: Limit for result exceeded"),
    ],
)
def test_the_shell_says_which_limit_it_is(store: Deployment, user: str, settings: dict[str, str], told: str) -> None:
    assert store.error(user, *REPORT, **settings).startswith(told)


def test_a_quota_that_is_used_up(store: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    with store.asked("counted") as asked:
        assert "errors" not in asked(QUERY)
        use_up(store)
        answer = asked(QUERY.replace("rows {", "rows(first: 1) {"))
    told_busy(answer)
    assert "Quota for user `counted` for 315360000s has been exceeded" in caplog.text
    told = store.error("counted", *REPORT)
    assert told.startswith(
        "The store has too much to do: Quota for user `counted` for 315360000s has been exceeded: queries"
    )


def test_an_api_starts_where_a_quota_is_used_up(store: Deployment) -> None:
    use_up(store)
    with store.asked("counted") as asked:
        told_busy(asked(QUERY))


def test_too_many_queries_of_a_user(store: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    with store.asked("crowded") as asked:
        assert "errors" not in asked(QUERY)
        others = [threading.Thread(target=store.sent, args=("crowded", "SELECT sleep(3)")) for _ in range(8)]
        for each in others:
            each.start()
        time.sleep(0.5)
        answer = asked(QUERY.replace("rows {", "rows(first: 1) {"))
        told = store.error("crowded", *REPORT)
        for each in others:
            each.join()
        told_busy(answer)
        assert "errors" not in asked(QUERY)
    assert "Too many simultaneous queries for user crowded" in caplog.text
    assert told.startswith("The store has too much to do: Too many simultaneous queries for user crowded")


def use_up(store: Deployment) -> None:
    answers = [store.sent("counted", "SELECT count() FROM cdr") for _ in range(31)]
    assert "Code: 201" in answers[-1]


def told_busy(answer: dict[str, Any]) -> None:
    told = {(error["message"], error["extensions"]["code"]) for error in answer["errors"]}
    assert told == {("The store has too much to do; try again in a moment.", "STORE_BUSY")}


def test_callers_are_not_told_what_a_profile_forbids(store: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    with store.asked("small") as asked:
        [error] = asked(QUERY)["errors"]
    assert (error["message"], error["extensions"]["code"]) == (NO_STORE, "STORE_UNAVAILABLE")
    assert "Setting max_memory_usage shouldn't be greater than 1000000000" in caplog.text


def test_the_time_and_the_memory_of_a_query(store: Deployment) -> None:
    slow = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 0"
    assert isinstance(failure(store, READER, slow, Limits(1)), QueryTimeout)
    large = "SELECT length(groupArray(toString(number))) AS n FROM numbers(10000000)"
    assert isinstance(failure(store, "poor", large), QueryTooLarge)
    assert isinstance(failure(store, READER, large, Limits(memory=10_000_000)), QueryTooLarge)


def failure(store: Deployment, user: str, sql: str, limits: Limits | None = None) -> StoreError:
    async def failed() -> StoreError:
        backend = ServerBackend(parse_address(store.url(user)), None, limits)
        try:
            with pytest.raises(StoreError) as error:
                await backend.fetch_json(Statement(sql))
        finally:
            await backend.close()
        return error.value

    return asyncio.run(failed())


@pytest.mark.parametrize("user", [READER, "asking"])
def test_the_wall_holds_for_the_reader_too(store: Deployment, user: str, tmp_path: Path) -> None:
    """Also where the profile is `readonly = 2`.  What the user may not see at all is refused by the server."""

    own = Customers.of("1001")

    async def walled(backend: ServerBackend) -> None:
        for way, sql in FILTERED.items():
            assert await found(backend, sql, own) <= {"1001"}, way
        assert await found(backend, FILTERED["bare table"], own) == {"1001"}
        assert await found(backend, FILTERED["bare table"], Customers.of("1001", "1002")) == {"1001", "1002"}
        for way, sql in (REFUSED | IMPOSSIBLE).items():
            with pytest.raises(StoreError) as error:
                await found(backend, sql.replace("{outfile}", str(tmp_path / "outfile")), own)
            refused = isinstance(error.value, StatementRefused)
            assert refused or (way == "information schema" and "lacks a right" in str(error.value)), way

    async def closed_behind() -> None:
        backend = ServerBackend(parse_address(store.url(user)))
        try:
            await walled(backend)
        finally:
            await backend.close()

    asyncio.run(closed_behind())
    assert store.printed(user, *REPORT).startswith("techPrefix,")


def test_what_readonly_keeps_out_beside_the_look_at_statements(store: Deployment) -> None:
    """Nothing with 2 in the profile, as the manual says."""
    one = {"additional_table_filters": "{'gqlreports.cdr': 'customer_id = \\'1001\\''}"}
    sql = "SELECT DISTINCT customer_id FROM cdr ORDER BY customer_id"
    lifted = f"{sql} SETTINGS additional_table_filters = {{}}"
    for user, settings in ((READER, {**one, "readonly": 1}), ("asking", one)):
        assert store.sent(user, sql, **settings) == "1001"
    assert "Code: 164" in store.sent(READER, lifted, **one, readonly=1)
    assert store.sent("asking", lifted, **one) == "1001\n1002"


def test_row_policies_hold_where_no_filter_reaches(store: Deployment) -> None:
    merged = "SELECT DISTINCT customer_id FROM merge(currentDatabase(), '^cdr$') ORDER BY customer_id"
    assert store.sent(READER, merged, log_comment="1001") == "1001\n1002"
    assert store.sent("policed", merged, log_comment="1001") == "1001"
    assert store.sent("policed", merged, log_comment='["1002","9"]') == "1002"
    assert store.sent("policed", merged, log_comment='["1001","1002"]') == "1001\n1002"
    assert store.sent("policed", merged, log_comment="[]") == ""
    assert store.sent("policed", merged) == ""
    assert store.sent("policed_loader", merged) == "1001\n1002"
    assert store.printed("policed", *REPORT) == store.printed(READER, *REPORT)
