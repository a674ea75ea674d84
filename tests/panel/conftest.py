"""The built panel in a real browser, before a real server with the generated site."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

from gqlreports.directory.principal import Role
from gqlreports.web.panel import BUILT
from tests.clickhouse.server import free_port
from tests.support.awkward import write_files
from tests.support.lacking import lacking
from tests.support.sites import Engine, Site, make_site

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What Chromium itself says of each request that fails, those that a test wants to fail among them.
OF_AN_ANSWER = "Failed to load resource"
# Milliseconds. The machine may have more to do than this.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
PARTNERS_CUSTOMERS = ("5001", "5003")


@dataclass(frozen=True)
class User:
    name: str
    password: str
    role: Role
    customers: tuple[str, ...] = ()


USERS = {
    user.role: user
    for user in (
        User("ada", "a password of ada's", Role.ADMIN),
        User("sam", "a password of sam's", Role.STAFF),
        User("pia", "a password of pia's", Role.PARTNER, PARTNERS_CUSTOMERS),
    )
}


@dataclass(frozen=True)
class Served:
    """The address of the server, and what it serves; `site.world` is the truth about its calls.

    The site's store is open in the server's process and cannot be in the tests'; its directory can.
    """

    url: str
    site: Site


LogIn = Callable[[Role], User]


@pytest.fixture(scope="session")
def served(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not CHROMIUM.exists():
        lacking("no Chromium: apt-get install chromium")
    if not (BUILT / "index.html").exists():
        lacking("the panel is not built: make panel")
    home = tmp_path_factory.mktemp("panel")
    write_files(home)
    site = make_site(home, home, engine)
    engine.close()
    for user in USERS.values():
        site.directory.users.add(user.name, user.password, user.role, user.customers)
    with serving(home) as url:
        yield Served(url, site)
    site.directory.close()


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[str]:
    """A server in a process of its own, for the browser is driven from the tests'."""
    port = free_port()
    command = [sys.executable, "-c", "from gqlreports.cli import app; app()", "serve", "--port", str(port)]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | {"GQLREPORTS_HOME": str(home)} | settings, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx2.Client(transport=httpx2.HTTPTransport(retries=10)) as client:
            assert client.get(f"{url}/readyz", timeout=60).status_code == 200, (home / "log").read_text()
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="package")
def browser(served: Served) -> Iterator[Browser]:
    """For the tests of this folder alone, and behind the server, whose store is loaded by asyncio: as long as it runs,
    Playwright has the event loop of this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=SWITCHES, ignore_default_args=["--hide-scrollbars"]
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser's profile without cookies, whose pages' paths are the panel's.

    Whatever its pages ask of another server, or complain of, as of the content-security policy, fails the test.
    """
    context = new_context(browser, served.url)
    with watched(context, served):
        yield context
        context.close()


def new_context(browser: Browser, url: str, zone: str = "UTC") -> BrowserContext:
    context = browser.new_context(
        base_url=url, viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id=zone
    )
    context.set_default_timeout(PATIENCE)
    return context


@contextmanager
def watched(context: BrowserContext, served: Served) -> Iterator[None]:
    asked: list[str] = []
    complaints: list[str] = []

    def ask(request: Request) -> None:
        asked.append(request.url)

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(OF_AN_ANSWER):
            complaints.append(message.text)

    def fail(error: WebError) -> None:
        complaints.append(str(error.error))

    context.on("request", ask)
    context.on("console", complain)
    context.on("weberror", fail)
    yield
    context.remove_listener("request", ask)
    context.remove_listener("console", complain)
    context.remove_listener("weberror", fail)
    assert {each for each in asked if not _stays(each, served.url)} == set()
    assert complaints == []


def _stays(address: str, url: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("data", "blob", "about") or f"{parts.scheme}://{parts.netloc}" == url


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def log_in(context: BrowserContext) -> LogIn:
    """Gives the pages of the test a session of the user with a role, without the form."""
    return lambda role: begin_session(context, role)


def begin_session(context: BrowserContext, role: Role) -> User:
    user = USERS[role]
    response = context.request.post("/session", data={"userName": user.name, "password": user.password})
    assert response.status == 204, response.text()
    return user


@pytest.fixture(scope="module")
def at_work(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser's profile in which a member of staff is logged in, for all tests of a module."""
    context = new_context(browser, served.url)
    begin_session(context, Role.STAFF)
    yield context
    context.close()


@pytest.fixture
def staff(at_work: BrowserContext, served: Served) -> Iterator[Page]:
    """A page of a member of staff, held to the same as those of `context`."""
    with watched(at_work, served):
        page = at_work.new_page()
        yield page
        page.close()
