"""The key-file slot: 32 bytes in a file that only this user can read (spec 9.3, trust.md 4.5)."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import sys
from pathlib import Path

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.vault.cipher import KEY_BYTES, new_key
from machina_desktop.core.vault.header import sync_folder

_RAW_LENGTH = KEY_BYTES
_HEX_LENGTH = 64
_BASE64_LENGTH = 44
_LONGEST = _HEX_LENGTH + 1


def exists(path: Path) -> bool:
    """Whether something stands at ``path``, even a broken link."""
    return os.path.lexists(path)


def read(path: Path) -> bytearray | None:
    """The key in the file, ``None`` if there is no file.

    Raises:
        Unavailable: E-VAULT-KEY-FILE, others can read it, it is a link, not ours, or holds no key; says which.
    """
    if not exists(path):
        return None
    try:
        if path.is_symlink() or path.parent.is_symlink():
            raise _refused(path, "it is a link")
        _require_private(path.parent, path)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            _require_ours(os.fstat(descriptor), path)
            return _decoded(file.read(_LONGEST + 1), path)
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from error


def read_given(path: Path) -> bytearray | None:
    """Like :func:`read`, of a key that somebody put where the service manager or a volume has it.

    Its folder may be anybody's. A credential of systemd belongs to root, and an access list lets us alone read it.

    Raises:
        Unavailable: E-VAULT-KEY-FILE.
    """
    if not exists(path):
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            is_credential = sys.platform != "win32" and status.st_uid == 0 and not status.st_mode & 0o337
            if not is_credential:
                _require_ours(status, path)
            return _decoded(file.read(_LONGEST + 1), path)
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from error


def create(path: Path) -> bytearray:
    """A new key, stored durably in a new file (0600) in a private folder (0700).

    The file appears at once and whole; it never replaces another.

    Raises:
        Unavailable: E-VAULT-KEY-FILE, it exists already or the disk refused.
    """
    key = new_key()
    # Of its own: hosts that share the folder may be doing the same.
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_private(path.parent, path)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _move_without_replacing(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be written") from error
    return key


def read_or_create(path: Path) -> bytearray:
    """The key in the file, or a new one where there is none; all who ask at once get the same.

    Raises:
        Unavailable: E-VAULT-KEY-FILE.
    """
    key = read(path)
    if key is None:
        try:
            key = create(path)
        except Unavailable:
            key = read(path)
            if key is None:
                raise
    return key


def _move_without_replacing(source: Path, target: Path) -> None:
    try:
        if sys.platform == "win32":
            source.rename(target)
        else:
            os.link(source, target)
    finally:
        source.unlink(missing_ok=True)


def _require_private(folder: Path, path: Path) -> None:
    if sys.platform != "win32":
        status = folder.stat()
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise _refused(path, "others can enter its folder (mode 0700 is needed)")


def _require_ours(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _refused(path, "it is not a file")
    if sys.platform != "win32":
        if status.st_uid != os.getuid():
            raise _refused(path, "it belongs to another user")
        if stat.S_IMODE(status.st_mode) & 0o177:
            raise _refused(path, "others can use it (mode 0600 is needed)")


def _decoded(data: bytes, path: Path) -> bytearray:
    if len(data) > _RAW_LENGTH and data.endswith(b"\n"):
        data = data[:-1]
    try:
        if len(data) == _RAW_LENGTH:
            return bytearray(data)
        if len(data) == _HEX_LENGTH:
            return bytearray(binascii.unhexlify(data))
        if len(data) == _BASE64_LENGTH and len(key := base64.b64decode(data, validate=True)) == KEY_BYTES:
            return bytearray(key)
    except ValueError as error:
        raise _refused(path, "it holds characters that do not belong to a key") from error
    raise _refused(
        path, f"it must hold {_RAW_LENGTH} raw bytes, {_HEX_LENGTH} hex or {_BASE64_LENGTH} base64 characters"
    )


def _refused(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"The key file {path} is refused: {reason}.",
        hint="Put the right file there, owned by you, mode 0600, in a folder of mode 0700.",
        code="E-VAULT-KEY-FILE",
    )
