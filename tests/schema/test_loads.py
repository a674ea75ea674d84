"""The loads of CDRs that admins list."""

import asyncio
import getpass
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gqlreports.directory.principal import Role
from gqlreports.store.load_cdrs import load_cdrs
from gqlreports.store.loads import unload
from tests.support.sites import Engine, Site, make_site, nothing

LOADS = """query ($first: Int, $offset: Int) { loads(first: $first, offset: $offset) {
  id file hash user startedAt finishedAt firstCall lastCall added corrected thereBefore rejected unloadedAt } }"""


@pytest.fixture
def loaded(site: Site, tmp_path: Path, engine: Engine) -> Iterator[Site]:
    """A site of its own."""
    made = make_site(tmp_path, site.home, engine)
    yield made
    made.directory.close()


def loads(site: Site, **page: int | None) -> list[dict[str, Any]]:
    admin = site.directory.create_key("admin", Role.ADMIN)
    found: list[dict[str, Any]] = site.data(LOADS, admin, **page)["loads"]
    return found


def test_a_load_tells_its_file_who_when_and_how_many(loaded: Site, site: Site) -> None:
    [told] = loads(loaded)
    file, calls = site.home / "cdrs.csv", loaded.world.cdrs
    assert {name: told[name] for name in ("id", "hash", "user", "added", "unloadedAt")} == {
        "id": f"{loaded.loaded.load:012x}",
        "hash": hashlib.sha256(file.read_bytes()).hexdigest(),
        "user": getpass.getuser(),
        "added": loaded.loaded.added,
        "unloadedAt": None,
    }
    assert told["file"] == str(file)
    assert (told["thereBefore"], told["rejected"], told["corrected"]) == (0, loaded.loaded.rejected, 0)
    moments = [told[name] for name in ("firstCall", "lastCall", "startedAt", "finishedAt")]
    assert moments == sorted(moments)
    assert told["lastCall"].startswith(max(each.dt for each in calls).strftime("%Y-%m-%dT%H:%M:%S"))


def test_the_latest_comes_first_and_one_taken_back_keeps_its_counts(loaded: Site, site: Site) -> None:
    again = asyncio.run(load_cdrs(loaded.backend, str(site.home / "cdrs.csv"), nothing))
    latest, first = loads(loaded)
    assert (latest["id"], latest["added"], latest["thereBefore"]) == (f"{again.load:012x}", 0, again.there_before)
    asyncio.run(unload(loaded.backend, first["id"]))
    [page] = loads(loaded, first=1, offset=1)
    assert page.pop("unloadedAt") > page["finishedAt"]
    assert page == {name: value for name, value in first.items() if name != "unloadedAt"}
    assert loads(loaded, first=0) == []
    assert loads(loaded, first=None) == loads(loaded)


def test_the_pages_of_the_connection_are_the_list(loaded: Site, site: Site) -> None:
    for _ in range(2):
        asyncio.run(load_cdrs(loaded.backend, str(site.home / "cdrs.csv"), nothing))
    whole = loads(loaded)
    asyncio.run(unload(loaded.backend, whole[0]["id"]))
    admin = loaded.directory.create_key("admin", Role.ADMIN)
    query = """query ($after: String) { loadsConnection(first: 2, after: $after) {
      pageInfo { hasNextPage endCursor } edges { node { id finishedAt } } } }"""
    first = loaded.data(query, admin)["loadsConnection"]
    # A load that ends meanwhile comes before the cursor, so that no page repeats or skips one.
    asyncio.run(load_cdrs(loaded.backend, str(site.home / "cdrs.csv"), nothing))
    last = loaded.data(query, admin, after=first["pageInfo"]["endCursor"])["loadsConnection"]
    assert [each["node"]["id"] for each in first["edges"] + last["edges"]] == [each["id"] for each in whole]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, last)] == [True, False]


def test_only_admins_see_loads(loaded: Site) -> None:
    assert "loads" in loaded.error("{ loads { id } }")["message"]
    assert "loads" in loaded.error("{ loads { id } }", loaded.partner_key("5001"))["message"]


@pytest.mark.parametrize(
    ("page", "code"),
    [({"first": -1}, "BAD_USER_INPUT"), ({"offset": -1}, "BAD_USER_INPUT"), ({"first": 2_000_000}, "LIMIT_EXCEEDED")],
)
def test_a_page_that_cannot_be(loaded: Site, page: dict[str, int], code: str) -> None:
    admin = loaded.directory.create_key("admin", Role.ADMIN)
    assert loaded.error(LOADS, admin, **page)["extensions"]["code"] == code
