"""Key files of the person's own: read where they lie, opened with a passphrase, never copied."""

from __future__ import annotations

from pathlib import Path

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.keys import SIZE_LIMIT, fingerprint_of, parse_private
from machina_desktop.core.ssh.private_keys import private_key


def opened_key_file(path: Path, passphrase: Secret | None) -> paramiko.PKey | None:
    """The key in that file; ``None`` where there is none that can be used, or it wants another passphrase."""
    text = _read(path)
    if not text:
        return None
    try:
        return private_key(parse_private(Secret(text), passphrase).private)
    except (InvalidInput, Unavailable):
        return None


def needs_passphrase(path: Path) -> bool:
    """Whether the file holds a private key that a passphrase opens."""
    try:
        parse_private(Secret(_read(path)), None)
    except InvalidInput as error:
        return error.code == "E-KEY-PASSPHRASE"
    return False


def public_fingerprint(path: Path) -> str:
    """``SHA256:…`` of the public key beside a private one; empty where there is none."""
    try:
        return fingerprint_of(_read(path.with_name(f"{path.name}.pub")))
    except InvalidInput:
        return ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT + 1).decode("ascii")
    except (OSError, ValueError):
        return ""
