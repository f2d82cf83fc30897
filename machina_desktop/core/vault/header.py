"""The vault's header: unlock slots and wrapped keys in one JSON file, kept twice (trust.md 4.3).

The file is the canonical JSON of :class:`Header` and nothing else, so that every changed byte is noticed: it either
no longer parses, is no longer canonical, or fails the tag made with the root key.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from machina_desktop.core import codec
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.vault import cipher

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FORMAT = "MVH1"

_SIZE_LIMIT = 4 << 20
_TAG_BYTES = 32
_LOCK_DEADLINE_S = 10.0
_LOCK_POLL_S = 0.02

# Upper limits for what a header may ask of this computer (trust.md T06).
_MEMORY_LIMIT_KIB = 1 << 20
_PASSES_LIMIT = 20
_LANES_LIMIT = 8


class SlotKind(StrEnum):
    """The ways to unlock a vault; each at most once."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105 - a kind, not one
    KEY_FILE = "key-file"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The root key, wrapped under the key of one way to unlock.

    Attributes:
        slot_id: Also names the entry in the system's keyring.
        cost: Of the passphrase; ``None`` for the other kinds.
        commitment: Tag over all other fields under the slot's key, checked before the root key is unwrapped.
    """

    slot_id: str
    kind: SlotKind
    salt: bytes
    cost: cipher.Argon2Cost | None = None
    nonce: bytes
    wrapped_root: bytes
    commitment: bytes


@dataclass(frozen=True, kw_only=True)
class WrappedTeamKey:
    """One version of a team's data key, wrapped under the root key."""

    team_id: str
    tdk_id: bytes
    version: int
    nonce: bytes
    wrapped: bytes


@dataclass(frozen=True, kw_only=True)
class Header:
    """Everything needed to unlock, and nothing secret.

    Attributes:
        generation: 1, 2, 3 …, one more at each write.
        tag: Over all other fields under the root key.
    """

    format: str = FORMAT
    vault_id: str
    generation: int
    slots: tuple[Slot, ...]
    team_keys: tuple[WrappedTeamKey, ...] = ()
    tag: bytes = b""


def new_slot(
    kind: SlotKind,
    root: bytearray,
    key: bytearray,
    *,
    vault_id: str,
    slot_id: str,
    salt: bytes,
    cost: cipher.Argon2Cost | None,
) -> Slot:
    """A slot that gives ``root`` to whoever has ``key``, the 32 bytes of that way to unlock."""
    nonce, wrapped = cipher.wrap_key(root, _wrapping_key(key, salt), _slot_aad(vault_id, slot_id, kind))
    slot = Slot(slot_id=slot_id, kind=kind, salt=salt, cost=cost, nonce=nonce, wrapped_root=wrapped, commitment=b"")
    tag = cipher.authentication_tag(_commitment_key(key, salt), _committed(slot, vault_id))
    return replace(slot, commitment=tag)


def open_slot(slot: Slot, key: bytearray, *, vault_id: str) -> bytearray | None:
    """The root key, or ``None`` if ``key`` is not the slot's or the slot was changed."""
    if not cipher.is_authentic(_commitment_key(key, slot.salt), _committed(slot, vault_id), slot.commitment):
        return None
    aad = _slot_aad(vault_id, slot.slot_id, slot.kind)
    return cipher.unwrap_key(slot.wrapped_root, slot.nonce, _wrapping_key(key, slot.salt), aad)


def wrap_team_key(key: cipher.TeamKey, root: bytearray, *, vault_id: str, team_id: str) -> WrappedTeamKey:
    """A team's key as it stands in the header."""
    aad = _team_key_aad(vault_id, team_id, key.tdk_id, key.version)
    nonce, wrapped = cipher.wrap_key(key.key, _team_wrapping_key(root), aad)
    return WrappedTeamKey(team_id=team_id, tdk_id=key.tdk_id, version=key.version, nonce=nonce, wrapped=wrapped)


def unwrap_team_key(entry: WrappedTeamKey, root: bytearray, *, vault_id: str) -> cipher.TeamKey:
    """The team's key in clear.

    Raises:
        Unavailable: E-VAULT-TAMPERED.
    """
    aad = _team_key_aad(vault_id, entry.team_id, entry.tdk_id, entry.version)
    key = cipher.unwrap_key(entry.wrapped, entry.nonce, _team_wrapping_key(root), aad)
    return cipher.TeamKey(tdk_id=entry.tdk_id, version=entry.version, key=key)


def sign(header: Header, root: bytearray) -> Header:
    """``header`` with its tag under the root key."""
    return replace(header, tag=cipher.authentication_tag(_header_key(root), _signed(header)))


def is_authentic(header: Header, root: bytearray) -> bool:
    """Whether ``header`` was written by someone who had the root key."""
    return cipher.is_authentic(_header_key(root), _signed(header), header.tag)


def copies_of(path: Path) -> tuple[Path, Path]:
    """The two files of a header."""
    return path, path.with_name(path.name + ".copy")


def exists(path: Path) -> bool:
    """Whether there is a header, readable or not."""
    return any(os.path.lexists(copy) for copy in copies_of(path))


def read(path: Path) -> tuple[Header, ...]:
    """The readable copies that differ, newest first; not yet authenticated.

    Raises:
        Unavailable: E-VAULT-HEADER, there are files but neither can be read.
    """
    found = {header for copy in copies_of(path) if (header := _read_copy(copy)) is not None}
    if not found and exists(path):
        raise damaged()
    return tuple(sorted(found, key=lambda header: header.generation, reverse=True))


def is_whole(path: Path, header: Header) -> bool:
    """Whether both copies are exactly ``header``."""
    return all(_read_copy(copy) == header for copy in copies_of(path))


def write(path: Path, header: Header) -> None:
    """Replace both copies durably, one after the other, each after reading the new file back.

    The caller holds :func:`exclusive`. The change counts once the first copy is replaced.

    Raises:
        Unavailable: E-VAULT-WRITE, the disk refused; at least one copy, old or new, is whole.
    """
    try:
        for copy in copies_of(path):
            _write_copy(copy, header)
    except OSError as error:
        raise Unavailable(
            f"The vault's header {path} cannot be written: {error.strerror}.",
            hint="Free space on the disk and check that the folder may be written, then try again.",
            code="E-VAULT-WRITE",
        ) from error


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keeps other threads and processes from changing the header meanwhile. Blocks, at most ten seconds.

    Raises:
        Unavailable: E-VAULT-BUSY, another process holds it; E-VAULT-WRITE, the folder cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"The folder {path.parent} cannot be written: {error.strerror}.", code="E-VAULT-WRITE"
        ) from error
    try:
        _wait_for_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable, where the system needs telling."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def damaged() -> Unavailable:
    """The error of a header that cannot be used."""
    return Unavailable(
        "The vault's header is damaged, or was written by a newer version.",
        hint="Restore vault.json from the latest backup; nothing was changed.",
        code="E-VAULT-HEADER",
    )


def _read_copy(path: Path) -> Header | None:
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE_LIMIT + 1)
    except OSError:
        return None
    return _parsed(data)


def _parsed(data: bytes) -> Header | None:
    if len(data) > _SIZE_LIMIT:
        return None
    try:
        header = codec.from_json(data, Header)
    except InvalidInput:
        return None
    return header if _is_sound(header) and codec.to_json(header) == data else None


def _is_sound(header: Header) -> bool:
    kinds = [slot.kind for slot in header.slots]
    return (
        header.format == FORMAT
        and header.generation > 0
        and len(header.tag) == _TAG_BYTES
        and len(kinds) == len(set(kinds)) > 0
        and all(map(_is_sound_slot, header.slots))
        and all(map(_is_sound_team_key, header.team_keys))
    )


def _is_sound_slot(slot: Slot) -> bool:
    return (
        (slot.cost is not None) == (slot.kind is SlotKind.PASSPHRASE)
        and (slot.cost is None or _is_bearable(slot.cost))
        and len(slot.salt) == cipher.SALT_BYTES
        and len(slot.nonce) == cipher.NONCE_BYTES
        and len(slot.wrapped_root) == cipher.WRAPPED_BYTES
        and len(slot.commitment) == _TAG_BYTES
    )


def _is_bearable(cost: cipher.Argon2Cost) -> bool:
    return (
        1 <= cost.lanes <= _LANES_LIMIT
        and 8 * cost.lanes <= cost.memory_kib <= _MEMORY_LIMIT_KIB
        and 1 <= cost.passes <= _PASSES_LIMIT
    )


def _is_sound_team_key(entry: WrappedTeamKey) -> bool:
    return (
        0 < entry.version < 1 << 32
        and len(entry.tdk_id) == cipher.TEAM_KEY_ID_BYTES
        and len(entry.nonce) == cipher.NONCE_BYTES
        and len(entry.wrapped) == cipher.WRAPPED_BYTES
    )


def _write_copy(path: Path, header: Header) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(codec.to_json(header))
        file.flush()
        os.fsync(file.fileno())
    if _read_copy(temporary) != header:
        raise OSError(0, "what was written cannot be read back")
    temporary.replace(path)
    sync_folder(path.parent)


def _wait_for_lock(descriptor: int) -> None:
    deadline = time.monotonic() + _LOCK_DEADLINE_S
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            raise Unavailable(
                "Another process is changing the vault.",
                hint="Close other windows and commands of Machina Desktop and try again.",
                code="E-VAULT-BUSY",
            )
        time.sleep(_LOCK_POLL_S)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _signed(header: Header) -> bytes:
    return codec.to_json(replace(header, tag=b""))


def _committed(slot: Slot, vault_id: str) -> bytes:
    return cipher.tlv("machina/v1/commitment", vault_id, codec.to_json(replace(slot, commitment=b"")))


def _slot_aad(vault_id: str, slot_id: str, kind: SlotKind) -> bytes:
    return cipher.tlv("machina/v1/slot", vault_id, slot_id, kind)


def _team_key_aad(vault_id: str, team_id: str, tdk_id: bytes, version: int) -> bytes:
    return cipher.tlv("machina/v1/team-key", vault_id, team_id, tdk_id, version)


def _wrapping_key(key: bytearray, salt: bytes) -> bytes:
    return cipher.derive_key(key, salt, "machina/v1/slot/wrap")


def _commitment_key(key: bytearray, salt: bytes) -> bytes:
    return cipher.derive_key(key, salt, "machina/v1/slot/commit")


def _team_wrapping_key(root: bytearray) -> bytes:
    return cipher.derive_key(root, b"", "machina/v1/team-keys")


def _header_key(root: bytearray) -> bytes:
    return cipher.derive_key(root, b"", "machina/v1/header")
