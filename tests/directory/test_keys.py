"""What keys may: limited, expiring, rotated, revoked, and refused in the same words whatever is wrong."""

import ipaddress
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlalchemy.event import listen, remove

from gqlreports.directory.directory import Directory
from gqlreports.directory.keys import Grant, new_key_id, new_key_text
from gqlreports.directory.models import ApiKey, ApiKeyNetwork
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput, NotFound, Unauthenticated
from tests.support.waiting import wait_until

HOUR = timedelta(hours=1)


def from_now(hours: float) -> datetime:
    return datetime.now(UTC) + hours * HOUR


def holds(directory: Directory, key: str, source: str | None = None) -> bool:
    try:
        directory.authenticate(key, source)
    except Unauthenticated:
        return False
    return True


def id_of(directory: Directory, key: str) -> str:
    return directory.authenticate(key).key_id


@pytest.mark.parametrize(
    ("role", "limits", "told"),
    [
        (Role.PARTNER, {}, "needs its customers"),
        (Role.PARTNER, {"reports": ["DTMF"]}, "needs its customers"),
        (Role.ADMIN, {"customers": ["1"]}, "could make another"),
        (Role.ADMIN, {"reports": ["DTMF"]}, "could make another"),
        (Role.STAFF, {"customers": [""]}, "1 to 64 printable"),
        (Role.STAFF, {"customers": ["1\0"]}, "1 to 64 printable"),
        (Role.STAFF, {"customers": ["1" * 65]}, "1 to 64 printable"),
        (Role.STAFF, {"networks": ["203.0.113.7/24"]}, "host bits"),
        (Role.STAFF, {"networks": ["203.0.113.0/33"]}, "203.0.113.0/24"),
        (Role.STAFF, {"networks": ["everywhere"]}, "203.0.113.0/24"),
        (Role.STAFF, {"networks": [""]}, "203.0.113.0/24"),
        (Role.STAFF, {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "in the future"),
    ],
)
def test_limits_that_cannot_be(directory: Directory, role: Role, limits: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        directory.create_key("wrong", role, **limits)  # type: ignore[arg-type]
    assert directory.list_keys() == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\nb", "a\x1b[31m", "a\0"])
def test_names_that_cannot_be(directory: Directory, name: str) -> None:
    with pytest.raises(InvalidInput, match="printable"):
        directory.create_key(name, Role.STAFF)


def test_limits_are_known_again(directory: Directory) -> None:
    moment = from_now(5).astimezone(timezone(5 * HOUR + timedelta(minutes=45)))
    key = directory.create_key(
        "Oak", Role.STAFF, ["2", "1", "2"], reports=["DTMF", "DID_AS_CLI"], networks=["::1", "10.0.0.0/8"]
    )
    expiring = directory.create_key("Elm", Role.ADMIN, networks=["10.0.0.0/8"], expires_at=moment)
    found = directory.authenticate(key, "::1")
    assert (found.customers, found.reports) == (frozenset("12"), frozenset({"DTMF", "DID_AS_CLI"}))
    assert (found.runs("DTMF"), found.runs("USA_RATE_CENTER")) == (True, False)
    assert (found.sees("1"), found.sees("3")) == (True, False)
    first, second = directory.list_keys()
    assert [each.network for each in first.networks] == ["10.0.0.0/8", "::1/128"]
    assert second.expires_at == moment.astimezone(UTC).replace(tzinfo=None)
    assert directory.authenticate(expiring, "10.0.0.1").runs("anything")


def test_a_key_expires_even_while_it_is_remembered(directory: Directory) -> None:
    key = directory.create_key("Ann", Role.STAFF, expires_at=datetime.now(UTC) + timedelta(seconds=3))
    assert holds(directory, key)
    wait_until(lambda: not holds(directory, key))
    with pytest.raises(Unauthenticated):
        directory.remembered(key, None)


addresses = st.ip_addresses()
networks = st.ip_addresses().flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ipaddress.ip_network(f"{address}/{length}", strict=False)
    )
)


def inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: str) -> bool:
    """Bit by bit."""
    base, _, length = network.partition("/")
    other = ipaddress.ip_address(base)
    bits, others = (f"{int(each):0{each.max_prefixlen}b}"[: int(length)] for each in (address, other))
    return address.version == other.version and bits == others


@given(addresses, st.lists(networks, min_size=1, max_size=4))
def test_networks(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    limits: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> None:
    record = ApiKey(id="1", name="Ann", role="staff", networks=[ApiKeyNetwork(network=str(each)) for each in limits])
    grant = Grant.of(record)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if any(inside(each, str(network)) for network in limits for each in (address, mapped) if each is not None):
        assert grant.principal_now(datetime(2025, 1, 1), str(address)).name == "Ann"
    else:
        with pytest.raises(Unauthenticated):
            grant.principal_now(datetime(2025, 1, 1), str(address))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.0.0.1", False),
        (None, False),
        ("", False),
        ("client", False),
    ],
)
def test_addresses_that_are_none_and_addresses_in_disguise(
    directory: Directory, source: str | None, expected: bool
) -> None:
    key = directory.create_key("Ann", Role.STAFF, networks=["10.0.0.0/8"])
    assert holds(directory, key, source) is expected
    assert holds(directory, key, "10.0.0.1")
    assert holds(directory, key, source) is expected


def test_every_refusal_is_in_the_same_words(directory: Directory) -> None:
    key = directory.create_key("Ann", Role.STAFF)
    revoked = directory.create_key("Bob", Role.STAFF)
    directory.revoke_key(id_of(directory, revoked))
    expired = directory.create_key("Cay", Role.STAFF, expires_at=datetime.now(UTC) + timedelta(seconds=1))
    elsewhere = directory.create_key("Dan", Role.STAFF, networks=["10.0.0.0/8"])
    time.sleep(1)
    words = set()
    other_secret = new_key_text(id_of(directory, key))
    for wrong in (key[:-1], key[:-1] + "x", "", other_secret, new_key_text(new_key_id()), revoked, expired, elsewhere):
        with pytest.raises(Unauthenticated) as error:
            directory.authenticate(wrong, "192.0.2.1")
        words.add((str(error.value), str(error.value.extensions)))
    assert len(words) == 1
    assert holds(directory, key)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is sent to any database."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    listen(Engine, "before_cursor_execute", note)
    yield sent
    remove(Engine, "before_cursor_execute", note)


def test_an_unknown_id_is_as_much_work_as_a_wrong_secret_and_a_mistyped_key_is_none(
    directory: Directory, statements: list[str]
) -> None:
    key = directory.create_key("Ann", Role.STAFF)
    wrong, unknown, mistyped = new_key_text(key.split("_")[1]), new_key_text(new_key_id()), f"{key[:-1]}g"
    sent = []
    for each in (wrong, unknown, mistyped):
        statements.clear()
        assert not holds(directory, each)
        sent.append(list(statements))
    assert sent[0] == sent[1]
    assert (len(sent[0]), sent[2]) == (1, [])


def test_rotation(directory: Directory) -> None:
    old = directory.create_key("Oak", Role.PARTNER, ["1"], reports=["DTMF"], networks=["10.0.0.0/8"])
    old_id = directory.authenticate(old, "10.0.0.1").key_id
    new = directory.rotate_key(old_id, 24 * HOUR)
    before, after = directory.authenticate(old, "10.0.0.1"), directory.authenticate(new, "10.0.0.1")
    assert old != new
    assert before.key_id != after.key_id
    assert (before.name, before.role, before.customers, before.reports) == (
        after.name,
        after.role,
        after.customers,
        after.reports,
    )
    assert not holds(directory, new, "192.0.2.1")
    first, second = directory.list_keys()
    assert (first.replaced_by, second.replaced_by, second.expires_at) == (after.key_id, None, None)
    assert first.expires_at is not None
    assert abs(first.expires_at - from_now(24).replace(tzinfo=None)) < timedelta(minutes=1)
    with pytest.raises(InvalidInput, match="rotated already"):
        directory.rotate_key(old_id, HOUR)
    assert directory.authenticate(directory.rotate_key(after.key_id, HOUR), "10.0.0.1").role is Role.PARTNER


def test_the_old_key_ends_with_the_overlap(directory: Directory) -> None:
    old = directory.create_key("Ann", Role.STAFF)
    new = directory.rotate_key(id_of(directory, old), timedelta(seconds=3))
    assert holds(directory, old)
    wait_until(lambda: not holds(directory, old))
    newest = directory.rotate_key(id_of(directory, new), timedelta())
    assert (holds(directory, new), holds(directory, newest)) == (False, True)


def test_an_overlap_does_not_lengthen_a_life_and_the_new_key_lives_as_long(directory: Directory) -> None:
    key = directory.create_key("Ann", Role.STAFF, expires_at=from_now(2))
    directory.rotate_key(id_of(directory, key), 24 * HOUR)
    first, second = directory.list_keys()
    assert first.expires_at is not None
    assert second.expires_at is not None
    assert first.expires_at - first.created_at == second.expires_at - second.created_at


def test_keys_that_cannot_be_rotated(directory: Directory) -> None:
    revoked, expired = directory.create_key("Ann", Role.STAFF), directory.create_key("Bob", Role.STAFF)
    ids = [id_of(directory, each) for each in (revoked, expired)]
    directory.revoke_key(ids[0])
    newest = id_of(directory, directory.rotate_key(ids[1], timedelta()))
    for each in ids:
        with pytest.raises(InvalidInput, match="revoked, expired or rotated"):
            directory.rotate_key(each, HOUR)
    for wrong in (-HOUR, timedelta(days=367)):
        with pytest.raises(InvalidInput, match="between 0 and 366 days"):
            directory.rotate_key(newest, wrong)
    for nothing in ("nothing", "", "\0", "\udcff", "' OR 1=1 --"):
        with pytest.raises(NotFound):
            directory.rotate_key(nothing, HOUR)
        with pytest.raises(NotFound):
            directory.revoke_key(nothing)
    assert len(directory.list_keys()) == 3


def test_of_several_who_rotate_a_key_one_does(directory: Directory) -> None:
    key_id = id_of(directory, directory.create_key("Ann", Role.STAFF))

    def rotated(_: int) -> str | None:
        try:
            return directory.rotate_key(key_id, HOUR)
        except InvalidInput:
            return None

    with ThreadPoolExecutor(6) as threads:
        keys = [each for each in threads.map(rotated, range(6)) if each]
    assert len(keys) == 1
    first, second = directory.list_keys()
    assert first.replaced_by == second.id == id_of(directory, keys[0])


def test_another_process_forgets_a_revoked_key(directory: Directory, url: str) -> None:
    here, there = directory, Directory(url)
    key, other = here.create_key("Ann", Role.STAFF), here.create_key("Bob", Role.STAFF)
    assert holds(there, key)
    here.revoke_key(id_of(here, key))
    assert not holds(here, key)
    wait_until(lambda: not there.remembered(key, None) and not holds(there, key))
    assert holds(there, other)
    there.close()


def test_a_key_is_remembered_and_no_other(directory: Directory) -> None:
    key = directory.create_key("Ann", Role.STAFF)
    assert directory.remembered(key, None) is None
    found = directory.authenticate(key)
    assert directory.remembered(key, None) == found
    same_id = new_key_text(found.key_id)
    assert not holds(directory, same_id)
    assert directory.remembered(same_id, None) is None
    directory.revoke_key(found.key_id)
    assert directory.remembered(key, None) is None
