"""Colours and quotas of accounts, what was chosen for a run, what an account offers, and its lock files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns with what they hold by default, and the new tables."""
    op.add_column("provider_account", sa.Column("colour", sa.Text(), server_default="", nullable=False))
    op.add_column("provider_account", sa.Column("quota", sa.Text(), server_default="[]", nullable=False))
    op.add_column("deployment", sa.Column("options", sa.Text(), server_default="{}", nullable=False))
    op.create_table(
        "stored_catalogue",
        sa.Column("provider_account_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("catalogue", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider_account_id", name=op.f("pk_stored_catalogue")),
    )
    op.create_table(
        "lock_file",
        sa.Column("lock_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("provider_account_id", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lock_id", name=op.f("pk_lock_file")),
    )
