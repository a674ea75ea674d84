"""The queries for customers, for the caller, and for the caller's limits."""

from typing import Any

import strawberry
from starlette.concurrency import run_in_threadpool

from gqlreports.backends.base import Customers
from gqlreports.directory import models
from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput
from gqlreports.limits import Large, RequestLimits
from gqlreports.schema.connections import ListConnection, connection, page_size, place
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.door import CustomerChoice
from gqlreports.schema.node import Node
from gqlreports.schema.scalars import BigInt
from gqlreports.schema.types.descriptions import describe_enum


def _limits_type() -> type[Any]:
    fields = RequestLimits.model_fields
    large = {name for name, kind in RequestLimits.__annotations__.items() if kind is Large}
    namespace: dict[str, Any] = {
        name: strawberry.field(description=f"{each.description}.") for name, each in fields.items()
    }
    namespace["__annotations__"] = {name: BigInt if name in large else int for name in fields}
    return strawberry.type(type("Limits", (), namespace), description="How much one key may ask for.")


_LIMITS = _limits_type()


def limits(info: ReportInfo) -> Any:
    return _LIMITS(**dict(info.context.door.limits))


limits.__annotations__["return"] = _LIMITS


MOST_SHOWN = 50

describe_enum(
    Role,
    "What a key or a user may see and do.",
    {
        "ADMIN": "Everything, also keys and loads.",
        "STAFF": "All columns of all customers, where it is not limited.",
        "PARTNER": "The columns for partners, of its own customers.",
        "LOADER": "Load CDRs, and nothing else.",
    },
)


@strawberry.type(description="A customer of the voice network.")
class Customer(Node):
    id: strawberry.ID = strawberry.field(description="Its id on the switch.")
    name: str = strawberry.field(description="Its name.")
    currency: str = strawberry.field(description="Its currency, ISO 4217.")

    @classmethod
    def of(cls, customer: models.Customer) -> "Customer":
        return cls(id=strawberry.ID(customer.id), name=customer.name, currency=customer.currency)


@strawberry.type(name="CustomerGroup", description="Customers that are asked for together.")
class Group:
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="Its name.")
    customers: list[strawberry.ID] = strawberry.field(description="The ids of its customers now.")

    @classmethod
    def of(cls, group: models.CustomerGroup) -> "Group":
        members = sorted(each.customer_id for each in group.members)
        return cls(id=strawberry.ID(group.id), name=group.name, customers=[strawberry.ID(each) for each in members])


@strawberry.input(one_of=True, description="Whose calls a report is about; give one of these.")
class ReportCustomers:
    ids: list[strawberry.ID] | None = strawberry.field(default=strawberry.UNSET, description="Customers by their ids.")
    group: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The customers that are in this group now."
    )
    all: bool | None = strawberry.field(default=strawberry.UNSET, description="True for all customers that you see.")

    @property
    def choice(self) -> CustomerChoice:
        """Raises InvalidInput for `all: false`."""
        if self.all is False:
            raise InvalidInput("`all` is true, or left out for `ids` or a `group`.")
        group = None if self.group is strawberry.UNSET else self.group
        return CustomerChoice(tuple(self.ids or ()), group, bool(self.all))


async def chosen_customers(info: ReportInfo, given: ReportCustomers) -> Customers:
    """The customers that a report is about; the context keeps a choice that may mean others at another time."""
    choice, context = given.choice, info.context
    customers = await context.door.chosen(context.caller, choice)
    if choice.may_change:
        context.choices.append((choice, customers))
    return customers


@strawberry.type(description="The holder of the key or the session that this request came with.")
class Viewer:
    name: str = strawberry.field(description="The name of the key or the user.")
    role: Role = strawberry.field(description="What it may see.")
    customers: list[strawberry.ID] | None = strawberry.field(
        description="Ids of the customers that it sees; null for all."
    )
    limits = strawberry.field(
        resolver=limits, description="How much it may ask for; more is refused with LIMIT_EXCEEDED."
    )


async def customer(info: ReportInfo, id: strawberry.ID) -> Customer | None:
    return Customer.of(await info.context.door.customer(info.context.caller, id))


async def customers(
    info: ReportInfo, search: str | None = None, first: int | None = MOST_SHOWN, after: strawberry.ID | None = None
) -> list[Customer]:
    return await _page(info, search, page_size(first, MOST_SHOWN), after)


async def customers_connection(
    info: ReportInfo, search: str | None = None, first: int | None = MOST_SHOWN, after: str | None = None
) -> ListConnection[Customer]:
    size, behind = page_size(first, MOST_SHOWN), place(after, str)
    found = await _page(info, search, size, behind[0] if behind else None, more=1)
    return connection(found, size, after, lambda each: (each.id,))


async def _page(info: ReportInfo, search: str | None, first: int, after: str | None, more: int = 0) -> list[Customer]:
    """The first customers after an id, and as many `more`."""
    door, caller = info.context.door, info.context.caller
    door.limits.check("customers_per_page", first, "use `after` for more")
    found = await run_in_threadpool(door.directory.customers, caller.principal, search, first + more, after)
    return [Customer.of(each) for each in found]


async def groups(info: ReportInfo) -> list[Group]:
    door, caller = info.context.door, info.context.caller
    return [Group.of(each) for each in await run_in_threadpool(door.directory.groups.seen_by, caller.principal)]


def viewer(info: ReportInfo) -> Viewer:
    principal = info.context.caller.principal
    seen = None if principal.customers is None else [strawberry.ID(each) for each in sorted(principal.customers)]
    return Viewer(name=principal.name, role=principal.role, customers=seen)
