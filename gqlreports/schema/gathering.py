"""Fields of one report that a request asks for at once, put into one statement."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from gqlreports.backends.base import Backend, Fetched
from gqlreports.backends.request import REQUEST_ID
from gqlreports.backends.sharing import SharedTask
from gqlreports.schema.plan.filters import Where
from gqlreports.schema.plan.together import Field, split, together
from gqlreports.schema.request import ReportRequest

Printed: TypeAlias = list[tuple[bytes, Fetched]]


@dataclass(eq=False)
class _Group:
    """The fields that go together, and the task that those who asked for them wait for."""

    request: ReportRequest
    where: Where
    fields: list[Field] = field(default_factory=list)
    task: SharedTask[Printed | None] | None = None


class Gathering:
    """Waits until all fields have asked that the executor resolves together: two turns of the event loop.

    A data loader does not serve: nobody can take a load back whose caller has gone, and here its query is to be killed.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._open: dict[Hashable, _Group] = {}

    async def ask(self, request: ReportRequest, asked: Field, where: Where) -> tuple[bytes, Fetched] | None:
        """A printed field, and what was read for it; None where it is to be asked for by itself.

        What was read for several fields is told with the first of them.
        """
        if request.report.rollup is None:
            return None
        key = REQUEST_ID.get(), request, where.tree, repr(where.values)
        if (group := self._open.get(key)) is None:
            group = self._open[key] = _Group(request, where)
            group.task = SharedTask(self._run(key, group), lambda: self._close(key, group))
        assert group.task
        place = len(group.fields)
        group.fields.append(asked)
        printed = await group.task.result()
        return None if printed is None else printed[place]

    def _close(self, key: Hashable, group: _Group) -> None:
        """Nobody joins it any more."""
        if self._open.get(key) is group:
            del self._open[key]

    async def _run(self, key: Hashable, group: _Group) -> Printed | None:
        for _ in range(2):
            await asyncio.sleep(0)
        self._close(key, group)
        fields = tuple(group.fields)
        statement = together(group.request, fields, group.where) if len(fields) > 1 else None
        if statement is None:
            return None
        fetched = await self._backend.fetch_json(statement)
        others = replace(fetched, rows_read=0, bytes_read=0, milliseconds=0)
        told = [fetched, *[others] * (len(fields) - 1)]
        return list(zip(split(fetched.json, len(fields)), told, strict=True))
