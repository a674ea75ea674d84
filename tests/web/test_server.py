"""The real server in a process of its own, over HTTP."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from gqlreports.directory.principal import Role
from tests.support.awkward import write_files
from tests.support.commands import typed
from tests.support.sites import Engine, make_site
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes

COMMAND = [sys.executable, "-c", "from gqlreports.cli import app; app()"]
RANGE = 'from: "2025-10-20T00:00:00Z", to: "2025-11-20T00:00:00Z"'


@dataclass
class Server:
    url: str
    key: str
    process: subprocess.Popen[str]
    home: Path

    def post(self, query: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.post(f"{self.url}/graphql", json={"query": query}, headers=headers, timeout=60)


def environment_of(home: Path) -> dict[str, str]:
    return os.environ | {"GQLREPORTS_HOME": str(home)}


def shell(home: Path, *arguments: str) -> str:
    done = typed(arguments, home, environment_of(home))
    assert done.code == 0, done.stderr
    return done.stdout.strip()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def loaded(home: Path, engine: Engine) -> str:
    """Fills the store and the directory of a server that is not there yet; a key for its callers."""
    write_files(home, calls=400)
    site = make_site(home, home, engine)
    key = site.directory.create_key("tests", Role.STAFF)
    site.directory.close()
    engine.close()
    return key


@pytest.fixture(scope="module")
def server(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    key, port = loaded(home, engine), free_port()
    with (home / "log").open("w") as log:
        command = [*COMMAND, "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment_of(home), stderr=log, text=True)
    made = Server(f"http://127.0.0.1:{port}", key, process, home)
    try:
        wait_until_it_answers(made)
        yield made
    finally:
        process.kill()
        process.wait()


def wait_until_it_answers(server: Server) -> None:
    for _ in range(200):
        try:
            if httpx2.get(f"{server.url}/healthz", timeout=PATIENCE).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    pytest.fail("the server did not start")


def test_a_report(server: Server) -> None:
    fields = "... on DtmfReport { rows { route digits } }"
    response = server.post(f'{{ customReport(customer: "5001", type: DTMF, {RANGE}) {{ {fields} }} }}')
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    rows = response.json()["data"]["customReport"]["rows"]
    assert rows
    assert {type(row["digits"]) for row in rows} == {int}


def test_a_query_in_the_address(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    response = httpx2.get(
        f"{server.url}/graphql", params={"query": "{ viewer { name } }"}, headers=headers, timeout=PATIENCE
    )
    assert response.json() == {"data": {"viewer": {"name": "tests"}}}


def test_a_browser_is_sent_to_graphiql_which_is_the_panels(server: Server) -> None:
    response = httpx2.get(f"{server.url}/graphql", headers={"Accept": "text/html"}, timeout=PATIENCE)
    assert (response.status_code, response.headers["Location"]) == (303, "/graphiql")
    asked = httpx2.get(
        f"{server.url}/graphql?query={{viewer{{name}}}}", headers={"Accept": "text/html"}, timeout=PATIENCE
    )
    assert asked.status_code != 303


def test_without_a_key(server: Server) -> None:
    response = httpx2.post(f"{server.url}/graphql", json={"query": "{ viewer { name } }"}, timeout=PATIENCE)
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_many_callers_at_once(server: Server) -> None:
    """Each gets its own customer's answer, and all the same one for the same question."""

    async def ask() -> dict[str, set[str]]:
        answers: dict[str, set[str]] = {}
        async with httpx2.AsyncClient(timeout=60, headers={"Authorization": f"Bearer {server.key}"}) as client:

            async def one(customer: str) -> None:
                fields = "customer { id } ... on GroupByTechPrefixReport { rows { techPrefix total } totals { total } }"
                query = (
                    f'{{ customReport(customer: "{customer}", type: GROUP_BY_TECH_PREFIX, {RANGE}) {{ {fields} }} }}'
                )
                response = await client.post(f"{server.url}/graphql", json={"query": query})
                report = response.json()["data"]["customReport"]
                assert report["customer"] == {"id": customer}
                answers.setdefault(customer, set()).add(str(report))

            await asyncio.gather(*(one(["5001", "5003", "05001", "5009"][place % 4]) for place in range(80)))
        return answers

    answers = asyncio.run(ask())
    assert [len(each) for each in answers.values()] == [1, 1, 1, 1]
    assert len(set().union(*answers.values())) == 4


def test_a_second_server_finds_the_store_in_use(server: Server) -> None:
    environment = os.environ | {"GQLREPORTS_HOME": str(server.home)}
    arguments = ["serve", "--port", str(free_port())]
    done = subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"in use by process {server.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_ends_on_a_signal(server: Server) -> None:
    """Run last: the server of this module is gone then."""
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(timeout=60)
    assert server.process.returncode == 0
    assert "Traceback" not in (server.home / "log").read_text()
