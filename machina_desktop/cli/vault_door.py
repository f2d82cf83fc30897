"""Opening the vault from the command line: its slot by itself, else the passphrase of the person at the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from machina_desktop.cli import terminal
from machina_desktop.core.errors import Locked
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import (
    AddVaultSlot,
    ChangePassphrase,
    CreateVault,
    GetVault,
    UnlockVault,
    VaultStatus,
)
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.sync.gateway import Gateway

_KEY_FILE = "MACHINA_VAULT=key-file chooses a key file instead."


async def open_vault(gateway: Gateway) -> None:
    """Make sure that secrets can be sealed and opened; the first call ever makes the vault.

    Raises:
        Locked: E-VAULT-LOCKED, nobody is there to type a passphrase.
        InvalidInput: the passphrase is wrong, or too short for a new vault.
    """
    status = await gateway.call(GetVault())
    if status.is_open:
        return
    if status.exists:
        await _unlock(gateway, status)
    elif status.keyring_available:
        await gateway.call(CreateVault(slot="keyring"))
    elif terminal.is_there():
        terminal.note("Your keys and tokens are going to be sealed with a passphrase. Nobody can recover it.")
        await gateway.call(CreateVault(slot="passphrase", passphrase=new_passphrase()))
    else:
        raise Locked("There is no vault yet, and this system has no keyring.", hint=_KEY_FILE)


async def _unlock(gateway: Gateway, status: VaultStatus) -> None:
    if "passphrase" in status.slots and terminal.is_there():
        await gateway.call(UnlockVault(slot="passphrase", passphrase=terminal.ask_secret("Passphrase of the vault")))
        return
    if "passphrase" in status.slots:
        raise Locked("The vault is locked.", hint="Run this at a terminal, where its passphrase can be typed.")
    # Its slot did not open it at the start; asking again says why.
    await gateway.call(UnlockVault(slot=status.slots[0] if status.slots else "keyring"))


def with_passphrases(ask: Request[object]) -> Request[object]:
    """``ask`` with the passphrases it lacks, typed by the person at the terminal; as it is where nobody is there.

    Raises:
        Locked: the two of a new one differ.
    """
    if not terminal.is_there():
        return ask
    if isinstance(ask, CreateVault | AddVaultSlot) and ask.slot == "passphrase" and not ask.passphrase:
        return cast("Request[object]", replace(ask, passphrase=new_passphrase()))
    if isinstance(ask, ChangePassphrase) and not (ask.current and ask.new):
        current = ask.current or terminal.ask_secret("Passphrase of the vault")
        return cast("Request[object]", replace(ask, current=current, new=ask.new or new_passphrase()))
    return ask


def new_passphrase() -> Secret:
    """A passphrase typed twice.

    Raises:
        Locked: the two differ.
    """
    first = terminal.ask_secret("New passphrase")
    if terminal.ask_secret("The same again") != first:
        raise Locked("The two passphrases differ.", hint="Try again.", code="E-VAULT-PASSPHRASE")
    return first
