"""The query for admins that lists the loads of CDRs."""

from dataclasses import asdict
from datetime import datetime

import strawberry

from gqlreports.errors import InvalidInput
from gqlreports.schema.connections import ListConnection, connection, moment_at, page_size, place
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.opaque import microseconds
from gqlreports.schema.scalars import BigInt
from gqlreports.store.loads import finished_loads

_FIRST = 20


@strawberry.type(description="A load of CDRs that ended: a file, or what was posted.")
class Load:
    id: strawberry.ID = strawberry.field(description="Its id, which `gqlreports unload` takes.")
    file: str = strawberry.field(description="Name of the file; `POST /load/cdrs` for what was posted.")
    hash: str = strawberry.field(description="SHA-256 of its bytes.")
    user: str = strawberry.field(description="Who loaded it: a user of the machine, or the name of a key.")
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime = strawberry.field(description="When it ended.")
    first_call: datetime = strawberry.field(description="Start of its earliest call.")
    last_call: datetime = strawberry.field(description="Start of its latest call.")
    added: BigInt = strawberry.field(description="CDRs that were new.")
    corrected: BigInt = strawberry.field(description="CDRs that took the place of an earlier version.")
    there_before: BigInt = strawberry.field(description="CDRs that were stored already.")
    rejected: BigInt = strawberry.field(description="Rows that were rejected.")
    unloaded_at: datetime | None = strawberry.field(description="When it was taken back; null if it was not.")


async def loads(info: ReportInfo, first: int | None = _FIRST, offset: int | None = 0) -> list[Load]:
    first, offset = _FIRST if first is None else first, offset or 0
    if min(first, offset) < 0:
        raise InvalidInput("`first` and `offset` must not be negative.")
    door = info.context.door
    door.limits.check("rows_per_page", first, "use `offset` for more")
    found = await finished_loads(door.backend, first, offset)
    return [Load(**asdict(each)) for each in found]


async def loads_connection(
    info: ReportInfo, first: int | None = _FIRST, after: str | None = None
) -> ListConnection[Load]:
    size, behind = page_size(first, _FIRST), place(after, int, str)
    door = info.context.door
    door.limits.check("rows_per_page", size, "use `after` for more")
    until = None if behind is None else (moment_at(behind[0]), behind[1])
    found = await finished_loads(door.backend, size + 1, after=until)
    loads = [Load(**asdict(each)) for each in found]
    return connection(loads, size, after, lambda each: (microseconds(each.finished_at), each.id))
