"""Servers, copies of teams, edits that wait, custody of secrets, and writes that are carried out only once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the new tables; what is there so far is carried out and kept by its team's home."""
    op.add_column("deployment", sa.Column("runs_on", sa.Text(), server_default="", nullable=False))
    op.add_column("lease", sa.Column("host", sa.Text(), server_default="", nullable=False))
    op.add_column("machine", sa.Column("state_keeper", sa.Text(), server_default="", nullable=False))
    for table in ("provider_account", "ssh_key"):
        op.add_column(table, sa.Column("custody", sa.Text(), server_default="local", nullable=False))
        op.add_column(table, sa.Column("keeper", sa.Text(), server_default="", nullable=False))
    op.add_column("session", sa.Column("device_id", sa.Text(), server_default="", nullable=False))
    _runner_key()
    _server()
    _replica()
    _intent()
    _applied_op()
    _moves()


def _moves() -> None:
    op.create_table(
        "import_part",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("coming_team_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "coming_team_id", "number", name=op.f("pk_import_part")),
    )
    op.create_index(op.f("ix_import_part_at"), "import_part", ["at"], unique=False)
    op.create_table(
        "team_move",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("server_id", sa.Text(), nullable=False),
        sa.Column("is_coming", sa.Boolean(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("audit_seq", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team_move")),
    )


def _runner_key() -> None:
    op.create_table(
        "runner_key",
        sa.Column("runner_key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("retired_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("runner_key_id", name=op.f("pk_runner_key")),
    )


def _server() -> None:
    op.create_table(
        "server",
        sa.Column("server_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("runner_key", sa.Text(), nullable=False),
        sa.Column("connected_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("server_id", name=op.f("pk_server")),
    )
    op.create_index(op.f("ix_server_url"), "server", ["url"], unique=True)


def _replica() -> None:
    op.create_table(
        "replica",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("server_id", sa.Text(), nullable=False),
        sa.Column("schema", sa.BigInteger(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_replica")),
    )
    op.create_index(op.f("ix_replica_server_id"), "replica", ["server_id"], unique=False)
    op.create_table(
        "base_row",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("team_id", "entity", "entity_id", name=op.f("pk_base_row")),
    )


def _intent() -> None:
    op.create_table(
        "intent",
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ask", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("expects", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("error_hint", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("op_id", name=op.f("pk_intent")),
    )
    op.create_index(op.f("ix_intent_team_id_number"), "intent", ["team_id", "number"], unique=False)


def _applied_op() -> None:
    op.create_table(
        "applied_op",
        sa.Column("op_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("op_id", "name", name=op.f("pk_applied_op")),
    )
    op.create_index(op.f("ix_applied_op_at"), "applied_op", ["at"], unique=False)
