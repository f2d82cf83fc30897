"""The tables: one per dataclass, made from its fields, and some that hold what is no entity."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypeVar

import sqlalchemy as sa

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.account import Account, RetiredToken, Session
from machina_desktop.core.domain.agent import Agent
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.bootstrap import BootstrapProfile
from machina_desktop.core.domain.custody import RunnerKey
from machina_desktop.core.domain.deployment import Deployment, Lease
from machina_desktop.core.domain.firewall import FirewallProfile
from machina_desktop.core.domain.intent import Intent
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.lock_file import LockFile
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, StoredCatalogue
from machina_desktop.core.domain.recording import Recording, RecordingChoice, RecordingRule
from machina_desktop.core.domain.server import Replica, Server
from machina_desktop.core.domain.snippet import OwnSnippet, Snippet
from machina_desktop.core.domain.team import Grant, Team, TeamMember, User
from machina_desktop.core.errors import InvalidInput

T = TypeVar("T")

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(sa.types.TypeDecorator[datetime]):
    """An aware UTC time as text of fixed width, so that order of text is order of time on every database."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        """To ``2026-01-31T12:00:00.000000Z``."""
        del dialect
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> datetime | None:
        """Back to an aware time."""
        del dialect
        if value is None:
            return None
        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise Malformed("malformed value") from error


class Shaped(sa.types.TypeDecorator[object]):
    """Nested dataclasses, tuples and dicts as JSON text; enumerations as their value."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, shape: object) -> None:
        super().__init__()
        self.shape = shape

    def process_bind_param(self, value: object, dialect: sa.Dialect) -> str | None:
        """To JSON text."""
        del dialect
        return None if value is None else to_json(value).decode()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> object:
        """Back to the shape."""
        del dialect
        if value is None:
            return None
        try:
            return from_json(value, self.shape)  # type: ignore[arg-type]
        except InvalidInput as error:
            raise Malformed("malformed value") from error


class Word(sa.types.TypeDecorator[StrEnum]):
    """One value of an enumeration, as plain text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, shape: type[StrEnum]) -> None:
        super().__init__()
        self.shape = shape

    def process_bind_param(self, value: StrEnum | str | None, dialect: sa.Dialect) -> str | None:
        """To its text."""
        del dialect
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        """Back to the member."""
        del dialect
        if value is None:
            return None
        try:
            return self.shape(value)
        except ValueError as error:
            raise Malformed("malformed value") from error


class Malformed(Exception):
    """A stored value that we would never have written: the database is damaged. Backends translate it."""


@dataclass(frozen=True, kw_only=True)
class Entity(Generic[T]):
    """How a dataclass is stored.

    Attributes:
        is_synced: Its writes enter the change feed and other copies of the team apply them.
        searched: Text columns that a search looks through.
    """

    shape: type[T]
    name: str
    key: str
    table: sa.Table
    is_synced: bool
    searched: tuple[str, ...]

    def row(self, value: T) -> dict[str, object]:
        """Column values of a dataclass; nothing nested is converted yet."""
        return {column.name: getattr(value, column.name) for column in self.table.columns}

    def value(self, row: sa.RowMapping) -> T:
        """The dataclass of a row."""
        return self.shape(**row)


def _column(name: str, hint: object, *, is_key: bool) -> sa.Column[typing.Any]:
    options = [option for option in typing.get_args(hint) if option is not types.NoneType]
    nullable = types.NoneType in typing.get_args(hint) and isinstance(hint, types.UnionType)
    shape = options[0] if nullable and len(options) == 1 else hint
    simple: dict[object, sa.types.TypeEngine[typing.Any]] = {
        str: sa.Text(),
        int: sa.BigInteger(),
        bool: sa.Boolean(),
        datetime: Moment(),
    }
    if isinstance(shape, type) and issubclass(shape, StrEnum):
        kind: sa.types.TypeEngine[typing.Any] = Word(shape)
    else:
        kind = simple.get(shape) or Shaped(shape)
    return sa.Column(name, kind, primary_key=is_key, nullable=nullable)


def _entity(
    shape: type[T], name: str, *constraints: sa.Index, key: str, is_synced: bool = True, searched: tuple[str, ...] = ()
) -> Entity[T]:
    hints = typing.get_type_hints(shape)
    columns = [
        _column(entry.name, hints[entry.name], is_key=entry.name == key)
        for entry in dataclasses.fields(shape)  # type: ignore[arg-type]
    ]
    table = sa.Table(name, METADATA, *columns, *constraints)
    return Entity(shape=shape, name=name, key=key, table=table, is_synced=is_synced, searched=searched)


ACTIVE = sa.text("state IN ('planning', 'awaiting_approval', 'applying')")
"""Of a deployment that holds its machine; only in these very words the database finds them by their index."""

_MACHINE_TEXT = ("name", "public_ip", "private_ip", "ssh_host", "region", "size", "image", "tags", "notes")
_SNIPPET_TEXT = ("name", "description", "text", "tags")

ENTITIES: tuple[Entity[typing.Any], ...] = (
    _entity(User, "user", key="user_id", searched=("display_name", "email")),
    _entity(Team, "team", sa.Index(None, "home", "handle", unique=True), key="team_id", searched=("name", "handle")),
    _entity(
        TeamMember,
        "team_member",
        sa.Index(None, "team_id", "user_id", unique=True),
        sa.Index(None, "user_id"),
        key="team_member_id",
    ),
    _entity(Grant, "grant", sa.Index(None, "team_id", "user_id", "tag", "access", unique=True), key="grant_id"),
    _entity(
        TeamInvite,
        "team_invite",
        sa.Index(None, "team_id", "created_at"),
        sa.Index(None, "code_hash", unique=True),
        key="invite_id",
    ),
    _entity(
        Machine,
        "machine",
        sa.Index(None, "team_id", "name"),
        sa.Index(None, "provider_account_id"),
        key="machine_id",
        searched=_MACHINE_TEXT,
    ),
    _entity(
        ProviderAccount,
        "provider_account",
        sa.Index(None, "team_id", "label", unique=True),
        key="provider_account_id",
        searched=("label", "identity"),
    ),
    _entity(
        Deployment,
        "deployment",
        sa.Index(None, "team_id", "created_at"),
        sa.Index(None, "machine_id", "state"),
        # The database itself refuses a second run on a machine.
        sa.Index(
            "uq_deployment_active_machine",
            "machine_id",
            unique=True,
            sqlite_where=ACTIVE,
        ),
        key="deployment_id",
        searched=("machine_name", "error_message", "deployment_id"),
    ),
    _entity(Lease, "lease", key="deployment_id", is_synced=False),
    _entity(StoredCatalogue, "stored_catalogue", key="provider_account_id", is_synced=False),
    _entity(LockFile, "lock_file", key="lock_id", is_synced=False),
    _entity(
        SSHKey,
        "ssh_key",
        sa.Index(None, "team_id", "name", unique=True),
        sa.Index(None, "team_id", "fingerprint", unique=True),
        key="ssh_key_id",
        searched=("name", "fingerprint", "public_key"),
    ),
    _entity(BootstrapProfile, "bootstrap_profile", key="profile_id", searched=("name",)),
    _entity(FirewallProfile, "firewall_profile", key="profile_id", searched=("name",)),
    _entity(
        Snippet, "snippet", sa.Index(None, "team_id", "name", unique=True), key="snippet_id", searched=_SNIPPET_TEXT
    ),
    _entity(RecordingRule, "recording_rule", sa.Index(None, "team_id", "tag", unique=True), key="rule_id"),
    _entity(
        AuditEvent,
        "audit_event",
        sa.Index(None, "team_id", "seq", unique=True),
        key="audit_event_id",
        is_synced=False,
        searched=("actor_name", "action", "target", "detail"),
    ),
    # They stay where they were made: no feed, and so no copy of a team, ever holds them.
    _entity(Account, "account", sa.Index(None, "email", unique=True), key="user_id", is_synced=False),
    _entity(
        Session,
        "session",
        sa.Index(None, "token_hash", unique=True),
        sa.Index(None, "user_id"),
        key="session_id",
        is_synced=False,
    ),
    _entity(RetiredToken, "retired_token", sa.Index(None, "session_id"), key="token_hash", is_synced=False),
    _entity(
        Agent,
        "agent",
        sa.Index(None, "token_hash", unique=True),
        sa.Index(None, "team_id"),
        key="machine_id",
        is_synced=False,
    ),
    _entity(RunnerKey, "runner_key", key="runner_key_id", is_synced=False),
    # What this computer knows of homes elsewhere.
    _entity(Server, "server", sa.Index(None, "url", unique=True), key="server_id", is_synced=False),
    _entity(Replica, "replica", sa.Index(None, "server_id"), key="team_id", is_synced=False),
    _entity(Intent, "intent", sa.Index(None, "team_id", "number"), key="op_id", is_synced=False),
    # What is the person's own.
    _entity(OwnSnippet, "own_snippet", key="snippet_id", is_synced=False, searched=_SNIPPET_TEXT),
    _entity(RecordingChoice, "recording_choice", key="machine_id", is_synced=False),
    _entity(
        Recording,
        "recording",
        sa.Index(None, "team_id", "began_at"),
        sa.Index(None, "number"),
        key="recording_id",
        is_synced=False,
        searched=("machine_name", "title", "user_name"),
    ),
)


@sa.event.listens_for(METADATA, "before_create")
def _carry_partial_indexes_over(metadata: sa.MetaData, connection: sa.Connection, **_options: object) -> None:
    """Indexes that are partial on SQLite are so on PostgreSQL.

    Naming that database with the index would import its dialect at every start, 40 ms for nothing.
    """
    if connection.dialect.name == "postgresql":
        for index in (index for table in metadata.tables.values() for index in table.indexes):
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


BY_SHAPE: dict[type[object], Entity[typing.Any]] = {entity.shape: entity for entity in ENTITIES}

BY_NAME: dict[str, Entity[typing.Any]] = {entity.name: entity for entity in ENTITIES}

COUNTER = sa.Table(
    "counter",
    METADATA,
    sa.Column("team_id", sa.Text, primary_key=True),
    sa.Column("change_seq", sa.BigInteger, nullable=False),
    sa.Column("audit_seq", sa.BigInteger, nullable=False),
    sa.Column("audit_digest", sa.Text, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False, server_default=""),
)

CHANGE = sa.Table(
    "change",
    METADATA,
    sa.Column("team_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("entity_id", sa.Text, nullable=False),
    sa.Column("row", sa.Text, nullable=True),
    sa.Column("at", Moment, nullable=False),
)

SEALED = sa.Table(
    "sealed",
    METADATA,
    sa.Column("team_id", sa.Text, primary_key=True),
    sa.Column("record_table", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column("field", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
)

STATE = sa.Table(
    "terraform_state",
    METADATA,
    sa.Column("machine_id", sa.Text, primary_key=True),
    sa.Column("lineage", sa.Text, primary_key=True),
    sa.Column("serial", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("team_id", sa.Text, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
)

LOG = sa.Table(
    "log_chunk",
    METADATA,
    sa.Column("deployment_id", sa.Text, primary_key=True),
    sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("end", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

CURSOR = sa.Table(
    "log_cursor",
    METADATA,
    sa.Column("deployment_id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)

RATE_LIMIT = sa.Table(
    "rate_limit",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("ends_at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index(None, "ends_at"),
)

BASE_ROW = sa.Table(
    "base_row",
    METADATA,
    sa.Column("team_id", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("entity_id", sa.Text, primary_key=True),
    sa.Column("row", sa.Text, nullable=True),
)
"""Rows of a copied team as its home has them, where edits that wait have changed them here; null for none."""

APPLIED_OP = sa.Table(
    "applied_op",
    METADATA,
    sa.Column("op_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=True),
    sa.Column("at", Moment, nullable=False),
    sa.Index(None, "at"),
)
"""Writes that were carried out under an id of their asker's, with the answer; null where it is told only once."""

IMPORT_PART = sa.Table(
    "import_part",
    METADATA,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("coming_team_id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Index(None, "at"),
)
"""Parts of teams that somebody brings here; they are nobody's team yet, and are seen by who brings them only."""

TEAM_MOVE = sa.Table(
    "team_move",
    METADATA,
    sa.Column("team_id", sa.Text, primary_key=True),
    sa.Column("server_id", sa.Text, nullable=False),
    sa.Column("is_coming", sa.Boolean, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("handle", sa.Text, nullable=False),
    sa.Column("audit_seq", sa.BigInteger, nullable=False),
    sa.Column("began_at", Moment, nullable=False),
)
"""Teams that move from this computer to a server, or back, and how far they have come."""

KEPT_OF_A_TEAM = frozenset({"team", "team_member", "counter", "audit_event"})
"""Tables whose rows stay when a team is emptied: what is then deleted one by one, and what is never deleted."""
