"""SSH keys at provider accounts: putting them there, so that machines are born with them, and taking them out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.account_access import account_of, open_account
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.custody import claim_device, is_remote
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class SyncedKey:
    """A key that an account knows now.

    Attributes:
        key: With the account's id of it in ``provider_key_ids``.
        was_there: The account knew it before, by its fingerprint, so nothing was added.
    """

    key: SSHKey
    was_there: bool


@dataclass(frozen=True, kw_only=True)
class SyncKey(Request[SyncedKey]):
    """Have a provider account know the public key, so that machines are born with it; one it knows is not added again.

    Raises:
        InvalidInput: E-PROVIDER-CANNOT, accounts of that provider hold no keys.
    """

    key_id: str
    account_id: str


@dataclass(frozen=True, kw_only=True)
class UnsyncKey(Request[SSHKey]):
    """Take a key out of a provider account; machines that have it keep it."""

    key_id: str
    account_id: str


@dataclass(frozen=True, kw_only=True)
class RecordSync(Request[SSHKey]):
    """Note by which id an account knows a key; an empty one says that it knows it no more."""

    key_id: str
    account_id: str
    provider_key_id: str


@use_case("ssh_key.sync", "POST /api/ssh/keys/{key_id}/sync")
async def sync_key(context: Context, actor: Actor, ask: SyncKey) -> SyncedKey:
    """Put it there with the account's right to write, then note its id."""
    key, account = await context.read(actor, lambda tx: _key_and_account(tx, ask.key_id, ask.account_id))
    provider = provider_for(account.provider_type)
    if not provider.info.has_keys:
        raise InvalidInput(
            f"Accounts of {provider.info.title} hold no keys; each machine is given its own.",
            field="account_id",
            code="E-PROVIDER-CANNOT",
        )
    access = await open_account(context, actor, account, may_write=True)
    known = await provider.known_key(access, key)
    found = known or await provider.put_key(access, key)
    key = await context.record(actor, RecordSync(key_id=ask.key_id, account_id=ask.account_id, provider_key_id=found))
    return SyncedKey(key=key, was_there=bool(known))


@use_case("ssh_key.unsync", "DELETE /api/ssh/keys/{key_id}/sync")
async def unsync_key(context: Context, actor: Actor, ask: UnsyncKey) -> SSHKey:
    """Take it out, then forget its id; one that is not there is no error."""
    key, account = await context.read(actor, lambda tx: _key_and_account(tx, ask.key_id, ask.account_id))
    if known := key.provider_key_ids.get(ask.account_id):
        access = await open_account(context, actor, account, may_write=True)
        await provider_for(account.provider_type).remove_key(access, known)
    return await context.record(actor, RecordSync(key_id=ask.key_id, account_id=ask.account_id, provider_key_id=""))


@use_case("ssh_key.record_sync", "POST /api/ssh/keys/{key_id}/ids", is_for_devices=True)
def record_sync(tx: Transaction, actor: Actor, ask: RecordSync) -> SSHKey:
    """Write it to the key, under the account; of a shared team's, only who can open the account can know it."""
    key, account = _key_and_account(tx, ask.key_id, ask.account_id)
    if is_remote(actor) and account.keeper:
        claim_device(tx, actor, account.keeper)
    ids = {account_id: known for account_id, known in key.provider_key_ids.items() if account_id != ask.account_id}
    if ask.provider_key_id:
        ids[ask.account_id] = ask.provider_key_id[:200]
    key = replace(key, provider_key_ids=ids, updated_at=now())
    tx.replace(key)
    return key


def _key_and_account(tx: Transaction, key_id: str, account_id: str) -> tuple[SSHKey, ProviderAccount]:
    key = tx.get(SSHKey, key_id)
    return key, account_of(tx, account_id, key.team_id)
