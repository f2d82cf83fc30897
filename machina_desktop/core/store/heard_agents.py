"""What agents have said, read and kept for many of them in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.agent import Agent, KnownAgent
from machina_desktop.core.domain.machine import AgentStatus, Machine, MachineStatus
from machina_desktop.core.store.tables import BY_SHAPE
from machina_desktop.core.store.transaction import AgentRecords

_AGENT = BY_SHAPE[Agent].table.c
_MACHINE = BY_SHAPE[Machine].table.c
_OF_HEARING = {
    name: cast("sa.types.TypeDecorator[Any]", _AGENT[name].type) for name in ("boots", "last_seen_at", "heartbeat")
}
_READ = tuple(column for column in _AGENT if column.name != "heartbeat")
_NAMES = tuple(column.name for column in _READ)


@dataclass(frozen=True)
class _Words:
    """Statements whose text is the same for any number of agents: these come as JSON, which the database takes apart.

    A statement for each, or one with a place for each, would cost both sides more than what it does.
    """

    known: sa.Select[Any]
    save: sa.TextClause


def _known(is_meant: sa.TextClause) -> sa.Select[Any]:
    # In the order of their keys, so that two who hear the same agents never wait for each other.
    return (
        sa.select(*_READ, _MACHINE.agent_status, _MACHINE.actual_status)
        .where(is_meant, _MACHINE.machine_id == _AGENT.machine_id)
        .order_by(_AGENT.machine_id)
        .with_for_update(of=BY_SHAPE[Agent].table)
    )


_WORDS = {
    "sqlite": _Words(
        _known(sa.text("agent.token_hash IN (SELECT value FROM json_each(:hashes))")),
        sa.text(
            "UPDATE agent SET boots = json_extract(said.value, '$.boots'), "
            "last_seen_at = json_extract(said.value, '$.last_seen_at'), "
            "heartbeat = json_extract(said.value, '$.heartbeat') "
            "FROM json_each(:said) AS said WHERE agent.machine_id = json_extract(said.value, '$.machine_id')"
        ),
    ),
    "postgresql": _Words(
        _known(sa.text("agent.token_hash = ANY(ARRAY(SELECT json_array_elements_text(CAST(:hashes AS json))))")),
        sa.text(
            "UPDATE agent SET boots = said.boots, last_seen_at = said.last_seen_at, heartbeat = said.heartbeat "
            "FROM json_to_recordset(CAST(:said AS json)) "
            "AS said(machine_id text, boots text, last_seen_at text, heartbeat text) "
            "WHERE agent.machine_id = said.machine_id"
        ),
    ),
}
_SILENT = sa.select(_AGENT.team_id, _AGENT.machine_id).where(
    _MACHINE.machine_id == _AGENT.machine_id,
    _MACHINE.agent_status == AgentStatus.ONLINE,
    _AGENT.last_seen_at < sa.bindparam("since"),
)


class HeardAgents(AgentRecords):
    """What a transaction does with them."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._words = _WORDS[connection.dialect.name]

    def known(self, token_hashes: tuple[str, ...]) -> tuple[KnownAgent, ...]:
        found = []
        rows = self._connection.execute(self._words.known, {"hashes": to_json(token_hashes).decode()})
        for *fields, status, actual in rows:
            agent = Agent(**dict(zip(_NAMES, fields, strict=True)))
            found.append(KnownAgent(agent=agent, status=status, is_gone=actual is MachineStatus.TERMINATED))
        return tuple(found)

    def save(self, agents: tuple[Agent, ...]) -> None:
        if agents:
            said = [
                {"machine_id": agent.machine_id, **{name: self._stored(agent, name) for name in _OF_HEARING}}
                for agent in agents
            ]
            self._connection.execute(self._words.save, {"said": to_json(said).decode()})

    def silent(self, since: datetime) -> tuple[tuple[str, str], ...]:
        return tuple((row.team_id, row.machine_id) for row in self._connection.execute(_SILENT, {"since": since}))

    def _stored(self, agent: Agent, name: str) -> object:
        return _OF_HEARING[name].process_bind_param(getattr(agent, name), self._connection.dialect)
