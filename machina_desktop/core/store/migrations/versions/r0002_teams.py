"""Invites into teams, grants of members; a handle is unique at its home, and a person's teams are found quickly."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the new tables and indexes; no row that is there changes."""
    _team_invite()
    _grant()
    op.create_index(op.f("ix_team_home_handle"), "team", ["home", "handle"], unique=True)
    op.create_index(op.f("ix_team_member_user_id"), "team_member", ["user_id"], unique=False)


def _team_invite() -> None:
    op.create_table(
        "team_invite",
        sa.Column("invite_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("used_by", sa.Text(), nullable=True),
        sa.Column("used_at", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("invite_id", name=op.f("pk_team_invite")),
    )
    op.create_index(op.f("ix_team_invite_team_id_created_at"), "team_invite", ["team_id", "created_at"], unique=False)
    op.create_index(op.f("ix_team_invite_code_hash"), "team_invite", ["code_hash"], unique=True)


def _grant() -> None:
    op.create_table(
        "grant",
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("access", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grant")),
    )
    op.create_index(
        op.f("ix_grant_team_id_user_id_tag_access"), "grant", ["team_id", "user_id", "tag", "access"], unique=True
    )
