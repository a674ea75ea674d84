"""API keys in the directory: made, found, rotated and compared."""

import hmac
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from gqlreports.directory.grant import Grant
from gqlreports.directory.key_limits import KeyLimits
from gqlreports.directory.key_text import INVALID, PresentedKey, key_hash, new_key_id, new_key_text
from gqlreports.directory.models import ApiKey, ApiKeyCustomer, ApiKeyNetwork, ApiKeyReport
from gqlreports.directory.principal import Role
from gqlreports.directory.recent import Recent
from gqlreports.errors import InvalidInput, NotFound, Unauthenticated

LONGEST_OVERLAP = timedelta(days=366)
_STORED = select(ApiKey.id, ApiKey.hash, ApiKey.revoked_at)
_BY_ID = _STORED.where(ApiKey.id == bindparam("id"))
_BY_HASH = _STORED.where(ApiKey.hash == bindparam("hash"))
# Compared with where there is no such key, so that this takes as long.
_NO_HASH = "0" * 64


def made(name: str, role: Role, limits: KeyLimits, now: datetime) -> tuple[str, ApiKey]:
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
        reports=[ApiKeyReport(report_type=each) for each in limits.reports],
        networks=[ApiKeyNetwork(network=each) for each in limits.networks],
    )


def found(session: Session, key_id: str) -> ApiKey:
    """Raises NotFound where there is no such key."""
    record = session.get(ApiKey, key_id) if key_id.isalnum() else None
    if record is None:
        raise NotFound(f"There is no key {key_id[:64]!r}; see the list of keys.")
    return record


def rotate(session: Session, key_id: str, overlap: timedelta, now: datetime) -> str:
    """A new key in place of an old one.  Raises NotFound, and InvalidInput for a key that holds no more."""
    old = found(session, key_id)
    limits = KeyLimits(
        tuple(each.customer_id for each in old.customers),
        tuple(each.report_type for each in old.reports),
        tuple(each.network for each in old.networks),
        old.expires_at and now + (old.expires_at - old.created_at),
    )
    text, new = made(old.name, Role(old.role), limits, now)
    end = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    # Of two who rotate at once, the second finds nothing to change.
    holds = (ApiKey.revoked_at.is_(None), ApiKey.expires_at.is_(None) | (ApiKey.expires_at > now))
    once = update(ApiKey).where(ApiKey.id == key_id, ApiKey.replaced_by.is_(None), *holds)
    replaced = session.execute(once.values(replaced_by=new.id, expires_at=end).returning(ApiKey.id))
    if replaced.one_or_none() is None:
        raise InvalidInput(f"The key {key_id} is revoked, expired or rotated already; create another.")
    session.add(new)
    return text


def checked_overlap(overlap: timedelta) -> timedelta:
    """Raises InvalidInput for one below 0 or above a year."""
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise InvalidInput(f"The overlap is between 0 and {LONGEST_OVERLAP.days} days.")
    return overlap


def grant(session: Session, presented: PresentedKey, known: Recent[Grant]) -> Grant:
    """What a key gives, which is kept for a while.  Raises Unauthenticated, after as much work for an unknown id."""
    asked_at = monotonic()
    query = _BY_HASH if presented.id is None else _BY_ID
    stored = session.execute(query, {"id": presented.id, "hash": presented.hash}).one_or_none()
    same = hmac.compare_digest(stored.hash if stored else _NO_HASH, presented.hash)
    if stored is None or not same or stored.revoked_at is not None:
        raise Unauthenticated(INVALID)
    held = Grant.of(session.get_one(ApiKey, stored.id))
    known.put(presented.hash, held, asked_at)
    return held
