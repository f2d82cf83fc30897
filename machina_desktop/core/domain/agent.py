"""The agent of a machine as its team's home knows it: its token, and how its heartbeats are judged (trust.md T43)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime

from machina_desktop.core.domain.machine import AgentStatus
from machina_desktop.core.errors import Conflict, InvalidInput

INTERVAL_S = 10.0
"""How often an agent sends a heartbeat."""
MISSED = 3
SLACK_S = 5.0
"""After so many heartbeats that did not come, and that much more, an agent is offline."""
BODY_BYTES = 64 << 10
"""An agent's request is no longer than that."""
AGENT_TOKEN = "machina_agent_"  # noqa: S105 - how each begins

BOOTS = 8
_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LARGEST = 1 << 60
_HIGHEST_SEQ = 1 << 53
_HIGHEST_LOAD = 1e6
_VERSION = re.compile(r"[0-9A-Za-z.+-]{0,40}")


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """What a machine's agent says of it every :data:`INTERVAL_S` seconds.

    Attributes:
        boot_id: The kernel's own, a UUID that is another one after each boot.
        seq: 1 for the first heartbeat after a boot, and more each time.
        sent_at: By the machine's clock; it is shown and decides nothing.
        load: Processes that wanted to run, on average of 1, 5 and 15 minutes.
        disk_bytes: Size of the disk of ``/``.
        version: The agent's.
    """

    boot_id: str
    seq: int
    sent_at: datetime
    uptime_s: int = 0
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)
    memory_bytes: int = 0
    memory_used_bytes: int = 0
    disk_bytes: int = 0
    disk_used_bytes: int = 0
    version: str = ""

    def check(self) -> None:
        """Refuse what no machine can mean.

        Raises:
            InvalidInput: E-BEAT, says which part.
        """
        whole = (self.uptime_s, self.memory_bytes, self.memory_used_bytes, self.disk_bytes, self.disk_used_bytes)
        problem = ""
        if not _BOOT_ID.fullmatch(self.boot_id):
            problem = "boot_id is no UUID in lower case"
        elif not 1 <= self.seq <= _HIGHEST_SEQ:
            problem = "seq does not count from 1 on"
        elif self.sent_at.tzinfo is None:
            problem = "sent_at has no time zone"
        elif min(whole) < 0 or max(whole) > _LARGEST:
            problem = "a size or time is below 0 or beyond any machine"
        elif not math.isfinite(sum(self.load)) or min(self.load) < 0 or max(self.load) > _HIGHEST_LOAD:
            problem = "load is below 0 or beyond any machine"
        elif not _VERSION.fullmatch(self.version):
            problem = "version is none"
        if problem:
            raise InvalidInput(f"This is no heartbeat: {problem}.", field="heartbeat", code="E-BEAT")


@dataclass(frozen=True, kw_only=True)
class Boot:
    """One boot of a machine that was heard of, and its highest ``seq``."""

    boot_id: str
    seq: int


@dataclass(frozen=True, kw_only=True)
class Agent:
    """What a machine's agent shows who it is with. It never leaves the server that keeps it.

    Attributes:
        token_hash: SHA-256, hex; a new token takes the place of the former.
        suspected_at: When two machines used its token; until it gets a new one, neither is heard.
        boots: The newest last; at most :data:`BOOTS`.
        last_seen_at: By the server's clock.
    """

    machine_id: str
    team_id: str
    token_hash: str
    issued_by: str
    created_at: datetime
    revoked_at: datetime | None = None
    suspected_at: datetime | None = None
    boots: tuple[Boot, ...] = ()
    last_seen_at: datetime | None = None
    heartbeat: Heartbeat | None = None


@dataclass(frozen=True, kw_only=True)
class KnownAgent:
    """An agent, and how its machine is listed.

    Attributes:
        agent: Without its newest heartbeat.
        status: What the machine's record says of the agent.
        is_gone: The machine has been destroyed.
    """

    agent: Agent
    status: AgentStatus
    is_gone: bool


def heard(agent: Agent, beat: Heartbeat, at: datetime) -> Agent:
    """The agent once it has been heard, or as one that is suspected.

    A machine boots and never goes back to an earlier boot. If it seems to, there are two: an image or a disk was
    copied, or the token was stolen.

    Raises:
        Conflict: E-BEAT-OLD, that heartbeat or a later one has been heard already.
    """
    known = {boot.boot_id: boot.seq for boot in agent.boots}
    if beat.seq <= known.get(beat.boot_id, 0):
        raise Conflict(
            "This heartbeat, or a later one, has been heard already.",
            hint="Go on with a higher seq.",
            code="E-BEAT-OLD",
        )
    if beat.boot_id in known and beat.boot_id != agent.boots[-1].boot_id:
        return replace(agent, suspected_at=at)
    others = tuple(boot for boot in agent.boots if boot.boot_id != beat.boot_id)
    boots = (*others, Boot(boot_id=beat.boot_id, seq=beat.seq))[-BOOTS:]
    return replace(agent, boots=boots, last_seen_at=at, heartbeat=beat)
