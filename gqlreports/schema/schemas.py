"""The schemas of a process, each built when somebody first needs it."""

import threading
from functools import partial

from starlette.concurrency import run_in_threadpool

from gqlreports.directory.principal import Role
from gqlreports.limits import USUAL, RequestLimits
from gqlreports.plugins.registry import Registry
from gqlreports.schema.query import ReportsSchema, build_schema


class Schemas:
    """The schema of each role.  Building one takes a second, so no server waits for those that nobody asks for."""

    def __init__(self, registry: Registry, limits: RequestLimits = USUAL, federation: bool = False) -> None:
        self._build = partial(build_schema, registry, limits=limits, federation=federation)
        self._built: dict[Role, ReportsSchema] = {}
        self._lock = threading.Lock()

    async def of(self, role: Role) -> ReportsSchema:
        """The schema of a role."""
        return self._built[role] if role in self._built else await run_in_threadpool(self._made, role)

    def _made(self, role: Role) -> ReportsSchema:
        with self._lock:
            if role not in self._built:
                self._built[role] = self._build(role)
            return self._built[role]
