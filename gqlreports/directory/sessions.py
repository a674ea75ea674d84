"""The sessions of users: begun with a password, held by a token, and ended; and the tries to begin one.

Nobody guesses without bound, and nobody keeps others out.  Who fails too often at one name from one network has to
wait; so has a network that fails at many names, and a name at which many networks fail.  The latter two do not hold for
someone who has logged in from that network of late, so that strangers who guess lock nobody out of where they work.
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
"""How long someone is known where they logged in."""
OF_A_NAME_FROM_A_NETWORK = 5
OF_A_NETWORK = 30
OF_A_NAME = 100
# The part of an IPv6 address that one subscriber has for its own.
_SUBSCRIBER = 64


def begin_log_in(session: Session, name: str, source: str | None, now: datetime) -> None:
    """Takes a try down as a failure, before it is known, so that many at once are as many failures.

    Raises TooManyLogIns, alike for names that are no user's; such a try does not count.
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
    """The failures of that name from there are forgotten."""
    session.execute(delete(LogIn).where(*_same(name, source)))
    session.add(_log_in(name, source, now, succeeded=True))


def _check(session: Session, now: datetime, most: int, *which: ColumnElement[bool]) -> None:
    latest = select(LogIn.at).where(*which, ~LogIn.succeeded).order_by(LogIn.at.desc())
    # The try itself is the first of them.
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
"""How long it lasts at most."""
SEEN_EVERY = timedelta(minutes=1)
"""How often it is written down that a session is used."""
WRONG = "There is no such user and password here."
ENDED = "This session has ended; log in again."


@dataclass(frozen=True)
class _Held:
    principal: Principal
    ends_at: datetime


class Sessions:
    """Every method blocks, as those of the directory do, and raises DirectoryUnavailable."""

    def __init__(self, database: Database) -> None:
        self._session = database.session
        self._known: Recent[_Held] = Recent()

    def begin(self, name: str, password: str, source: str | None) -> str:
        """The token of a new session, of which only the hash is kept; `source` is the address that asks for it.

        Raises Unauthenticated, in the same words and after the same work, where the password is not that of a user
        who may log in, and TooManyLogIns.
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
            # A password that was changed, or a user who was disabled, meanwhile gets no session.
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
        """Whose session was found within the last seconds: what `principal` gives, without a look-up."""
        held = self._known.get(key_hash(token))
        return held.principal if held is not None and utc_now() < held.ends_at else None

    def principal(self, token: str) -> Principal:
        """Whose session it is; this extends the session.  Raises Unauthenticated if it has ended or never existed."""
        asked_at, now, token_hash = monotonic(), utc_now(), key_hash(token)
        with self._session() as session, session.begin():
            found = session.get(UserSession, token_hash)
            if found is None or _end(found.seen_at, found.created_at) <= now:
                raise Unauthenticated(ENDED)
            seen_at = found.seen_at
            if now - seen_at >= SEEN_EVERY:
                seen_at = now
                # It may have been ended meanwhile, and then there is nothing to change.
                session.execute(update(UserSession).where(UserSession.hash == token_hash).values(seen_at=now))
            held = _Held(_principal(session.get_one(User, found.user_name)), _end(seen_at, found.created_at))
        self._known.put(token_hash, held, asked_at)
        return held.principal

    def end(self, token: str) -> None:
        """End the session: in this process at once, in others within 5 seconds."""
        with self._session() as session, session.begin():
            session.execute(delete(UserSession).where(UserSession.hash == key_hash(token)))
        self._known.clear()

    def end_all(self, session: Session, name: str) -> None:
        """Those of one user, in the transaction of a change to that user."""
        session.execute(delete(UserSession).where(UserSession.user_name == name))

    def forget(self) -> None:
        """Forget what was looked up before, since such a change makes it stale."""
        self._known.clear()


def _password_hash(session: Session, name: str) -> str | None:
    """None for a name that nobody has, and for a user who is disabled."""
    user = session.get(User, name) if name.isprintable() else None
    return None if user is None or user.disabled_at is not None else user.password_hash


def _principal(user: User) -> Principal:
    role = Role(user.role)
    customers = frozenset(each.customer_id for each in user.customers) if role is Role.PARTNER else None
    return Principal(f"user:{user.name}", user.name, role, customers)


def _end(seen_at: datetime, created_at: datetime) -> datetime:
    return min(seen_at + IDLE, created_at + LONGEST)


def _remove_ended(session: Session, now: datetime) -> None:
    ended = or_(UserSession.seen_at <= now - IDLE, UserSession.created_at <= now - LONGEST)
    session.execute(delete(UserSession).where(ended))
