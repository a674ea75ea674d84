"""Customers, API keys, users and the audit, as SQLAlchemy's ORM maps them; times are UTC without an offset.

A change here is a new step in `migrations/versions`; a test holds both alike.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The registry that all tables of the directory belong to."""


class Customer(Base):
    """Someone whose calls are reported; `currency` is an ISO 4217 code."""

    __tablename__ = "customer"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    currency: Mapped[str] = mapped_column(String(3))


class ApiKey(Base):
    """An API key, of which only the SHA-256 hash is kept.

    `replaced_by` is the id of the key that it was rotated to.  Without rows of a kind it is not limited in that.
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
    reports: Mapped[list["ApiKeyReport"]] = relationship(cascade="all, delete-orphan", lazy="selectin")
    networks: Mapped[list["ApiKeyNetwork"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class ApiKeyCustomer(Base):
    """A customer whose reports a key may ask for."""

    __tablename__ = "api_key_customer"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(64), primary_key=True)


class ApiKeyReport(Base):
    """A report type that a key may run."""

    __tablename__ = "api_key_report"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    report_type: Mapped[str] = mapped_column(String(255), primary_key=True)


class ApiKeyNetwork(Base):
    """A network, in CIDR notation, from which a key holds."""

    __tablename__ = "api_key_network"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    network: Mapped[str] = mapped_column(String(64), primary_key=True)


class User(Base):
    """Someone who logs in with a password, of which only an Argon2id hash is kept."""

    __tablename__ = "user_account"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    logged_in_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    customers: Mapped[list["UserCustomer"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class UserCustomer(Base):
    """A customer whose reports a user may ask for."""

    __tablename__ = "user_customer"

    user_name: Mapped[str] = mapped_column(ForeignKey("user_account.name"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(64), primary_key=True)


class UserSession(Base):
    """A session of a user, by the SHA-256 hash of its token; `seen_at` is when it was last used, to a minute."""

    __tablename__ = "user_session"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("user_account.name"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class LogIn(Base):
    """A try to log in, whether there is such a user or not: by the SHA-256 hash of the name, for what was typed as
    one may be a password.  `source` is a network."""

    __tablename__ = "log_in"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    name_hash: Mapped[str] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(String(64), index=True)
    succeeded: Mapped[bool]


class ReportRun(Base):
    """A report that someone ran: who, from which address, in which request, for which customer and range.

    `caller` is the id of a key, `user:` and the name of a user, or `oidc:` and the subject of a token.
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
