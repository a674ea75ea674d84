"""Groups of customers: made, changed and removed, and the keys and users that are limited to them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gqlreports.directory.directory import Directory
from gqlreports.directory.load_customers import load_customers
from gqlreports.directory.models import Customer
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import InvalidInput, LoadError, NotFound

STAFF = Principal("", "staff", Role.STAFF, None)
PASSWORD = "correct horse battery"
IDS = ("1001", "1002", "1003", "o'hara")


@pytest.fixture
def peopled(directory: Directory) -> Directory:
    directory.save_customers(Customer(id=id, name=id, currency="USD") for id in IDS)
    directory.groups.create("west", "In the west", ["1002", "1001"])
    return directory


def listed(directory: Directory) -> dict[str, list[str]]:
    return {each.id: directory.groups.members(STAFF, each.id) for each in directory.groups.seen_by(STAFF)}


def test_a_groups_life(peopled: Directory) -> None:
    peopled.groups.create("East.1", "In the east")
    assert listed(peopled) == {"East.1": [], "west": ["1001", "1002"]}
    peopled.groups.add("East.1", ["o'hara", "1001", "1001"])
    peopled.groups.add("East.1", ["1001"])
    peopled.groups.remove("west", ["1001"])
    assert listed(peopled) == {"East.1": ["1001", "o'hara"], "west": ["1002"]}
    peopled.groups.delete("East.1")
    assert listed(peopled) == {"west": ["1002"]}
    assert [each.id for each in peopled.customers(STAFF, None, 10, None)] == list(IDS)


@pytest.mark.parametrize("id", ["", " ", "west", "-a", "a b", "a" * 65, "é", "a\0"])
def test_what_is_no_id_of_a_new_group(peopled: Directory, id: str) -> None:
    with pytest.raises(InvalidInput):
        peopled.groups.create(id, "A name")
    assert listed(peopled) == {"west": ["1001", "1002"]}


@pytest.mark.parametrize("name", ["", " ", "a" * 256, "a\nb"])
def test_what_is_no_name_of_a_group(peopled: Directory, name: str) -> None:
    with pytest.raises(InvalidInput):
        peopled.groups.create("new", name)


def test_what_is_not_there(peopled: Directory) -> None:
    """Nothing is changed in part."""
    for unknown in ("nobody", "1001\0", "x" * 999):
        with pytest.raises(InvalidInput):
            peopled.groups.create("new", "New", ["1003", unknown])
        with pytest.raises(InvalidInput):
            peopled.groups.add("west", ["1003", unknown])
        with pytest.raises(InvalidInput):
            peopled.groups.remove("west", ["1001", unknown])
    with pytest.raises(InvalidInput, match="has no customer '1003'"):
        peopled.groups.remove("west", ["1001", "1003"])
    for id in ("nowhere", "", "west\0", "West"):
        for change in (peopled.groups.add, peopled.groups.remove):
            with pytest.raises(NotFound):
                change(id, ["1001"])
        with pytest.raises(NotFound):
            peopled.groups.delete(id)
        with pytest.raises(NotFound):
            peopled.groups.members(STAFF, id)
    assert listed(peopled) == {"west": ["1001", "1002"]}


def test_keys_and_users_see_who_is_in_their_groups(peopled: Directory) -> None:
    """At once in this process."""
    groups = peopled.groups
    groups.create("east", "In the east", ["1002"])
    both = peopled.create_key("both", Role.PARTNER, ["o'hara"], groups=["west", "east"])
    staff = peopled.create_key("staff", Role.STAFF, groups=["east"])
    peopled.users.add("anna", PASSWORD, Role.PARTNER, groups=["west"])
    session = peopled.sessions.begin("anna", PASSWORD, None)

    def seen() -> list[frozenset[str] | None]:
        return [
            peopled.authenticate(both).customers,
            peopled.authenticate(staff).customers,
            peopled.sessions.principal(session).customers,
        ]

    assert seen() == [frozenset({"1001", "1002", "o'hara"}), frozenset({"1002"}), frozenset({"1001", "1002"})]
    assert peopled.authenticate(both).groups == {"west", "east"}
    assert [each.id for each in groups.seen_by(peopled.authenticate(staff))] == ["east"]
    assert peopled.remembered(staff, None)
    assert peopled.sessions.remembered(session)
    groups.remove("east", ["1002"])
    groups.add("west", ["1003"])
    assert peopled.remembered(staff, None) is None
    assert peopled.sessions.remembered(session) is None
    everyone = frozenset({"1001", "1002", "1003"})
    assert seen() == [everyone | {"o'hara"}, frozenset(), everyone]
    with pytest.raises(NotFound):
        groups.members(peopled.authenticate(staff), "west")


def test_a_group_that_limits_something_stays(peopled: Directory) -> None:
    key = peopled.create_key("staff", Role.STAFF, groups=["west"])
    peopled.users.add("anna", PASSWORD, Role.PARTNER, groups=["west"])
    rotated = peopled.rotate_key(key.split("_")[1], timedelta())
    assert peopled.authenticate(rotated).groups == {"west"}
    with pytest.raises(InvalidInput, match="limits the key"):
        peopled.groups.delete("west")
    peopled.revoke_key(rotated.split("_")[1])
    with pytest.raises(InvalidInput, match="limits the user anna"):
        peopled.groups.delete("west")
    peopled.users.set_role("anna", Role.PARTNER, ["1003"])
    peopled.groups.delete("west")
    assert listed(peopled) == {}
    assert {each.revoked_at is None for each in peopled.list_keys()} == {True, False}


def test_who_may_be_limited_to_groups(peopled: Directory) -> None:
    for role in (Role.ADMIN, Role.LOADER):
        with pytest.raises(InvalidInput):
            peopled.create_key("no", role, groups=["west"])
    for role in (Role.STAFF, Role.PARTNER):
        with pytest.raises(InvalidInput, match="'nowhere'"):
            peopled.create_key("no", role, groups=["west", "nowhere"])
    with pytest.raises(InvalidInput):
        peopled.users.add("no", PASSWORD, Role.STAFF, groups=["west"])
    with pytest.raises(InvalidInput, match="'nowhere'"):
        peopled.users.add("no", PASSWORD, Role.PARTNER, groups=["nowhere"])
    assert peopled.list_keys() == []
    assert peopled.users.list() == []


def test_a_users_groups_are_changed_with_the_role(peopled: Directory) -> None:
    peopled.groups.create("east", "In the east", ["1003"])
    peopled.users.add("anna", PASSWORD, Role.PARTNER, ["1001"], ["west"])
    peopled.users.set_role("anna", Role.PARTNER, [], ["west", "east"])
    [anna] = peopled.users.list()
    assert ({each.group_id for each in anna.groups}, anna.customers) == ({"west", "east"}, [])
    peopled.users.set_role("anna", Role.STAFF)
    assert peopled.users.list()[0].groups == []


@pytest.mark.parametrize("form", ["CSV", "JSON"])
def test_groups_from_a_file_of_customers(peopled: Directory, tmp_path: Path, form: str) -> None:
    """A file says all groups of a customer, or nothing of them."""
    peopled.groups.create("east", "In the east", ["1001"])
    rows = [("1001", "west"), ("1002", ""), ("1004", "west east")]
    file = tmp_path / "customers"
    if form == "CSV":
        lines = [f"{id},Name,EUR,{groups}" for id, groups in rows]
        file.write_text("\n".join(["id,name,currency,groups", *lines, ""]))
    else:
        listed_rows = [{"id": id, "name": "Name", "currency": "EUR", "groups": groups.split()} for id, groups in rows]
        file.write_text(json.dumps(listed_rows))
    assert load_customers(peopled, str(file)) == 3
    assert listed(peopled) == {"east": ["1004"], "west": ["1001", "1004"]}
    file.write_text("id,name,currency\n1001,Other,EUR\n")
    load_customers(peopled, str(file))
    assert listed(peopled) == {"east": ["1004"], "west": ["1001", "1004"]}


@pytest.mark.parametrize("groups", ['"west nowhere"', "5", '{"west": 1}', "[1]", '["we st"]'])
def test_a_file_that_names_no_group_loads_nothing(peopled: Directory, tmp_path: Path, groups: str) -> None:
    file = tmp_path / "customers.json"
    file.write_text(f'[{{"id": "1001", "name": "Other", "currency": "EUR", "groups": {groups}}}]')
    with pytest.raises(LoadError, match=r"[Nn]othing was loaded"):
        load_customers(peopled, str(file))
    assert peopled.customer(STAFF, "1001").name == "1001"
    assert listed(peopled) == {"west": ["1001", "1002"]}


def test_many_customers_are_found_together(peopled: Directory) -> None:
    peopled.save_customers(Customer(id=f"{number:05}", name="Many", currency="USD") for number in range(1200))
    ids = peopled.customer_ids(STAFF)
    assert ids == sorted([*IDS, *(f"{number:05}" for number in range(1200))])
    assert [each.id for each in peopled.customers_of(STAFF, ids)] == ids
    partner = Principal("", "partner", Role.PARTNER, frozenset(["00001", "1001", "gone"]))
    assert peopled.customer_ids(partner) == ["00001", "1001"]
    with pytest.raises(NotFound, match="'00002'"):
        peopled.customers_of(partner, ["00001", "00002", "00003"])
    with pytest.raises(NotFound, match="'gone'"):
        peopled.customers_of(partner, ["00001", "gone"])
