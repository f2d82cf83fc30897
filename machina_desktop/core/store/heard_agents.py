"""What agents have said, read and kept for many of them in one go."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from machina_desktop.core.domain.agent import Agent, KnownAgent
from machina_desktop.core.domain.machine import AgentStatus, Machine, MachineStatus
from machina_desktop.core.store.tables import BY_SHAPE
from machina_desktop.core.store.transaction import AgentRecords

_AGENT = BY_SHAPE[Agent].table.c
_MACHINE = BY_SHAPE[Machine].table.c
_OF_HEARING = ("boots", "last_seen_at", "heartbeat")

# In the order of their keys, so that two who hear the same agents never wait for each other.
_KNOWN = (
    sa.select(
        *(column for column in BY_SHAPE[Agent].table.c if column.name != "heartbeat"),
        _MACHINE.agent_status,
        _MACHINE.actual_status,
    )
    .where(_AGENT.token_hash.in_(sa.bindparam("hashes", expanding=True)), _MACHINE.machine_id == _AGENT.machine_id)
    .order_by(_AGENT.machine_id)
    .with_for_update(of=BY_SHAPE[Agent].table)
)
_SAVE = (
    sa.update(BY_SHAPE[Agent].table)
    .where(_AGENT.machine_id == sa.bindparam("key"))
    .values({name: sa.bindparam(name) for name in _OF_HEARING})
)
_SILENT = sa.select(_AGENT.team_id, _AGENT.machine_id).where(
    _MACHINE.machine_id == _AGENT.machine_id,
    _MACHINE.agent_status == AgentStatus.ONLINE,
    _AGENT.last_seen_at < sa.bindparam("since"),
)


class HeardAgents(AgentRecords):
    """What a transaction does with them."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def known(self, token_hashes: tuple[str, ...]) -> tuple[KnownAgent, ...]:
        found = []
        for row in self._connection.execute(_KNOWN, {"hashes": token_hashes}).mappings():
            fields = dict(row)
            status, actual = fields.pop("agent_status"), fields.pop("actual_status")
            found.append(KnownAgent(agent=Agent(**fields), status=status, is_gone=actual is MachineStatus.TERMINATED))
        return tuple(found)

    def save(self, agents: tuple[Agent, ...]) -> None:
        if agents:
            rows = [
                {"key": agent.machine_id, **{name: getattr(agent, name) for name in _OF_HEARING}} for agent in agents
            ]
            self._connection.execute(_SAVE, rows)

    def silent(self, since: datetime) -> tuple[tuple[str, str], ...]:
        return tuple((row.team_id, row.machine_id) for row in self._connection.execute(_SILENT, {"since": since}))
