"""Keys that end, are replaced and are limited, and the audit of reports."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("expires_at", sa.DateTime))
    op.add_column("api_key", sa.Column("replaced_by", sa.String(16)))
    op.create_table(
        "api_key_report",
        sa.Column("key_id", sa.String(16), sa.ForeignKey("api_key.id"), primary_key=True),
        sa.Column("report_type", sa.String(255), primary_key=True),
    )
    op.create_table(
        "api_key_network",
        sa.Column("key_id", sa.String(16), sa.ForeignKey("api_key.id"), primary_key=True),
        sa.Column("network", sa.String(64), primary_key=True),
    )
    op.create_table(
        "report_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False, index=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("caller", sa.String(300), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("source", sa.String(64)),
        sa.Column("report_type", sa.String(255), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("range_start", sa.DateTime, nullable=False),
        sa.Column("range_end", sa.DateTime, nullable=False),
    )
