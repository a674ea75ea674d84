"""The id of a request: the caller's own where it may be one, and always answered."""

import re

import pytest

from tests.support.sites import Site


def answered(site: Site, path: str = "/graphql", **headers: str) -> str:
    response = site.client.post(path, json={"query": "{ viewer { name } }"}, headers=headers)
    given: str = response.headers["X-Request-Id"]
    return given


@pytest.mark.parametrize("given", ["a", "request-17", "A.b_c-9" * 9])
def test_the_callers_own(site: Site, given: str) -> None:
    assert answered(site, **{"X-Request-Id": given, "Authorization": f"Bearer {site.staff_key}"}) == given


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "x" * 65, "a'b", "a/b"])
def test_one_that_cannot_be(site: Site, given: str) -> None:
    made = answered(site, **{"X-Request-Id": given})
    assert re.fullmatch("[0-9a-f]{16}", made)


def test_every_request_has_another(site: Site) -> None:
    assert len({answered(site) for _ in range(10)}) == 10


def test_errors_have_one_too(site: Site) -> None:
    assert answered(site, "/nothing-here")
