"""Who is asking."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Staff see everything; a partner sees its own customers and no column for staff."""

    STAFF = "staff"
    PARTNER = "partner"


@dataclass(frozen=True)
class Principal:
    """The holder of a key.  `customers` bounds what a partner sees; for staff it is None: all of them."""

    key_id: str
    name: str
    role: Role
    customers: frozenset[str] | None

    @property
    def staff(self) -> bool:
        return self.role is Role.STAFF

    def sees(self, customer: str) -> bool:
        return self.customers is None or customer in self.customers
