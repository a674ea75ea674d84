"""Agents that use the tools of a running server, by the client of the protocol's own SDK; and such a server."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import httpx2
import mcp_types
import orjson
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from sqlalchemy import Select, func, literal_column

from gqlreports.directory.principal import NOT_MASKED, Masking
from gqlreports.limits import RequestLimits
from gqlreports.plugins import Report, Scope, attempts, cdr, dimension, measure
from gqlreports.plugins.registry import RegisteredReport, Registry
from gqlreports.web.app import HttpOptions, create_app
from tests.support import sites
from tests.support.serving import served
from tests.support.sites import Site

Result = TypeVar("Result")
ERAS = ("auto", "legacy")
"""How a client begins: by the newest version of the protocol, or by the handshake of those before it."""


@dataclass(frozen=True)
class Told:
    """What a tool answered."""

    text: str
    failed: bool

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@dataclass(frozen=True)
class TestAgent:
    """An agent with a key, or with none."""

    url: str
    key: str | None
    era: str = "auto"

    __test__ = False

    def use(self, tool: str, **arguments: Any) -> Told:
        """The answer of a tool; `start` and `end` are its arguments `from` and `to`."""
        named = {{"start": "from", "end": "to"}.get(name, name): value for name, value in arguments.items()}
        return _run(self.ask(tool, named))

    async def ask(self, tool: str, arguments: dict[str, Any]) -> Told:
        async with self._client() as client:
            return told(await client.call_tool(tool, arguments))

    def connected(self, work: Callable[[Client], Awaitable[Result]]) -> Result:
        """The outcome of some work with a client that is connected."""

        async def run() -> Result:
            async with self._client() as client:
                return await work(client)

        return _run(run())

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        http = httpx2.AsyncClient(headers=headers, timeout=60)
        transport = streamable_http_client(f"{self.url}/mcp", http_client=http)
        async with http, Client(transport, mode=self.era) as client:
            yield client


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(work)
    except ExceptionGroup as group:
        raise _only(group) from None


def _only(error: Exception) -> Exception:
    """The one exception in groups of one, which the SDK's task groups make of it."""
    while isinstance(error, ExceptionGroup):
        [error] = error.exceptions
    return error


def told(result: mcp_types.CallToolResult) -> Told:
    [content] = result.content
    assert isinstance(content, mcp_types.TextContent)
    assert result.structured_content is None
    return Told(content.text, result.is_error)


_CELL = re.compile(r'(?:^|,)("(?:[^"\\]|\\.)*"|[^,"]*)')


def cells(line: str) -> list[str | None]:
    """The texts of the cells of a line; None for null."""
    found = _CELL.findall(line)
    return [None if each == "null" else orjson.loads(each) if each.startswith('"') else each for each in found]


# ---- a server ----


class Wide(Report):
    """A text of 2,000 characters beside each call."""

    callid = dimension(cdr.c.callid, "Call")
    text = dimension(func.concat(func.repeat(literal_column("'é'"), literal_column("2000")), cdr.c.callid), "Text")
    calls = measure(attempts, "Calls")


class Failing(Report):
    """Fails in the store."""

    account = dimension(cdr.c.account, "Account")
    calls = measure(attempts, "Calls")

    def statement(self, scope: Scope) -> Select[Any]:
        return super().statement(scope).where(literal_column("throwIf(1, 'the secret of the store') = 0"))


OWN = {"WIDE": Wide(), "FAILING": Failing()}


@contextmanager
def api(
    site: Site, masking: Masking = NOT_MASKED, documents: dict[str, str] | None = None, **limits: int
) -> Iterator[str]:
    """The address of an application that has the reports of this page, too."""
    reports = {name: RegisteredReport(name, report, "tests") for name, report in OWN.items()}
    registry = Registry(MappingProxyType({**sites.REGISTRY.reports, **reports}))
    http = HttpOptions(RequestLimits(**limits), documents=documents)
    with served(create_app(registry, site.backend, site.directory, masking, http=http)) as url:
        yield url
    site.engine.close()


def post(url: str, key: str, body: bytes = b"{}", **headers: str) -> httpx2.Response:
    given = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
    return httpx2.post(f"{url}/mcp", content=body, headers=given, timeout=60)
