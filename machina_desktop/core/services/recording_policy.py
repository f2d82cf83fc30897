"""Which terminals are recorded: what a person chose for a machine, and what their team requires."""

from __future__ import annotations

from dataclasses import dataclass, field

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.recording import (
    RecordingChoice,
    RecordingDecision,
    RecordingPolicy,
    RecordingRule,
    decided,
)
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000
LONGEST_TAG = 100


def _new_rule_id() -> str:
    return new_id("rule")


@dataclass(frozen=True, kw_only=True)
class DecideRecording(Request[RecordingDecision]):
    """Whether terminals on a machine are recorded."""

    machine_id: str


@dataclass(frozen=True, kw_only=True)
class SetRecordingPolicy(Request[RecordingDecision]):
    """Say whether your terminals on a machine are recorded: never, always, or asked each time.

    What a rule of the team requires stays so.
    """

    machine_id: str
    policy: RecordingPolicy
    has_input: bool = False


@dataclass(frozen=True, kw_only=True)
class ListRecordingRules(Request[tuple[RecordingRule, ...]]):
    """Which machines of a team are always recorded."""

    team_id: str


@dataclass(frozen=True, kw_only=True)
class AddRecordingRule(Request[RecordingRule]):
    """Require that terminals on machines with a tag are recorded; an empty tag means every machine of the team."""

    team_id: str
    tag: str = ""
    has_input: bool = False
    rule_id: str = field(default_factory=_new_rule_id)


@dataclass(frozen=True, kw_only=True)
class RemoveRecordingRule(Request[None]):
    """Require that no more."""

    rule_id: str


@use_case("recording.decide", "GET /api/device/machines/{machine_id}/recording")
def decide_recording(tx: Transaction, _actor: Actor, ask: DecideRecording) -> RecordingDecision:
    """From the person's choice and the team's rules."""
    return decision_on(tx, tx.get(Machine, ask.machine_id))


@use_case("recording.set_policy", "PUT /api/device/machines/{machine_id}/recording", is_audited=False)
def set_recording_policy(tx: Transaction, _actor: Actor, ask: SetRecordingPolicy) -> RecordingDecision:
    """Keep the choice on this computer."""
    machine = tx.get(Machine, ask.machine_id)
    choice = RecordingChoice(
        machine_id=ask.machine_id, team_id=machine.team_id, policy=ask.policy, has_input=ask.has_input
    )
    if tx.find(RecordingChoice, machine_id=ask.machine_id) is None:
        tx.add(choice)
    else:
        tx.replace(choice)
    return decision_on(tx, machine)


def decision_on(tx: Transaction, machine: Machine) -> RecordingDecision:
    """Whether terminals on ``machine`` are recorded, from the person's choice and the team's rules."""
    choice = tx.find(RecordingChoice, machine_id=machine.machine_id)
    rules = tx.list(RecordingRule, team_id=machine.team_id, limit=ALL)
    return decided(machine.machine_id, machine.tags, choice, rules)


@use_case("recording_rule.list", "GET /api/recording-rules")
def list_recording_rules(tx: Transaction, _actor: Actor, ask: ListRecordingRules) -> tuple[RecordingRule, ...]:
    """Rules by tag."""
    return tx.list(RecordingRule, team_id=ask.team_id, order_by="tag", limit=ALL)


@use_case("recording_rule.add", "POST /api/recording-rules")
def add_recording_rule(tx: Transaction, actor: Actor, ask: AddRecordingRule) -> RecordingRule:
    """Store it; it holds for terminals that are opened from now on."""
    if known := tx.find(RecordingRule, rule_id=ask.rule_id, team_id=ask.team_id):
        return known
    tag = ask.tag.strip()
    if len(tag) > LONGEST_TAG or not tag.isprintable():
        raise InvalidInput(f"A tag has at most {LONGEST_TAG} printable characters.", field="tag")
    if any(rule.tag.casefold() == tag.casefold() for rule in tx.list(RecordingRule, team_id=ask.team_id, limit=ALL)):
        raise Conflict("There is a rule for this tag already.", hint="Remove it first.", code="E-NAME-TAKEN")
    rule = RecordingRule(
        rule_id=ask.rule_id,
        team_id=ask.team_id,
        tag=tag,
        has_input=ask.has_input,
        created_by=actor.user_id,
        created_at=now(),
    )
    tx.add(rule)
    return rule


@use_case("recording_rule.remove", "DELETE /api/recording-rules/{rule_id}")
def remove_recording_rule(tx: Transaction, _actor: Actor, ask: RemoveRecordingRule) -> None:
    """Remove it."""
    tx.delete(tx.get(RecordingRule, ask.rule_id))
