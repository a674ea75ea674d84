"""Customers and API keys; a directory made before there were steps has these tables already."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("revoked_at", sa.DateTime),
        if_not_exists=True,
    )
    op.create_table(
        "api_key_customer",
        sa.Column("key_id", sa.String(16), sa.ForeignKey("api_key.id"), primary_key=True),
        sa.Column("customer_id", sa.String(64), primary_key=True),
        if_not_exists=True,
    )
