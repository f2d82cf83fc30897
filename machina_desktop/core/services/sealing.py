"""Sealing the secret fields of a record and opening them again: the rule every area with secrets shares."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from machina_desktop.core.domain.custody import Custody, RunnerKey, fingerprint_of
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.custody import (
    Kept,
    check_boxes,
    claim_device,
    is_remote,
    require_here,
    runner_key,
    server_of,
)
from machina_desktop.core.services.runner_keys import ShowRunnerKey
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import SealedPlace, StateRevision, Transaction

if TYPE_CHECKING:
    from machina_desktop.core.vault.vault import Vault

R = TypeVar("R")
ACCOUNT_TABLE, KEY_TABLE = "provider_account", "ssh_key"
PRIVATE_FIELD = "private_key"
STATE_TABLE, STATE_FIELD = "terraform_state", "state"
MAYBE_DONE = frozenset({"E-OFFLINE", "E-SLOW"})
"""Whoever was asked may have done it all the same."""


@dataclass(frozen=True)
class SecretRecord:
    """A record that has secrets: its team, its table, its key."""

    team_id: str
    table: str
    record_id: str


@dataclass(frozen=True, kw_only=True)
class SealedField:
    """One secret field of a record, sealed for its place."""

    name: str
    envelope: bytes
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A record's secrets as its home is told of them.

    Attributes:
        keeper: The device whose vault holds them; empty for the home itself.
        fields: What the home stores; empty where they stay with their keeper alone.
    """

    custody: Custody = Custody.LOCAL
    keeper: str = ""
    fields: tuple[SealedField, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KeepSealed(Request[None]):
    """Keep a record's envelopes in this computer's database, whatever its team's home is; they never leave it.

    ``fields`` are all of them: what else there was is forgotten.
    """

    team_id: str
    table: str
    record_id: str
    fields: tuple[SealedField, ...]


@dataclass(frozen=True, kw_only=True)
class ForgetSealed(Request[None]):
    """Forget a record's envelopes in this computer's database."""

    team_id: str
    table: str
    record_id: str


def record_of(kept: Kept) -> SecretRecord:
    """Where the secrets of an account or a key lie."""
    if isinstance(kept, ProviderAccount):
        return SecretRecord(kept.team_id, ACCOUNT_TABLE, kept.provider_account_id)
    return SecretRecord(kept.team_id, KEY_TABLE, kept.ssh_key_id)


@use_case("secret.keep", "POST /api/device/secrets", is_audited=False, is_internal=True)
def keep_sealed(tx: Transaction, _actor: Actor, ask: KeepSealed) -> None:
    """In place of what is there of them."""
    tx.delete_sealed(ask.team_id, ask.table, ask.record_id)
    save_fields(tx, SecretRecord(ask.team_id, ask.table, ask.record_id), ask.fields)


@use_case("secret.forget", "DELETE /api/device/secrets", is_audited=False, is_internal=True)
def forget_sealed(tx: Transaction, _actor: Actor, ask: ForgetSealed) -> None:
    """Harmless where there are none."""
    tx.delete_sealed(ask.team_id, ask.table, ask.record_id)


def save_fields(tx: Transaction, record: SecretRecord, fields: tuple[SealedField, ...]) -> None:
    """Keep each field's envelope under its place in the record."""
    at = {"team_id": record.team_id, "table": record.table, "record_id": record.record_id}
    for each in fields:
        tx.save_sealed(SealedPlace(**at, field=each.name, version=each.version), each.envelope)


def check_sealed(tx: Transaction, actor: Actor, sealed: Sealed, *, fields: frozenset[str], longest: int = 8) -> None:
    """Refuse what a home must not store: secrets of a vault, of another record, or in the name of another computer.

    ``fields`` are the names of the record's secret fields. On a computer of one's own everything is as one made it.

    Raises:
        InvalidInput, Forbidden, Conflict: it is refused.
    """
    if not is_remote(actor):
        return
    if sealed.keeper:
        claim_device(tx, actor, sealed.keeper)
    is_at_home = sealed.custody is Custody.SERVER
    if bool(sealed.fields) is not is_at_home:
        raise InvalidInput("What is sealed does not fit who shall keep it.", field="custody", code="E-CUSTODY")
    names = [each.name for each in sealed.fields]
    if not fields.issuperset(names) or len(set(names)) != len(names) or len(names) > longest:
        raise InvalidInput("The record has no such secret fields.", field="sealed", code="E-NOT-SEALED")
    if any(each.version != 1 for each in sealed.fields):
        raise InvalidInput("There is no such version of a secret.", field="sealed", code="E-NOT-SEALED")
    check_boxes(tx, tuple(each.envelope for each in sealed.fields))


async def seal_record(
    context: Context,
    actor: Actor,
    record: SecretRecord,
    secrets: Mapping[str, Secret],
    *,
    custody: Custody = Custody.LOCAL,
    kept_back: Mapping[str, Secret] | None = None,
) -> Sealed:
    """A new record's secret fields, sealed for whoever shall keep them; where that is this computer, they are kept.

    On a shared server they are always sealed to its runners: its own process could not open them again. ``kept_back``
    is sealed here only, whatever the custody.

    Raises:
        Locked: the vault is locked.
        InvalidInput: the team has no server that could have custody.
        Conflict: E-NO-RUNNER, E-RUNNER-KEY.
    """
    if context.accounts is not None:
        if not secrets:
            return Sealed()
        key = await context.read(actor, runner_key)
        fields = await asyncio.to_thread(_boxed, key, record, secrets)
        return Sealed(custody=Custody.SERVER, fields=fields)
    server = await context.read(actor, lambda tx: server_of(tx, record.team_id))
    if server is None and custody is Custody.SERVER:
        raise InvalidInput(
            "The team lives on this computer; there is no server that could keep the secret.", field="custody"
        )
    everything = {**secrets, **(kept_back or {})}
    own = await asyncio.to_thread(_enveloped, context.vault, record, everything)
    if server is None or not own:
        return Sealed(fields=own)
    boxes: tuple[SealedField, ...] = ()
    if custody is Custody.SERVER and secrets:
        boxes = await box_for_runners(context, actor, server, record, secrets)
    keep = KeepSealed(team_id=record.team_id, table=record.table, record_id=record.record_id, fields=own)
    await context.record(actor, keep)
    return Sealed(custody=Custody.SERVER if boxes else Custody.LOCAL, keeper=server.device_id, fields=boxes)


async def record_or_forget(context: Context, actor: Actor, record: SecretRecord, ask: Request[R]) -> R:
    """What the home answers to ``ask``; the secrets of a record that it refuses are kept here no longer."""
    try:
        return await context.record(actor, ask)
    except MachinaError as error:
        is_copy = await context.read(actor, lambda tx: server_of(tx, record.team_id)) is not None
        if is_copy and error.code not in MAYBE_DONE:
            forget = ForgetSealed(team_id=record.team_id, table=record.table, record_id=record.record_id)
            await context.record(actor, forget)
        raise


def _enveloped(vault: Vault, record: SecretRecord, secrets: Mapping[str, Secret]) -> tuple[SealedField, ...]:
    at = (record.team_id, record.table, record.record_id)
    return tuple(SealedField(name=name, envelope=vault.seal(*at, name, 1, secret)) for name, secret in secrets.items())


def _boxed(key: RunnerKey, record: SecretRecord, secrets: Mapping[str, Secret]) -> tuple[SealedField, ...]:
    from machina_desktop.core.vault.sealed_box import Recipient  # noqa: PLC0415 - brings cryptography

    recipient = Recipient.of_text(key.public_key)
    at = (record.team_id, record.table, record.record_id)
    return tuple(
        SealedField(name=name, envelope=recipient.seal(*at, name, 1, secret)) for name, secret in secrets.items()
    )


async def box_for_runners(
    context: Context, actor: Actor, server: Server, record: SecretRecord, secrets: Mapping[str, Secret]
) -> tuple[SealedField, ...]:
    """Envelopes that only the runners of a team's home can open.

    Raises:
        Conflict: E-NO-RUNNER, E-RUNNER-KEY.
    """
    key = await trusted_key(context, actor, server, record.team_id)
    return await asyncio.to_thread(_boxed, key, record, secrets)


async def box_state(context: Context, actor: Actor, server: Server, state: StateRevision, raw: bytes) -> bytes:
    """The envelope of a machine's Terraform state that only the runners of the team's home can open.

    Raises:
        Conflict: E-NO-RUNNER, E-RUNNER-KEY.
    """
    from machina_desktop.core.vault.sealed_box import Recipient  # noqa: PLC0415 - brings cryptography

    key = await trusted_key(context, actor, server, state.team_id)
    place = (state.team_id, STATE_TABLE, state.machine_id, STATE_FIELD, state.serial)
    return await asyncio.to_thread(Recipient.of_text(key.public_key).seal, *place, raw)


async def trusted_key(context: Context, actor: Actor, server: Server, team_id: str) -> RunnerKey:
    """The key of the home's runners. The first one a server shows is remembered; no other is sealed to after that.

    Raises:
        Conflict: E-NO-RUNNER; E-RUNNER-KEY, the server shows another key than before.
    """
    key = await context.record(actor, ShowRunnerKey(team_id=team_id))
    if key is None:
        raise Conflict(
            "Nothing carries runs out at this server.",
            hint="Start machina-runner there, or keep the secret on this computer.",
            code="E-NO-RUNNER",
        )
    if not server.runner_key:
        await context.record(actor, PinRunnerKey(team_id=team_id, public_key=key.public_key))
    elif server.runner_key != key.public_key:
        raise Conflict(
            f"The runners of {server.url} have another key than before; nothing was sent.",
            hint=f"Ask whoever runs the server whether its key is {fingerprint_of(key.raw).hex()}, and confirm it.",
            code="E-RUNNER-KEY",
        )
    return key


@dataclass(frozen=True, kw_only=True)
class PinRunnerKey(Request[None]):
    """Remember the key of the runners of a team's home: the first one, or with ``is_new`` one that was confirmed."""

    team_id: str
    public_key: str
    is_new: bool = False


@use_case("secret.pin_key", "POST /api/device/runner-key", is_audited=False, is_internal=True)
def pin_runner_key(tx: Transaction, _actor: Actor, ask: PinRunnerKey) -> None:
    """What is pinned stays, but for a person's word."""
    server = server_of(tx, ask.team_id)
    if server is not None and (ask.is_new or not server.runner_key):
        tx.replace(replace(server, runner_key=ask.public_key))


async def open_record(context: Context, actor: Actor, kept: Kept) -> dict[str, Secret]:
    """The secrets of an account or a key in clear, by field; each is taught to the redactor before it leaves.

    What was kept back of an account is among them.

    Raises:
        Conflict: E-NOT-HERE, they are kept elsewhere.
        Locked: the vault is locked.
        Unavailable: an envelope was tampered with.
    """
    await require_here(context, actor, kept)
    record = record_of(kept)
    at = (record.team_id, record.table, record.record_id)
    sealed = await context.read(actor, lambda tx: tx.read_sealed(*at))

    def unseal() -> dict[str, Secret]:
        opened = {
            place.field: context.vault.open_(*at, place.field, place.version, envelope) for place, envelope in sealed
        }
        REDACTOR.learn(*(secret.reveal() for secret in opened.values()))
        return opened

    return await asyncio.to_thread(unseal) if sealed else {}
