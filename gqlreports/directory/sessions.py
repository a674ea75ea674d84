"""The sessions of users, which start with a password and are identified by a token; and the limits on log-in attempts.

The limits stop guessing without letting anyone lock out others.  After too many failures for one name from one network,
further attempts have to wait.  The same applies to a network with failures for many names, and to a name with failures
from many networks.  The latter two limits do not apply to a user who has recently logged in from the same network, so
strangers who guess cannot lock users out of their usual network.
"""

import logging
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from gqlreports.directory.database import Database, utc_now
from gqlreports.directory.groups import members_of
from gqlreports.directory.keys import key_hash
from gqlreports.directory.models import LogIn, User, UserSession
from gqlreports.directory.passwords import password_matches, renewed_hash
from gqlreports.directory.principal import Principal, Role
from gqlreports.directory.recent import Recent
from gqlreports.errors import TooManyLogIns, Unauthenticated

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
"""How long a failure counts."""
KNOWN_FOR = timedelta(days=30)
"""How long a network counts as known for a user after a log-in."""
OF_A_NAME_FROM_A_NETWORK = 5
OF_A_NETWORK = 30
OF_A_NAME = 100
# The length of the IPv6 prefix that identifies a subscriber.
_SUBSCRIBER = 64


def begin_log_in(session: Session, name: str, source: str | None, now: datetime) -> None:
    """Record an attempt as a failure before its outcome is known, so that simultaneous attempts all count.

    Raises TooManyLogIns, also for names without a user; an attempt that is refused in this way does not count.
    """
    session.execute(delete(LogIn).where(LogIn.at <= now - WINDOW, ~LogIn.succeeded))
    session.execute(delete(LogIn).where(LogIn.at <= now - KNOWN_FOR))
    session.add(_log_in(name, source, now, succeeded=False))
    session.flush()
    same_name, same_network = _same(name, source)
    _check(session, now, OF_A_NAME_FROM_A_NETWORK, same_name, same_network)
    if session.scalar(select(LogIn.id).where(same_name, same_network, LogIn.succeeded).limit(1)) is None:
        _check(session, now, OF_A_NETWORK, same_network)
        _check(session, now, OF_A_NAME, same_name)


def succeed_log_in(session: Session, name: str, source: str | None, now: datetime) -> None:
    """Record a successful log-in, and delete the failures for this name from this network."""
    session.execute(delete(LogIn).where(*_same(name, source)))
    session.add(_log_in(name, source, now, succeeded=True))


def _check(session: Session, now: datetime, most: int, *which: ColumnElement[bool]) -> None:
    latest = select(LogIn.at).where(*which, ~LogIn.succeeded).order_by(LogIn.at.desc())
    # The current attempt is itself the latest failure, so `most` earlier ones remain allowed.
    oldest = session.scalar(latest.offset(most).limit(1))
    if oldest is not None:
        raise TooManyLogIns(max(1, math.ceil((oldest + WINDOW - now).total_seconds())))


def _log_in(name: str, source: str | None, now: datetime, *, succeeded: bool) -> LogIn:
    return LogIn(at=now, name_hash=key_hash(name), source=_network(source), succeeded=succeeded)


def _same(name: str, source: str | None) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return LogIn.name_hash == key_hash(name), LogIn.source == _network(source)


def _network(source: str | None) -> str:
    if source is None:
        return ""
    address = ip_address(source)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, _SUBSCRIBER), strict=False))
    return str(address)


IDLE = timedelta(minutes=30)
"""How long a session lasts without a request."""
LONGEST = timedelta(hours=12)
"""How long a session lasts at most."""
SEEN_EVERY = timedelta(minutes=1)
"""How often the use of a session is recorded."""
WRONG = "There is no such user and password here."
ENDED = "This session has ended; log in again."


@dataclass(frozen=True)
class _Held:
    principal: Principal
    ends_at: datetime


class Sessions:
    """Starts, finds and ends sessions.  Every method blocks, as in the directory, and raises DirectoryUnavailable."""

    def __init__(self, database: Database) -> None:
        self._session = database.session
        self._known: Recent[_Held] = Recent()

    def begin(self, name: str, password: str, source: str | None) -> str:
        """Start a session and return its token, of which only the hash is stored.

        `source` is the caller's address.  Raises Unauthenticated, with the same message and after the same work, for a
        wrong password, an unknown user and a disabled user.  Raises TooManyLogIns after too many failures.
        """
        name, now = name.strip().lower(), utc_now()
        with self._session() as session, session.begin():
            begin_log_in(session, name, source, now)
            kept = _password_hash(session, name)
        if not password_matches(kept, password):
            if kept is not None:
                logger.warning("Someone at %s gave a wrong password for the user %s.", source, name)
            raise Unauthenticated(WRONG)
        token, renewed = secrets.token_urlsafe(32), renewed_hash(kept or "", password)
        with self._session() as session, session.begin():
            # There is no session if the password was changed or the user was disabled in the meantime.
            same = (User.name == name, User.password_hash == kept, User.disabled_at.is_(None))
            seen = update(User).where(*same).values(logged_in_at=now, password_hash=renewed).returning(User.name)
            if session.execute(seen).one_or_none() is None:
                raise Unauthenticated(WRONG)
            succeed_log_in(session, name, source, now)
            _remove_ended(session, now)
            session.add(UserSession(hash=key_hash(token), user_name=name, created_at=now, seen_at=now))
        logger.info("The user %s logged in from %s.", name, source)
        return token

    def remembered(self, token: str) -> Principal | None:
        """The user of a session that was found in the last few seconds: like `principal`, but without a query."""
        held = self._known.get(key_hash(token))
        return held.principal if held is not None and utc_now() < held.ends_at else None

    def principal(self, token: str) -> Principal:
        """The user of a session, which is also extended.  Raises Unauthenticated if it has ended or never existed."""
        asked_at, now, token_hash = monotonic(), utc_now(), key_hash(token)
        with self._session() as session, session.begin():
            found = session.get(UserSession, token_hash)
            if found is None or _end(found.seen_at, found.created_at) <= now:
                raise Unauthenticated(ENDED)
            seen_at = found.seen_at
            if now - seen_at >= SEEN_EVERY:
                seen_at = now
                # If the session was ended in the meantime, the update matches no row.
                session.execute(update(UserSession).where(UserSession.hash == token_hash).values(seen_at=now))
            user = session.get_one(User, found.user_name)
            held = _Held(_principal(session, user), _end(seen_at, found.created_at))
        self._known.put(token_hash, held, asked_at)
        return held.principal

    def end(self, token: str) -> None:
        """End a session, at once in this process and within 5 seconds in others."""
        with self._session() as session, session.begin():
            session.execute(delete(UserSession).where(UserSession.hash == key_hash(token)))
        self._known.clear()

    def end_all(self, session: Session, name: str) -> None:
        """End all sessions of a user, in the transaction that changes the user."""
        session.execute(delete(UserSession).where(UserSession.user_name == name))

    def forget(self) -> None:
        """Forget all remembered sessions, since a change to a user makes them stale."""
        self._known.clear()


def _password_hash(session: Session, name: str) -> str | None:
    """The password hash of a user; None if there is no such user or the user is disabled."""
    user = session.get(User, name) if name.isprintable() else None
    return None if user is None or user.disabled_at is not None else user.password_hash


def _principal(session: Session, user: User) -> Principal:
    role, id = Role(user.role), f"user:{user.name}"
    if role is not Role.PARTNER:
        return Principal(id, user.name, role, None)
    groups = frozenset(each.group_id for each in user.groups)
    customers = frozenset(each.customer_id for each in user.customers) | members_of(session, groups)
    return Principal(id, user.name, role, customers, groups=groups)


def _end(seen_at: datetime, created_at: datetime) -> datetime:
    return min(seen_at + IDLE, created_at + LONGEST)


def _remove_ended(session: Session, now: datetime) -> None:
    ended = or_(UserSession.seen_at <= now - IDLE, UserSession.created_at <= now - LONGEST)
    session.execute(delete(UserSession).where(ended))
