"""The directory: customers, API keys, the audit, and access to users and their sessions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from types import MappingProxyType

from sqlalchemy import and_, bindparam, insert, or_, select

from gqlreports.directory import keys
from gqlreports.directory.database import Database, utc_now
from gqlreports.directory.groups import Groups, checked_groups, put_in_groups
from gqlreports.directory.keys import Grant, KeyLimits, checked_name, parse_key
from gqlreports.directory.models import ApiKey, Customer, ReportRun
from gqlreports.directory.principal import Principal, Role
from gqlreports.directory.recent import Recent
from gqlreports.directory.sessions import Sessions
from gqlreports.directory.users import Users
from gqlreports.errors import NotFound

_CUSTOMER = select(Customer.id, Customer.name, Customer.currency).where(Customer.id == bindparam("id"))


class Directory:
    """Manages customers, API keys and the audit.

    Every method is one transaction and blocks, so callers on an event loop must use a thread.  `users` manages the
    users, `sessions` logs them in, and `groups` manages the groups of customers.  Raises
    DirectoryUnavailable if the database cannot be opened or fails later.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._session = self._database.session
        self._known: Recent[Grant] = Recent()
        self.sessions = Sessions(self._database)
        self.users = Users(self._database, self.sessions)
        self.groups = Groups(self._database, self._forget)
        self._customers: Recent[Customer] = Recent()

    def close(self) -> None:
        self._database.close()

    def _forget(self) -> None:
        """Forget what keys and sessions grant, since the groups that they are limited to have changed."""
        self._known.clear()
        self.sessions.forget()

    def check(self) -> None:
        """Raise DirectoryUnavailable if the database does not answer."""
        with self._session() as session:
            session.execute(select(Customer.id).limit(1))

    def save_customers(
        self, customers: Iterable[Customer], within: Mapping[str, Collection[str]] = MappingProxyType({})
    ) -> None:
        """Add customers.  A customer whose id already exists gets the new name and currency.

        `within` maps ids of customers to the groups that they are in from now on, and in no others.  Raises
        InvalidInput, and saves nothing, for a group that does not exist.
        """
        with self._session() as session, session.begin():
            for customer in customers:
                session.merge(customer)
            session.flush()
            for id, groups in within.items():
                put_in_groups(session, id, groups)
        self._customers.clear()
        if within:
            self._forget()

    def remembered_customer(self, principal: Principal, customer_id: str) -> Customer | None:
        """A customer that was found in the last few seconds and that the caller may see, without a query; or None."""
        return self._customers.get(customer_id) if principal.sees(customer_id) else None

    def customer(self, principal: Principal, customer_id: str) -> Customer:
        """The customer with that id.  Raises NotFound if there is none, or if the caller may not see it."""
        if principal.sees(customer_id) and _storable(customer_id):
            asked_at = monotonic()
            with self._session() as connection:
                found = connection.execute(_CUSTOMER, {"id": customer_id}).one_or_none()
            if found is not None:
                customer = Customer(**found._mapping)
                self._customers.put(customer_id, customer, asked_at)
                return customer
        raise _no_customer(customer_id)

    def customers_of(self, principal: Principal, ids: Sequence[str]) -> list[Customer]:
        """The customers with those ids.  Raises NotFound for the first that does not exist or the caller does not see.

        Those that were found in the last few seconds are not asked for.
        """
        found = {id: self.remembered_customer(principal, id) for id in ids}
        asked = [id for id, known in found.items() if known is None and principal.sees(id) and _storable(id)]
        asked_at = monotonic()
        with self._session() as session:
            for place in range(0, len(asked), _TOGETHER):
                some = select(Customer).where(Customer.id.in_(asked[place : place + _TOGETHER]))
                for customer in session.scalars(some):
                    found[customer.id] = customer
                    self._customers.put(customer.id, customer, asked_at)
        for id, known in found.items():
            if known is None:
                raise _no_customer(id)
        return [known for known in found.values() if known is not None]

    def customer_ids(self, principal: Principal) -> list[str]:
        """The ids of all customers that the caller sees, sorted."""
        with self._session() as session:
            return sorted(id for id in session.scalars(select(Customer.id)) if principal.sees(id))

    def unknown_customers(self, customer_ids: Iterable[str]) -> set[str]:
        """Those of the ids that no customer has."""
        unknown = set(customer_ids)
        with self._session() as session:
            asked = [each for each in unknown if _storable(each)]
            for place in range(0, len(asked), _TOGETHER):
                some = asked[place : place + _TOGETHER]
                unknown.difference_update(session.scalars(select(Customer.id).where(Customer.id.in_(some))))
        return unknown

    def customers(self, principal: Principal, search: str | None, first: int, after: str | None) -> list[Customer]:
        """The first customers that the caller may see, ordered by id.

        They start after the id `after`; `search` is a part of a name or an id.
        """
        if not _storable((search or "") + (after or "")):
            return []
        query = select(Customer).order_by(Customer.id).limit(first)
        if principal.customers is not None:
            query = query.where(Customer.id.in_(principal.customers))
        if after is not None:
            query = query.where(Customer.id > after)
        if search:
            part_of = [column.icontains(search, autoescape=True) for column in (Customer.name, Customer.id)]
            query = query.where(or_(*part_of))
        with self._session() as session:
            return list(session.scalars(query))

    def create_key(
        self,
        name: str,
        role: Role,
        customers: Iterable[str] = (),
        *,
        groups: Iterable[str] = (),
        reports: Iterable[str] = (),
        networks: Iterable[str] = (),
        expires_at: datetime | None = None,
    ) -> str:
        """Create a key and return its text, which is not stored.

        A key may be limited to customers, groups of them, report types and networks in CIDR notation.  Raises
        InvalidInput for limits that are invalid or do not fit the role.
        """
        limits = KeyLimits.checked(role, customers, reports, networks, expires_at, groups)
        text, record = keys.new_key(checked_name(name), role, limits, utc_now())
        with self._session() as session, session.begin():
            checked_groups(session, limits.groups)
            session.add(record)
        return text

    def rotate_key(self, key_id: str, overlap: timedelta) -> str:
        """Create a key like an old one, and return its text.

        The old key stays valid for `overlap`, or until it would have expired anyway.  The new key gets the same
        lifetime as the old one had.  Raises NotFound, and InvalidInput if the old key is revoked, expired or already
        rotated, or if the overlap is below 0 or above a year.
        """
        with self._session() as session, session.begin():
            text = keys.rotate(session, key_id, keys.checked_overlap(overlap), utc_now())
        self._known.clear()
        return text

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key, at once in this process and within 5 seconds in others.  Raises NotFound."""
        with self._session() as session, session.begin():
            found = keys.find_key(session, key_id)
            found.revoked_at = found.revoked_at or utc_now()
        self._known.clear()

    def key(self, key_id: str) -> ApiKey:
        """The record of a key, by its id.  Raises NotFound if there is no such key."""
        with self._session() as session:
            return keys.find_key(session, key_id)

    def key_of(self, text: str) -> ApiKey:
        """The record of a key that was just created, by its text."""
        return self.key(parse_key(text).id or "")

    def list_keys(self, first: int | None = None, after: tuple[datetime, str] | None = None) -> list[ApiKey]:
        """The keys, oldest first: all, or the `first` of them that come after a key's creation, in UTC, and id."""
        query = select(ApiKey).order_by(ApiKey.created_at, ApiKey.id).limit(first)
        if after is not None:
            created_at, key_id = after[0].astimezone(UTC).replace(tzinfo=None), after[1]
            later = and_(ApiKey.created_at == created_at, ApiKey.id > key_id)
            query = query.where(or_(ApiKey.created_at > created_at, later))
        with self._session() as session:
            return list(session.scalars(query))

    def remembered(self, key: str, source: str | None) -> Principal | None:
        """The holder of a key that was found in the last few seconds: like `authenticate`, but without a query."""
        grant = self._known.get(parse_key(key).hash)
        return None if grant is None else grant.principal_now(utc_now(), source)

    def authenticate(self, key: str, source: str | None = None) -> Principal:
        """The holder of a key that is used from the address `source`.

        Raises Unauthenticated, always with the same message, if the key is malformed, unknown, revoked, expired or
        limited to other networks.
        """
        presented = parse_key(key)
        with self._session() as session:
            return keys.grant(session, presented, self._known).principal_now(utc_now(), source)

    def record_runs(self, runs: Sequence[Mapping[str, object]]) -> None:
        """Add runs to the audit.  Each run has the columns of a `ReportRun`."""
        with self._session() as session, session.begin():
            session.execute(insert(ReportRun), [dict(run) for run in runs])

    def report_runs(
        self, first: int, *, customer: str | None = None, caller: str | None = None, since: datetime | None = None
    ) -> list[ReportRun]:
        """The first entries of the audit, latest first."""
        query = select(ReportRun).order_by(ReportRun.at.desc(), ReportRun.id.desc()).limit(first)
        if customer is not None:
            query = query.where(ReportRun.customer_id == customer)
        if caller is not None:
            query = query.where(ReportRun.caller == caller)
        if since is not None:
            query = query.where(ReportRun.at >= since.astimezone(UTC).replace(tzinfo=None))
        with self._session() as session:
            return list(session.scalars(query))


_TOGETHER = 500
"""How many customers one query asks for."""


def _no_customer(id: str) -> NotFound:
    return NotFound(f"There is no customer {id[:64]!r}; `customers` lists those that you see.")


def _storable(text: str) -> bool:
    """Whether a database can store a text: PostgreSQL cannot store NUL, and no database can store invalid Unicode."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
