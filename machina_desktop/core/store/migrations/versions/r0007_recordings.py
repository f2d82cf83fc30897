"""Recordings of terminals with their rules and an index of their lines, and snippets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the new tables; nothing was recorded or kept so far."""
    _recording()
    op.create_table(
        "recording_choice",
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("has_input", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", name=op.f("pk_recording_choice")),
    )
    op.create_table(
        "recording_rule",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("has_input", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_recording_rule")),
    )
    op.create_index(op.f("ix_recording_rule_team_id_tag"), "recording_rule", ["team_id", "tag"], unique=True)
    _snippets()
    if op.get_bind().dialect.name == "sqlite":
        # Recordings are kept on people's own computers only; no server ever has one.
        op.execute(
            "CREATE VIRTUAL TABLE recording_text "
            "USING fts5(text, at_ms UNINDEXED, tokenize = 'unicode61 remove_diacritics 2')"
        )


def _recording() -> None:
    op.create_table(
        "recording",
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("machine_name", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("has_input", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("began_at", sa.Text(), nullable=False),
        sa.Column("columns", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.Column("left_out_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("exit_status", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("is_noted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_recording")),
    )
    op.create_index(op.f("ix_recording_team_id_began_at"), "recording", ["team_id", "began_at"], unique=False)
    op.create_index(op.f("ix_recording_number"), "recording", ["number"], unique=False)


def _snippets() -> None:
    for name, is_shared in (("snippet", True), ("own_snippet", False)):
        of_team = (sa.Column("team_id", sa.Text(), nullable=False),) if is_shared else ()
        author = (sa.Column("created_by", sa.Text(), nullable=False),) if is_shared else ()
        op.create_table(
            name,
            sa.Column("snippet_id", sa.Text(), nullable=False),
            *of_team,
            sa.Column("name", sa.Text(), nullable=False),
            sa.Column("text", sa.Text(), nullable=False),
            sa.Column("description", sa.Text(), nullable=False),
            sa.Column("tags", sa.Text(), nullable=False),
            *author,
            sa.Column("created_at", sa.Text(), nullable=False),
            sa.Column("updated_at", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("snippet_id", name=op.f(f"pk_{name}")),
        )
    op.create_index(op.f("ix_snippet_team_id_name"), "snippet", ["team_id", "name"], unique=True)
