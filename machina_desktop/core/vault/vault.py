"""The vault seals and opens the secrets of all teams while it is unlocked (trust.md 4.2)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from machina_desktop.core.errors import Bug, Conflict, InvalidInput, Locked, Unavailable
from machina_desktop.core.ids import made_at, new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault import cipher, header
from machina_desktop.core.vault.cipher import Argon2Cost, Place, TeamKey
from machina_desktop.core.vault.header import Header, Slot, SlotKind
from machina_desktop.core.vault.passphrase import Attempts
from machina_desktop.core.vault.slot_keys import SlotKeys, does_not_open

LOGGER = logging.getLogger(__name__)


class Vault:
    """Secrets under keys that only an unlock slot gives out. Any thread.

    Everything but :attr:`is_open` reads or writes files and may block; unlocking takes about a second with a
    passphrase and, with the keyring, as long as the system asks the user: call it on a thread. A second process may
    use the same header at the same time.

    Args:
        header_path: The header's first copy; the second lies beside it.
        key_file_path: The file of the key-file slot, in a folder of its own.
        cost: What a new passphrase slot costs; measured on this computer where not given.
    """

    def __init__(self, header_path: Path, key_file_path: Path, *, cost: Argon2Cost | None = None) -> None:
        self._path = header_path
        self._slot_keys = SlotKeys(key_file_path, cost)
        self._lock = threading.RLock()
        self._attempts = Attempts()
        self._header: Header | None = None
        self._root: bytearray | None = None
        self._team_keys: dict[tuple[str, bytes, int], TeamKey] = {}

    @property
    def exists(self) -> bool:
        """Whether a vault was ever made here, readable or not."""
        return header.exists(self._path)

    @property
    def is_open(self) -> bool:
        """Whether secrets can be sealed and opened now."""
        return self._root is not None

    def slots(self) -> tuple[SlotKind, ...]:
        """The ways to unlock; empty where there is no vault.

        Raises:
            Unavailable: E-VAULT-HEADER.
        """
        known = self._header or next(iter(header.read(self._path)), None)
        return tuple(slot.kind for slot in known.slots) if known else ()

    def since(self) -> dict[SlotKind, datetime]:
        """Since when each way to unlock stands as it is, where its id tells.

        Raises:
            Unavailable: E-VAULT-HEADER.
        """
        known = self._header or next(iter(header.read(self._path)), None)
        made = {slot.kind: made_at(slot.slot_id) for slot in known.slots} if known else {}
        return {kind: at for kind, at in made.items() if at is not None}

    def create(self, slot: str, passphrase: Secret | None = None, *, has_sealed_data: bool = False) -> None:
        """Make a vault with one slot, and leave it open. A key file that is there already is used as it is.

        Args:
            has_sealed_data: Whether the store holds envelopes; a new vault could never open them.

        Raises:
            Conflict: E-VAULT-EXISTS; E-VAULT-HEADER-MISSING, the data were sealed by a vault whose header is gone.
            InvalidInput: the passphrase is too short or too long.
            Locked, Unavailable: the keyring, the key file or the disk refused.
        """
        kind, vault_id, root = _kind(slot), new_id("vault"), cipher.new_key()
        with header.exclusive(self._path):
            self._refuse_second_vault(has_sealed_data=has_sealed_data)
            first = self._slot_keys.make_slot(kind, root, vault_id, passphrase)
            made = header.sign(Header(vault_id=vault_id, generation=1, slots=(first,)), root)
            header.write(self._path, made)
        self._adopt(made, root)

    def unlock(self, slot: str, passphrase: Secret | None = None) -> None:
        """Open the vault through one slot. A damaged copy of the header is repaired from the other.

        Raises:
            Conflict: E-VAULT-NO-SLOT, there is no such slot, or no vault.
            InvalidInput: E-VAULT-PASSPHRASE, the passphrase is wrong (always the same message).
            Locked: E-KEYRING-LOCKED; E-VAULT-WAIT, too many wrong passphrases, wait the seconds it names.
            Unavailable: E-VAULT-KEY-MISSING, -KEY-MISMATCH or -KEY-FILE, E-KEYRING-MISSING, E-VAULT-HEADER.
        """
        kind = _kind(slot)
        if kind is SlotKind.PASSPHRASE:
            self._attempts.require_patience()
        opened, root = self._open_through(kind, passphrase)
        if kind is SlotKind.PASSPHRASE:
            self._attempts.succeeded()
        self._adopt(opened, root)
        if not header.is_whole(self._path, opened):
            self._repair()

    def lock(self) -> None:
        """Forget all keys; they are overwritten as far as Python allows. Waits for a seal or open under way."""
        with self._lock:
            self._replace(None, None, {})

    def add_slot(self, slot: str, passphrase: Secret | None = None) -> None:
        """Add a way to unlock; it was tried before it counts.

        Raises:
            Conflict: E-VAULT-SLOT-EXISTS.
            Locked: the vault or the keyring is locked.
            InvalidInput, Unavailable: as for :meth:`create`.
        """
        kind = _kind(slot)
        known, root = self._copy_of_root()
        if kind in self.slots():
            raise _slot_exists(kind)
        added = self._slot_keys.make_slot(kind, root, known.vault_id, passphrase)

        def edit(current: Header) -> Header:
            if kind in (slot.kind for slot in current.slots):
                raise _slot_exists(kind)
            return replace(current, slots=(*current.slots, added))

        self._change(edit)

    def remove_slot(self, slot: str) -> None:
        """Remove a way to unlock. A key file stays where it is, of no more use; delete it yourself.

        Raises:
            Conflict: E-VAULT-LAST-SLOT; E-VAULT-NO-SLOT.
            Locked: the vault is locked.
            Unavailable: the header cannot be written.
        """
        kind = _kind(slot)
        removed: list[Slot] = []

        def edit(current: Header) -> Header:
            removed[:] = [_find(current, kind)]
            if len(current.slots) == 1:
                raise Conflict(
                    "This is the only way to unlock the vault.", hint="Add another one first.", code="E-VAULT-LAST-SLOT"
                )
            return replace(current, slots=tuple(slot for slot in current.slots if slot.kind is not kind))

        changed = self._change(edit)
        self._slot_keys.forget(removed[0], changed.vault_id)

    def change_passphrase(self, current: Secret, new: Secret) -> None:
        """Replace the passphrase. Killed at any moment, the old or the new one works.

        Raises:
            Conflict: E-VAULT-NO-SLOT.
            InvalidInput: E-VAULT-PASSPHRASE, ``current`` is wrong; or ``new`` is too short or too long.
            Locked: the vault is locked; E-VAULT-WAIT.
            Unavailable: the header cannot be written.
        """
        self._attempts.require_patience()
        known, root = self._copy_of_root()
        old = _find(known, SlotKind.PASSPHRASE)
        if self._root_behind(old, known.vault_id, current) is None:
            self._attempts.failed()
            raise does_not_open(SlotKind.PASSPHRASE)
        self._attempts.succeeded()
        fresh = self._slot_keys.make_slot(SlotKind.PASSPHRASE, root, known.vault_id, new)

        def edit(latest: Header) -> Header:
            others = tuple(slot for slot in latest.slots if slot.kind is not SlotKind.PASSPHRASE)
            return replace(latest, slots=(*others, fresh))

        self._change(edit)

    def seal(  # noqa: PLR0917 - the five parts of a place, then the secret; so for the three below
        self, team_id: str, table: str, record_id: str, field: str, version: int, secret: Secret | bytes
    ) -> bytes:
        """The envelope of a secret for its place; the first one of a team makes that team's key.

        Raises:
            InvalidInput: the text holds half of a character (a lone surrogate).
            Locked: E-VAULT-LOCKED.
            Unavailable: a new team's key cannot be written to the header.
        """
        plaintext = _utf8(secret) if isinstance(secret, Secret) else secret
        with self._lock:
            place = self._place(team_id, table, record_id, field, version)
            return cipher.seal(plaintext, place, self._active_key(team_id))

    def open_(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, envelope: bytes
    ) -> Secret:
        """The text that was sealed for this place.

        Raises:
            Locked: E-VAULT-LOCKED.
            Unavailable: E-VAULT-TAMPERED, the envelope was changed, moved or rolled back.
        """
        plaintext = self.open_bytes(team_id, table, record_id, field, version, envelope)
        try:
            return Secret(plaintext.decode())
        except UnicodeDecodeError:
            raise Bug(f"The sealed {table}.{field} is not text.") from None

    def open_bytes(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, envelope: bytes
    ) -> bytes:
        """Like :meth:`open_`, for what is not text."""
        with self._lock:
            place = self._place(team_id, table, record_id, field, version)
            return cipher.open_(envelope, place, self._key_named_by(envelope, team_id))

    def rotate_team_key(self, team_id: str) -> None:
        """Seal the team's secrets under a new key version from now on; the old ones still open.

        Raises:
            Locked: E-VAULT-LOCKED.
            Unavailable: the header cannot be written.
        """
        with self._lock:
            self._opened()
            self._add_team_key(team_id, after=self._active_key(team_id))

    def rewrap(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, envelope: bytes
    ) -> bytes:
        """The envelope under the team's newest key; the same bytes where it is so already.

        Raises:
            Locked: E-VAULT-LOCKED.
            Unavailable: E-VAULT-TAMPERED.
        """
        with self._lock:
            place = self._place(team_id, table, record_id, field, version)
            old, new = self._key_named_by(envelope, team_id), self._active_key(team_id)
            return envelope if old is new else cipher.rewrap(envelope, place, old, new)

    def _opened(self) -> tuple[Header, bytearray]:
        """Header and root key while the vault is open. The caller holds the lock."""
        if self._header is None or self._root is None:
            raise Locked("The vault is locked.", hint="Unlock it, then try again.", code="E-VAULT-LOCKED")
        return self._header, self._root

    def _copy_of_root(self) -> tuple[Header, bytearray]:
        """Like :meth:`_opened`, for work outside the lock: locking meanwhile overwrites the vault's own root key."""
        with self._lock:
            known, root = self._opened()
            return known, bytearray(root)

    def _adopt(self, opened: Header, root: bytearray) -> None:
        with self._lock:
            keys = [header.unwrap_team_key(entry, root, vault_id=opened.vault_id) for entry in opened.team_keys]
            names = [(entry.team_id, entry.tdk_id, entry.version) for entry in opened.team_keys]
            self._replace(opened, root, dict(zip(names, keys, strict=True)))

    def _replace(
        self, opened: Header | None, root: bytearray | None, team_keys: dict[tuple[str, bytes, int], TeamKey]
    ) -> None:
        for old in self._team_keys.values():
            cipher.wipe(old.key)
        if self._root is not None and self._root is not root:
            cipher.wipe(self._root)
        self._header, self._root, self._team_keys = opened, root, team_keys

    def _change(self, edit: Callable[[Header], Header]) -> Header:
        """Write what ``edit`` makes of the newest header; the vault lock is held, other processes wait."""
        with self._lock, header.exclusive(self._path):
            _, root = self._opened()
            current = self._newest(root)
            updated = header.sign(replace(edit(current), generation=current.generation + 1), root)
            header.write(self._path, updated)
            self._adopt(updated, root)
            return updated

    def _newest(self, root: bytearray) -> Header:
        known, _ = self._opened()
        try:
            stored = header.read(self._path)
        except Unavailable:
            stored = ()
        return max(
            (known, *(copy for copy in stored if header.is_authentic(copy, root))), key=lambda copy: copy.generation
        )

    def _repair(self) -> None:
        try:
            with self._lock, header.exclusive(self._path):
                _, root = self._opened()
                header.write(self._path, self._newest(root))
        except Unavailable as error:
            # The vault works from the good copy; the next write tries again.
            LOGGER.warning("the second copy of the vault's header was not repaired: %s", error)

    def _open_through(self, kind: SlotKind, passphrase: Secret | None) -> tuple[Header, bytearray]:
        """The newest header the root key vouches for, with that key, if the slot still belongs to it.

        A copy that lags behind may hold a slot that was removed since: such a slot does not count.
        """
        candidates = header.read(self._path)
        slots = [(candidate, slot) for candidate in candidates for slot in candidate.slots if slot.kind is kind]
        if not slots:
            raise _no_slot(kind)
        failure = does_not_open(kind)
        for candidate, slot in slots:
            try:
                root = self._root_behind(slot, candidate.vault_id, passphrase)
            except Unavailable as error:
                # A changed copy may name a key that never was; the other copy may name the right one.
                failure = error
                continue
            if root is None:
                continue
            newest = next((copy for copy in candidates if header.is_authentic(copy, root)), None)
            if newest is not None and slot in newest.slots:
                return newest, root
            if newest is None:
                failure = header.damaged()
        if kind is SlotKind.PASSPHRASE:
            self._attempts.failed()
        raise failure

    def _root_behind(self, slot: Slot, vault_id: str, passphrase: Secret | None) -> bytearray | None:
        key = self._slot_keys.key_of(slot, vault_id, passphrase)
        root = header.open_slot(slot, key, vault_id=vault_id)
        cipher.wipe(key)
        return root

    def _refuse_second_vault(self, *, has_sealed_data: bool) -> None:
        if self.exists:
            raise Conflict("There is a vault already.", hint="Unlock it instead.", code="E-VAULT-EXISTS")
        if has_sealed_data:
            raise Conflict(
                f"The stored secrets belong to a vault whose header {self._path} is missing.",
                hint="Restore vault.json from a backup; a new vault could not open them.",
                code="E-VAULT-HEADER-MISSING",
            )

    def _place(self, team_id: str, table: str, record_id: str, field: str, version: int) -> Place:
        known, _ = self._opened()
        return Place(
            vault_id=known.vault_id,
            team_id=team_id,
            table=table,
            record_id=record_id,
            field=field,
            secret_version=version,
        )

    def _active_key(self, team_id: str) -> TeamKey:
        known = [key for (team, _, _), key in self._team_keys.items() if team == team_id]
        return max(known, key=lambda key: key.version) if known else self._add_team_key(team_id, after=None)

    def _add_team_key(self, team_id: str, *, after: TeamKey | None) -> TeamKey:
        """Store a key for the team, unless another process did so meanwhile, and make it the active one."""
        _, root = self._opened()
        version = after.version + 1 if after else 1
        fresh = TeamKey(tdk_id=after.tdk_id if after else cipher.new_salt(), version=version, key=cipher.new_key())

        def edit(current: Header) -> Header:
            if any(entry.team_id == team_id and entry.version >= version for entry in current.team_keys):
                return current
            entry = header.wrap_team_key(fresh, root, vault_id=current.vault_id, team_id=team_id)
            return replace(current, team_keys=(*current.team_keys, entry))

        self._change(edit)
        return self._active_key(team_id)

    def _key_named_by(self, envelope: bytes, team_id: str) -> TeamKey:
        named = (team_id, *cipher.team_key_of(envelope))
        if named not in self._team_keys:
            # Another process may have made it since we read the header.
            _, root = self._opened()
            self._adopt(self._newest(root), root)
        try:
            return self._team_keys[named]
        except KeyError:
            raise cipher.tampered() from None


def _kind(slot: str) -> SlotKind:
    try:
        return SlotKind(slot)
    except ValueError:
        known = ", ".join(SlotKind)
        raise InvalidInput(f"A vault is unlocked by one of {known}.", field="slot") from None


def _find(known: Header, kind: SlotKind) -> Slot:
    for slot in known.slots:
        if slot.kind is kind:
            return slot
    raise _no_slot(kind)


def _utf8(secret: Secret) -> bytes:
    try:
        return secret.reveal().encode()
    except UnicodeEncodeError:
        # Without its cause, which quotes the text.
        raise InvalidInput("The secret holds a broken character; paste it again.", code="E-VAULT-TEXT") from None


def _no_slot(kind: SlotKind) -> Conflict:
    return Conflict(f"The vault is not unlocked by {kind}.", hint="Choose another way.", code="E-VAULT-NO-SLOT")


def _slot_exists(kind: SlotKind) -> Conflict:
    return Conflict(f"The vault is unlocked by {kind} already.", code="E-VAULT-SLOT-EXISTS")
