"""What a key that was found gives, where and until when."""

import logging
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gqlreports.directory.key_text import INVALID
from gqlreports.directory.models import ApiKey
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import Unauthenticated

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Grant:
    """`expires_at` is UTC without an offset; without networks it holds from everywhere."""

    principal: Principal
    expires_at: datetime | None
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, key: ApiKey) -> "Grant":
        customers = frozenset(each.customer_id for each in key.customers)
        reports = frozenset(each.report_type for each in key.reports)
        role = Role(key.role)
        bounded = customers if customers or role is Role.PARTNER else None
        principal = Principal(key.id, key.name, role, bounded, reports or None)
        return cls(principal, key.expires_at, tuple(ip_network(each.network) for each in key.networks))

    def principal_now(self, now: datetime, source: str | None) -> Principal:
        """Raises Unauthenticated, in the words for any key that is not valid, when or where it does not hold."""
        if self.expires_at is not None and self.expires_at <= now:
            logger.info("The key %s has expired.", self.principal.key_id)
            raise Unauthenticated(INVALID)
        if self.networks and not self._holds_from(source):
            logger.warning("The key %s does not hold from %s.", self.principal.key_id, source)
            raise Unauthenticated(INVALID)
        return self.principal

    def _holds_from(self, source: str | None) -> bool:
        try:
            address = ip_address(source or "")
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any(each in network for network in self.networks for each in (address, mapped) if each is not None)
