"""Customers and API keys, as SQLAlchemy's ORM maps them."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
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
    """An API key, of which only the SHA-256 hash is kept; times are UTC without an offset."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    customers: Mapped[list["ApiKeyCustomer"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class ApiKeyCustomer(Base):
    """A customer whose reports a partner's key may ask for."""

    __tablename__ = "api_key_customer"

    key_id: Mapped[str] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(64), primary_key=True)
