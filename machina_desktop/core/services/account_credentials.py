"""Other credentials for an account: tried first, refused when they do not work or are somebody else's, then sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.custody import KEPT_BACK
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import (
    CredentialStatus,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.base import Access
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.account_access import (
    WORDS,
    account_of,
    check_settings,
    split_fields,
    verified,
)
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.custody import claim_device, is_here, is_remote, not_here, server_of
from machina_desktop.core.services.sealing import (
    ACCOUNT_TABLE,
    MAYBE_DONE,
    KeepSealed,
    Sealed,
    SealedField,
    SecretRecord,
    check_sealed,
    open_record,
    save_fields,
    seal_record,
)
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

_NOTHING_CHANGED = "Nothing was changed; the account keeps the credentials that it had."


@dataclass(frozen=True, kw_only=True)
class CheckCredentials(Request[Verification]):
    """Ask a provider whose these credentials are, and what they may do; nothing is stored.

    ``fields`` are values of the account's form by field name. With ``account_id`` they are what would change of that
    account, as in ReplaceCredentials.
    """

    team_id: str
    type: ProviderType
    fields: dict[str, Secret] = field(default_factory=dict)
    account_id: str = ""


@dataclass(frozen=True, kw_only=True)
class ReplaceCredentials(Request[ProviderAccount]):
    """Give an account other credentials, or another region or endpoint; what is not named stays, what is empty goes.

    They are tried first. Runs that are under way go on with what they were started with.

    Attributes:
        save_unverified: Also when the provider cannot be asked now.
        save_elsewhere: Also when none of the account's machines is to be seen with them.
    """

    account_id: str
    fields: dict[str, Secret] = field(default_factory=dict)
    save_unverified: bool = False
    save_elsewhere: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordCredentials(Request[ProviderAccount]):
    """Store that an account has other credentials, which whoever keeps its secrets has tried.

    Attributes:
        sealed: All of its secrets.
        changed: Names of the fields that are others than before, for the audit trail.
    """

    account_id: str
    settings: dict[str, str]
    found: Verification
    sealed: Sealed
    changed: tuple[str, ...] = ()

    @property
    def audit_detail(self) -> str:
        return ", ".join(self.changed)[:WORDS]


@use_case("provider_account.check", "POST /api/device/accounts/check", is_audited=False)
async def check_credentials(context: Context, actor: Actor, ask: CheckCredentials) -> Verification:
    """What cannot be found out is part of the answer; fields that are missing are an error."""
    before: dict[str, Secret] = {}
    if ask.account_id:
        account = await context.read(actor, lambda tx: account_of(tx, ask.account_id, ask.team_id))
        before = await _fields_before(context, actor, account)
    provider = provider_for(ask.type)
    if provider.info.unavailable_reason:
        raise InvalidInput(provider.info.unavailable_reason, field="type", code="E-PROVIDER-UNAVAILABLE")
    secrets, settings = split_fields(provider.info, _merged(provider.info, before, ask.fields))
    REDACTOR.learn(*(secret.reveal() for secret in secrets.values()))
    found = await provider.verify(Access(settings=settings, secrets=secrets, preferences=context.settings))
    return replace(found, reason=REDACTOR.redact(found.reason), identity=REDACTOR.redact(found.identity))


@use_case("provider_account.replace_credentials", "POST /api/providers/accounts/{account_id}/credentials")
async def replace_credentials(context: Context, actor: Actor, ask: ReplaceCredentials) -> ProviderAccount:
    """Put them to what the account has, try that, look whether its machines are there, seal and record it."""
    if not ask.fields:
        raise InvalidInput("Name at least one field that changes.", field="fields")
    account = await context.read(actor, lambda tx: tx.get(ProviderAccount, ask.account_id))
    info = provider_for(account.provider_type).info
    before = await _fields_before(context, actor, account)
    secrets, settings = split_fields(info, _merged(info, before, ask.fields))
    REDACTOR.learn(*(secret.reveal() for secret in secrets.values()))
    access = Access(settings=settings, secrets=secrets, preferences=context.settings)
    found = await _tried(account, access, is_unverified_kept=ask.save_unverified)
    if found.status is CredentialStatus.VALID and not ask.save_elsewhere:
        await _require_machines(context, actor, account, access, found)
    return await _seal_and_record(context, actor, account, access, found, changed=tuple(sorted(ask.fields)))


async def _fields_before(context: Context, actor: Actor, account: ProviderAccount) -> dict[str, Secret]:
    """What stays of an account, as far as it can be opened here.

    Raises:
        Conflict: E-NOT-HERE, another computer keeps its secrets.
    """
    settings = {name: Secret(value) for name, value in account.settings.items()}
    if await context.read(actor, lambda tx: is_here(tx, account)):
        return settings | await open_record(context, actor, account)
    if account.keeper:
        raise await context.read(actor, lambda tx: not_here(tx, account))
    # Only the server's runners can open them, so that all are given anew.
    return settings


def _merged(info: ProviderInfo, before: Mapping[str, Secret], given: Mapping[str, Secret]) -> dict[str, Secret]:
    """What is given over what there was; where it is another way to sign in, nothing is left of the former one."""
    ways = {entry.way for entry in info.account_fields if entry.way and given.get(entry.name)}
    gone = {entry.name for entry in info.account_fields if ways and entry.way and entry.way not in ways}
    return {name: value for name, value in before.items() if name not in gone} | dict(given)


async def _tried(account: ProviderAccount, access: Access, *, is_unverified_kept: bool) -> Verification:
    provider = provider_for(account.provider_type)
    found = await provider.verify(access)
    reason = REDACTOR.redact(found.reason)
    if found.status is CredentialStatus.INVALID:
        raise Unavailable(
            reason or f"{provider.info.title} refuses these credentials.",
            hint=_NOTHING_CHANGED,
            code="E-ACCOUNT-REFUSED",
        )
    if found.status is not CredentialStatus.VALID and not is_unverified_kept:
        raise Unavailable(
            f"The new credentials of {account.label} cannot be verified now. {reason}".strip(),
            hint=f"{_NOTHING_CHANGED} Try again later, or save them unverified.",
            code="E-ACCOUNT-UNVERIFIED",
        )
    return found


async def _require_machines(
    context: Context, actor: Actor, account: ProviderAccount, access: Access, found: Verification
) -> None:
    """Refuse credentials with which none of the account's machines is to be seen: they belong to another project.

    Names of people and projects differ from provider to provider, and some tell none; machines tell in all of them.
    """
    provider = provider_for(account.provider_type)
    if not provider.main_resource:
        return
    wanted = {"provider_account_id": account.provider_account_id, "actual_status__ne": MachineStatus.TERMINATED}
    machines = await context.read(actor, lambda tx: tx.list(Machine, wanted, limit=100_000))
    ours = {each.provider_resource_id for each in machines if each.provider_resource_id}
    if not ours:
        return
    seen = await provider.instances(replace(access, may_write=True))
    if any(each.resource_id in ours for each in seen):
        return
    what = "The one machine" if len(ours) == 1 else f"None of the {len(ours)} machines"
    verb = "is not to be seen" if len(ours) == 1 else "is to be seen"
    whose = f": they belong to {REDACTOR.redact(found.identity)}" if found.identity else ""
    raise Conflict(
        f"{what} of {account.label} {verb} with these credentials{whose}.",
        hint="Use credentials of the same project and region, or confirm that the account moves there.",
        code="E-ACCOUNT-ELSEWHERE",
    )


async def _seal_and_record(
    context: Context,
    actor: Actor,
    account: ProviderAccount,
    access: Access,
    found: Verification,
    *,
    changed: tuple[str, ...],
) -> ProviderAccount:
    record = SecretRecord(account.team_id, ACCOUNT_TABLE, account.provider_account_id)
    is_shared = await context.read(actor, lambda tx: server_of(tx, account.team_id)) is not None
    settings = dict(access.settings)
    kept_back = {name: Secret(settings.pop(name)) for name in KEPT_BACK if is_shared and name in settings}
    former = await context.read(actor, lambda tx: tx.read_sealed(record.team_id, record.table, record.record_id))
    sealed = await seal_record(context, actor, record, access.secrets, custody=account.custody, kept_back=kept_back)
    ask = RecordCredentials(
        account_id=account.provider_account_id, settings=settings, found=found, sealed=sealed, changed=changed
    )
    try:
        return await context.record(actor, ask)
    except MachinaError as error:
        if is_shared and error.code not in MAYBE_DONE:
            # They lie here only, and the home has said that the account keeps what it had.
            fields = tuple(
                SealedField(name=place.field, envelope=envelope, version=place.version) for place, envelope in former
            )
            keep = KeepSealed(team_id=record.team_id, table=record.table, record_id=record.record_id, fields=fields)
            await context.record(actor, keep)
        raise


@use_case(
    "provider_account.record_credentials", "PUT /api/providers/accounts/{account_id}/credentials", is_for_devices=True
)
def record_credentials(tx: Transaction, actor: Actor, ask: RecordCredentials) -> ProviderAccount:
    """In the place of those that it had; of a shared team's account, only its keeper can have tried them."""
    account = tx.get(ProviderAccount, ask.account_id)
    if is_remote(actor) and account.keeper:
        claim_device(tx, actor, account.keeper)
    info = provider_for(account.provider_type).info
    check_settings(info, ask.settings, is_shared=is_remote(actor))
    secret_fields = frozenset(entry.name for entry in info.account_fields if entry.is_secret)
    check_sealed(tx, actor, ask.sealed, fields=secret_fields)
    # When the former ones were verified says nothing of these.
    changed = replace(
        account,
        settings=ask.settings,
        custody=ask.sealed.custody,
        keeper=ask.sealed.keeper,
        last_verified_at=None,
        updated_at=now(),
    )
    changed = verified(changed, ask.found)
    tx.replace(changed)
    tx.delete_sealed(account.team_id, ACCOUNT_TABLE, account.provider_account_id)
    save_fields(tx, SecretRecord(account.team_id, ACCOUNT_TABLE, account.provider_account_id), ask.sealed.fields)
    return changed
