"""This computer: its vault, its settings, its Terraform; nothing here belongs to a team."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from machina_desktop.core import log
from machina_desktop.core.config import LOG_LEVEL, SETTINGS
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case


@dataclass(frozen=True, kw_only=True)
class VaultStatus:
    """State of the vault.

    Attributes:
        slots: The ways to unlock it: of ``keyring``, ``passphrase``, ``key-file``.
        since: When each of these was made, or last changed, in the same order; ``None`` where nothing tells.
    """

    exists: bool
    is_open: bool
    slots: tuple[str, ...]
    since: tuple[datetime | None, ...] = ()
    keyring_available: bool


@dataclass(frozen=True, kw_only=True)
class GetVault(Request[VaultStatus]):
    """How the vault stands."""


@dataclass(frozen=True, kw_only=True)
class CreateVault(Request[VaultStatus]):
    """Make the vault with its first way to unlock it."""

    slot: str
    passphrase: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, kw_only=True)
class UnlockVault(Request[VaultStatus]):
    """Open the vault."""

    slot: str
    passphrase: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, kw_only=True)
class LockVault(Request[VaultStatus]):
    """Forget the keys until the vault is unlocked again."""


@dataclass(frozen=True, kw_only=True)
class AddVaultSlot(Request[VaultStatus]):
    """Add a way to unlock the open vault: ``keyring``, ``passphrase`` or ``key-file``."""

    slot: str
    passphrase: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, kw_only=True)
class RemoveVaultSlot(Request[VaultStatus]):
    """Remove a way to unlock the open vault; the last one stays."""

    slot: str


@dataclass(frozen=True, kw_only=True)
class ChangePassphrase(Request[VaultStatus]):
    """Replace the passphrase of the open vault."""

    current: Secret = field(default_factory=lambda: Secret(""))
    new: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, kw_only=True)
class GetEngine(Request[EngineStatus]):
    """Which Terraform serves on this computer, looked for anew."""


@dataclass(frozen=True, kw_only=True)
class SettingValue:
    """One setting as a page shows it; ``value`` and ``default`` are text, numbers or truth values.

    The rest is as :class:`machina_desktop.core.setting.Setting` has it.
    """

    key: str
    title: str
    help: str
    value: str | int | bool
    default: str | int | bool
    section: str = ""
    choices: tuple[str, ...] = ()
    choice_titles: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0
    unit: str = ""
    zero: str = ""
    empty: str = ""
    only_with: tuple[str, str | bool] | None = None


@dataclass(frozen=True, kw_only=True)
class ListSettings(Request[tuple[SettingValue, ...]]):
    """All settings with their values."""


@dataclass(frozen=True, kw_only=True)
class ChangeSetting(Request[SettingValue]):
    """Set one setting; ``value`` is text and read as the setting's kind."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True)
class SettingsFile:
    """How the file stands in which settings are kept.

    Attributes:
        set_aside: Where an unreadable file was put; empty when there was none.
        problem: Why nothing can be stored, as the system says it; empty when it can.
    """

    path: str
    set_aside: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class CheckSettings(Request[SettingsFile]):
    """Whether the settings could be read, and can be stored."""


@use_case("vault.get", "GET /api/device/vault")
async def get_vault(context: Context, _actor: Actor, _ask: GetVault) -> VaultStatus:
    """The vault's state; asking the keyring may take a while, so it is asked in a thread."""
    return await asyncio.to_thread(_status, context)


def _status(context: Context) -> VaultStatus:
    from machina_desktop.core.vault import keychain  # noqa: PLC0415 - brings keyring: not before first paint

    vault = context.vault
    slots, since = vault.slots(), vault.since()
    return VaultStatus(
        exists=vault.exists,
        is_open=vault.is_open,
        slots=slots,
        since=tuple(since.get(slot) for slot in slots),
        keyring_available=keychain.is_available(),
    )


@use_case("vault.create", "POST /api/device/vault", is_audited=False)
async def create_vault(context: Context, _actor: Actor, ask: CreateVault) -> VaultStatus:
    """Deriving a key from a passphrase takes about a second, in a thread."""
    has_sealed = await context.database.has_sealed()
    await asyncio.to_thread(context.vault.create, ask.slot, ask.passphrase or None, has_sealed_data=has_sealed)
    context.announce()
    return await asyncio.to_thread(_status, context)


@use_case("vault.unlock", "POST /api/device/vault/unlock", is_audited=False)
async def unlock_vault(context: Context, _actor: Actor, ask: UnlockVault) -> VaultStatus:
    """Deriving a key from a passphrase takes about a second, in a thread."""
    await asyncio.to_thread(context.vault.unlock, ask.slot, ask.passphrase or None)
    context.announce()
    return await asyncio.to_thread(_status, context)


@use_case("vault.lock", "POST /api/device/vault/lock", is_audited=False)
async def lock_vault(context: Context, _actor: Actor, _ask: LockVault) -> VaultStatus:
    """Runs under way go on with what they hold; new work waits."""
    context.vault.lock()
    context.announce()
    return await asyncio.to_thread(_status, context)


@use_case("vault.add_slot", "POST /api/device/vault/slots", is_audited=False)
async def add_vault_slot(context: Context, _actor: Actor, ask: AddVaultSlot) -> VaultStatus:
    """Deriving a key from a passphrase takes about a second, in a thread."""
    await asyncio.to_thread(context.vault.add_slot, ask.slot, ask.passphrase or None)
    context.announce()
    return await asyncio.to_thread(_status, context)


@use_case("vault.remove_slot", "DELETE /api/device/vault/slots/{slot}", is_audited=False)
async def remove_vault_slot(context: Context, _actor: Actor, ask: RemoveVaultSlot) -> VaultStatus:
    """A key file stays on the disk, of no more use."""
    await asyncio.to_thread(context.vault.remove_slot, ask.slot)
    context.announce()
    return await asyncio.to_thread(_status, context)


@use_case("vault.change_passphrase", "POST /api/device/vault/passphrase", is_audited=False)
async def change_passphrase(context: Context, _actor: Actor, ask: ChangePassphrase) -> VaultStatus:
    """Deriving keys takes about two seconds, in a thread."""
    try:
        await asyncio.to_thread(context.vault.change_passphrase, ask.current, ask.new)
    except InvalidInput as error:
        # The vault knows one passphrase at a time; here there are two.
        is_new = error.code == "E-VAULT-PASSPHRASE-LENGTH"
        raise InvalidInput(
            error.message, field="new" if is_new else "current", hint=error.hint, code=error.code
        ) from error
    context.announce()
    return await asyncio.to_thread(_status, context)


@use_case("engine.get", "GET /api/device/engine")
async def get_engine(context: Context, _actor: Actor, _ask: GetEngine) -> EngineStatus:
    """The engine in use, or what is wrong, as a status rather than an error: Settings shows it."""
    return await context.engine_status()


@use_case("setting.list", "GET /api/device/settings")
async def list_settings(context: Context, _actor: Actor, _ask: ListSettings) -> tuple[SettingValue, ...]:
    """Settings in the order they are declared, as other processes may have changed them."""
    await asyncio.to_thread(context.settings.refresh)
    return tuple(_value(context, key) for key in (setting.key for setting in SETTINGS))


def _value(context: Context, key: str) -> SettingValue:
    for setting in SETTINGS:
        if setting.key == key:
            return SettingValue(
                key=setting.key,
                title=setting.title,
                help=setting.help,
                value=context.settings.shown(setting),
                default=setting.default,
                section=setting.section,
                choices=setting.choices,
                choice_titles=setting.choice_titles,
                minimum=setting.minimum,
                maximum=setting.maximum,
                unit=setting.unit,
                zero=setting.zero,
                empty=setting.empty,
                only_with=setting.only_with,
            )
    raise InvalidInput(f"There is no setting {key}.", field="key", hint="`machina settings list` names them all.")


@use_case("setting.change", "POST /api/device/settings/{key}", is_audited=False)
async def change_setting(context: Context, _actor: Actor, ask: ChangeSetting) -> SettingValue:
    """Store the value durably."""
    await asyncio.to_thread(context.settings.set_text, ask.key, ask.value)
    if ask.key == LOG_LEVEL.key:
        log.set_level(context.settings.get(LOG_LEVEL))
    return _value(context, ask.key)


@use_case("setting.check", "GET /api/device/settings/file")
async def check_settings(context: Context, _actor: Actor, _ask: CheckSettings) -> SettingsFile:
    """Tries the disk, in a thread."""
    settings = context.settings
    problem = await asyncio.to_thread(settings.write_problem)
    return SettingsFile(path=str(settings.path), set_aside=str(settings.set_aside or ""), problem=problem)
