"""A server that is killed while switches post: what it answered for is stored, and nothing is stored twice."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from gqlreports.backends.base import Backend, Statement
from gqlreports.directory.principal import Role
from tests.store.test_load_cdrs import cdr_row
from tests.support.directories import new_directory
from tests.support.killing import stored_parts
from tests.support.processes import Process, serving, started
from tests.support.sites import Engine
from tests.support.stores import ServedStore, new_database
from tests.support.waiting import PATIENCE, wait_until
from tests.web.test_loading import csv_of, lines_of

pytestmark = pytest.mark.processes
KILLS, POSTERS, MONTHS = 3, 12, ("2025-09", "2025-10", "2025-11")
COUNTED = "SELECT callid, sum(sign), count() FROM cdr GROUP BY callid"


@dataclass
class Deployment:
    """A store, the variables of a server that loads into it, and the key of a switch."""

    home: Path
    key: str
    variables: dict[str, str]
    store: ServedStore | None
    engine: Engine
    process: Process | None = None

    def post(self, body: bytes) -> dict[str, Any]:
        """What a body that is posted until it is answered gets."""
        began = time.monotonic()
        while True:
            assert time.monotonic() - began < 2 * PATIENCE
            assert self.process is not None
            connection = HTTPConnection(self.process.url.removeprefix("http://"), timeout=PATIENCE)
            with closing(connection), suppress(OSError, HTTPException):
                connection.request("POST", "/load/cdrs", body, {"Authorization": f"Bearer {self.key}"})
                response = connection.getresponse()
                told = response.read()
                if response.status == 200:
                    answer: dict[str, Any] = json.loads(told)
                    return answer
                assert response.status == 503, told
            time.sleep(0.2)

    def kill_and_restart(self, moments: list[Callable[[], bool]], done: threading.Event) -> None:
        """Kill the server at each of these moments, and start it again; then serve until `done`."""
        for moment in moments:
            with started(self.home, self.variables) as self.process:
                wait_until(moment, pause=0.001)
                self.process.running.kill()
        with serving(self.home, self.variables) as self.process:
            done.wait(10 * PATIENCE)

    def stored(self) -> dict[str, tuple[int, int]]:
        """How often each call is in the store, by signs and by rows."""

        async def found(backend: Backend) -> Any:
            async with backend.session() as session:
                return await session.query(Statement(COUNTED))

        if self.store is not None:
            rows = self.store.run(found)
        else:
            rows = asyncio.run(found(self.engine.open(self.home / "store")))
            self.engine.close()
        return {call: (signs, number) for call, signs, number in rows}


@pytest.fixture(params=["embedded", "server"])
def deployment(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Deployment]:
    engine.close()
    directory = new_directory(tmp_path)
    key = directory.create_key("switch", Role.LOADER)
    directory.close()
    variables = {"GQLREPORTS_HOME": str(tmp_path)}
    store: ServedStore | None = None
    if request.param == "server":
        store = new_database(request.getfixturevalue("server_url"))
        variables["GQLREPORTS_STORE"] = f"{store.url}/{store.database}"
    yield Deployment(tmp_path, key, variables, store, engine)
    engine.close()


def test_posts_of_single_calls(deployment: Deployment) -> None:
    """Each poster posts its next call when the last is answered, and again until it is."""
    answered: Counter[str] = Counter()
    killed, done = threading.Event(), threading.Event()

    def moment(number: int) -> Callable[[], bool]:
        return lambda: sum(answered.values()) >= number

    def poster(place: int) -> None:
        number = 0
        while not killed.is_set() or number < 3:
            call = f"{place}-{number}"
            told = deployment.post(lines_of([cdr_row(0, callid=call)]))
            assert told["loaded"] + told["thereBefore"] == 1, told
            answered[call] += 1
            number += 1

    def kill() -> None:
        deployment.kill_and_restart([moment(10 + 37 * number) for number in range(KILLS)] + [killed_now], done)

    def killed_now() -> bool:
        killed.set()
        return True

    with ThreadPoolExecutor(POSTERS + 1) as threads:
        killer = threads.submit(kill)
        wait_until(lambda: deployment.process is not None)
        posters = [threads.submit(poster, place) for place in range(POSTERS)]
        for each in posters:
            each.result()
        done.set()
        killer.result()
    assert deployment.stored() == dict.fromkeys(answered, (1, 1))


def test_a_large_body(deployment: Deployment) -> None:
    """The server dies when some months are stored and others are not, and the body is posted again."""
    rows = [
        cdr_row(0, callid=f"{number}", dt=f"{MONTHS[number % 3]}-0{1 + number % 9} 06:00:00.000")
        for number in range(6_000)
    ]
    done = threading.Event()
    folder, before = deployment.home / "store", Counter[str]()

    def stored_some() -> bool:
        if deployment.store is None:
            return len(stored_parts(folder)) > before["parts"]
        return len(deployment.stored()) > before["calls"]

    def begin() -> bool:
        before["parts"], before["calls"] = 0, 0
        return stored_some()

    with ThreadPoolExecutor(2) as threads:
        killer = threads.submit(deployment.kill_and_restart, [begin], done)
        wait_until(lambda: deployment.process is not None)
        told = deployment.post(csv_of(rows))
        done.set()
        killer.result()
    assert told["loaded"] + told["thereBefore"] == len(rows)
    assert deployment.stored() == {row["callid"]: (1, 1) for row in rows}
