"""API keys: their text, what they grant, and how they are created, found, rotated and compared.

A key consists of `gqlr_`, its public id (12 digits), `_`, 256 random bits (64 digits) and a checksum (8 digits).  All
digits are hexadecimal.  The checksum is the CRC-32 of everything before it.  So a key with a wrong or swapped digit is
refused without a query, and a secret scanner can tell whether a text of this form is a key.  Older keys have no id and
no checksum: they consist of `gqlr_` and 43 characters of base64url.
"""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from zlib import crc32

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from gqlreports.directory.groups import members_of
from gqlreports.directory.models import ApiKey, ApiKeyCustomer, ApiKeyGroup, ApiKeyNetwork, ApiKeyReport
from gqlreports.directory.principal import Principal, Role
from gqlreports.directory.recent import Recent
from gqlreports.errors import InvalidInput, NotFound, Unauthenticated

logger = logging.getLogger(__name__)

PREFIX = "gqlr_"
_FORM = re.compile(PREFIX + "(?P<id>[0-9a-f]{12})_[0-9a-f]{64}(?P<checksum>[0-9a-f]{8})", re.ASCII)
_FORM_BEFORE = re.compile(PREFIX + "[A-Za-z0-9_-]{43}", re.ASCII)

INVALID = "This key is not valid; ask the operator for another."


@dataclass(frozen=True)
class PresentedKey:
    """A well-formed key from a caller.  `id` is None for an older key without an id; `hash` is the key's SHA-256."""

    id: str | None
    hash: str


def new_key_id() -> str:
    return secrets.token_hex(6)


def new_key_text(key_id: str) -> str:
    """The text of a new key with an id, from 256 bits of the system's randomness."""
    body = f"{PREFIX}{key_id}_{secrets.token_hex(32)}"
    return body + _checksum(body)


def parse_key(text: str) -> PresentedKey:
    """Parse the text of a key.  Raises Unauthenticated for a malformed key; the message does not repeat it."""
    find_key = _FORM.fullmatch(text)
    if find_key is not None and find_key["checksum"] == _checksum(text[: find_key.start("checksum")]):
        return PresentedKey(find_key["id"], key_hash(text))
    if find_key is None and _FORM_BEFORE.fullmatch(text):
        return PresentedKey(None, key_hash(text))
    raise Unauthenticated(INVALID)


def key_hash(text: str) -> str:
    """The SHA-256 of a key.  A slow hash is not needed, since 256 random bits cannot be guessed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return f"{crc32(body.encode()):08x}"


_LONGEST_NAME = 255
_LONGEST_CUSTOMER = 64


@dataclass(frozen=True)
class KeyLimits:
    """The limits of a key.  An empty tuple means no limit of that kind; `expires_at` is a naive datetime in UTC."""

    customers: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None
    groups: tuple[str, ...] = ()

    @classmethod
    def checked(
        cls,
        role: Role,
        customers: Iterable[str],
        reports: Iterable[str],
        networks: Iterable[str],
        expires_at: datetime | None,
        groups: Iterable[str] = (),
    ) -> "KeyLimits":
        """Validated limits.  Raises InvalidInput for limits that are invalid or do not fit the role."""
        customers, groups = checked_customers(customers), _distinct(groups)
        new_key = cls(customers, _distinct(reports), _networks(networks), _expiry(expires_at), groups)
        limited = customers or groups or new_key.reports
        if role is Role.PARTNER and not (customers or groups):
            raise InvalidInput("A partner's key needs its customers.")
        if role is Role.ADMIN and limited:
            raise InvalidInput("An admin's key has no customers and no report types: it could make another without.")
        if not role.reads and limited:
            raise InvalidInput("A loader's key has no customers and no report types: it sees none.")
        return new_key


def checked_name(name: str) -> str:
    """The name, if it is valid.  Raises InvalidInput if it is empty, too long or not printable."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"A key's name has 1 to {_LONGEST_NAME} printable characters.")
    return name


def checked_customers(customers: Iterable[str]) -> tuple[str, ...]:
    """The customers' ids, sorted and without duplicates.  Raises InvalidInput for an invalid id."""
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


@dataclass(frozen=True)
class Grant:
    """What a key grants.

    `expires_at` is a naive datetime in UTC.  A key without networks is valid from anywhere.
    """

    principal: Principal
    expires_at: datetime | None
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, key: ApiKey, members: frozenset[str] = frozenset()) -> "Grant":
        """What a key grants; `members` are the customers of its groups."""
        customers = frozenset(each.customer_id for each in key.customers)
        groups = frozenset(each.group_id for each in key.groups)
        reports = frozenset(each.report_type for each in key.reports)
        role = Role(key.role)
        # A key of a group without members sees no customer, rather than all.
        is_bounded = customers or groups or role is Role.PARTNER
        bounded = customers | members if is_bounded else None
        principal = Principal(key.id, key.name, role, bounded, reports or None, groups)
        return cls(principal, key.expires_at, tuple(ip_network(each.network) for each in key.networks))

    def principal_now(self, now: datetime, source: str | None) -> Principal:
        """The key's holder.

        Raises Unauthenticated, with the message for any invalid key, if the key has expired or is not valid from
        `source`.
        """
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


LONGEST_OVERLAP = timedelta(days=366)
_STORED = select(ApiKey.id, ApiKey.hash, ApiKey.revoked_at)
_BY_ID = _STORED.where(ApiKey.id == bindparam("id"))
_BY_HASH = _STORED.where(ApiKey.hash == bindparam("hash"))
# Compared with if there is no such key, so that the check takes equally long.
_NO_HASH = "0" * 64


def new_key(name: str, role: Role, limits: KeyLimits, now: datetime) -> tuple[str, ApiKey]:
    """A new key and its record."""
    key_id = new_key_id()
    text = new_key_text(key_id)
    return text, ApiKey(
        id=key_id,
        name=name,
        role=role.value,
        hash=key_hash(text),
        created_at=now,
        expires_at=limits.expires_at,
        customers=[ApiKeyCustomer(customer_id=each) for each in limits.customers],
        groups=[ApiKeyGroup(group_id=each) for each in limits.groups],
        reports=[ApiKeyReport(report_type=each) for each in limits.reports],
        networks=[ApiKeyNetwork(network=each) for each in limits.networks],
    )


def find_key(session: Session, key_id: str) -> ApiKey:
    """The record of a key.  Raises NotFound if there is no such key."""
    record = session.get(ApiKey, key_id) if key_id.isalnum() else None
    if record is None:
        raise NotFound(f"There is no key {key_id[:64]!r}; see the list of keys.")
    return record


def rotate(session: Session, key_id: str, overlap: timedelta, now: datetime) -> str:
    """Replace an old key, and return the text of the new one.

    Raises NotFound, and InvalidInput if the old key is no longer valid or already rotated.
    """
    old = find_key(session, key_id)
    limits = KeyLimits(
        tuple(each.customer_id for each in old.customers),
        tuple(each.report_type for each in old.reports),
        tuple(each.network for each in old.networks),
        old.expires_at and now + (old.expires_at - old.created_at),
        tuple(each.group_id for each in old.groups),
    )
    text, new = new_key(old.name, Role(old.role), limits, now)
    end = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    # If two callers rotate the key at once, the update of the second one matches no row.
    holds = (ApiKey.revoked_at.is_(None), ApiKey.expires_at.is_(None) | (ApiKey.expires_at > now))
    once = update(ApiKey).where(ApiKey.id == key_id, ApiKey.replaced_by.is_(None), *holds)
    replaced = session.execute(once.values(replaced_by=new.id, expires_at=end).returning(ApiKey.id))
    if replaced.one_or_none() is None:
        raise InvalidInput(f"The key {key_id} is revoked, expired or rotated already; create another.")
    session.add(new)
    return text


def checked_overlap(overlap: timedelta) -> timedelta:
    """The overlap, if it is valid.  Raises InvalidInput if it is below 0 or above a year."""
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise InvalidInput(f"The overlap is between 0 and {LONGEST_OVERLAP.days} days.")
    return overlap


def grant(session: Session, presented: PresentedKey, known: Recent[Grant]) -> Grant:
    """What a key grants, which is then remembered for a while in `known`.

    Raises Unauthenticated.  For an unknown id that takes the same work, so that the time does not reveal which ids
    exist.
    """
    asked_at = monotonic()
    query = _BY_HASH if presented.id is None else _BY_ID
    stored = session.execute(query, {"id": presented.id, "hash": presented.hash}).one_or_none()
    same = hmac.compare_digest(stored.hash if stored else _NO_HASH, presented.hash)
    if stored is None or not same or stored.revoked_at is not None:
        raise Unauthenticated(INVALID)
    record = session.get_one(ApiKey, stored.id)
    held = Grant.of(record, members_of(session, (each.group_id for each in record.groups)))
    known.put(presented.hash, held, asked_at)
    return held
