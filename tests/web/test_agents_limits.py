"""Agents under the limits that an operator sets, and without the packages that they need."""

import pytest
from mcp import MCPError

from gqlreports.web import app as module
from tests.support.agents import TestAgent, api, post
from tests.support.sites import Site


def test_its_limits_are_those_of_the_api(site: Site) -> None:
    with api(site, requests_per_minute=4, body_bytes=200, seconds_per_request=50) as url:
        key = site.partner_key("5003")
        large = post(url, key, b" " * 201)
        assert (large.status_code, large.json()["error"]["data"]["limit"]) == (413, "bodyBytes")
        assert large.headers["ratelimit-remaining"] == "3"
        slow = post(url, key, b"{}", **{"X-Request-Timeout": "soon"})
        assert (slow.status_code, "X-Request-Timeout" in slow.json()["error"]["message"]) == (400, True)
        with pytest.raises(MCPError, match=r"`requestsPerMinute` is 5 here, and at most 4 .* try again in \d+ s"):
            TestAgent(url, key, "legacy").use("list_reports")
        refused = post(url, key)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0


def test_documents_that_are_not_on_the_list_are_not_run_for_partners(site: Site) -> None:
    with api(site, documents={"one": "{ viewer { name } }"}) as url:
        assert not TestAgent(url, site.staff_key).use("list_reports").failed
        found = TestAgent(url, site.partner_key("5003")).use("list_reports")
        assert found.failed
        assert found.text.startswith("DOCUMENT_NOT_ALLOWED: ")


def test_without_its_packages_there_is_no_endpoint(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with api(site) as url:
        assert post(url, site.staff_key).status_code == 404
