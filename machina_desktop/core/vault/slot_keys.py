"""The 32 bytes behind each slot, in the store of its kind: keyring, key file or a person's memory."""

from __future__ import annotations

import hmac
from pathlib import Path

from machina_desktop.core.errors import InvalidInput, Locked, MachinaError, Unavailable
from machina_desktop.core.ids import new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault import cipher, header, key_file, keychain
from machina_desktop.core.vault.cipher import Argon2Cost
from machina_desktop.core.vault.header import Slot, SlotKind
from machina_desktop.core.vault.passphrase import acceptable

_STORE_NAMES = {SlotKind.KEYRING: "system's keyring", SlotKind.KEY_FILE: "key file"}


class SlotKeys:
    """Makes slots and finds their keys. Blocks: key derivation, files and the keyring's own questions. Any thread.

    Args:
        key_file_path: The one key file.
        cost: Of new passphrase slots; measured on this computer where ``None``.
    """

    def __init__(self, key_file_path: Path, cost: Argon2Cost | None) -> None:
        self._key_file = key_file_path
        self._cost = cost

    def make_slot(self, kind: SlotKind, root: bytearray, vault_id: str, passphrase: Secret | None) -> Slot:
        """A new slot for ``root`` that was opened once with its key as it lies in the store.

        A key file that is there already is used as it is.

        Raises:
            InvalidInput: the passphrase is too short or too long.
            Locked, Unavailable: the keyring, the key file or the disk refused.
        """
        slot_id, salt = new_id("slot"), cipher.new_salt()
        cost = (self._cost or cipher.calibrated_cost()) if kind is SlotKind.PASSPHRASE else None
        if kind is SlotKind.KEYRING:
            key = cipher.new_key()
            keychain.store_key(_account(vault_id, slot_id), key)
        elif kind is SlotKind.KEY_FILE:
            key = key_file.read_or_create(self._key_file)
        else:
            key = cipher.derive_from_passphrase(acceptable(passphrase), salt, cost or cipher.FLOOR_COST)
        slot = header.new_slot(kind, root, key, vault_id=vault_id, slot_id=slot_id, salt=salt, cost=cost)
        tried = header.open_slot(slot, self.key_of(slot, vault_id, passphrase), vault_id=vault_id)
        if tried is None or not hmac.compare_digest(tried, root):
            raise does_not_open(kind)
        return slot

    def key_of(self, slot: Slot, vault_id: str, passphrase: Secret | None) -> bytearray:
        """The key to try on ``slot``; it may be the wrong one.

        Raises:
            Locked: E-KEYRING-LOCKED.
            Unavailable: E-VAULT-KEY-MISSING, E-VAULT-KEY-FILE, E-KEYRING-MISSING, E-KEYRING-DAMAGED.
        """
        if slot.kind is SlotKind.PASSPHRASE:
            return cipher.derive_from_passphrase(passphrase or Secret(""), slot.salt, slot.cost or cipher.FLOOR_COST)
        if slot.kind is SlotKind.KEYRING:
            key = keychain.read_key(_account(vault_id, slot.slot_id))
        else:
            key = key_file.read(self._key_file)
        if key is None:
            raise Unavailable(
                f"The vault's key is missing from the {_STORE_NAMES[slot.kind]}.",
                hint="Put it back, or unlock the vault another way; nothing was changed.",
                code="E-VAULT-KEY-MISSING",
            )
        return key

    def forget(self, slot: Slot, vault_id: str) -> None:
        """Remove the key of a slot that is gone from the keyring. A key file stays: it may serve elsewhere."""
        if slot.kind is not SlotKind.KEYRING:
            return
        try:
            keychain.delete_key(_account(vault_id, slot.slot_id))
        except (Locked, Unavailable):
            # What remains in the keyring opens nothing any more.
            return


def does_not_open(kind: SlotKind) -> MachinaError:
    """The error of a key that is not the slot's; for a passphrase always the same message."""
    if kind is SlotKind.PASSPHRASE:
        return InvalidInput("This passphrase does not open the vault.", field="passphrase", code="E-VAULT-PASSPHRASE")
    return Unavailable(
        f"The key in the {_STORE_NAMES[kind]} does not belong to this vault.",
        hint="Put the right one back, or unlock the vault another way; nothing was changed.",
        code="E-VAULT-KEY-MISMATCH",
    )


def _account(vault_id: str, slot_id: str) -> str:
    return f"{vault_id}/{slot_id}"
