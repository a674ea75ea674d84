"""Customers and API keys: found, made and revoked."""

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, create_engine, func, or_, select
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.event import listen
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from gqlreports.directory.models import ApiKey, ApiKeyCustomer, Base, Customer
from gqlreports.directory.principal import Principal, Role
from gqlreports.errors import DirectoryUnavailable, InvalidInput, NotFound, Unauthenticated

logger = logging.getLogger(__name__)

KEY_PREFIX = "gqlr_"
# PostgreSQL has no text that holds this.
_NUL = "\0"
# Seconds that a server or a free connection to it is waited for.
_PATIENCE = 5
# PostgreSQL's locks have numbers; this one is ours.
_LOCK = 7_106_213
# Asked for with every request, so without the cost of mapped objects.
_KEY = select(ApiKey.id, ApiKey.name, ApiKey.role).where(ApiKey.hash == bindparam("hash"), ApiKey.revoked_at.is_(None))
_KEY_CUSTOMERS = select(ApiKeyCustomer.customer_id).where(ApiKeyCustomer.key_id == bindparam("key"))
_CUSTOMER = select(Customer.id, Customer.name, Customer.currency).where(Customer.id == bindparam("id"))


class Directory:
    """Every method is one transaction and blocks; callers on an event loop use a thread.

    Raises DirectoryUnavailable for a database that cannot be opened, or that fails later.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = _engine(url)
            _create_tables(self._engine)
        except (SQLAlchemyError, OSError, ImportError) as error:
            logger.debug("The directory failed.", exc_info=error)
            raise DirectoryUnavailable(
                "The directory cannot be opened; check GQLREPORTS_HOME and GQLREPORTS_DIRECTORY."
            ) from error

    def close(self) -> None:
        self._engine.dispose()

    def check(self) -> None:
        """Raises DirectoryUnavailable where it does not answer."""
        with self._session() as session:
            session.execute(select(Customer.id).limit(1))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with Session(self._engine) as session:
                yield session
        except SQLAlchemyError as error:
            logger.error("The directory failed.", exc_info=error)
            raise DirectoryUnavailable("Customers and keys cannot be read now; the log says why.") from error

    def save_customers(self, customers: Iterable[Customer]) -> None:
        """Add customers; one whose id is there takes the new name and currency."""
        with self._session() as session, session.begin():
            for customer in customers:
                session.merge(customer)

    def customer(self, principal: Principal, customer_id: str) -> Customer:
        """Raises NotFound, alike for one that is not there and for one that the caller may not see."""
        if principal.sees(customer_id) and _NUL not in customer_id:
            with self._session() as connection:
                found = connection.execute(_CUSTOMER, {"id": customer_id}).one_or_none()
            if found is not None:
                return Customer(**found._mapping)
        raise NotFound(f"There is no customer {customer_id[:64]!r}; `customers` lists those that you see.")

    def customers(self, principal: Principal, search: str | None, first: int, after: str | None) -> list[Customer]:
        """Customers that the caller sees, by id, from the one behind `after`; `search` is part of a name or id."""
        if _NUL in (search or "") + (after or ""):
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

    def create_key(self, name: str, role: Role, customers: Iterable[str] = ()) -> str:
        """A new key, which cannot be had again.

        Raises InvalidInput for a partner without customers or staff with some.
        """
        allowed = sorted(set(customers))
        if (role is Role.PARTNER) != bool(allowed):
            raise InvalidInput("A partner's key needs its customers; a staff key has none, for it sees all.")
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        record = ApiKey(
            id=secrets.token_hex(4),
            name=name,
            role=role.value,
            hash=_hash(key),
            created_at=_now(),
            customers=[ApiKeyCustomer(customer_id=customer) for customer in allowed],
        )
        with self._session() as session, session.begin():
            session.add(record)
        return key

    def list_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        with self._session() as session:
            return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)))

    def revoke_key(self, key_id: str) -> None:
        """Raises NotFound where there is no such key."""
        with self._session() as session, session.begin():
            found = session.get(ApiKey, key_id)
            if found is None:
                raise NotFound(f"There is no key {key_id!r}; `gqlreports key list` shows them.")
            found.revoked_at = found.revoked_at or _now()

    def authenticate(self, key: str) -> Principal:
        """Raises Unauthenticated for a key that is unknown or revoked."""
        with self._session() as connection:
            found = connection.execute(_KEY, {"hash": _hash(key)}).one_or_none()
            if found is None:
                raise Unauthenticated("This key is not valid; ask the operator for another.")
            role = Role(found.role)
            customers = None
            if role is Role.PARTNER:
                customers = frozenset(connection.scalars(_KEY_CUSTOMERS, {"key": found.id}))
        return Principal(found.id, found.name, role, customers)


def _engine(url: str) -> Engine:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        if address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address)
        listen(engine, "connect", _lower_all_letters)
        return engine
    # A server may have been restarted since a connection was made, and may be out of reach.
    return create_engine(
        address, pool_pre_ping=True, pool_timeout=_PATIENCE, connect_args={"connect_timeout": _PATIENCE}
    )


def _create_tables(engine: Engine) -> None:
    """Create what is missing; of several processes that start at once, one after the other."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))


def _lower_all_letters(connection: Any, record: object) -> None:
    """SQLite's own lower() knows only the letters of ASCII."""
    connection.create_function("lower", 1, lambda text: text and text.lower(), deterministic=True)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
