"""Agents of machines: their tokens and newest heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the new table; no machine has an agent yet."""
    op.create_table(
        "agent",
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.Text(), nullable=True),
        sa.Column("suspected_at", sa.Text(), nullable=True),
        sa.Column("boots", sa.Text(), nullable=False),
        sa.Column("last_seen_at", sa.Text(), nullable=True),
        sa.Column("heartbeat", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("machine_id", name=op.f("pk_agent")),
    )
    op.create_index(op.f("ix_agent_token_hash"), "agent", ["token_hash"], unique=True)
    op.create_index(op.f("ix_agent_team_id"), "agent", ["team_id"], unique=False)
