"""Customers and keys: loaded, found, made, revoked, and what a partner may know of."""

import gzip
import hashlib
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from gqlreports.directory.directory import Directory
from gqlreports.directory.keys import PREFIX
from gqlreports.directory.load_customers import load_customers
from gqlreports.directory.models import ApiKey, Customer
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import DirectoryUnavailable, LoadError, NotFound, Unauthenticated
from tests.support.postgresql import PostgreSql

STAFF = Principal("", "staff", Role.STAFF, None)
NAMES = {"05001": "Çelik & Söhne", "5001": "Marigold Voice", "5002": "Oak 100% Outreach", "o'hara": "O'Hara\\West_Inc"}


@pytest.fixture
def peopled(directory: Directory) -> Directory:
    directory.save_customers(Customer(id=id, name=name, currency="USD") for id, name in NAMES.items())
    return directory


def load(directory: Directory, folder: Path, content: str | bytes) -> int:
    path = folder / "customers"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_customers(directory, str(path))


def listed(directory: Directory) -> list[tuple[str, str, str]]:
    return [(each.id, each.name, each.currency) for each in directory.customers(STAFF, None, 1000, None)]


def found(directory: Directory, search: str | None, principal: Principal = STAFF) -> list[str]:
    return [each.id for each in directory.customers(principal, search, 1000, None)]


LOADED = [("1001", "Çelik, & 'Söhne'", "EUR"), ("1002", "Twin", "USD"), ("1003", "Twin", "GBP")]
ROWS = [dict(zip(("id", "name", "currency"), each, strict=True)) for each in LOADED]
CSV = "id,name,currency\n1001,\"Çelik, & 'Söhne'\",EUR\n1002,Twin,USD\n1003,Twin,GBP\n"
ANOTHER_ORDER = "currency,id,city,name\nEUR,1001,x,\"Çelik, & 'Söhne'\"\nUSD,1002,,Twin\nGBP,1003,,Twin\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps(ROWS).encode(), id="JSON"),
        pytest.param(b"\xef\xbb\xbf \n" + json.dumps(ROWS, indent=2, ensure_ascii=False).encode(), id="JSON with BOM"),
        pytest.param(json.dumps([row | {"id": int(row["id"]), "x": None} for row in ROWS]).encode(), id="JSON, more"),
        pytest.param(CSV.encode(), id="CSV"),
        pytest.param(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(), id="CSV with BOM and CRLF"),
        pytest.param(ANOTHER_ORDER.encode(), id="CSV in another order"),
        pytest.param(CSV.replace(",Twin,", " , Twin , ").encode(), id="CSV, padded"),
        pytest.param(CSV.replace("id,name,currency", "id, name, currency").encode(), id="CSV with padded headers"),
        pytest.param(gzip.compress(CSV.encode()), id="CSV in gzip"),
    ],
)
def test_customers_are_loaded(directory: Directory, tmp_path: Path, content: bytes) -> None:
    assert load(directory, tmp_path, content) == 3
    assert listed(directory) == LOADED


def test_customers_from_standard_input(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
    assert load_customers(directory, "-") == 3
    assert listed(directory) == LOADED


def test_loading_again_renews(directory: Directory, tmp_path: Path) -> None:
    load(directory, tmp_path, CSV)
    load(directory, tmp_path, CSV)
    load(directory, tmp_path, "id,name,currency\n1002,Triplet,JPY\n1004,New,USD\n1004,Newer,USD\n")
    assert listed(directory) == [LOADED[0], ("1002", "Triplet", "JPY"), LOADED[2], ("1004", "Newer", "USD")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("id,name\n1,A\n", "currency"),
        ("customer,name,currency\n1,A,USD\n", "id"),
        ("customer,name,currency\n", "id"),
        ("id,name,currency\n1,A,USD\n2,,USD\n", "customer 2 has no name"),
        ("id,name,currency\n1,A,USD\n2,B\n", "customer 2 has no currency"),
        ('[{"id": "1", "name": "A", "currency": "USD"}, {"id": "2"}]', "customer 2 has no name, currency"),
        ('[{"id": "1", "name": "A", "currency": "USD"}, "x"]', "customer 2 has no id, name, currency"),
        ('{"id": "1", "name": "A", "currency": "USD"}', "customers"),
        ('{"id": "1", "name": "A", "currency": "USD"}\n{"id": "2", "name": "B", "currency": "USD"}\n', "customers"),
        ('[{"id": "1", "name": "A", "currency": "USD"}', "cannot be read"),
        (b"id,name,currency\n1,caf\xe9,USD\n", "cannot be read"),
        ("id,name,currency\n1," + "x" * 200_000 + ",USD\n", "customers"),
        ("", "customers"),
    ],
)
def test_a_file_that_is_not_right_is_refused_whole(
    directory: Directory, tmp_path: Path, content: str | bytes, told: str
) -> None:
    with pytest.raises(LoadError, match=told):
        load(directory, tmp_path, content)
    assert listed(directory) == []


def test_a_file_that_is_not_there(directory: Directory, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="cannot be read"):
        load_customers(directory, str(tmp_path / "nothing.json"))


@pytest.mark.parametrize(
    ("search", "ids"),
    [
        (None, ["05001", "5001", "5002", "o'hara"]),
        ("", ["05001", "5001", "5002", "o'hara"]),
        ("5001", ["05001", "5001"]),
        ("marigold", ["5001"]),
        ("OAK", ["5002"]),
        ("Çelik", ["05001"]),
        ("söhne", ["05001"]),
        ("100%", ["5002"]),
        ("%", ["5002"]),
        ("_", ["o'hara"]),
        ("t_inc", ["o'hara"]),
        ("\\", ["o'hara"]),
        ("'", ["o'hara"]),
        ("' OR 1=1 --", []),
        ("nobody", []),
    ],
)
def test_search(peopled: Directory, search: str | None, ids: list[str]) -> None:
    assert found(peopled, search) == ids


def test_pages(directory: Directory) -> None:
    ids = [f"{number:04}" for number in range(2, 250)]
    directory.save_customers(Customer(id=id, name=f"Customer {id}", currency="USD") for id in reversed(ids))
    pages, after = list[str](), None
    while page := directory.customers(STAFF, None, 100, after):
        pages += [each.id for each in page]
        after = page[-1].id
    assert pages == ids
    assert [each.id for each in directory.customers(STAFF, "customer 01", 3, "0150")] == ["0151", "0152", "0153"]
    assert directory.customers(STAFF, None, 0, None) == []
    assert directory.customers(STAFF, None, 10, "9999") == []


def test_a_partner_knows_of_its_own_customers_alone(peopled: Directory) -> None:
    partner = peopled.authenticate(peopled.create_key("Oak", Role.PARTNER, ["5002", "05001", "gone"]))
    assert (partner.staff, partner.sees("5002"), partner.sees("5001")) == (False, True, False)
    assert found(peopled, None, partner) == ["05001", "5002"]
    assert found(peopled, "500", partner) == ["05001", "5002"]
    assert found(peopled, "marigold", partner) == []
    assert [each.id for each in peopled.customers(partner, None, 10, "05001")] == ["5002"]
    assert peopled.customer(partner, "5002").name == NAMES["5002"]


def test_not_found_is_alike_for_what_is_hidden_and_what_is_not_there(peopled: Directory) -> None:
    partner = peopled.authenticate(peopled.create_key("Oak", Role.PARTNER, ["5002", "gone"]))
    told = set()
    for id in ("5001", "9999", "gone", "05002", ""):
        with pytest.raises(NotFound) as error:
            peopled.customer(partner, id)
        told.add((str(error.value).replace(repr(id), "ID"), str(error.value.extensions)))
    assert len(told) == 1
    with pytest.raises(NotFound):
        peopled.customer(STAFF, "9999")


def test_a_key_is_known_again(directory: Directory) -> None:
    staff = directory.authenticate(directory.create_key("Ann", Role.STAFF))
    partner = directory.authenticate(directory.create_key("Oak", Role.PARTNER, ["2", "1", "2"]))
    assert (staff.name, staff.role, staff.staff, staff.customers) == ("Ann", Role.STAFF, True, None)
    assert (partner.name, partner.role, partner.customers) == ("Oak", Role.PARTNER, frozenset({"1", "2"}))
    assert staff.sees("anyone")
    assert staff.key_id != partner.key_id


def test_only_the_hash_of_a_key_is_kept(directory: Directory, url: str) -> None:
    key = directory.create_key("Ann", Role.STAFF)
    engine = create_engine(url)
    with engine.connect() as connection:
        kept = str([tuple(row) for row in connection.execute(select(ApiKey.__table__))])
    engine.dispose()
    assert hashlib.sha256(key.encode()).hexdigest() in kept
    assert key.removeprefix(PREFIX) not in kept


def test_revoked_keys_do_not_hold(directory: Directory) -> None:
    key, other = directory.create_key("Ann", Role.STAFF), directory.create_key("Bob", Role.STAFF)
    id = directory.authenticate(key).key_id
    directory.revoke_key(id)
    with pytest.raises(Unauthenticated):
        directory.authenticate(key)
    assert directory.authenticate(other).name == "Bob"
    [revoked] = [each for each in directory.list_keys() if each.id == id]
    directory.revoke_key(id)
    [again] = [each for each in directory.list_keys() if each.id == id]
    assert again.revoked_at == revoked.revoked_at is not None
    with pytest.raises(NotFound):
        directory.revoke_key("nothing")


def test_keys_are_listed_with_the_oldest_first(directory: Directory) -> None:
    for name in ("first", "second", "third"):
        directory.create_key(name, Role.PARTNER, [name, "all"])
    keys = directory.list_keys()
    assert [each.name for each in keys] == ["first", "second", "third"]
    assert [{owned.customer_id for owned in each.customers} for each in keys] == [
        {"first", "all"},
        {"second", "all"},
        {"third", "all"},
    ]
    assert all(each.revoked_at is None for each in keys)


def test_another_process_sees_what_is_there(peopled: Directory, url: str) -> None:
    key = peopled.create_key("Ann", Role.STAFF)
    again = Directory(url)
    try:
        assert again.authenticate(key).name == "Ann"
        assert found(again, None) == sorted(NAMES)
    finally:
        again.close()


def test_text_that_no_database_holds(peopled: Directory) -> None:
    with pytest.raises(NotFound):
        peopled.customer(STAFF, "5001\0")
    assert found(peopled, "\0") == []
    assert peopled.customers(STAFF, None, 10, "\0") == []


def test_several_that_start_at_once(empty_url: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        directories = list(threads.map(Directory, [empty_url] * 8))
    key = directories[0].create_key("Ann", Role.STAFF)
    for each in directories:
        assert each.authenticate(key).name == "Ann"
        each.close()


def test_a_server_that_is_started_again(postgresql: PostgreSql) -> None:
    directory = Directory(postgresql.new_database())
    key = directory.create_key("Ann", Role.STAFF)
    postgresql.stop()
    with pytest.raises(DirectoryUnavailable):
        directory.authenticate(key)
    postgresql.start()
    assert directory.authenticate(key).name == "Ann"
    directory.close()
