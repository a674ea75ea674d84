"""Groups of customers, to which keys and users may be limited."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "customer_group",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
    )
    op.create_table(
        "customer_group_member",
        sa.Column("group_id", sa.String(64), sa.ForeignKey("customer_group.id"), primary_key=True),
        sa.Column("customer_id", sa.String(64), sa.ForeignKey("customer.id"), primary_key=True),
    )
    op.create_table(
        "api_key_group",
        sa.Column("key_id", sa.String(16), sa.ForeignKey("api_key.id"), primary_key=True),
        sa.Column("group_id", sa.String(64), sa.ForeignKey("customer_group.id"), primary_key=True),
    )
    op.create_table(
        "user_group",
        sa.Column("user_name", sa.String(64), sa.ForeignKey("user_account.name"), primary_key=True),
        sa.Column("group_id", sa.String(64), sa.ForeignKey("customer_group.id"), primary_key=True),
    )
