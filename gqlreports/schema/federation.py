"""The schema of a subgraph, which a router of Apollo Federation composes with the schemas of other services.

Customers are its entities: other services know them by the same ids, and a router asks for them by `_entities`.
"""

from typing import Any

import strawberry
import strawberry.federation
from strawberry.federation.schema import FederationAny

from gqlreports.errors import InvalidInput, NotFound, ReportsError
from gqlreports.schema.context import ReportInfo
from gqlreports.schema.customers import Customer


@strawberry.federation.type(name="Customer", keys=["id"], description="A customer of the voice network.")
class CustomerEntity(Customer):
    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        """Resolvers return customers, which are the same in every schema."""
        return isinstance(value, Customer)


class FederatedSchema(strawberry.federation.Schema):
    """A schema that answers `_service` and `_entities`."""

    async def entities_resolver(  # type: ignore[override]
        self, info: ReportInfo, representations: list[FederationAny]
    ) -> list[FederationAny]:
        """The customers that a router names, each null with an error where the caller sees none of that id.

        Raises LimitExceeded for more than a page of them.
        """
        info.context.door.limits.check("customers_per_page", len(representations), "ask again for more")
        found: list[Any] = [await _customer(info, each) for each in representations]
        return found


async def _customer(info: ReportInfo, named: Any) -> Customer | ReportsError:
    """The customer of a representation, or the error in its place."""
    if not isinstance(named, dict) or named.get("__typename") != "Customer" or not isinstance(named.get("id"), str):
        return InvalidInput('A representation is an object as {"__typename": "Customer", "id": "1001"}.')
    try:
        return Customer.of(await info.context.door.customer(info.context.caller, named["id"]))
    except NotFound as error:
        return error
