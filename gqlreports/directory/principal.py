"""The authenticated caller and its role."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """The role of a caller.

    Staff see everything, and an admin also manages keys.  A partner sees only its own customers, and no columns that
    are reserved for staff.  A loader posts CDRs, and does nothing else.
    """

    ADMIN = "admin"
    STAFF = "staff"
    PARTNER = "partner"
    LOADER = "loader"

    @property
    def staff(self) -> bool:
        """Whether the role has access to columns and reports for staff."""
        return self in (Role.ADMIN, Role.STAFF)

    @property
    def reads(self) -> bool:
        """Whether the role may ask for anything."""
        return self is not Role.LOADER

    @property
    def loads(self) -> bool:
        """Whether the role may load CDRs."""
        return self in (Role.ADMIN, Role.LOADER)


@dataclass(frozen=True)
class Masking:
    """How many last characters of numbers are hidden, and from callers of which roles."""

    digits: int = 0
    roles: frozenset[Role] = frozenset(Role)

    def of(self, role: Role) -> int:
        """How many characters are hidden from a role."""
        return self.digits if role in self.roles else 0


NOT_MASKED = Masking()


@dataclass(frozen=True)
class Principal:
    """A user, or the holder of a key or a token.

    `key_id` identifies it in logs and in the audit.  `customers` and `reports` limit what it may see and run; None
    means all.  `groups` are the groups that it is limited to, whose members are among its customers.
    """

    key_id: str
    name: str
    role: Role
    customers: frozenset[str] | None
    reports: frozenset[str] | None = None
    groups: frozenset[str] = frozenset()

    @property
    def staff(self) -> bool:
        return self.role.staff

    def sees(self, customer: str) -> bool:
        return self.customers is None or customer in self.customers

    def sees_group(self, group: str) -> bool:
        return self.customers is None or group in self.groups

    def runs(self, report: str) -> bool:
        return self.reports is None or report in self.reports
