"""Queries and mutations for admins: list, create, rotate and revoke API keys."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import strawberry
from starlette.concurrency import run_in_threadpool

from gqlreports.directory import models
from gqlreports.directory.keys import LONGEST_OVERLAP
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput
from gqlreports.schema.connections import ListConnection, connection, moment_at, page_size, place
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.node import Node
from gqlreports.schema.opaque import microseconds
from gqlreports.schema.types.columns import field_of, list_of

logger = logging.getLogger(__name__)


KEYS = 50
"""How many keys a page of the connection has by default."""
_HOURS = 24
_MOST_HOURS = LONGEST_OVERLAP // timedelta(hours=1)


@strawberry.type(description="An API key; its text is not kept.")
class ApiKey(Node):
    id: strawberry.ID = strawberry.field(description="Its public id, which is a part of its text.")
    name: str = strawberry.field(description="Whose it is.")
    role: Role = strawberry.field(description="What it may see and do.")
    customers: list[strawberry.ID] | None = strawberry.field(
        description="Customers that it sees; null with no groups for all."
    )
    groups: list[strawberry.ID] | None = strawberry.field(
        description="Groups whose customers it sees too; null for none."
    )
    reports: list[str] | None = strawberry.field(description="Report types that it may run; null for all.")
    networks: list[str] | None = strawberry.field(description="Networks from which it holds; null for all.")
    created_at: datetime = strawberry.field(description="When it was created.")
    expires_at: datetime | None = strawberry.field(description="When it ceases to hold; null for never.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null if it was not.")
    replaced_by: strawberry.ID | None = strawberry.field(description="The key that it was rotated to.")

    @classmethod
    def of(cls, key: models.ApiKey) -> "ApiKey":
        return cls(
            id=strawberry.ID(key.id),
            name=key.name,
            role=Role(key.role),
            customers=[strawberry.ID(each.customer_id) for each in key.customers] or None,
            groups=[strawberry.ID(each.group_id) for each in key.groups] or None,
            reports=[each.report_type for each in key.reports] or None,
            networks=[each.network for each in key.networks] or None,
            created_at=key.created_at.replace(tzinfo=UTC),
            expires_at=key.expires_at and key.expires_at.replace(tzinfo=UTC),
            revoked_at=key.revoked_at and key.revoked_at.replace(tzinfo=UTC),
            replaced_by=strawberry.ID(key.replaced_by) if key.replaced_by else None,
        )


@strawberry.type(description="A key that was just made.")
class NewApiKey:
    secret: str = strawberry.field(description="The text of the key: it is not kept and cannot be had again.")
    key: ApiKey = strawberry.field(description="The key.")

    def __repr__(self) -> str:
        return f"NewApiKey({self.key.id})"


async def keys(info: ReportInfo) -> list[ApiKey]:
    return [ApiKey.of(each) for each in await run_in_threadpool(info.context.door.directory.list_keys)]


async def keys_connection(
    info: ReportInfo, first: int | None = KEYS, after: str | None = None
) -> ListConnection[ApiKey]:
    size, behind = page_size(first, KEYS), place(after, int, str)
    door = info.context.door
    door.limits.check("rows_per_page", size, "use `after` for more")
    since = None if behind is None else (moment_at(behind[0]), behind[1])
    found = await run_in_threadpool(door.directory.list_keys, size + 1, since)
    return connection(
        [ApiKey.of(each) for each in found], size, after, lambda each: (microseconds(each.created_at), each.id)
    )


async def rotate_key(info: ReportInfo, id: strawberry.ID, overlap_hours: int | None = _HOURS) -> NewApiKey | None:
    hours = _HOURS if overlap_hours is None else overlap_hours
    if not 0 <= hours <= _MOST_HOURS:
        raise InvalidInput(f"`overlapHours` is between 0 and {_MOST_HOURS}.")
    directory = info.context.door.directory
    secret = await run_in_threadpool(directory.rotate_key, id, timedelta(hours=hours))
    return await _new_key(info, secret, f"rotated from {id}")


async def revoke_key(info: ReportInfo, id: strawberry.ID) -> ApiKey | None:
    await run_in_threadpool(info.context.door.directory.revoke_key, id)
    logger.info("The key %s was revoked by %s.", id, info.context.caller.principal.key_id)
    return ApiKey.of(await run_in_threadpool(info.context.door.directory.key, id))


def key_mutations(report_type: Any) -> type[Any]:
    """The mutations `createKey`, `rotateKey` and `revokeKey`; `report_type` is the schema's enum of report types."""

    async def create_key(
        info: ReportInfo,
        name: str,
        role: Role,
        customers: list[strawberry.ID] | None = None,
        groups: list[strawberry.ID] | None = None,
        reports: Any = None,
        networks: list[str] | None = None,
        expires_at: datetime | None = None,
    ) -> Any:
        def created() -> str:
            return info.context.door.directory.create_key(
                name,
                role,
                customers or (),
                groups=groups or (),
                reports=[each.value for each in reports or ()],
                networks=networks or (),
                expires_at=expires_at,
            )

        return await _new_key(info, await run_in_threadpool(created), "created")

    fields = {
        "create_key": field_of(
            create_key,
            "Create a key; what it is not limited to, it may see and run all of.",
            info=ReportInfo,
            name=str,
            role=Role,
            customers=list[strawberry.ID] | None,
            groups=list[strawberry.ID] | None,
            reports=list_of(report_type) | None,
            networks=list[str] | None,
            expires_at=datetime | None,
            returns=NewApiKey | None,
        ),
        "rotate_key": field_of(
            rotate_key,
            "A new key like that one; both hold for the overlap.",
            info=ReportInfo,
            id=strawberry.ID,
            overlap_hours=int | None,
            returns=NewApiKey | None,
        ),
        "revoke_key": field_of(
            revoke_key,
            "The key holds no more, on any server after 5 seconds.",
            info=ReportInfo,
            id=strawberry.ID,
            returns=ApiKey | None,
        ),
    }
    return strawberry.type(type("Mutation", (), fields), description="What admins change.")


async def _new_key(info: ReportInfo, secret: str, how: str) -> NewApiKey:
    key = ApiKey.of(await run_in_threadpool(info.context.door.directory.key_of, secret))
    logger.info("The key %s was %s by %s.", key.id, how, info.context.caller.principal.key_id)
    return NewApiKey(secret=secret, key=key)
