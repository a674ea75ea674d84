"""SQLAlchemy's ORM models of customers, API keys, users and the audit.  Times are naive datetimes in UTC.

A change here needs a new migration in `migrations/versions`; a test checks that both agree.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The base class of all tables of the directory."""


class Customer(Base):
    """A customer whose calls are reported; `currency` is an ISO 4217 code."""

    __tablename__ = "customer"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    currency: Mapped[str] = mapped_column(String(3))


class CustomerGroup(Base):
    """Customers that are asked for together, and that keys and users may be limited to."""

    __tablename__ = "customer_group"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    members: Mapped[list["CustomerGroupMember"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class CustomerGroupMember(Base):
    """A customer of a group."""

    __tablename__ = "customer_group_member"

    group_id: Mapped[str] = mapped_column(ForeignKey("customer_group.id"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), primary_key=True)


class ApiKey(Base):
    """An API key, of which only the SHA-256 hash is stored.

    `replaced_by` is the id of the key that replaced it in a rotation.  If the key has no customers and no groups, no
    reports or no networks, it is not limited in that respect.
    """

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    replaced_by: Mapped[str | None] = mapped_column(String(16))
    customers: Mapped[list["ApiKeyCustomer"]] = relationship(cascade="all, delete-orphan", lazy="selectin")
    groups: Mapped[list["ApiKeyGroup"]] = relationship(cascade="all, delete-orphan", lazy="selectin")
    reports: Mapped[list["ApiKeyReport"]] = relationship(cascade="all, delete-orphan", lazy="selectin")
    networks: Mapped[list["ApiKeyNetwork"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class ApiKeyCustomer(Base):
    """A customer whose reports a key may run."""

    __tablename__ = "api_key_customer"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(64), primary_key=True)


class ApiKeyGroup(Base):
    """A group of customers whose reports a key may run: those that are its members at the time."""

    __tablename__ = "api_key_group"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("customer_group.id"), primary_key=True)


class ApiKeyReport(Base):
    """A report type that a key may run."""

    __tablename__ = "api_key_report"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    report_type: Mapped[str] = mapped_column(String(255), primary_key=True)


class ApiKeyNetwork(Base):
    """A network, in CIDR notation, from which a key is valid."""

    __tablename__ = "api_key_network"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    network: Mapped[str] = mapped_column(String(64), primary_key=True)


class User(Base):
    """A user who logs in with a password, of which only an Argon2id hash is stored."""

    __tablename__ = "user_account"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    logged_in_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    customers: Mapped[list["UserCustomer"]] = relationship(cascade="all, delete-orphan", lazy="selectin")
    groups: Mapped[list["UserGroup"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class UserCustomer(Base):
    """A customer whose reports a user may run."""

    __tablename__ = "user_customer"

    user_name: Mapped[str] = mapped_column(ForeignKey("user_account.name"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(64), primary_key=True)


class UserGroup(Base):
    """A group of customers whose reports a user may run."""

    __tablename__ = "user_group"

    user_name: Mapped[str] = mapped_column(ForeignKey("user_account.name"), primary_key=True)
    group_id: Mapped[str] = mapped_column(ForeignKey("customer_group.id"), primary_key=True)


class UserSession(Base):
    """A user's session, by the SHA-256 hash of its token.  `seen_at` is when it was last used, accurate to a minute."""

    __tablename__ = "user_session"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("user_account.name"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class LogIn(Base):
    """An attempt to log in, whether the user exists or not.  `source` is a network.

    Only the SHA-256 hash of the name is stored, since someone may have typed a password in its place.
    """

    __tablename__ = "log_in"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    name_hash: Mapped[str] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(String(64), index=True)
    succeeded: Mapped[bool]


class ReportRun(Base):
    """An audit entry: who ran which report, from which address, in which request, for which customer and range.

    `caller` is the id of a key, `user:` followed by a user's name, or `oidc:` followed by the subject of a token.
    """

    __tablename__ = "report_run"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    request_id: Mapped[str] = mapped_column(String(64))
    caller: Mapped[str] = mapped_column(String(300))
    name: Mapped[str] = mapped_column(String(255))
    source: Mapped[str | None] = mapped_column(String(64))
    report_type: Mapped[str] = mapped_column(String(255))
    customer_id: Mapped[str] = mapped_column(String(64))
    range_start: Mapped[datetime]
    range_end: Mapped[datetime]
