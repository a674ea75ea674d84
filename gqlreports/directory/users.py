"""Creates, lists and changes users.  Every change to a user ends the user's sessions."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from gqlreports.directory.database import Database, utc_now
from gqlreports.directory.groups import checked_groups
from gqlreports.directory.keys import checked_customers
from gqlreports.directory.models import User, UserCustomer, UserGroup
from gqlreports.directory.passwords import checked_password, password_hash_of
from gqlreports.directory.principal import Role
from gqlreports.directory.sessions import Sessions
from gqlreports.errors import InvalidInput, NotFound

_NAME = re.compile("[a-z0-9][a-z0-9._@+-]{0,63}", re.ASCII)


class Users:
    """Manages the users who log in with a password.

    Like those of the directory, every method is one transaction and blocks, and raises DirectoryUnavailable.  Names are
    stored in lower case, but users may log in with any capitalization.  Ended sessions become invalid at once in this
    process, and within 5 seconds in others.
    """

    def __init__(self, database: Database, sessions: Sessions) -> None:
        self._session = database.session
        self._sessions = sessions

    def add(
        self, name: str, password: str, role: Role, customers: Iterable[str] = (), groups: Iterable[str] = ()
    ) -> None:
        """Create a user.

        Raises InvalidInput if the name is taken, or if a name, password, customer or group is invalid.
        """
        name, groups = _checked_name(name), set(groups)
        owned = _customers(role, customers, bool(groups))
        password_hash = password_hash_of(checked_password(password))
        with self._session() as session, session.begin():
            if session.get(User, name) is not None:
                raise InvalidInput(f"There is a user {name} already.")
            user = User(name=name, role=role.value, password_hash=password_hash, created_at=utc_now(), customers=owned)
            user.groups = [UserGroup(group_id=each) for each in checked_groups(session, groups)]
            session.add(user)

    def list(self) -> list[User]:
        """All users, ordered by name."""
        with self._session() as session:
            return list(session.scalars(select(User).order_by(User.name)))

    def set_password(self, name: str, password: str) -> None:
        """Change a user's password.  Raises NotFound, and InvalidInput for an invalid password."""
        password_hash = password_hash_of(checked_password(password))
        with self._changed(name) as (_, user):
            user.password_hash = password_hash

    def set_role(self, name: str, role: Role, customers: Iterable[str] = (), groups: Iterable[str] = ()) -> None:
        """Change a user's role.

        Raises NotFound, and InvalidInput for customers or groups that are invalid or do not fit it.
        """
        groups = set(groups)
        owned = _customers(role, customers, bool(groups))
        with self._changed(name) as (session, user):
            kept = {each.customer_id: each for each in user.customers}
            user.role, user.customers = role.value, [kept.get(each.customer_id, each) for each in owned]
            within = {each.group_id: each for each in user.groups}
            user.groups = [within.get(each) or UserGroup(group_id=each) for each in checked_groups(session, groups)]

    def disable(self, name: str) -> None:
        """Prevent a user from logging in.  Raises NotFound."""
        with self._changed(name) as (_, user):
            user.disabled_at = user.disabled_at or utc_now()

    def enable(self, name: str) -> None:
        """Let a disabled user log in again.  Raises NotFound."""
        with self._changed(name) as (_, user):
            user.disabled_at = None

    @contextmanager
    def _changed(self, name: str) -> Iterator[tuple[Session, User]]:
        name = name.lower()
        with self._session() as session, session.begin():
            user = session.get(User, name, with_for_update=True) if _NAME.fullmatch(name) else None
            if user is None:
                raise NotFound(f"There is no user {name[:64]!r}; see `gqlreports user list`.")
            yield session, user
            # The user is changed first: a concurrent log-in waits for that, and then sees that the user has changed.
            session.flush()
            self._sessions.end_all(session, name)
        self._sessions.forget()


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name.lower()):
        raise InvalidInput("A user's name has 1 to 64 letters a to z, digits, and . _ @ + - behind the first.")
    return name.lower()


def _customers(role: Role, customers: Iterable[str], has_groups: bool) -> list[UserCustomer]:
    checked = checked_customers(customers)
    if role is Role.PARTNER and not (checked or has_groups):
        raise InvalidInput("A partner needs its customers.")
    if not role.reads:
        raise InvalidInput("A loader has a key and is no user: create one by `gqlreports key create --role loader`.")
    if role is not Role.PARTNER and (checked or has_groups):
        raise InvalidInput("Only a partner has customers; staff and admins see all.")
    return [UserCustomer(customer_id=each) for each in checked]
