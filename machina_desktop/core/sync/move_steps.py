"""What a move of a team does on this computer, each step in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, TerraformStateStatus
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount
from machina_desktop.core.domain.server import Replica, Server
from machina_desktop.core.domain.team import Actor, Grant, Team, TeamMember
from machina_desktop.core.errors import Conflict
from machina_desktop.core.ids import now
from machina_desktop.core.services.audit import VerifyAudit, verify_audit
from machina_desktop.core.services.importing import run_pending
from machina_desktop.core.store.moves import CopiedRow, Move, MoveStep, OutgoingPart, TeamNumbers, TeamPart
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.tables import BASE_ROW
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000
MOVER = Actor(user_id="mover", display_name="Mover", is_runner=True)
"""Writes what a move needs here; who may ask for it is judged before."""

_LEFT_BEHIND = frozenset({"user", "team_invite", "grant"})
_PEOPLE = ("created_by", "initiated_by", "approved_by", "granted_by", "invited_by")


@dataclass(frozen=True)
class Luggage:
    """What of a team stays on this computer although the team goes.

    Attributes:
        kept: Accounts and keys whose secrets lie here, and machines whose states do.
        person: Who its one member is here.
    """

    kept: frozenset[str]
    person: str


def begin_going(tx: SqlTransaction, move: Move) -> None:
    """Note that a team is on its way, unless it cannot go now.

    Raises:
        Conflict: E-NOT-LOCAL, E-RUN-PENDING, E-AUDIT-BROKEN.
    """
    team = tx.get(Team, move.team_id)
    if team.home:
        raise Conflict(f"{team.name} lives at a server already.", code="E-NOT-LOCAL")
    _refuse_runs(tx, team.team_id)
    _refuse_broken_chain(tx, team.team_id)
    tx.moves.note(move)


def hold(tx: SqlTransaction, move: Move, numbers: TeamNumbers) -> Move | None:
    """From now on nothing is written here; ``None`` when something was since the copy began."""
    _refuse_runs(tx, move.team_id)
    if tx.moves.numbers(move.team_id) != numbers:
        return None
    held = replace(move, step=MoveStep.DECIDING)
    tx.moves.note(held)
    return held


def luggage_of(tx: Transaction, team_id: str, person: str) -> Luggage:
    """What of the team stays here."""
    kept = {
        record_id
        for table, shape, key in (
            ("provider_account", ProviderAccount, "provider_account_id"),
            ("ssh_key", SSHKey, "ssh_key_id"),
        )
        for record_id in (getattr(row, key) for row in tx.list(shape, team_id=team_id, limit=ALL))
        if tx.read_sealed(team_id, table, record_id)
    }
    machines = tx.list(Machine, team_id=team_id, limit=ALL)
    kept |= {machine.machine_id for machine in machines if tx.read_state(machine.machine_id) is not None}
    return Luggage(kept=frozenset(kept), person=person)


def travelling(part: TeamPart, luggage: Luggage, server: Server) -> TeamPart:
    """A part as the server takes it: without people, and with what it must know of what stays here."""
    rows = (_travelling_row(each, luggage, server) for each in part.rows if each.entity not in _LEFT_BEHIND)
    return replace(part, rows=tuple(each for each in rows if each is not None))


def _travelling_row(each: CopiedRow, luggage: Luggage, server: Server) -> CopiedRow | None:
    row: dict[str, Any] = dict(each.row)
    for name in _PEOPLE:
        if row.get(name) == luggage.person:
            row[name] = server.user_id
    keeper = server.device_id if each.entity_id in luggage.kept else ""
    match each.entity:
        case "team_member":
            if row["user_id"] != luggage.person:
                return None
            row["user_id"] = server.user_id
        case "provider_account":
            row["settings"] = {name: value for name, value in row["settings"].items() if name != "start_command"}
            row |= {"custody": Custody.LOCAL.value, "keeper": keeper}
        case "ssh_key":
            row |= {"custody": Custody.LOCAL.value, "keeper": keeper}
        case "machine":
            row["state_keeper"] = keeper
    return replace(each, row=row)


def become_copy(
    tx: SqlTransaction, move: Move, server: Server, numbers: TeamNumbers
) -> tuple[Team, tuple[TeamMember, ...]]:
    """The server has the team: here is a copy of it from now on, to be made anew by whoever follows the server."""
    team = replace(tx.get(Team, move.team_id), home=server.url)
    tx.moves.settle(team)
    own = tuple(replace(each, user_id=server.user_id) for each in tx.list(TeamMember, team_id=team.team_id, limit=1))
    for member in own:
        tx.moves.settle(member)
    for row in (
        *tx.list(TeamInvite, team_id=team.team_id, limit=ALL),
        *tx.list(Grant, team_id=team.team_id, limit=ALL),
    ):
        tx.moves.remove(row)
    tx.moves.forget_history(team.team_id)
    here = tx.moves.numbers(team.team_id)
    tx.moves.set_numbers(team.team_id, replace(here, epoch=numbers.epoch, audit_seq=0, audit_digest=""))
    if tx.find(Replica, team_id=team.team_id) is None:
        tx.moves.take_in([Replica(team_id=team.team_id, server_id=server.server_id)])
    tx.moves.end(team.team_id)
    return team, own


def begin_coming(tx: SqlTransaction, move: Move, server: Server) -> None:
    """Note that a team shall come, unless it cannot now.

    Raises:
        Conflict: E-NOT-WHOLE, E-INTENTS, E-RUN-PENDING, E-MOVE-STATE.
    """
    team = tx.get(Team, move.team_id)
    replica = tx.find(Replica, team_id=move.team_id)
    if team.home != server.url or replica is None or not replica.is_whole:
        raise Conflict(
            "The team is not here whole yet.", hint="Wait until it has been copied, then try again.", code="E-NOT-WHOLE"
        )
    if tx.count(Intent, team_id=move.team_id, state=IntentState.WAITING):
        raise Conflict(
            "Edits of the team still wait to be sent to the server.",
            hint="Wait until they are sent, or dismiss them.",
            code="E-INTENTS",
        )
    _refuse_runs(tx, move.team_id)
    for machine in tx.list(Machine, team_id=move.team_id, limit=ALL):
        is_made = machine.terraform_state_status is not TerraformStateStatus.NONE and not machine.is_gone
        if is_made and machine.state_keeper != server.device_id:
            raise Conflict(
                f"The state of {machine.name} cannot be opened on this computer; it could not be destroyed from here.",
                hint="Destroy it first, or leave the team where it is.",
                code="E-MOVE-STATE",
            )
    tx.moves.note(move)


def take_history(tx: SqlTransaction, team_id: str, outgoing: OutgoingPart) -> None:
    """Take in a part of the audit trail or of the logs."""
    part = outgoing.part
    head = tx.moves.numbers(team_id)
    news = tuple(event for event in part.events if event.team_id == team_id and event.seq > head.audit_seq)
    tx.moves.take_in(news)
    if news:
        tx.moves.set_numbers(team_id, replace(head, epoch="", audit_seq=news[-1].seq, audit_digest=news[-1].digest))
    own = {run.deployment_id for run in tx.list(Deployment, team_id=team_id, limit=ALL)}
    tx.moves.take_in_logs([piece for piece in part.logs if piece.deployment_id in own])


def ask_to_come(tx: SqlTransaction, move: Move) -> Move:
    """All is here: note that the home is asked next to let the team go.

    Raises:
        Conflict: E-AUDIT-BROKEN.
    """
    _refuse_broken_chain(tx, move.team_id)
    asked = replace(move, step=MoveStep.DECIDING, audit_seq=tx.moves.numbers(move.team_id).audit_seq)
    tx.moves.note(asked)
    return asked


def become_home(
    tx: SqlTransaction, move: Move, person: str, server: Server, departure: AuditEvent
) -> tuple[Team, tuple[TeamMember, ...]]:
    """The server has let the team go: this computer is its home from now on, and ``person`` its one member."""
    team_id = move.team_id
    numbers = tx.moves.numbers(team_id)
    if numbers.audit_seq < departure.seq:
        tx.moves.take_in([departure])
        numbers = replace(numbers, audit_seq=departure.seq, audit_digest=departure.digest)
    _refuse_if_broken(tx, team_id, numbers)
    team = tx.get(Team, team_id)
    team = replace(team, home="", handle=_free_handle(tx, team.handle), updated_at=now())
    tx.moves.settle(team)
    own: list[TeamMember] = []
    for member in tx.list(TeamMember, team_id=team_id, limit=ALL):
        if member.user_id == server.user_id:
            own.append(replace(member, user_id=person))
            tx.moves.settle(own[-1])
        else:
            tx.moves.remove(member)
    for row in (*tx.list(TeamInvite, team_id=team_id, limit=ALL), *tx.list(Grant, team_id=team_id, limit=ALL)):
        tx.moves.remove(row)
    _keep_secrets(tx, team_id, server)
    for intent in tx.list(Intent, team_id=team_id, limit=ALL):
        tx.moves.remove(intent)
    tx.connection.execute(BASE_ROW.delete().where(BASE_ROW.c.team_id == team_id))
    if replica := tx.find(Replica, team_id=team_id):
        tx.moves.remove(replica)
    tx.moves.end(team_id)
    return team, tuple(own)


def _keep_secrets(tx: SqlTransaction, team_id: str, server: Server) -> None:
    """What lies in this computer's vault is the home's; what lay elsewhere has to be typed in again."""
    for account in tx.list(ProviderAccount, team_id=team_id, limit=ALL):
        is_here = not account.keeper or account.keeper == server.device_id
        lost = {
            "credential_status": CredentialStatus.UNKNOWN,
            "status_reason": "Its credentials stayed on another computer; enter them here.",
        }
        tx.moves.settle(replace(account, custody=Custody.LOCAL, keeper="", **({} if is_here else lost)))  # type: ignore[arg-type]
    for key in tx.list(SSHKey, team_id=team_id, limit=ALL):
        is_here = key.has_private_key and (not key.keeper or key.keeper == server.device_id)
        tx.moves.settle(replace(key, custody=Custody.LOCAL, keeper="", has_private_key=is_here))
    for machine in tx.list(Machine, team_id=team_id, limit=ALL):
        if machine.state_keeper:
            tx.moves.settle(replace(machine, state_keeper=""))


def _free_handle(tx: Transaction, handle: str) -> str:
    """The handle, or a like one: of two local teams each has its own."""
    number, free = 1, handle
    while tx.find_anywhere(Team, handle=free, home="") is not None:
        number += 1
        free = f"{handle[:36]}-{number}"
    return free


def _refuse_runs(tx: Transaction, team_id: str) -> None:
    states = tuple(state for state in DeploymentState if not state.is_final)
    if run := tx.find(Deployment, team_id=team_id, state=states):
        raise run_pending(run.machine_name)


def _refuse_broken_chain(tx: Transaction, team_id: str) -> None:
    report = verify_audit(tx, MOVER, VerifyAudit(team_id=team_id))
    if report.broken_at is not None:
        raise Conflict(
            f"The audit trail is broken at event {report.broken_at}: {report.problem}",
            hint="Export what there is; a team moves only with a trail that is whole.",
            code="E-AUDIT-BROKEN",
        )


def _refuse_if_broken(tx: SqlTransaction, team_id: str, numbers: TeamNumbers) -> None:
    tx.moves.set_numbers(team_id, replace(numbers, epoch=""))
    _refuse_broken_chain(tx, team_id)
