"""Sessions of users: begun with a password, held by a token, and ended."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from gqlreports.directory import log_ins, passwords
from gqlreports.directory.clock import utc_now
from gqlreports.directory.database import Database
from gqlreports.directory.key_text import key_hash
from gqlreports.directory.models import User, UserSession
from gqlreports.directory.principal import Principal, Role
from gqlreports.directory.recent import Recent
from gqlreports.errors import Unauthenticated

logger = logging.getLogger(__name__)

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
            log_ins.begin(session, name, source, now)
            kept = _password_hash(session, name)
        if not passwords.matches(kept, password):
            if kept is not None:
                logger.warning("Someone at %s gave a wrong password for the user %s.", source, name)
            raise Unauthenticated(WRONG)
        token, renewed = secrets.token_urlsafe(32), passwords.renewed(kept or "", password)
        with self._session() as session, session.begin():
            # A password that was changed, or a user who was disabled, meanwhile gets no session.
            same = (User.name == name, User.password_hash == kept, User.disabled_at.is_(None))
            seen = update(User).where(*same).values(logged_in_at=now, password_hash=renewed).returning(User.name)
            if session.execute(seen).one_or_none() is None:
                raise Unauthenticated(WRONG)
            log_ins.succeed(session, name, source, now)
            _remove_ended(session, now)
            session.add(UserSession(hash=key_hash(token), user_name=name, created_at=now, seen_at=now))
        logger.info("The user %s logged in from %s.", name, source)
        return token

    def remembered(self, token: str) -> Principal | None:
        """Whose session was found within the last seconds: what `principal` gives, without a look-up."""
        held = self._known.get(key_hash(token))
        return held.principal if held is not None and utc_now() < held.ends_at else None

    def principal(self, token: str) -> Principal:
        """Whose session it is, which lasts on from now.  Raises Unauthenticated for one that has ended or never was."""
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
        """It holds no more: here at once, in other processes within 5 seconds."""
        with self._session() as session, session.begin():
            session.execute(delete(UserSession).where(UserSession.hash == key_hash(token)))
        self._known.clear()

    def end_all(self, session: Session, name: str) -> None:
        """Those of one user, in the transaction of a change to that user."""
        session.execute(delete(UserSession).where(UserSession.user_name == name))

    def forget(self) -> None:
        """Look up again whatever was found before, behind such a change."""
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
