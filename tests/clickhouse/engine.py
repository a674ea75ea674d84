"""chDB's connections: a pool of free ones, one for each session, and those at work by query id."""

import itertools
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from chdb.state.sqlitelike import Connection

from tests.clickhouse.request import COMMENT, Problem, Request

STATEFUL = re.compile(rf"{COMMENT}(set|use|create\s+temporary)\b", re.IGNORECASE | re.DOTALL)
KEPT = 32
_numbers = itertools.count()


def quote(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Handle:
    """One connection, and the settings that the last request left on it.

    Its `log_comment` names it, in place of the client's, so that another handle can kill what it runs.
    """

    def __init__(self, path: str) -> None:
        self.connection: Any = Connection(path)
        self.name = f"http-{next(_numbers)}"
        self.settings = {"log_comment": self.name}
        self.database = "default"
        self.lock = threading.Lock()
        self.used = time.monotonic()
        self.connection.query(f"SET log_comment = {quote(self.name)}")

    def prepare(self, database: str | None, settings: dict[str, str]) -> None:
        if database and database != self.database:
            self.connection.query("USE `" + database.replace("`", "\\`") + "`")
            self.database = database
        if settings != self.settings:
            gone = [f"{name} = DEFAULT" for name in self.settings if name not in settings]
            new = [f"{name} = {quote(value)}" for name, value in settings.items() if self.settings.get(name) != value]
            self.settings = {}
            self.connection.query("SET " + ", ".join(gone + new))
            self.settings = settings

    def serves(self, request: Request) -> bool:
        """Whether it can take a request as it is: a read-only connection takes no other settings."""
        return self.settings == request.settings | {"log_comment": self.name} and self.database == (
            request.database or "default"
        )


@dataclass
class Engine:
    path: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    free: list[Handle] = field(default_factory=list)
    sessions: dict[str, tuple[Handle, float]] = field(default_factory=dict)
    running: dict[str, Handle] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # When the last connection closes the engine goes, and :memory: with it.
        self.keep: Any = Connection(self.path)
        self.timezone = self.keep.query("SELECT timezone()", "TSV").bytes().decode().strip()

    def take(self, request: Request) -> Handle:
        """A connection for a request, with its database and settings."""
        with self.lock:
            handle = self._of_session(request) if request.session else self._of_pool(request)
            self.running[request.id] = handle
        try:
            database = request.database or (None if request.session else "default")
            handle.prepare(database, request.settings | {"log_comment": handle.name})
        except Exception as error:
            self.give(request, handle, spoilt=True)
            raise Problem(str(error)) from error
        return handle

    def give(self, request: Request, handle: Handle, spoilt: bool = False) -> None:
        """Take a connection back.

        After a failed query chDB 4.4 puts what that query had written in front of the next answer: such a
        connection is closed, or for a session runs one query for nothing.
        """
        with self.lock:
            self.running.pop(request.id, None)
            handle.used = time.monotonic()
            if request.session:
                if spoilt:
                    handle.connection.query("SELECT 1", "Null")
                handle.lock.release()
            elif spoilt or STATEFUL.match(request.sql):
                handle.connection.close()
            else:
                self.free.append(handle)
                if len(self.free) > KEPT:
                    self.free.pop(0).connection.close()

    def kill(self, query_id: str) -> str:
        """The statement that kills what runs under a client's query id; chDB makes its own ids."""
        handle = self.running.get(query_id)
        comment = handle.name if handle else "no such query"
        return f"KILL QUERY WHERE Settings['log_comment'] = {quote(comment)}"

    def _of_pool(self, request: Request) -> Handle:
        alike = [handle for handle in self.free if handle.serves(request)]
        if not alike:
            return Handle(self.path)
        self.free.remove(alike[-1])
        return alike[-1]

    def _of_session(self, request: Request) -> Handle:
        name, now = request.parameters["session_id"], time.monotonic()
        for other, (handle, limit) in list(self.sessions.items()):
            if other != name and now - handle.used > limit and not handle.lock.locked():
                self.sessions.pop(other)[0].connection.close()
        if request.parameters.get("session_check") == "1" and name not in self.sessions:
            raise Problem(f"Session {name} not found. (SESSION_NOT_FOUND)", 372)
        handle = self.sessions[name][0] if name in self.sessions else Handle(self.path)
        self.sessions[name] = handle, float(request.parameters.get("session_timeout", 60))
        if not handle.lock.acquire(blocking=False):
            raise Problem(f"Session {name} is locked by a concurrent client. (SESSION_IS_LOCKED)", 373)
        return handle
