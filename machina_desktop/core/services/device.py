"""This computer: its vault, its settings and its Terraform; nothing here belongs to a team."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from machina_desktop.core.config import SETTINGS
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case


@dataclass(frozen=True, kw_only=True)
class VaultStatus:
    """State of the vault. ``slots`` are of ``keyring``, ``passphrase``, ``key-file``."""

    exists: bool
    is_open: bool
    slots: tuple[str, ...]
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
class GetEngine(Request[EngineStatus]):
    """Which Terraform serves on this computer, looked for anew."""


@dataclass(frozen=True, kw_only=True)
class SettingValue:
    """One setting as a page shows it; ``value`` and ``default`` are text, numbers or truth values."""

    key: str
    title: str
    help: str
    value: str | int | bool
    default: str | int | bool
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0


@dataclass(frozen=True, kw_only=True)
class ListSettings(Request[tuple[SettingValue, ...]]):
    """All settings with their values."""


@dataclass(frozen=True, kw_only=True)
class ChangeSetting(Request[SettingValue]):
    """Set one setting; ``value`` is text and read as the setting's kind."""

    key: str
    value: str


@use_case("vault.get", "GET /api/device/vault")
async def get_vault(context: Context, _actor: Actor, _ask: GetVault) -> VaultStatus:
    """The vault's state; asking the keyring may take a while, so it is asked in a thread."""
    return await asyncio.to_thread(_status, context)


def _status(context: Context) -> VaultStatus:
    from machina_desktop.core.vault import keychain  # noqa: PLC0415 - brings keyring: not before first paint

    vault = context.vault
    return VaultStatus(
        exists=vault.exists, is_open=vault.is_open, slots=vault.slots(), keyring_available=keychain.is_available()
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


@use_case("engine.get", "GET /api/device/engine")
async def get_engine(context: Context, _actor: Actor, _ask: GetEngine) -> EngineStatus:
    """The engine in use, or what is wrong, as a status rather than an error: Settings shows it."""
    return await context.engine_status()


@use_case("setting.list", "GET /api/device/settings")
async def list_settings(context: Context, _actor: Actor, _ask: ListSettings) -> tuple[SettingValue, ...]:
    """Settings in the order they are declared."""
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
                choices=setting.choices,
                minimum=setting.minimum,
                maximum=setting.maximum,
            )
    raise InvalidInput(f"There is no setting {key}.", field="key", hint="`machina settings list` names them all.")


@use_case("setting.change", "POST /api/device/settings/{key}", is_audited=False)
async def change_setting(context: Context, _actor: Actor, ask: ChangeSetting) -> SettingValue:
    """Store the value durably."""
    await asyncio.to_thread(context.settings.set_text, ask.key, ask.value)
    return _value(context, ask.key)
