"""What a new key may be and do, checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network

from gqlreports.directory.principal import Role
from gqlreports.errors import InvalidInput

_LONGEST_NAME = 255
_LONGEST_CUSTOMER = 64


@dataclass(frozen=True)
class KeyLimits:
    """Limits of a key, none of a kind: not limited in that; `expires_at` is UTC without an offset."""

    customers: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None

    @classmethod
    def checked(
        cls,
        role: Role,
        customers: Iterable[str],
        reports: Iterable[str],
        networks: Iterable[str],
        expires_at: datetime | None,
    ) -> "KeyLimits":
        """Raises InvalidInput for limits that cannot be, or that do not go with the role."""
        made = cls(checked_customers(customers), _distinct(reports), _networks(networks), _expiry(expires_at))
        if role is Role.PARTNER and not made.customers:
            raise InvalidInput("A partner's key needs its customers.")
        if role is Role.ADMIN and (made.customers or made.reports):
            raise InvalidInput("An admin's key has no customers and no report types: it could make another without.")
        return made


def checked_name(name: str) -> str:
    """Raises InvalidInput for one that is empty, too long or not printable."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"A key's name has 1 to {_LONGEST_NAME} printable characters.")
    return name


def checked_customers(customers: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order.  Raises InvalidInput for what cannot be the id of one."""
    distinct = _distinct(customers)
    if not all(0 < len(each) <= _LONGEST_CUSTOMER and each.isprintable() for each in distinct):
        raise InvalidInput(f"A customer's id has 1 to {_LONGEST_CUSTOMER} printable characters.")
    return distinct


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _networks(networks: Iterable[str]) -> tuple[str, ...]:
    try:
        return _distinct(str(ip_network(each)) for each in networks)
    except ValueError as error:
        raise InvalidInput(f"A network is an address and a length, as in 203.0.113.0/24: {error}.") from None


def _expiry(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment <= datetime.now(UTC):
        raise InvalidInput("A key must expire in the future.")
    return moment.astimezone(UTC).replace(tzinfo=None)
