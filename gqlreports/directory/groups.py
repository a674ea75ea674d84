"""Creates, lists, changes and removes groups of customers."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gqlreports.directory.database import Database, utc_now
from gqlreports.directory.models import (
    ApiKey,
    ApiKeyGroup,
    Customer,
    CustomerGroup,
    CustomerGroupMember,
    UserGroup,
)
from gqlreports.directory.principal import Principal
from gqlreports.errors import InvalidInput, NotFound

_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LONGEST_NAME = 255


class Groups:
    """Manages the groups of customers.

    Like those of the directory, every method is one transaction and blocks, and raises DirectoryUnavailable.  A change
    calls `forget`, so that it counts for keys and sessions at once in this process; in others it does within 5 seconds.
    """

    def __init__(self, database: Database, forget: Callable[[], None]) -> None:
        self._session = database.session
        self._forget = forget

    def create(self, id: str, name: str, customers: Iterable[str] = ()) -> None:
        """Create a group.  Raises InvalidInput for an invalid name or id, an id that is taken, or unknown customers."""
        if not _ID.fullmatch(id):
            raise InvalidInput("A group's id has 1 to 64 letters a to z, digits, and . _ - behind the first.")
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InvalidInput(f"A group's name has 1 to {_LONGEST_NAME} printable characters.")
        with self._session() as session, session.begin():
            if session.get(CustomerGroup, id) is not None:
                raise InvalidInput(f"There is a group {id} already.")
            session.add(CustomerGroup(id=id, name=name, members=_members(session, set(customers))))

    def add(self, id: str, customers: Iterable[str]) -> None:
        """Add customers to a group; those that are in it stay.  Raises NotFound, and InvalidInput for unknown ones."""
        with self._changed(id) as (session, group):
            group.members += _members(session, set(customers) - {each.customer_id for each in group.members})

    def remove(self, id: str, customers: Iterable[str]) -> None:
        """Take customers out of a group.  Raises NotFound, and InvalidInput for those that are not in it."""
        gone = set(customers)
        with self._changed(id) as (_, group):
            if others := gone - {each.customer_id for each in group.members}:
                raise InvalidInput(f"The group {id} has no customer {min(others)[:64]!r}.")
            group.members = [each for each in group.members if each.customer_id not in gone]

    def delete(self, id: str) -> None:
        """Remove a group.  Raises NotFound, and InvalidInput while a key that holds, or a user, is limited to it."""
        with self._changed(id) as (session, group):
            limits = session.scalars(select(ApiKeyGroup).where(ApiKeyGroup.group_id == id)).all()
            limited = [f"key {each.key_id}" for each in limits if _holds(session.get_one(ApiKey, each.key_id))]
            users = session.scalars(select(UserGroup).where(UserGroup.group_id == id))
            limited += [f"user {each.user_name}" for each in users]
            if limited:
                raise InvalidInput(f"The group {id} limits the {limited[0]}; revoke the key or change the user first.")
            for each in limits:
                session.delete(each)
            session.flush()
            session.delete(group)

    def seen_by(self, principal: Principal) -> list[CustomerGroup]:
        """The groups that the caller sees, ordered by id."""
        query = select(CustomerGroup).order_by(CustomerGroup.id)
        if principal.customers is not None:
            query = query.where(CustomerGroup.id.in_(principal.groups))
        with self._session() as session:
            return list(session.scalars(query))

    def members(self, principal: Principal, id: str) -> list[str]:
        """The ids of a group's customers at this moment.  Raises NotFound if the caller does not see the group."""
        with self._session() as session:
            group = session.get(CustomerGroup, id) if _ID.fullmatch(id) and principal.sees_group(id) else None
            if group is None:
                raise NotFound(f"There is no group {id[:64]!r}; `groups` lists those that you see.")
            # What a key sees is some seconds old, and the group may have grown since.
            return sorted(each.customer_id for each in group.members if principal.sees(each.customer_id))

    @contextmanager
    def _changed(self, id: str) -> Iterator[tuple[Session, CustomerGroup]]:
        with self._session() as session, session.begin():
            group = session.get(CustomerGroup, id, with_for_update=True) if _ID.fullmatch(id) else None
            if group is None:
                raise NotFound(f"There is no group {id[:64]!r}; see `gqlreports group list`.")
            yield session, group
        self._forget()


def members_of(session: Session, groups: Iterable[str]) -> frozenset[str]:
    """The ids of the customers that are in any of the groups."""
    ids = list(groups)
    if not ids:
        return frozenset()
    query = select(CustomerGroupMember.customer_id).where(CustomerGroupMember.group_id.in_(ids))
    return frozenset(session.scalars(query))


def checked_groups(session: Session, groups: Iterable[str]) -> tuple[str, ...]:
    """The ids of groups, sorted and without duplicates.  Raises InvalidInput for a group that does not exist."""
    distinct = tuple(sorted(set(groups)))
    for id in distinct:
        if not _ID.fullmatch(id) or session.get(CustomerGroup, id) is None:
            raise InvalidInput(f"There is no group {id[:64]!r}; see `gqlreports group list`.")
    return distinct


def put_in_groups(session: Session, customer: str, groups: Iterable[str]) -> None:
    """Put a customer in groups, and take it out of all others.  Raises InvalidInput for a group that does not exist."""
    session.execute(delete(CustomerGroupMember).where(CustomerGroupMember.customer_id == customer))
    session.add_all(
        CustomerGroupMember(group_id=each, customer_id=customer) for each in checked_groups(session, groups)
    )


def _holds(key: ApiKey) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > utc_now())


def _members(session: Session, customers: set[str]) -> list[CustomerGroupMember]:
    for id in sorted(customers):
        if not id.isprintable() or session.get(Customer, id) is None:
            raise InvalidInput(f"There is no customer {id[:64]!r}; load it first, or check its id.")
    return [CustomerGroupMember(customer_id=id) for id in sorted(customers)]
