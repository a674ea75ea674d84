"""Users, their sessions, and what is taken down of those who try to log in."""

import hashlib
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, text

from gqlreports.directory import passwords
from gqlreports.directory.directory import Directory
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import InvalidInput, NotFound, TooManyLogIns, Unauthenticated
from tests.support.directories import SHIPPED

PASSWORD = "correct horse battery"
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def elsewhere(url: str, directory: Directory) -> Iterator[Directory]:
    """The same directory as another process has it open."""
    made = Directory(url)
    yield made
    made.close()


def sql(url: str, statement: str, **values: object) -> list[Any]:
    engine = create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        rows = list(result) if result.returns_rows else []
    engine.dispose()
    return rows


def ago(**duration: float) -> datetime:
    return datetime.now(UTC).replace(tzinfo=None) - timedelta(**duration)


def fail(directory: Directory, name: str = "anna", source: str | None = HERE) -> None:
    with pytest.raises(Unauthenticated):
        directory.sessions.begin(name, "a wrong password", source)


def guesses(url: str, count: int, name: str, source: str, **age: float) -> None:
    """Failed tries, as if they had been made: each real one takes the time of a hash."""
    values = {"at": ago(**age), "name": hashlib.sha256(name.encode()).hexdigest(), "source": source, "no": False}
    row = "(:at, :name, :source, :no)"
    sql(url, f"INSERT INTO log_in (at, name_hash, source, succeeded) VALUES {', '.join([row] * count)}", **values)


@pytest.mark.parametrize(
    ("role", "customers", "seen"),
    [(Role.ADMIN, (), None), (Role.STAFF, (), None), (Role.PARTNER, ("1001", "1002"), frozenset({"1001", "1002"}))],
)
def test_who_logs_in(
    directory: Directory, elsewhere: Directory, role: Role, customers: tuple[str, ...], seen: frozenset[str] | None
) -> None:
    directory.users.add("Anna.B@example", PASSWORD, role, customers)
    token = directory.sessions.begin(" anna.b@EXAMPLE ", PASSWORD, HERE)
    expected = Principal("user:anna.b@example", "anna.b@example", role, seen)
    assert directory.sessions.remembered(token) is None
    assert directory.sessions.principal(token) == expected == directory.sessions.remembered(token)
    assert elsewhere.sessions.principal(token) == expected


def test_neither_passwords_nor_tokens_are_kept(directory: Directory, url: str) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    token = directory.sessions.begin("anna", PASSWORD, HERE)
    everything = str([sql(url, f"SELECT * FROM {table}") for table in ("user_account", "user_session", "log_in")])
    assert PASSWORD not in everything
    assert token not in everything
    assert "anna" in everything
    [[kept]] = sql(url, "SELECT password_hash FROM user_account")
    assert PasswordHasher().verify(kept, PASSWORD)
    assert re.fullmatch("[A-Za-z0-9_-]{43}", token)
    assert directory.sessions.begin("anna", PASSWORD, HERE) != token


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 1025, "\ud800 and eleven more"])
def test_passwords_that_cannot_be(directory: Directory, password: str) -> None:
    with pytest.raises(InvalidInput, match="password") as raised:
        directory.users.add("anna", password, Role.STAFF)
    assert not password or password not in str(raised.value)
    assert directory.users.list() == []


def test_a_password_is_the_same_however_its_letters_are_typed(directory: Directory) -> None:
    directory.users.add("anna", "caf\u00e9 au lait, s'il", Role.STAFF)
    assert directory.sessions.begin("anna", "cafe\u0301 au lait, s'il", HERE)
    with pytest.raises(Unauthenticated):
        directory.sessions.begin("anna", "cafe au lait, s'il", HERE)


@pytest.mark.parametrize("name", ["", "-a", "an na", "ünal", "a" * 65, "a\0", "a/b"])
def test_names_that_cannot_be(directory: Directory, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        directory.users.add(name, PASSWORD, Role.STAFF)
    fail(directory, name)
    with pytest.raises(NotFound):
        directory.users.disable(name)


def test_roles_and_customers_go_together(directory: Directory) -> None:
    with pytest.raises(InvalidInput, match="A partner needs its customers"):
        directory.users.add("anna", PASSWORD, Role.PARTNER)
    with pytest.raises(InvalidInput, match="Only a partner has customers"):
        directory.users.add("anna", PASSWORD, Role.STAFF, ["1001"])
    with pytest.raises(InvalidInput, match="printable"):
        directory.users.add("anna", PASSWORD, Role.PARTNER, ["\n"])
    directory.users.add("anna", PASSWORD, Role.PARTNER, ["1001", "1001"])
    with pytest.raises(InvalidInput, match="There is a user anna already"):
        directory.users.add("Anna", PASSWORD, Role.STAFF)
    [anna] = directory.users.list()
    assert [each.customer_id for each in anna.customers] == ["1001"]


def test_all_who_do_not_get_in_are_told_the_same(directory: Directory) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    directory.users.add("bert", PASSWORD, Role.STAFF)
    directory.users.disable("bert")
    told = set()
    for name, password in (("anna", "wrong"), ("nobody", PASSWORD), ("bert", PASSWORD)):
        with pytest.raises(Unauthenticated) as raised:
            directory.sessions.begin(name, password, HERE)
        told.add(str(raised.value))
    assert len(told) == 1
    directory.users.enable("bert")
    assert directory.sessions.begin("bert", PASSWORD, HERE)


@pytest.mark.parametrize("change", ["password", "role", "customers", "disable"])
def test_what_changes_a_user_ends_the_users_sessions(directory: Directory, elsewhere: Directory, change: str) -> None:
    directory.users.add("anna", PASSWORD, Role.PARTNER, ["1001", "1002"])
    directory.users.add("bert", PASSWORD, Role.STAFF)
    token, other = (directory.sessions.begin(name, PASSWORD, HERE) for name in ("anna", "bert"))
    assert directory.sessions.principal(token) == directory.sessions.remembered(token)
    users = elsewhere.users if change == "customers" else directory.users
    match change:
        case "password":
            users.set_password("ANNA", "another password")
        case "role":
            users.set_role("anna", Role.STAFF)
        case "customers":
            users.set_role("anna", Role.PARTNER, ["1002", "1003"])
        case "disable":
            users.disable("anna")
    ended_at_once = elsewhere if change == "customers" else directory
    assert ended_at_once.sessions.remembered(token) is None
    for each in (directory, elsewhere):
        with pytest.raises(Unauthenticated, match="ended"):
            each.sessions.principal(token)
    assert elsewhere.sessions.principal(other).name == "bert"
    if change == "customers":
        again = directory.sessions.begin("anna", PASSWORD, HERE)
        assert directory.sessions.principal(again).customers == frozenset({"1002", "1003"})
    if change == "password":
        fail(directory)
        assert directory.sessions.begin("anna", "another password", HERE)


def test_a_session_that_is_ended(directory: Directory, elsewhere: Directory) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    token, other = (directory.sessions.begin("anna", PASSWORD, HERE) for _ in range(2))
    directory.sessions.principal(token)
    directory.sessions.end(token)
    assert directory.sessions.remembered(token) is None
    for each in (directory, elsewhere):
        with pytest.raises(Unauthenticated):
            each.sessions.principal(token)
        assert each.sessions.principal(other).name == "anna"
    directory.sessions.end("no such session")


def test_a_session_lasts_while_it_is_used_and_twelve_hours_at_most(
    directory: Directory, elsewhere: Directory, url: str
) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    token = directory.sessions.begin("anna", PASSWORD, HERE)

    def used(sessions: Directory, **times: datetime) -> datetime:
        """Sets its times back, uses it, and says when it was seen last."""
        for name, moment in times.items():
            sql(url, f"UPDATE user_session SET {name} = :moment", moment=moment)
        sessions.sessions.principal(token)
        [[seen]] = sql(url, "SELECT seen_at FROM user_session")
        return datetime.fromisoformat(str(seen))

    recently = ago(seconds=50)
    assert used(directory, seen_at=recently) == recently
    assert used(directory, seen_at=ago(minutes=29)) > ago(seconds=30)
    assert used(directory, created_at=ago(hours=11.9), seen_at=ago(minutes=2)) > ago(seconds=30)
    with pytest.raises(Unauthenticated):
        used(elsewhere, created_at=ago(hours=1), seen_at=ago(minutes=30.1))
    with pytest.raises(Unauthenticated):
        used(elsewhere, created_at=ago(hours=12.1), seen_at=ago(seconds=1))
    directory.sessions.begin("anna", PASSWORD, HERE)
    assert len(sql(url, "SELECT * FROM user_session")) == 1


def test_a_session_ends_in_time_though_it_was_just_found(directory: Directory, url: str) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    token = directory.sessions.begin("anna", PASSWORD, HERE)
    end = ago(hours=12, seconds=-0.4)
    sql(url, "UPDATE user_session SET created_at = :end", end=end)
    directory.sessions.principal(token)
    at = ago(hours=12)
    while directory.sessions.remembered(token):
        assert at < end + timedelta(seconds=0.5)
        at = ago(hours=12)
    with pytest.raises(Unauthenticated):
        directory.sessions.principal(token)


def test_a_hash_of_older_parameters_is_renewed(directory: Directory, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", SHIPPED)
    directory.users.add("anna", PASSWORD, Role.STAFF)
    old = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    sql(url, "UPDATE user_account SET password_hash = :old", old=old)
    fail(directory)
    assert sql(url, "SELECT password_hash FROM user_account") == [(old,)]
    directory.sessions.begin("anna", PASSWORD, HERE)
    [[new]] = sql(url, "SELECT password_hash FROM user_account")
    assert new != old
    assert not PasswordHasher().check_needs_rehash(new)
    assert directory.sessions.begin("anna", PASSWORD, HERE)


def test_a_guesser_has_to_wait_and_nobody_else(directory: Directory, elsewhere: Directory, url: str) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    for name in ("anna", "nobody"):
        guesses(url, 4, name, HERE)
        fail(directory, name)
        for each in (directory, elsewhere):
            with pytest.raises(TooManyLogIns) as raised:
                each.sessions.begin(name.upper(), PASSWORD, HERE)
            assert 0 < raised.value.retry_after <= 15 * 60
    assert len(sql(url, "SELECT * FROM log_in")) == 10
    assert directory.sessions.begin("anna", PASSWORD, THERE)
    sql(url, "UPDATE log_in SET at = :then WHERE source = :here", then=ago(minutes=15.1), here=HERE)
    assert directory.sessions.begin("anna", PASSWORD, HERE)
    assert len(sql(url, "SELECT * FROM log_in")) == 2


def test_who_logs_in_begins_to_count_anew(directory: Directory, url: str) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    for _ in range(2):
        guesses(url, 4, "anna", HERE)
        directory.sessions.begin("anna", PASSWORD, HERE)


def test_one_network_that_guesses_at_many_names(directory: Directory, url: str) -> None:
    for name in ("anna", "bert"):
        directory.users.add(name, PASSWORD, Role.STAFF)
    directory.sessions.begin("anna", PASSWORD, HERE)
    for place in range(30):
        guesses(url, 1, f"name{place}", HERE, minutes=10)
    with pytest.raises(TooManyLogIns) as raised:
        directory.sessions.begin("bert", PASSWORD, HERE)
    assert raised.value.retry_after == pytest.approx(300, abs=10)
    assert directory.sessions.begin("bert", PASSWORD, THERE)
    assert directory.sessions.begin("anna", PASSWORD, HERE), "who has logged in from there is not kept out"


def test_many_networks_that_guess_at_one_name(directory: Directory, url: str) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    directory.sessions.begin("anna", PASSWORD, HERE)
    for place in range(25):
        guesses(url, 4, "anna", f"198.51.100.{place}", minutes=5)
    with pytest.raises(TooManyLogIns):
        directory.sessions.begin("anna", PASSWORD, THERE)
    assert directory.sessions.begin("anna", PASSWORD, HERE), "who guesses elsewhere keeps nobody out"
    sql(url, "UPDATE log_in SET at = :then WHERE succeeded", then=ago(days=31))
    with pytest.raises(TooManyLogIns):
        directory.sessions.begin("anna", PASSWORD, HERE)


def test_a_subscriber_with_many_addresses_is_one_network(directory: Directory, url: str) -> None:
    guesses(url, 4, "anna", "2001:db8:0:1::/64")
    fail(directory, "anna", "2001:db8:0:1::5")
    with pytest.raises(TooManyLogIns):
        directory.sessions.begin("anna", PASSWORD, "2001:db8:0:1:ffff::1")
    fail(directory, "anna", "2001:db8:0:2::1")
    fail(directory, "anna", "::ffff:192.0.2.7")
    assert sql(url, "SELECT count(*) FROM log_in WHERE source = '192.0.2.7'") == [(1,)]
    fail(directory, "anna", None)


def test_the_log_names_users_and_holds_nothing_else(directory: Directory, caplog: pytest.LogCaptureFixture) -> None:
    directory.users.add("anna", PASSWORD, Role.STAFF)
    with caplog.at_level(logging.INFO):
        token = directory.sessions.begin("anna", PASSWORD, HERE)
        fail(directory)
        fail(directory, PASSWORD)
    assert "The user anna logged in from 192.0.2.1." in caplog.messages
    assert "Someone at 192.0.2.1 gave a wrong password for the user anna." in caplog.messages
    assert PASSWORD not in caplog.text
    assert token not in caplog.text
