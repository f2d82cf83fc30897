"""A team that its administrator brings to this home, or takes away from it: in parts, judged whole, in one step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta

from machina_desktop.core.codec import from_json, from_plain, to_json
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome, chain_digest
from machina_desktop.core.domain.bootstrap import BootstrapProfile
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.firewall import FirewallProfile
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine, TerraformStateStatus, name_problem
from machina_desktop.core.domain.profile import handle_problem, picture_problem
from machina_desktop.core.domain.profile import name_problem as title_problem
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.recording import RecordingRule
from machina_desktop.core.domain.snippet import Snippet
from machina_desktop.core.domain.team import Actor, Team, TeamMember, TeamRole, User
from machina_desktop.core.domain.throttle import By, Limit
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, NotFound
from machina_desktop.core.ids import made_at, now
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.custody import claim_device, is_remote
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.moves import CopiedRow, LogPiece, OutgoingPart, TeamNumbers, TeamPart
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000
MOST_PARTS = 1000
"""Of all teams that one person is bringing: some 600 MB."""
PARTS_KEPT = timedelta(days=7)
LARGEST_NUMBER = 1 << 53
RELEASE = "team.release"

_SHAPES: dict[str, tuple[type[object], str, str]] = {
    "team": (Team, "team_id", "team"),
    "team_member": (TeamMember, "team_member_id", "member"),
    "machine": (Machine, "machine_id", "machine"),
    "provider_account": (ProviderAccount, "provider_account_id", "account"),
    "deployment": (Deployment, "deployment_id", "deployment"),
    "ssh_key": (SSHKey, "ssh_key_id", "key"),
    "bootstrap_profile": (BootstrapProfile, "profile_id", "profile"),
    "firewall_profile": (FirewallProfile, "profile_id", "firewall"),
    "snippet": (Snippet, "snippet_id", "snippet"),
    "recording_rule": (RecordingRule, "rule_id", "rule"),
}
"""What comes with a team: shape, key, and what ids of that kind begin with.

People and invites do not: who else was in the team is invited anew, and codes are good at the home they were made at.
"""

_PARTS = (Limit(by=By.ACCOUNT, count=5000, window_s=60 * 60),)
_ENDS = (Limit(by=By.ACCOUNT, count=30, window_s=60 * 60),)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """How far a team has come that somebody brings here.

    Attributes:
        parts: SHA-256 (hex) of the content of each part that is here, in order.
        is_home: The team lives here now, and whoever asks is in it.
        numbers: Its numbers here; only when it lives here.
    """

    team_id: str
    parts: tuple[str, ...] = ()
    is_home: bool = False
    numbers: TeamNumbers | None = None


@dataclass(frozen=True, kw_only=True)
class GetArrival(Request[Arrival]):
    """How far a team has come that the actor brings here."""

    team_id: str


@dataclass(frozen=True, kw_only=True)
class ImportTeamPart(Request[str]):
    """Put a part of a team aside, in place of the one with that number; answers the SHA-256 of its content.

    Nobody sees it before the team is here whole. What lies for a week is let go of.
    """

    team_id: str
    number: int
    part: TeamPart


@dataclass(frozen=True, kw_only=True)
class FinishImport(Request[Arrival]):
    """Let the team live here from now on, with the actor as its administrator. Asked again it answers the same.

    Attributes:
        parts: How many there are.
        digest: SHA-256 (hex) over the digests of all parts, one after the other.
        numbers: How far the team had come where it lived: its feed goes on from there, its audit chain must end there.
        device_id: The computer it comes from, where its secrets and states stay.
        handle: Another handle than it had; empty for the same.
    """

    team_id: str
    parts: int
    digest: str
    numbers: TeamNumbers
    device_id: str
    handle: str = ""


@dataclass(frozen=True, kw_only=True)
class AbandonImport(Request[None]):
    """Let go of the parts of a team that does not come after all."""

    team_id: str


@dataclass(frozen=True, kw_only=True)
class ExportTeamPart(Request[OutgoingPart]):
    """The audit trail and the logs of a team in parts, for an administrator who takes it away; rows are pulled."""

    team_id: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseTeam(Request[None]):
    """End the team here, for it lives on at its administrator's computer, who has all of it up to these numbers.

    Its audit trail and its numbers stay, as of a team that was deleted; every other copy is let go of.
    """

    team_id: str
    change_seq: int
    audit_seq: int


@dataclass(frozen=True, kw_only=True)
class GetDeparture(Request[AuditEvent | None]):
    """The event by which the actor took the team away, if it is the one after number ``audit_seq``."""

    team_id: str
    audit_seq: int


# A team comes


@use_case("team.read_import", "GET /api/sync/imports/{team_id}", is_open=True)
def get_arrival(tx: Transaction, actor: Actor, ask: GetArrival) -> Arrival:
    """Their own parts, and whether the team has come."""
    return _arrival(tx, actor, ask.team_id) or Arrival(
        team_id=ask.team_id, parts=tx.moves.kept_parts(actor.user_id, ask.team_id)
    )


def _arrival(tx: Transaction, actor: Actor, team_id: str) -> Arrival | None:
    if actor.role_in(team_id) is None:
        return None
    return Arrival(team_id=team_id, is_home=True, numbers=tx.moves.numbers(team_id))


@use_case("team.import_part", "PUT /api/sync/imports/{team_id}/parts", is_open=True, is_audited=False, limits=_PARTS)
def import_team_part(tx: Transaction, actor: Actor, ask: ImportTeamPart) -> str:
    """Keep it; what is in it is judged with the last part."""
    _check_id(ask.team_id, "team", "team_id")
    if actor.role_in(ask.team_id) is not None:
        raise Conflict("The team lives here already.", code="E-TEAM-HERE")
    kept = tx.moves.kept_parts(actor.user_id, ask.team_id)
    if not 0 <= ask.number <= len(kept):
        raise InvalidInput(f"The next part is number {len(kept)}.", field="number", code="E-IMPORT-GAP")
    if ask.number == len(kept):
        tx.moves.forget_old_parts(now() - PARTS_KEPT)
        if len(tx.moves.kept_parts(actor.user_id)) >= MOST_PARTS:
            raise Conflict(
                "The team and its history are larger than this server takes.",
                hint="Ask whoever runs it, or begin with a new team there.",
                code="E-IMPORT-SIZE",
            )
    content = to_json(ask.part)
    digest = hashlib.sha256(content).hexdigest()
    tx.moves.keep_part(actor.user_id, ask.team_id, ask.number, content.decode(), digest)
    return digest


@use_case("team.drop_import", "DELETE /api/sync/imports/{team_id}", is_open=True, is_audited=False)
def abandon_import(tx: Transaction, actor: Actor, ask: AbandonImport) -> None:
    """Forget their own parts."""
    tx.moves.forget_parts(actor.user_id, ask.team_id)


@use_case("team.import", "POST /api/sync/imports/{team_id}/finish", is_open=True, limits=_ENDS)
def finish_import(tx: Transaction, actor: Actor, ask: FinishImport) -> Arrival:
    """Judge all parts and take them in, or leave everything as it was."""
    _check_id(ask.team_id, "team", "team_id")
    if known := _arrival(tx, actor, ask.team_id):
        return known
    if tx.find_anywhere(Team, team_id=ask.team_id) is not None:
        raise Conflict("A team with this id lives here, and you are not in it.", code="E-TEAM-TAKEN")
    if min(ask.numbers.change_seq, ask.numbers.audit_seq) < 0 or ask.numbers.change_seq > LARGEST_NUMBER:
        raise _wrong("The numbers of the team cannot be right.")
    _check_id(ask.device_id, "device", "device_id")
    tx.enter(ask.team_id, TeamRole.ADMIN)
    rest = tx.moves.numbers(ask.team_id)
    incoming = _Incoming(tx, actor, ask.team_id, device_id=ask.device_id)
    seen = hashlib.sha256()
    for content in _contents(tx, actor, ask):
        seen.update(hashlib.sha256(content.encode()).hexdigest().encode())
        incoming.take(from_json(content, TeamPart))
    if seen.hexdigest() != ask.digest:
        raise Conflict("The parts here are not those that were sent.", hint="Send them again.", code="E-IMPORT-PARTS")
    head = incoming.settle(ask.numbers)
    if is_remote(actor):
        claim_device(tx, actor, ask.device_id)
    change_seq = max(rest.change_seq, ask.numbers.change_seq)
    tx.moves.set_numbers(ask.team_id, replace(head, epoch="", change_seq=change_seq))
    incoming.open(ask.handle)
    tx.moves.forget_parts(actor.user_id, ask.team_id)
    return Arrival(team_id=ask.team_id, is_home=True, numbers=tx.moves.numbers(ask.team_id))


def _contents(tx: Transaction, actor: Actor, ask: FinishImport) -> Iterator[str]:
    if len(tx.moves.kept_parts(actor.user_id, ask.team_id)) != ask.parts:
        raise Conflict("Parts of the team are missing here.", hint="Send them again.", code="E-IMPORT-PARTS")
    for number in range(ask.parts):
        content = tx.moves.read_part(actor.user_id, ask.team_id, number)
        if content is None:
            raise Conflict(f"Part {number} is missing here.", hint="Send it again.", code="E-IMPORT-PARTS")
        yield content


class _Incoming:
    """Judges the parts of one team and writes what is good; the transaction ends with the first that is not."""

    def __init__(self, tx: Transaction, actor: Actor, team_id: str, *, device_id: str) -> None:
        self._tx = tx
        self._actor = actor
        self._team_id = team_id
        self._device_id = device_id
        self._team: Team | None = None
        self._member: TeamMember | None = None
        self._keys: set[str] = set()
        self._runs: set[str] = set()
        self._mentioned: set[tuple[type[object], str, str]] = set()
        self._log_ends: dict[str, int] = {}
        self._head = (0, "")
        self._archive = {event.seq: event.digest for event in _archived(tx, team_id)}

    def take(self, part: TeamPart) -> None:
        """Take one part in."""
        self._tx.moves.take_in([row for each in part.rows if (row := self._judged(each)) is not None])
        self._tx.moves.take_in([event for event in part.events if self._is_new(event)])
        for piece in part.logs:
            self._judge_log(piece)
        self._tx.moves.take_in_logs(part.logs)

    def settle(self, expected: TeamNumbers) -> TeamNumbers:
        """Judge the whole; answers where the audit chain ends."""
        if self._team is None or self._member is None:
            raise _wrong("The team itself, or your place in it, is missing.")
        if self._head != (expected.audit_seq, expected.audit_digest) or self._head[0] < len(self._archive):
            raise _wrong("The audit trail does not end where it should.")
        for shape, key, identifier in self._mentioned:
            if identifier not in self._keys and self._tx.find_anywhere(shape, **{key: identifier}) is not None:
                raise _wrong(f"{identifier} belongs to another team.")
        return replace(expected, audit_seq=self._head[0], audit_digest=self._head[1])

    def open(self, handle: str) -> None:
        """Write the team and its administrator's place, with numbers: whoever follows the actor's teams hears."""
        if self._team is None or self._member is None:
            raise _wrong("The team itself, or your place in it, is missing.")
        handle = handle or self._team.handle
        if problem := handle_problem(handle):
            raise InvalidInput(problem, field="handle", hint="For example: web-team.", code="E-TEAM-HANDLE")
        if self._tx.find_anywhere(Team, handle=handle, home=""):
            raise Conflict(
                f"The handle {handle} is taken at the server.", hint="Choose another handle.", code="E-HANDLE-TAKEN"
            )
        self._tx.add(replace(self._team, home="", handle=handle, updated_at=now()))
        self._tx.add(self._member)
        self._tx.share(self._tx.get(User, self._actor.user_id), self._team_id)

    def _judged(self, each: CopiedRow) -> object | None:
        """The row to insert; ``None`` for one that is written last."""
        if each.entity not in _SHAPES:
            raise _wrong(f"Rows of kind {each.entity[:40]!r} do not come with a team.")
        shape, key, kind = _SHAPES[each.entity]
        if unknown := next((name for name in each.row if name not in {entry.name for entry in fields(shape)}), ""):  # type: ignore[arg-type]
            raise _wrong(f"A {each.entity} has no field {unknown[:40]!r}.")
        row = from_plain(each.row, shape)
        if getattr(row, key) != each.entity_id or each.entity_id in self._keys:
            raise _wrong(f"The {each.entity} {each.entity_id[:60]!r} comes twice, or under another id.")
        _check_id(each.entity_id, kind, each.entity)
        if getattr(row, "team_id", None) != self._team_id:
            raise _wrong(f"{each.entity_id} belongs to another team.")
        self._keys.add(each.entity_id)
        return self._judge(row)

    def _judge(self, row: object) -> object | None:
        match row:
            case Team():
                self._judge_team(row)
                return None
            case TeamMember():
                self._judge_member(row)
                return None
            case Machine():
                self._judge_machine(row)
            case Deployment():
                self._judge_run(row)
            case ProviderAccount():
                _judge_account(row)
                self._judge_keeper(row)
            case SSHKey():
                _judge_key(row)
                self._judge_keeper(row)
        return row

    def _judge_team(self, team: Team) -> None:
        picture = team.avatar_url
        if title_problem(team.name) or (picture and picture_problem(picture)) or self._team is not None:
            raise _wrong("The team itself cannot be as it is told.")
        self._team = team

    def _judge_keeper(self, row: ProviderAccount | SSHKey) -> None:
        if row.custody is not Custody.LOCAL or row.keeper not in {"", self._device_id}:
            raise _wrong("Secrets of the team can only lie on the computer it comes from.")

    def _judge_member(self, member: TeamMember) -> None:
        if member.user_id != self._actor.user_id or self._member is not None:
            raise _wrong("Only your own place in the team can come with it.")
        self._member = replace(member, role=TeamRole.ADMIN)

    def _judge_run(self, run: Deployment) -> None:
        if not run.state.is_final:
            raise run_pending(run.machine_name)
        self._runs.add(run.deployment_id)
        if run.machine_id is not None:
            self._mentioned.add((Machine, "machine_id", run.machine_id))

    def _judge_machine(self, machine: Machine) -> None:
        if name_problem(machine.name) or not 1 <= machine.ssh_port <= 65535:
            raise _wrong(f"The machine {machine.machine_id} cannot be as it is told.")
        if not machine.is_gone:
            try:
                provider_for(machine.provider).check(machine)
            except MachinaError as error:
                raise _wrong(f"The machine {machine.name} is refused: {error.message}") from error
        if machine.state_keeper not in {"", self._device_id}:
            raise _wrong("States of the team can only lie on the computer it comes from.")
        self._mentioned.add((ProviderAccount, "provider_account_id", machine.provider_account_id))
        self._mentioned.update((SSHKey, "ssh_key_id", key_id) for key_id in machine.ssh_key_ids)

    def _is_new(self, event: AuditEvent) -> bool:
        """Whether the next event is not kept here from an earlier time, when the team lived here."""
        seq, digest = self._head
        is_next = event.team_id == self._team_id and event.seq == seq + 1 and event.previous == digest
        if not is_next or event.digest != chain_digest(event):
            raise _wrong(f"The audit trail was altered at event {seq + 1}.", code="E-IMPORT-CHAIN")
        _check_id(event.audit_event_id, "audit", "audit_event")
        self._head = (event.seq, event.digest)
        if event.seq not in self._archive:
            return True
        if self._archive[event.seq] != event.digest:
            raise _wrong(f"The audit trail differs from the one kept here at event {seq + 1}.", code="E-IMPORT-CHAIN")
        return False

    def _judge_log(self, piece: LogPiece) -> None:
        if piece.deployment_id not in self._runs:
            raise _wrong("A log belongs to no run of the team.")
        size = len(piece.text.encode())
        at = self._log_ends.get(piece.deployment_id, 0)
        if piece.start != at or not 0 < size <= piece.end - piece.start or not piece.text.endswith("\n"):
            raise _wrong(f"The log of {piece.deployment_id} has a gap or half a line.")
        if size < piece.end - piece.start and piece.text.count("\n") != 1:
            raise _wrong(f"The log of {piece.deployment_id} is not as long as it says.")
        for line in piece.text.splitlines():
            from_json(line, LogLine)
        self._log_ends[piece.deployment_id] = piece.end


def _archived(tx: Transaction, team_id: str) -> Iterator[AuditEvent]:
    page = tx.read_chain(team_id)
    while page:
        yield from page
        page = tx.read_chain(team_id, after=page[-1].seq)


def _judge_account(account: ProviderAccount) -> None:
    info = provider_for(account.provider_type).info
    known = {entry.name for entry in info.account_fields if not entry.is_secret} - {"start_command"}
    if not account.label or len(account.label) > 100 or not account.label.isprintable():
        raise _wrong(f"The account {account.provider_account_id} has no label that can be shown.")
    if strange := next((name for name in account.settings if name not in known), ""):
        raise _wrong(f"The account {account.label} has a field {strange[:40]!r} that may not come here.")


def _judge_key(key: SSHKey) -> None:
    from machina_desktop.core.ssh import keys as forms  # noqa: PLC0415 - brings cryptography: not before first paint

    public = forms.parse_public(key.public_key)
    if (public.fingerprint, public.public_line, public.key_type) != (key.fingerprint, key.public_key, key.key_type):
        raise _wrong(f"The key {key.ssh_key_id} is not what it says.")
    if not key.name.strip() or len(key.name) > 100 or not key.name.isprintable():
        raise _wrong(f"The key {key.ssh_key_id} has no name that can be shown.")


def _check_id(identifier: str, kind: str, field: str) -> None:
    """Ids name folders, so only those of our form may come."""
    if not identifier.startswith(f"{kind}-") or made_at(identifier) is None:
        raise InvalidInput("This is no id of ours.", field=field, code="E-ID")


def _wrong(problem: str, *, code: str = "E-IMPORT") -> InvalidInput:
    return InvalidInput(problem, hint="The team stays where it is; nothing was changed here.", code=code)


def run_pending(name: str) -> Conflict:
    """A run is under way."""
    return Conflict(
        f"A run of {name or 'the team'} has not ended yet.",
        hint="Wait for it, or cancel it; then move the team.",
        code="E-RUN-PENDING",
    )


# A team goes


@use_case("team.export", "GET /api/sync/export")
def export_team_part(tx: Transaction, _actor: Actor, ask: ExportTeamPart) -> OutgoingPart:
    """The part that begins there."""
    return tx.moves.part(ask.team_id, ask.place, has_rows=False)


@use_case(RELEASE, "POST /api/teams/{team_id}/release", limits=_ENDS)
def release_team(tx: Transaction, _actor: Actor, ask: ReleaseTeam) -> None:
    """Refused while a run is under way or a machine's state can be opened here only."""
    team = tx.get(Team, ask.team_id)
    states = tuple(state for state in DeploymentState if not state.is_final)
    if run := tx.find(Deployment, team_id=ask.team_id, state=states):
        raise run_pending(run.machine_name)
    for machine in tx.list(Machine, team_id=ask.team_id, state_keeper="", limit=ALL):
        if machine.terraform_state_status is not TerraformStateStatus.NONE and not machine.is_gone:
            raise Conflict(
                f"Only the server can open the state of {machine.name}; elsewhere nobody could change or destroy it.",
                hint="Destroy it first, or leave the team where it is.",
                code="E-MOVE-STATE",
            )
    numbers = tx.moves.numbers(ask.team_id)
    if (numbers.change_seq, numbers.audit_seq) != (ask.change_seq, ask.audit_seq):
        raise Conflict("The team has changed meanwhile.", hint="Take the changes in and try again.", code="E-MOVED-ON")
    tx.purge(ask.team_id)
    for member in tx.list(TeamMember, team_id=ask.team_id, limit=ALL):
        tx.delete(member)
    tx.delete(team)


@use_case("team.departure", "GET /api/sync/departures/{team_id}", is_open=True)
def get_departure(tx: Transaction, actor: Actor, ask: GetDeparture) -> AuditEvent | None:
    """Only whoever took it away is told; to all others there is no such team."""
    found = tx.find_anywhere(AuditEvent, team_id=ask.team_id, seq=ask.audit_seq + 1)
    if found is None or actor.user_id != found.actor_id:
        raise NotFound("There is no such team.")
    is_it = found.action == RELEASE and found.outcome is AuditOutcome.SUCCEEDED
    return found if is_it else None
