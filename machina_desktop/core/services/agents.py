"""Agents of machines: giving them a token, hearing their heartbeats, listing them as online or not (trust.md T43)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from machina_desktop.core.domain.account import hashed_token
from machina_desktop.core.domain.agent import AGENT_TOKEN, INTERVAL_S, Agent, Heartbeat
from machina_desktop.core.domain.audit import AuditOutcome
from machina_desktop.core.domain.machine import AgentStatus, Machine
from machina_desktop.core.domain.team import Actor, Client, TeamRole
from machina_desktop.core.domain.throttle import By, Limit, counters
from machina_desktop.core.errors import Bug, Conflict, Forbidden, MachinaError, NotFound, Unauthenticated
from machina_desktop.core.ids import new_token, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

if TYPE_CHECKING:
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.store.sql_transaction import SqlTransaction

STRAY = (Limit(by=By.ACCOUNT, count=5, window_s=60),)
"""So many events a minute tell that an agent's token was shown elsewhere; a flood of them would tell no more."""
STRAY_CODE = "E-AGENT-STRAY"

LISTENER = Actor(user_id="agents", display_name="Agents", is_runner=True)
"""The server itself, where it says what it heard, or did not hear, of machines."""


@dataclass(frozen=True, kw_only=True)
class IssuedAgentToken:
    """A new token of a machine's agent; it is told here and never again."""

    machine_id: str
    token: str


@dataclass(frozen=True, kw_only=True)
class BeatHeard:
    """A heartbeat is stored.

    Attributes:
        at: When it was heard, by the server's clock.
        interval_s: How long to wait before the next.
    """

    at: datetime
    interval_s: float


@dataclass(frozen=True, kw_only=True)
class IssueAgentToken(Request[IssuedAgentToken]):
    """Make a token for the agent of a machine, in place of the one it had.

    Where two machines used the former one, only an administrator makes another.
    """

    machine_id: str


@dataclass(frozen=True, kw_only=True)
class RevokeAgentToken(Request[None]):
    """Hear nothing of a machine's agent any more."""

    machine_id: str


@dataclass(frozen=True, kw_only=True)
class Beat(Request[BeatHeard]):
    """A heartbeat of the machine whose agent has that token."""

    token: Secret
    heartbeat: Heartbeat


@dataclass(frozen=True, kw_only=True)
class MarkAgents(Request[None]):
    """List agents of a team as online, or as offline those of which nothing was heard since ``silent_since``."""

    team_id: str
    machine_ids: tuple[str, ...]
    status: AgentStatus
    silent_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SuspectAgent(Request[None]):
    """Hear an agent no more whose token two machines use, as long as its token is still that one."""

    machine_id: str
    token_hash: str


@use_case("agent.issue_token", "POST /api/machines/{machine_id}/agent-token", needs_accounts=True, keeps_answer=False)
def issue_agent_token(tx: Transaction, actor: Actor, ask: IssueAgentToken) -> IssuedAgentToken:
    """What is known of the machine's boots goes: whoever has the new token is the machine."""
    machine = tx.get(Machine, ask.machine_id)
    if machine.is_gone:
        raise Conflict(f"{machine.name} does not exist any more.", code="E-MACHINE-GONE")
    former = tx.find(Agent, machine_id=ask.machine_id)
    is_suspected = former is not None and former.suspected_at is not None
    if is_suspected and actor.role_in(machine.team_id) is not TeamRole.ADMIN:
        raise Forbidden(
            "Two machines used the token of this agent.",
            hint="Ask an administrator of the team to look into it and to make a new one.",
            code="E-AGENT-SUSPECTED",
        )
    token = new_token(AGENT_TOKEN)
    agent = Agent(
        machine_id=machine.machine_id,
        team_id=machine.team_id,
        token_hash=hashed_token(token),
        issued_by=actor.user_id,
        created_at=now(),
    )
    if former is None:
        tx.add(agent)
    else:
        tx.replace(agent)
    _mark(tx, machine, AgentStatus.INSTALLING)
    return IssuedAgentToken(machine_id=machine.machine_id, token=token)


@use_case("agent.revoke_token", "DELETE /api/machines/{machine_id}/agent-token", needs_accounts=True)
def revoke_agent_token(tx: Transaction, _actor: Actor, ask: RevokeAgentToken) -> None:
    """It holds from the next heartbeat on; that two machines used it stays known."""
    machine = tx.get(Machine, ask.machine_id)
    agent = tx.find(Agent, machine_id=ask.machine_id)
    if agent is None or agent.revoked_at is not None:
        raise NotFound("The agent of this machine has no token.")
    tx.replace(replace(agent, revoked_at=now()))
    _mark(tx, machine, AgentStatus.NOT_INSTALLED)


@use_case("agent.beat", "POST /api/agents/heartbeat", is_by_agent=True, is_audited=False, needs_accounts=True)
async def beat(context: Context, _actor: Actor, ask: Beat) -> BeatHeard:
    """Tell a machine's agent that its heartbeat is stored, once it is."""
    ask.heartbeat.check()
    if context.hear is None:
        raise Bug("A host without accounts was asked to hear an agent.")
    return BeatHeard(at=await context.hear(ask.token, ask.heartbeat), interval_s=INTERVAL_S)


@use_case("agent.mark", "PUT /api/runner/teams/{team_id}/agents", is_internal=True, is_audited=False)
def mark_agents(tx: Transaction, _actor: Actor, ask: MarkAgents) -> None:
    """Write it only where it changes: the feed of a team is not for heartbeats."""
    machines = tx.list(Machine, team_id=ask.team_id, machine_id=ask.machine_ids, limit=len(ask.machine_ids))
    agents = tx.list(Agent, team_id=ask.team_id, machine_id=ask.machine_ids, limit=len(ask.machine_ids))
    by_machine = {agent.machine_id: agent for agent in agents}
    for machine in machines:
        agent = by_machine.get(machine.machine_id)
        if agent is None or agent.revoked_at is not None or agent.suspected_at is not None or machine.is_gone:
            continue
        since = ask.silent_since
        was_heard = agent.last_seen_at is not None and (since is None or agent.last_seen_at >= since)
        if was_heard is (ask.status is AgentStatus.ONLINE):
            _mark(tx, machine, ask.status)


@use_case("agent.suspect", "POST /api/runner/agents/{machine_id}/suspicion", is_internal=True)
def suspect_agent(tx: Transaction, _actor: Actor, ask: SuspectAgent) -> None:
    """The team reads of it in its audit trail."""
    machine = tx.get(Machine, ask.machine_id)
    agent = tx.find(Agent, machine_id=ask.machine_id, token_hash=ask.token_hash)
    if agent is not None and agent.suspected_at is None:
        tx.replace(replace(agent, suspected_at=now()))
        _mark(tx, machine, AgentStatus.ERROR)


async def stray(database: Database, token: Secret, client: Client, action: str) -> MachinaError:
    """What to tell whoever shows an agent's token where only people may ask; the team reads of it, now and then."""
    found = await database.read(LISTENER, lambda tx: tx.find(Agent, token_hash=hashed_token(token.reveal())))
    if found is None or found.revoked_at is not None:
        return Unauthenticated("No agent has this token.", hint="Sign in.", code="E-AGENT")
    at_s = now().timestamp()
    counted = counters("agent.stray", STRAY, address=client.address, account=found.machine_id, at_s=at_s)
    who = replace(LISTENER, user_id=found.machine_id, display_name="Agent", client=client)

    def note(tx: SqlTransaction) -> None:
        if not tx.count_up(counted, at_s):
            target = f"agent:{found.machine_id}"
            tx.audit(found.team_id, action, target, AuditOutcome.REFUSED, STRAY_CODE)

    if not await database.read(LISTENER, lambda tx: tx.spent(counted)):
        await database.write(who, _anything, note)
    return Forbidden("The token of an agent is good for its heartbeats only.", hint="Sign in.", code=STRAY_CODE)


def _anything(_team_id: str, _tags: object = None) -> None:
    """The audit trail is written whatever was refused."""


def _mark(tx: Transaction, machine: Machine, status: AgentStatus) -> None:
    if machine.agent_status is not status:
        tx.replace(replace(machine, agent_status=status, updated_at=now()))
