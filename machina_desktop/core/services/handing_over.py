"""Letting a shared team's server open what this computer has kept: secrets, and the records of machines.

What a server was once able to open it may know for ever: taking the right back deletes its copy, no more.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from machina_desktop.core.domain.custody import Custody, fingerprint_of
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.custody import Kept, check_boxes, claim_device, require_device, server_of
from machina_desktop.core.services.runner_keys import ShowRunnerKey
from machina_desktop.core.services.runs import STATE_REVISIONS
from machina_desktop.core.services.sealing import (
    PRIVATE_FIELD,
    STATE_FIELD,
    STATE_TABLE,
    PinRunnerKey,
    Sealed,
    SealedField,
    box_for_runners,
    box_state,
    check_sealed,
    open_record,
    record_of,
    save_fields,
)
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import StateRevision, Transaction

STATE_BYTES = 700 << 10
"""The longest sealed state that a home takes; a request holds no more."""

SHARED = "The server's runners can open it from now on. What they have seen once cannot be taken back, only replaced."
STOPPED = "The server's copy is deleted. Rotate the secret at its provider: the server has seen it."


@dataclass(frozen=True, kw_only=True)
class CustodyChanged:
    """A secret has another custody; ``advice`` is what the person should know or do now, for them to read."""

    record_id: str
    custody: Custody
    advice: str


@dataclass(frozen=True, kw_only=True)
class ShareSecret(Request[CustodyChanged]):
    """Let the runners of a team's server open the secrets of an account, or of a key, that this computer keeps."""

    account_id: str = ""
    key_id: str = ""


@dataclass(frozen=True, kw_only=True)
class StopSharingSecret(Request[CustodyChanged]):
    """Delete the server's copy of the secrets of an account, or of a key, that somebody's computer keeps."""

    account_id: str = ""
    key_id: str = ""


@dataclass(frozen=True, kw_only=True)
class RecordCustody(Request[CustodyChanged]):
    """What the home is told of either: ``fields`` sealed to its runners, or none to forget what it has."""

    team_id: str
    account_id: str = ""
    key_id: str = ""
    fields: tuple[SealedField, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HandOver(Request[Machine]):
    """Hand the Terraform record of a machine, which this computer keeps, over to the runners of the team's server."""

    machine_id: str


@dataclass(frozen=True, kw_only=True)
class ReadState(Request[StateRevision | None]):
    """The newest state of a machine whose record this computer keeps, as it was sealed here."""

    team_id: str
    machine_id: str


@dataclass(frozen=True, kw_only=True)
class RecordHandOver(Request[Machine]):
    """Store the record of a machine, sealed to the runners; an empty ``envelope`` where there never was one."""

    team_id: str
    machine_id: str
    lineage: str = ""
    serial: int = 0
    envelope: bytes = b""


@dataclass(frozen=True, kw_only=True)
class TrustRunnerKey(Request[None]):
    """Seal to the new key of a server's runners from now on, after a person has compared its ``fingerprint`` (hex)."""

    team_id: str
    fingerprint: str


# Secrets


@use_case("secret.share", "POST /api/device/secrets/share", is_audited=False)
async def share_secret(context: Context, actor: Actor, ask: ShareSecret) -> CustodyChanged:
    """Opens it here, seals it for the runners, and sends only that."""
    kept = await context.read(actor, lambda tx: _kept(tx, ask.account_id, ask.key_id))
    server = await _server(context, actor, kept.team_id)
    opened = await open_record(context, actor, kept)
    secrets = {name: secret for name, secret in opened.items() if name in _secret_fields(kept)}
    if not secrets:
        raise Conflict("It has no secret that could be shared.", code="E-NO-SECRET")
    fields = await box_for_runners(context, actor, server, record_of(kept), secrets)
    record = RecordCustody(team_id=kept.team_id, account_id=ask.account_id, key_id=ask.key_id, fields=fields)
    return await context.record(actor, record)


@use_case("secret.stop_sharing", "POST /api/device/secrets/stop-sharing", is_audited=False)
async def stop_sharing_secret(context: Context, actor: Actor, ask: StopSharingSecret) -> CustodyChanged:
    """Any computer may ask for it; the secret itself is not needed."""
    kept = await context.read(actor, lambda tx: _kept(tx, ask.account_id, ask.key_id))
    record = RecordCustody(team_id=kept.team_id, account_id=ask.account_id, key_id=ask.key_id)
    return await context.record(actor, record)


@use_case("secret.record_custody", "POST /api/secrets/custody", is_for_devices=True)
def record_custody(tx: Transaction, actor: Actor, ask: RecordCustody) -> CustodyChanged:
    """Only the keeper's computer may share; whoever may keep secrets may end that."""
    kept = _kept(tx, ask.account_id, ask.key_id)
    if kept.team_id != ask.team_id:
        raise NotFound("The team has no such account or key.")
    if not kept.keeper:
        raise Conflict(
            "No computer keeps this secret, so the server's copy is the only one.",
            hint="Delete it and add it again from the computer that shall keep it.",
            code="E-ONLY-COPY",
        )
    record = record_of(kept)
    if ask.fields:
        sealed = Sealed(custody=Custody.SERVER, keeper=kept.keeper, fields=ask.fields)
        check_sealed(tx, actor, sealed, fields=_secret_fields(kept))
    tx.delete_sealed(record.team_id, record.table, record.record_id)
    save_fields(tx, record, ask.fields)
    custody = Custody.SERVER if ask.fields else Custody.LOCAL
    tx.replace(replace(kept, custody=custody, updated_at=now()))
    return CustodyChanged(record_id=record.record_id, custody=custody, advice=SHARED if ask.fields else STOPPED)


def _kept(tx: Transaction, account_id: str, key_id: str) -> Kept:
    if bool(account_id) is bool(key_id):
        raise InvalidInput("Name an account or a key.", field="account_id")
    return tx.get(ProviderAccount, account_id) if account_id else tx.get(SSHKey, key_id)


def _secret_fields(kept: Kept) -> frozenset[str]:
    if isinstance(kept, SSHKey):
        return frozenset({PRIVATE_FIELD} if kept.has_private_key else ())
    fields = provider_for(kept.provider_type).info.account_fields
    return frozenset(entry.name for entry in fields if entry.is_secret)


async def _server(context: Context, actor: Actor, team_id: str) -> Server:
    server = await context.read(actor, lambda tx: server_of(tx, team_id))
    if server is None:
        raise Conflict("The team lives on this computer; there is no server to share with.", code="E-LOCAL-TEAM")
    return server


@use_case("secret.trust_key", "POST /api/device/runner-key/trust", is_audited=False)
async def trust_runner_key(context: Context, actor: Actor, ask: TrustRunnerKey) -> None:
    """Only the key that the server shows at this moment, and only under the fingerprint that was compared."""
    await _server(context, actor, ask.team_id)
    key = await context.record(actor, ShowRunnerKey(team_id=ask.team_id))
    if key is None or fingerprint_of(key.raw).hex() != ask.fingerprint.strip().casefold():
        raise Conflict(
            "The server shows another key than that; nothing was changed.",
            hint="Compare the fingerprint with whoever runs the server.",
            code="E-RUNNER-KEY",
        )
    await context.record(actor, PinRunnerKey(team_id=ask.team_id, public_key=key.public_key, is_new=True))


# Records of machines


@use_case("machine.hand_over", "POST /api/device/machines/{machine_id}/hand-over", is_audited=False)
async def hand_over(context: Context, actor: Actor, ask: HandOver) -> Machine:
    """Opens the record here, seals it for the runners, and sends only that."""
    machine = await context.read(actor, lambda tx: tx.get(Machine, ask.machine_id))
    server = await _server(context, actor, machine.team_id)
    if machine.state_keeper != server.device_id:
        raise Conflict(
            f"The record of {machine.name} is not kept on this computer.",
            hint="Hand it over on the computer that keeps it.",
            code="E-NOT-HERE",
        )
    kept = await context.read(actor, lambda tx: tx.read_state(ask.machine_id))
    if kept is None:
        kept = await context.record(actor, ReadState(team_id=machine.team_id, machine_id=ask.machine_id))
    await asyncio.to_thread(_check_nothing_left, context, kept, ask.machine_id)
    record = RecordHandOver(team_id=machine.team_id, machine_id=ask.machine_id)
    if kept is not None:
        place = (kept.team_id, STATE_TABLE, kept.machine_id, STATE_FIELD, kept.serial)
        raw = await asyncio.to_thread(context.vault.open_bytes, *place, kept.envelope)
        envelope = await box_state(context, actor, server, kept, raw)
        record = replace(record, lineage=kept.lineage, serial=kept.serial, envelope=envelope)
    return await context.record(actor, record)


def _check_nothing_left(context: Context, kept: StateRevision | None, machine_id: str) -> None:
    """A record that a broken run left in its folder is newer than any that is stored."""
    from machina_desktop.core.terraform.workspace import Workspace  # noqa: PLC0415 - not before the first paint

    left = Workspace(context.paths.runs / machine_id).read_state()
    if left is not None and (kept is None or left.serial > kept.serial):
        raise Conflict(
            "A run has left a record on this computer that is not stored yet.",
            hint="Refresh the machine here, then hand it over.",
            code="E-STATE-LEFT",
        )


@use_case("machine.read_state", "GET /api/runner/machines/{machine_id}/state", is_for_devices=True, at_home=True)
def read_state(tx: Transaction, actor: Actor, ask: ReadState) -> StateRevision | None:
    """Of no use to anybody but its keeper, whose vault sealed it."""
    machine = tx.get(Machine, ask.machine_id)
    require_device(tx, actor, machine.state_keeper)
    return tx.read_state(machine.machine_id)


@use_case("machine.record_hand_over", "POST /api/machines/{machine_id}/hand-over", is_for_devices=True)
def record_hand_over(tx: Transaction, actor: Actor, ask: RecordHandOver) -> Machine:
    """From now on the runners carry out what is asked of the machine."""
    machine = tx.get(Machine, ask.machine_id)
    if machine.team_id != ask.team_id:
        raise NotFound("The team has no such machine.")
    if provider_for(machine.provider).info.is_on_this_computer:
        raise Conflict(f"{machine.name} lives on somebody's own computer.", code="E-NOT-ON-A-SERVER")
    if not machine.state_keeper:
        return machine
    claim_device(tx, actor, machine.state_keeper)
    open_states = tuple(state for state in DeploymentState if not state.is_final)
    if tx.find(Deployment, machine_id=machine.machine_id, state=open_states):
        raise Conflict(f"A run of {machine.name} is under way.", hint="Wait for its end.", code="E-RUN-PENDING")
    newest = tx.read_state(machine.machine_id)
    if newest is not None and newest.serial > ask.serial:
        raise Conflict("The home has a newer record of the machine.", code="E-STATE-STALE")
    if ask.envelope:
        check_boxes(tx, (ask.envelope,), longest=STATE_BYTES)
        revision = StateRevision(
            team_id=machine.team_id,
            machine_id=machine.machine_id,
            lineage=ask.lineage,
            serial=ask.serial,
            envelope=ask.envelope,
        )
        tx.save_state(revision, keep=STATE_REVISIONS)
    handed = replace(machine, state_keeper="", updated_at=now())
    tx.replace(handed)
    return handed
