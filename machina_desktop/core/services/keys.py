"""SSH keys: generating, importing, exporting and deleting them (spec 4.3, 6.5)."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, NotFound, Unavailable
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.account_access import open_account
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.custody import claim_device, is_remote
from machina_desktop.core.services.sealing import (
    KEY_TABLE,
    PRIVATE_FIELD,
    Sealed,
    SecretRecord,
    check_sealed,
    open_record,
    record_or_forget,
    save_fields,
    seal_record,
)
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

TABLE = KEY_TABLE


def _new_key_id() -> str:
    return new_id("key")


@dataclass(frozen=True, kw_only=True)
class ListKeys(Request[tuple[SSHKey, ...]]):
    """Keys of a team, by name."""

    team_id: str
    search: str = ""


@dataclass(frozen=True, kw_only=True)
class GetKey(Request[SSHKey]):
    """One key."""

    key_id: str


@dataclass(frozen=True, kw_only=True)
class GenerateKey(Request[SSHKey]):
    """Make a key pair here. ``bits`` 0 takes the usual length: ed25519 256, rsa 3072, ecdsa 256.

    Of a shared team, the private half stays here; with ``custody`` "server" the runners of its server get it, too.
    """

    team_id: str
    name: str
    type: SSHKeyType = SSHKeyType.ED25519
    bits: int = 0
    custody: Custody = Custody.LOCAL
    key_id: str = field(default_factory=_new_key_id)


@dataclass(frozen=True, kw_only=True)
class ImportKey(Request[SSHKey]):
    """Keep an existing key: a public line, or a private key from which the public half follows.

    ``custody`` as with :class:`GenerateKey`.
    """

    team_id: str
    name: str
    public_key: str = ""
    private_key: Secret = field(default_factory=lambda: Secret(""))
    passphrase: Secret = field(default_factory=lambda: Secret(""))
    custody: Custody = Custody.LOCAL
    key_id: str = field(default_factory=_new_key_id)


@dataclass(frozen=True, kw_only=True)
class RecordKey(Request[SSHKey]):
    """Store the public half of a key, and what is to be known of who keeps the private one."""

    team_id: str
    name: str
    public_key: str
    has_private_key: bool
    sealed: Sealed
    key_id: str = field(default_factory=_new_key_id)


@dataclass(frozen=True, kw_only=True)
class ExportKey(Request[str]):
    """Write the private half to a new file that only its owner can read; answers the file's path."""

    key_id: str
    to: str


@dataclass(frozen=True, kw_only=True)
class RecordExport(Request[SSHKey]):
    """Note that a private key has left the vault."""

    team_id: str
    key_id: str


@dataclass(frozen=True, kw_only=True)
class DeleteKey(Request[None]):
    """Forget a key and its private half; refused while living machines rely on it.

    With ``from_accounts`` it is taken out of the provider accounts that know it first, and stays where that fails.
    """

    key_id: str
    from_accounts: bool = False


@dataclass(frozen=True, kw_only=True)
class EraseKey(Request[None]):
    """Forget a key and its private half; its accounts have been seen to."""

    key_id: str


@use_case("ssh_key.list", "GET /api/ssh/keys")
def list_keys(tx: Transaction, _actor: Actor, ask: ListKeys) -> tuple[SSHKey, ...]:
    """Keys by name."""
    return tx.list(SSHKey, team_id=ask.team_id, search=ask.search, order_by="name")


@use_case("ssh_key.get", "GET /api/ssh/keys/{key_id}")
def get_key(tx: Transaction, _actor: Actor, ask: GetKey) -> SSHKey:
    """The key as it stands."""
    return tx.get(SSHKey, ask.key_id)


@use_case("ssh_key.generate", "POST /api/ssh/keys/generate")
async def generate_key(context: Context, actor: Actor, ask: GenerateKey) -> SSHKey:
    """Make the pair in a thread and seal the private half."""
    from machina_desktop.core.ssh import keys as forms  # noqa: PLC0415 - brings cryptography: not before first paint

    _check_name(ask.name)
    pair = await asyncio.to_thread(forms.generate, ask.type, ask.bits, ask.name.strip())
    return await _keep(context, actor, ask, pair.public_line, pair.private)


@use_case("ssh_key.import", "POST /api/ssh/keys/import")
async def import_key(context: Context, actor: Actor, ask: ImportKey) -> SSHKey:
    """Read the key and seal the private half, if there is one."""
    from machina_desktop.core.ssh import keys as forms  # noqa: PLC0415 - brings cryptography: not before first paint

    _check_name(ask.name)
    if ask.private_key:
        pair = await asyncio.to_thread(forms.parse_private, ask.private_key, ask.passphrase or None)
        return await _keep(context, actor, ask, pair.public_line, pair.private)
    if not ask.public_key.strip():
        raise InvalidInput("Paste a public or a private key.", field="public_key")
    return await _keep(context, actor, ask, ask.public_key, None)


def _check_name(name: str) -> None:
    if not name.strip():
        raise InvalidInput("Give the key a name.", field="name")
    if len(name.strip()) > 100 or not name.strip().isprintable():
        raise InvalidInput("The name has at most 100 printable characters.", field="name")


async def _keep(
    context: Context, actor: Actor, ask: GenerateKey | ImportKey, public_line: str, private: Secret | None
) -> SSHKey:
    record = SecretRecord(ask.team_id, TABLE, ask.key_id)
    secrets = {} if private is None else {PRIVATE_FIELD: private}
    made = RecordKey(
        team_id=ask.team_id,
        key_id=ask.key_id,
        name=ask.name,
        public_key=public_line,
        has_private_key=private is not None,
        sealed=await seal_record(context, actor, record, secrets, custody=ask.custody if secrets else Custody.LOCAL),
    )
    return await record_or_forget(context, actor, record, made)


@use_case("ssh_key.record", "POST /api/ssh/keys", is_for_devices=True)
def record_key(tx: Transaction, actor: Actor, ask: RecordKey) -> SSHKey:
    """Store the key with its envelope; what can be read off the public half is read off it."""
    from machina_desktop.core.ssh import keys as forms  # noqa: PLC0415 - brings cryptography: not before first paint

    _check_name(ask.name)
    if known := tx.find(SSHKey, ssh_key_id=ask.key_id):
        return known
    check_sealed(tx, actor, ask.sealed, fields=frozenset({PRIVATE_FIELD} if ask.has_private_key else ()))
    public, at = forms.parse_public(ask.public_key), now()
    key = SSHKey(
        ssh_key_id=ask.key_id,
        team_id=ask.team_id,
        name=ask.name.strip(),
        fingerprint=public.fingerprint,
        public_key=public.public_line,
        provider_key_ids={},
        key_type=public.key_type,
        key_bits=public.bits,
        has_private_key=ask.has_private_key,
        custody=ask.sealed.custody,
        keeper=ask.sealed.keeper,
        created_at=at,
        updated_at=at,
    )
    if tx.find(SSHKey, team_id=ask.team_id, name=key.name):
        raise Conflict(f"There is already a key called {key.name}.", hint="Choose another name.", code="E-NAME-TAKEN")
    if twin := tx.find(SSHKey, team_id=ask.team_id, fingerprint=key.fingerprint):
        raise Conflict(f"This key is already here under the name {twin.name}.", code="E-KEY-KNOWN")
    tx.add(key)
    save_fields(tx, SecretRecord(ask.team_id, TABLE, ask.key_id), ask.sealed.fields)
    return key


@use_case("ssh_key.export", "POST /api/device/keys/{key_id}/export")
async def export_key(context: Context, actor: Actor, ask: ExportKey) -> str:
    """Write the private half, OpenSSH form, mode 0600 from its first moment; never over an existing file."""
    key = await context.read(actor, lambda tx: tx.get(SSHKey, ask.key_id))
    secrets = await open_record(context, actor, key)
    if PRIVATE_FIELD not in secrets:
        raise NotFound(f"The private half of {key.name} is not here.", code="E-KEY-PUBLIC-ONLY")
    path = await asyncio.to_thread(_make_new, ask.to)
    try:
        # No key leaves without its trace, and no trace is left of one that could not.
        await context.record(actor, RecordExport(team_id=key.team_id, key_id=ask.key_id))
        await asyncio.to_thread(_fill, path, secrets[PRIVATE_FIELD])
    except MachinaError:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise
    return str(path)


def _make_new(name: str) -> Path:
    try:
        path = Path(name).expanduser().absolute()
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise Conflict(f"{name} exists already.", hint="Choose a new file.", code="E-FILE-EXISTS") from error
    except OSError as error:
        raise _unwritable(name, error.strerror or "it cannot be made") from error
    except (RuntimeError, ValueError) as error:
        raise _unwritable(name, "it is no file name") from error
    return path


def _fill(path: Path, private: Secret) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(private.reveal())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritable(str(path), error.strerror or "the disk failed") from error


def _unwritable(name: str, reason: str) -> Unavailable:
    return Unavailable(
        f"{name} cannot be written: {reason}.", hint="Choose another folder, or free space.", code="E-FILE-WRITE"
    )


@use_case("ssh_key.record_export", "POST /api/ssh/keys/{key_id}/exports", is_for_devices=True)
def record_export(tx: Transaction, actor: Actor, ask: RecordExport) -> SSHKey:
    """Leaves its trace in the audit trail; the key itself stays as it is."""
    key = tx.find(SSHKey, ssh_key_id=ask.key_id, team_id=ask.team_id)
    if key is None:
        raise NotFound("The team has no such key.", hint="It may have been deleted.")
    if is_remote(actor):
        claim_device(tx, actor, key.keeper)
    return key


@use_case("ssh_key.delete", "DELETE /api/ssh/keys/{key_id}")
async def delete_key(context: Context, actor: Actor, ask: DeleteKey) -> None:
    """Take it out of its accounts where that is wanted, then erase it."""
    key = await context.read(actor, lambda tx: _unused(tx, ask.key_id))
    accounts = await context.read(actor, lambda tx: _accounts_of(tx, key)) if ask.from_accounts else ()
    for account in accounts:
        access = await open_account(context, actor, account, may_write=True)
        known = key.provider_key_ids[account.provider_account_id]
        await provider_for(account.provider_type).remove_key(access, known)
    await context.record(actor, EraseKey(key_id=ask.key_id))


@use_case("ssh_key.erase", "POST /api/ssh/keys/{key_id}/erase", is_for_devices=True)
def erase_key(tx: Transaction, _actor: Actor, ask: EraseKey) -> None:
    """Remove the key and its envelope."""
    key = _unused(tx, ask.key_id)
    tx.delete_sealed(key.team_id, TABLE, ask.key_id)
    tx.delete(key)


def _accounts_of(tx: Transaction, key: SSHKey) -> tuple[ProviderAccount, ...]:
    """The accounts that know the key, as far as they are still here."""
    ids = tuple(key.provider_key_ids)
    return tx.list(ProviderAccount, provider_account_id=ids, team_id=key.team_id) if ids else ()


def _unused(tx: Transaction, key_id: str) -> SSHKey:
    key = tx.get(SSHKey, key_id)
    machines = tx.list(Machine, team_id=key.team_id, actual_status__ne=MachineStatus.TERMINATED, limit=1_000_000)
    users = [machine.name for machine in machines if key.ssh_key_id in machine.ssh_key_ids]
    if users:
        raise Conflict(
            f"{key.name} cannot be deleted: {', '.join(users[:3])}{' and others' if len(users) > 3 else ''} use it.",
            hint="Destroy those machines first.",
            code="E-KEY-IN-USE",
        )
    return key
