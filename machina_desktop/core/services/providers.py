"""Provider accounts: what exists, adding, verifying, deleting, and what an account may choose from (spec 4.2, 6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import (
    Catalogue,
    CredentialStatus,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.registry import available_types, provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.sealing import open_record, seal_record
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import SealedPlace, Transaction

TABLE = "provider_account"


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
    """Verify and keep an account. ``fields`` are its form's values by field name, secret ones included."""

    team_id: str
    type: ProviderType
    label: str
    fields: dict[str, Secret] = field(default_factory=dict)
    account_id: str = field(default_factory=_new_account_id)


@dataclass(frozen=True, kw_only=True)
class RecordAccount(Request[ProviderAccount]):
    """Store an account that was verified here, with its sealed fields."""

    team_id: str
    account: ProviderAccount
    sealed: tuple[tuple[SealedPlace, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class VerifyAccount(Request[ProviderAccount]):
    """Ask the provider again whether the account works."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class RecordVerification(Request[ProviderAccount]):
    """Store what the provider answered."""

    account_id: str
    found: Verification


@dataclass(frozen=True, kw_only=True)
class DeleteAccount(Request[None]):
    """Forget an account and its credentials; refused while machines live on it."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class ListCatalogue(Request[Catalogue]):
    """Regions, sizes and images an account may choose from; ``type``, where given, must be the account's."""

    account_id: str
    type: ProviderType | None = None


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
    secrets, settings = _split(provider.info, ask.fields)
    REDACTOR.learn(*(secret.reveal() for secret in secrets.values()))
    found = await provider.verify(settings, secrets)
    at = now()
    account = ProviderAccount(
        provider_account_id=ask.account_id,
        team_id=ask.team_id,
        provider_type=ask.type,
        label=ask.label.strip(),
        settings=settings,
        created_at=at,
        updated_at=at,
    )
    sealed = await seal_record(context.vault, ask.team_id, TABLE, ask.account_id, secrets)
    return await context.record(
        actor, RecordAccount(team_id=ask.team_id, account=_verified(account, found), sealed=sealed)
    )


def _split(info: ProviderInfo, fields: Mapping[str, Secret]) -> tuple[dict[str, Secret], dict[str, str]]:
    known = {entry.name: entry for entry in info.account_fields}
    for name in fields:
        if name not in known:
            raise InvalidInput(f"{info.title} accounts have no field {name}.", field=name)
    for entry in info.account_fields:
        if entry.is_required and not fields.get(entry.name):
            raise InvalidInput(f"{entry.title} is needed.", field=entry.name)
    secrets = {name: value for name, value in fields.items() if known[name].is_secret and value}
    settings = {name: value.reveal().strip() for name, value in fields.items() if not known[name].is_secret}
    return secrets, {name: value for name, value in settings.items() if value}


def _verified(account: ProviderAccount, found: Verification) -> ProviderAccount:
    return replace(
        account,
        credential_status=found.status,
        identity=REDACTOR.redact(found.identity),
        scopes=found.scopes or None,
        status_reason=REDACTOR.redact(found.reason),
        last_verified_at=account.last_verified_at if found.status is CredentialStatus.UNKNOWN else now(),
    )


@use_case("provider_account.record", "POST /api/providers/accounts", is_internal=True)
def record_account(tx: Transaction, _actor: Actor, ask: RecordAccount) -> ProviderAccount:
    """Store the account with its envelopes."""
    account = ask.account
    if not account.label:
        raise InvalidInput("Give the account a label.", field="label")
    if len(account.label) > 100 or not account.label.isprintable():
        raise InvalidInput("The label has at most 100 printable characters.", field="label")
    if known := tx.find(ProviderAccount, provider_account_id=account.provider_account_id):
        return known
    if tx.find(ProviderAccount, team_id=ask.team_id, label=account.label):
        raise Conflict(
            f"There is already an account called {account.label}.", hint="Choose another label.", code="E-LABEL-TAKEN"
        )
    tx.add(account)
    for place, envelope in ask.sealed:
        tx.save_sealed(place, envelope)
    return account


@use_case("provider_account.verify", "POST /api/providers/accounts/{account_id}/verify")
async def verify_account(context: Context, actor: Actor, ask: VerifyAccount) -> ProviderAccount:
    """Open the credentials for the moment of the question."""
    account = await context.read(actor, lambda tx: tx.get(ProviderAccount, ask.account_id))
    secrets = await open_record(context, actor, account.team_id, TABLE, ask.account_id)
    found = await provider_for(account.provider_type).verify(account.settings, secrets)
    return await context.record(actor, RecordVerification(account_id=ask.account_id, found=found))


@use_case(
    "provider_account.record_verification", "POST /api/providers/accounts/{account_id}/verification", is_internal=True
)
def record_verification(tx: Transaction, _actor: Actor, ask: RecordVerification) -> ProviderAccount:
    """Write the answer to the account."""
    account = replace(_verified(tx.get(ProviderAccount, ask.account_id), ask.found), updated_at=now())
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


@use_case("provider_account.catalogue", "GET /api/providers/{type}/options")
async def list_catalogue(context: Context, actor: Actor, ask: ListCatalogue) -> Catalogue:
    """Ask the provider what may be chosen."""
    account = await context.read(actor, lambda tx: tx.get(ProviderAccount, ask.account_id))
    if ask.type not in {None, account.provider_type}:
        raise InvalidInput(f"{account.label} is no account of that provider.", field="account_id")
    secrets = await open_record(context, actor, account.team_id, TABLE, ask.account_id)
    return await provider_for(account.provider_type).catalogue(account.settings, secrets)


@use_case("provider.probe_host", "GET /api/device/host-key")
async def probe_host(_context: Context, _actor: Actor, ask: ProbeHost) -> HostKeyFound:
    """Shake hands with the host without signing in."""
    fingerprint, key_type = await provider_for(ProviderType.BAREMETAL).probe(ask.host, ask.port)
    return HostKeyFound(fingerprint=fingerprint, key_type=key_type)
