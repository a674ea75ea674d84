"""A key that is revoked from the shell ceases to hold on a server that has just taken it, within 5 seconds."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.waiting import PATIENCE, wait_until
from tests.web.test_server import COMMAND, Server, free_port, shell, wait_until_it_answers

pytestmark = pytest.mark.processes


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    key, port = shell(tmp_path, "key", "create", "--name", "tests", "--role", "staff"), free_port()
    environment = os.environ | {"GQLREPORTS_HOME": str(tmp_path)}
    command = [*COMMAND, "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    made = Server(f"http://127.0.0.1:{port}", key, process, tmp_path)
    try:
        wait_until_it_answers(made)
        yield made
    finally:
        process.kill()
        process.communicate()


def status(server: Server, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.post(
        f"{server.url}/graphql", json={"query": "{ viewer { name } }"}, headers=headers, timeout=PATIENCE
    ).status_code


def test_a_revoked_key_and_one_that_was_rotated_without_overlap(server: Server) -> None:
    rotated = shell(server.home, "key", "create", "--name", "rotated", "--role", "staff")
    assert (status(server, server.key), status(server, rotated)) == (200, 200)
    new = shell(server.home, "key", "rotate", rotated.split("_")[1], "--overlap", "0m")
    shell(server.home, "key", "revoke", server.key.split("_")[1])
    wait_until(lambda: {status(server, server.key), status(server, rotated)} == {401})
    assert status(server, new) == 200
