"""Provider accounts: what exists, adding, verifying, changing and deleting them (spec 4.2, 6.3)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.custody import KEPT_BACK, Custody
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.lock_file import LockFile
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import (
    ACCOUNT_COLOURS,
    CredentialStatus,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.base import Access, Provider
from machina_desktop.core.providers.registry import available_types, provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.account_access import check_settings, open_account, split_fields, verified
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.custody import claim_device, is_remote, not_here, server_of
from machina_desktop.core.services.sealing import (
    ACCOUNT_TABLE,
    Sealed,
    SecretRecord,
    check_sealed,
    record_or_forget,
    save_fields,
    seal_record,
)
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

LOG = logging.getLogger(__name__)
TABLE = ACCOUNT_TABLE


def _new_account_id() -> str:
    return new_id("account")


@dataclass(frozen=True, kw_only=True)
class ListProviders(Request[tuple[ProviderInfo, ...]]):
    """Every provider this version knows, with the fields of its account form."""


@dataclass(frozen=True, kw_only=True)
class ListAccounts(Request[tuple[ProviderAccount, ...]]):
    """Accounts of a team, by label."""

    team_id: str
    search: str = ""
    type: ProviderType | None = None


@dataclass(frozen=True, kw_only=True)
class AddAccount(Request[ProviderAccount]):
    """Verify and keep an account. ``fields`` are its form's values by field name, secret ones included.

    Of a shared team, they stay on this computer; with ``custody`` "server" the runners of its server get them, too.
    Asked of a server itself, it sees them for the moment of the request and seals them to its runners.
    """

    team_id: str
    type: ProviderType
    label: str
    fields: dict[str, Secret] = field(default_factory=dict)
    custody: Custody = Custody.LOCAL
    colour: str = ""
    account_id: str = field(default_factory=_new_account_id)


@dataclass(frozen=True, kw_only=True)
class RecordAccount(Request[ProviderAccount]):
    """Store an account that was verified by whoever keeps its secrets, with what it needs to know of these."""

    team_id: str
    type: ProviderType
    label: str
    settings: dict[str, str]
    found: Verification
    sealed: Sealed
    colour: str = ""
    account_id: str = field(default_factory=_new_account_id)


@dataclass(frozen=True, kw_only=True)
class VerifyAccount(Request[ProviderAccount]):
    """Ask the provider again whether the account works, and which of the team's keys it still has.

    What a routine check cannot find out changes nothing.
    """

    account_id: str
    is_routine: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordVerification(Request[ProviderAccount]):
    """Store what the provider answered.

    ``lost_keys`` are keys that the account knew and knows no more: by ``ssh_key_id`` the provider's id of each.
    """

    account_id: str
    found: Verification
    lost_keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DeleteAccount(Request[None]):
    """Forget an account and its credentials; refused while machines live on it."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class UpdateAccount(Request[ProviderAccount]):
    """Change what people call an account, and the colour of its machines; ``None`` leaves a field as it is."""

    account_id: str
    label: str | None = None
    colour: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForgetPlugins(Request[None]):
    """Forget which plugins an account's first run got: the next one takes those that it is given, and keeps to them."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class HostKeyFound:
    """The key a host presents: ``fingerprint`` is ``SHA256:…``; nothing is known yet about whose it is."""

    fingerprint: str
    key_type: str


@dataclass(frozen=True, kw_only=True)
class ProbeHost(Request[HostKeyFound]):
    """Ask a host for its SSH host key, so that a person can compare the fingerprint before it is pinned."""

    host: str
    port: int = 22


@use_case("provider.list", "GET /api/providers")
def list_providers(_tx: Transaction, _actor: Actor, _ask: ListProviders) -> tuple[ProviderInfo, ...]:
    """Providers in the order of the spec; the practice provider last."""
    return tuple(provider_for(kind).info for kind in available_types())


@use_case("provider_account.list", "GET /api/providers/accounts")
def list_accounts(tx: Transaction, _actor: Actor, ask: ListAccounts) -> tuple[ProviderAccount, ...]:
    """Accounts by label."""
    conditions: dict[str, object] = {"team_id": ask.team_id}
    if ask.type is not None:
        conditions["provider_type"] = ask.type
    return tx.list(ProviderAccount, conditions, search=ask.search, order_by="label")


@use_case("provider_account.add", "POST /api/providers/{type}/accounts")
async def add_account(context: Context, actor: Actor, ask: AddAccount) -> ProviderAccount:
    """Check the fields, ask the provider, seal the secrets and record the account."""
    provider = provider_for(ask.type)
    if provider.info.unavailable_reason:
        raise InvalidInput(provider.info.unavailable_reason, field="type", code="E-PROVIDER-UNAVAILABLE")
    secrets, settings = split_fields(provider.info, ask.fields)
    REDACTOR.learn(*(secret.reveal() for secret in secrets.values()))
    found = await provider.verify(Access(settings=settings, secrets=secrets, preferences=context.settings))
    is_shared = await context.read(actor, lambda tx: server_of(tx, ask.team_id)) is not None
    kept_back = {name: Secret(settings.pop(name)) for name in KEPT_BACK if is_shared and name in settings}
    record = SecretRecord(ask.team_id, TABLE, ask.account_id)
    sealed = await seal_record(context, actor, record, secrets, custody=ask.custody, kept_back=kept_back)
    account = RecordAccount(
        team_id=ask.team_id,
        account_id=ask.account_id,
        type=ask.type,
        label=ask.label,
        settings=settings,
        found=found,
        sealed=sealed,
        colour=ask.colour,
    )
    return await record_or_forget(context, actor, record, account)


@use_case("provider_account.record", "POST /api/providers/accounts", is_for_devices=True)
def record_account(tx: Transaction, actor: Actor, ask: RecordAccount) -> ProviderAccount:
    """Store the account with its envelopes."""
    if known := tx.find(ProviderAccount, provider_account_id=ask.account_id):
        return known
    info = provider_for(ask.type).info
    check_settings(info, ask.settings, is_shared=is_remote(actor))
    secret_fields = frozenset(entry.name for entry in info.account_fields if entry.is_secret)
    check_sealed(tx, actor, ask.sealed, fields=secret_fields)
    at = now()
    account = ProviderAccount(
        provider_account_id=ask.account_id,
        team_id=ask.team_id,
        provider_type=ask.type,
        label=_checked_label(tx, ask.team_id, ask.label),
        settings=ask.settings,
        custody=ask.sealed.custody,
        keeper=ask.sealed.keeper,
        colour=_checked_colour(ask.colour),
        created_at=at,
        updated_at=at,
    )
    account = verified(account, ask.found)
    tx.add(account)
    save_fields(tx, SecretRecord(ask.team_id, TABLE, ask.account_id), ask.sealed.fields)
    return account


def _checked_label(tx: Transaction, team_id: str, text: str, *, but: ProviderAccount | None = None) -> str:
    label = text.strip()
    if not label:
        raise InvalidInput("Give the account a label.", field="label")
    if len(label) > 100 or not label.isprintable():
        raise InvalidInput("The label has at most 100 printable characters.", field="label")
    twin = tx.find(ProviderAccount, team_id=team_id, label=label)
    if twin is not None and (but is None or twin.provider_account_id != but.provider_account_id):
        raise Conflict(
            f"There is already an account called {label}.", hint="Choose another label.", code="E-LABEL-TAKEN"
        )
    return label


def _checked_colour(colour: str) -> str:
    if colour and colour not in ACCOUNT_COLOURS:
        raise InvalidInput(
            f"There is no colour {colour[:40]}.", field="colour", hint=f"There are: {', '.join(ACCOUNT_COLOURS)}."
        )
    return colour


@use_case("provider_account.verify", "POST /api/providers/accounts/{account_id}/verify")
async def verify_account(context: Context, actor: Actor, ask: VerifyAccount) -> ProviderAccount:
    """Open the credentials for the moment of the question."""
    account, known = await context.read(actor, lambda tx: _account_with_keys(tx, ask.account_id))
    provider = provider_for(account.provider_type)
    access = await open_account(context, actor, account)
    found = await provider.verify(access)
    if ask.is_routine and found.status is CredentialStatus.UNKNOWN:
        return account
    lost: dict[str, str] = {}
    if known and found.status is CredentialStatus.VALID:
        lost = await _lost(provider, access, known)
    return await context.record(actor, RecordVerification(account_id=ask.account_id, found=found, lost_keys=lost))


def _account_with_keys(tx: Transaction, account_id: str) -> tuple[ProviderAccount, dict[str, str]]:
    """The account, and by ``ssh_key_id`` the id by which it is said to know each key of the team."""
    account = tx.get(ProviderAccount, account_id)
    keys = tx.list(SSHKey, team_id=account.team_id, limit=100_000)
    return account, {key.ssh_key_id: known for key in keys if (known := key.provider_key_ids.get(account_id))}


async def _lost(provider: Provider, access: Access, known: dict[str, str]) -> dict[str, str]:
    """Those that somebody took away at the provider; none where it does not tell, as to a token of few scopes."""
    try:
        held = await provider.held_keys(access)
    except MachinaError as error:
        LOG.info("which keys an account has could not be asked: %s", error.code)
        return {}
    return {key_id: there for key_id, there in known.items() if there not in held}


@use_case(
    "provider_account.record_verification",
    "POST /api/providers/accounts/{account_id}/verification",
    is_for_devices=True,
)
def record_verification(tx: Transaction, actor: Actor, ask: RecordVerification) -> ProviderAccount:
    """Write the answer to the account; of a shared team's, only who keeps its secrets can have asked."""
    account = tx.get(ProviderAccount, ask.account_id)
    if is_remote(actor) and account.keeper:
        claim_device(tx, actor, account.keeper)
    elif is_remote(actor) and account.custody is Custody.SERVER:
        raise not_here(tx, account)
    at = now()
    for key_id, lost in ask.lost_keys.items():
        key = tx.find(SSHKey, ssh_key_id=key_id, team_id=account.team_id)
        # It may have been put there again meanwhile.
        if key is not None and key.provider_key_ids.get(ask.account_id) == lost:
            left = {known: there for known, there in key.provider_key_ids.items() if known != ask.account_id}
            tx.replace(replace(key, provider_key_ids=left, updated_at=at))
    account = replace(verified(account, ask.found), updated_at=at)
    tx.replace(account)
    return account


@use_case("provider_account.delete", "DELETE /api/providers/accounts/{account_id}")
def delete_account(tx: Transaction, _actor: Actor, ask: DeleteAccount) -> None:
    """Remove the account and its envelopes."""
    account = tx.get(ProviderAccount, ask.account_id)
    living = tx.count(
        Machine, provider_account_id=ask.account_id, actual_status__ne=MachineStatus.TERMINATED, team_id=account.team_id
    )
    if living:
        machines = "one machine lives" if living == 1 else f"{living} machines live"
        raise Conflict(
            f"{account.label} cannot be deleted: {machines} on it.",
            hint="Destroy the machines first.",
            code="E-ACCOUNT-IN-USE",
        )
    tx.delete_sealed(account.team_id, TABLE, ask.account_id)
    tx.delete(account)


@use_case("provider_account.update", "PUT /api/providers/accounts/{account_id}")
def update_account(tx: Transaction, _actor: Actor, ask: UpdateAccount) -> ProviderAccount:
    """Write what is given over what there is."""
    account = tx.get(ProviderAccount, ask.account_id)
    changed = replace(
        account,
        label=account.label if ask.label is None else _checked_label(tx, account.team_id, ask.label, but=account),
        colour=account.colour if ask.colour is None else _checked_colour(ask.colour),
        updated_at=now(),
    )
    tx.replace(changed)
    return changed


@use_case("provider_account.forget_plugins", "DELETE /api/providers/accounts/{account_id}/plugins")
def forget_plugins(tx: Transaction, _actor: Actor, ask: ForgetPlugins) -> None:
    """Forget the lock files of all programs; harmless where there are none."""
    account = tx.get(ProviderAccount, ask.account_id)
    for lock in tx.list(LockFile, provider_account_id=account.provider_account_id):
        tx.delete(lock)


@use_case("provider.probe_host", "GET /api/device/host-key")
async def probe_host(_context: Context, _actor: Actor, ask: ProbeHost) -> HostKeyFound:
    """Shake hands with the host without signing in."""
    fingerprint, key_type = await provider_for(ProviderType.BAREMETAL).probe(ask.host, ask.port)
    return HostKeyFound(fingerprint=fingerprint, key_type=key_type)
