"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _audit_event()
    _bootstrap_profile()
    _change()
    _counter()
    _deployment()
    _firewall_profile()
    _lease()
    _log_chunk()
    _log_cursor()
    _machine()
    _provider_account()
    _sealed()
    _ssh_key()
    _team()
    _team_member()
    _terraform_state()
    _user()


def _audit_event() -> None:
    op.create_table(
        "audit_event",
        sa.Column("audit_event_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("audit_event_id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_team_id_seq"), "audit_event", ["team_id", "seq"], unique=True)


def _bootstrap_profile() -> None:
    op.create_table(
        "bootstrap_profile",
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("cloud_init_template", sa.Text(), nullable=True),
        sa.Column("ssh_bootstrap_script", sa.Text(), nullable=True),
        sa.Column("ansible_playbook_ref", sa.Text(), nullable=True),
        sa.Column("services_to_run", sa.Text(), nullable=False),
        sa.Column("config_schema", sa.Text(), nullable=True),
        sa.Column("is_system_profile", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_bootstrap_profile")),
    )


def _change() -> None:
    op.create_table(
        "change",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "seq", name=op.f("pk_change")),
    )


def _counter() -> None:
    op.create_table(
        "counter",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False),
        sa.Column("audit_seq", sa.BigInteger(), nullable=False),
        sa.Column("audit_digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_counter")),
    )


def _deployment() -> None:
    op.create_table(
        "deployment",
        sa.Column("deployment_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("terraform_workspace", sa.Text(), nullable=False),
        sa.Column("plan_summary", sa.Text(), nullable=True),
        sa.Column("initiated_by", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("machine_name", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("error_hint", sa.Text(), nullable=False),
        sa.Column("auto_approve", sa.Boolean(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("plan_digest", sa.Text(), nullable=False),
        sa.Column("plan_serial", sa.BigInteger(), nullable=False),
        sa.Column("phase_detail", sa.Text(), nullable=False),
        sa.Column("cancel_level", sa.BigInteger(), nullable=False),
        sa.Column("cancel_requested_at", sa.Text(), nullable=True),
        sa.Column("needs_recovery", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_deployment")),
    )
    op.create_index(op.f("ix_deployment_machine_id_state"), "deployment", ["machine_id", "state"], unique=False)
    op.create_index(op.f("ix_deployment_team_id_created_at"), "deployment", ["team_id", "created_at"], unique=False)
    op.create_index(
        "uq_deployment_active_machine",
        "deployment",
        ["machine_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('planning', 'awaiting_approval', 'applying')"),
        postgresql_where=sa.text("state IN ('planning', 'awaiting_approval', 'applying')"),
    )


def _firewall_profile() -> None:
    op.create_table(
        "firewall_profile",
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_firewall_profile")),
    )


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("deployment_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("runner_id", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_lease")),
    )


def _log_chunk() -> None:
    op.create_table(
        "log_chunk",
        sa.Column("deployment_id", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", "start", name=op.f("pk_log_chunk")),
    )


def _log_cursor() -> None:
    op.create_table(
        "log_cursor",
        sa.Column("deployment_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", "source", name=op.f("pk_log_cursor")),
    )


def _machine() -> None:
    op.create_table(
        "machine",
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_account_id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("desired_status", sa.Text(), nullable=False),
        sa.Column("actual_status", sa.Text(), nullable=False),
        sa.Column("public_ip", sa.Text(), nullable=True),
        sa.Column("private_ip", sa.Text(), nullable=True),
        sa.Column("terraform_workspace", sa.Text(), nullable=False),
        sa.Column("terraform_state_status", sa.Text(), nullable=False),
        sa.Column("provisioning_method", sa.Text(), nullable=False),
        sa.Column("agent_status", sa.Text(), nullable=False),
        sa.Column("provider_resource_id", sa.Text(), nullable=True),
        sa.Column("ssh_host", sa.Text(), nullable=False),
        sa.Column("ssh_port", sa.BigInteger(), nullable=False),
        sa.Column("ssh_user", sa.Text(), nullable=False),
        sa.Column("ssh_key_ids", sa.Text(), nullable=False),
        sa.Column("host_key", sa.Text(), nullable=False),
        sa.Column("bootstrap_profile_id", sa.Text(), nullable=True),
        sa.Column("firewall_profile_id", sa.Text(), nullable=True),
        sa.Column("bootstrap_script", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("is_protected", sa.Boolean(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", name=op.f("pk_machine")),
    )
    op.create_index(op.f("ix_machine_provider_account_id"), "machine", ["provider_account_id"], unique=False)
    op.create_index(op.f("ix_machine_team_id_name"), "machine", ["team_id", "name"], unique=False)


def _provider_account() -> None:
    op.create_table(
        "provider_account",
        sa.Column("provider_account_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("provider_type", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("credential_status", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=True),
        sa.Column("last_verified_at", sa.Text(), nullable=True),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider_account_id", name=op.f("pk_provider_account")),
    )
    op.create_index(op.f("ix_provider_account_team_id_label"), "provider_account", ["team_id", "label"], unique=True)


def _sealed() -> None:
    op.create_table(
        "sealed",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("record_table", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "record_table", "record_id", "field", name=op.f("pk_sealed")),
    )


def _ssh_key() -> None:
    op.create_table(
        "ssh_key",
        sa.Column("ssh_key_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("provider_key_ids", sa.Text(), nullable=False),
        sa.Column("key_type", sa.Text(), nullable=False),
        sa.Column("key_bits", sa.BigInteger(), nullable=False),
        sa.Column("has_private_key", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ssh_key_id", name=op.f("pk_ssh_key")),
    )
    op.create_index(op.f("ix_ssh_key_team_id_fingerprint"), "ssh_key", ["team_id", "fingerprint"], unique=True)
    op.create_index(op.f("ix_ssh_key_team_id_name"), "ssh_key", ["team_id", "name"], unique=True)


def _team() -> None:
    op.create_table(
        "team",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("avatar_url", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team")),
    )


def _team_member() -> None:
    op.create_table(
        "team_member",
        sa.Column("team_member_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("team_member_id", name=op.f("pk_team_member")),
    )
    op.create_index(op.f("ix_team_member_team_id_user_id"), "team_member", ["team_id", "user_id"], unique=True)


def _terraform_state() -> None:
    op.create_table(
        "terraform_state",
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("serial", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", "lineage", "serial", name=op.f("pk_terraform_state")),
    )


def _user() -> None:
    op.create_table(
        "user",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("profile_picture_url", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("last_login_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user")),
    )
