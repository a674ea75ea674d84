"""Who is asking."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Staff see everything, an admin manages keys too; a partner sees its own customers and no column for staff."""

    ADMIN = "admin"
    STAFF = "staff"
    PARTNER = "partner"

    @property
    def staff(self) -> bool:
        """Whether columns and reports for staff exist for it."""
        return self is not Role.PARTNER


@dataclass(frozen=True)
class Principal:
    """A user, or the holder of a key or a token.

    `key_id` names it in logs and in the audit; `customers` and `reports` bound what it sees and runs, None: all.
    """

    key_id: str
    name: str
    role: Role
    customers: frozenset[str] | None
    reports: frozenset[str] | None = None

    @property
    def staff(self) -> bool:
        return self.role.staff

    def sees(self, customer: str) -> bool:
        return self.customers is None or customer in self.customers

    def runs(self, report: str) -> bool:
        return self.reports is None or report in self.reports
