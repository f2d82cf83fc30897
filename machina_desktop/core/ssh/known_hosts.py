"""Files in the form of OpenSSH's ``known_hosts``: which keys a host may show, which never, and one more line."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.keys import fingerprint_of_blob

_SIZE_LIMIT = 16 << 20
_SSH_PORT = 22


@dataclass(frozen=True, kw_only=True)
class KnownKeys:
    """Fingerprints that files tell of a host, and where the first one stood."""

    trusted: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()
    source: str = ""


def known_keys(files: Sequence[Path], host: str, port: int) -> KnownKeys:
    """What the files say about a host; missing and unreadable ones say nothing. Authorities are not followed."""
    name = host if port == _SSH_PORT else f"[{host}]:{port}"
    trusted: list[str] = []
    revoked: list[str] = []
    source = ""
    for path in files:
        for marker, hosts, fingerprint in _lines(path):
            if not _is_meant(hosts, name):
                continue
            if marker == "@revoked":
                revoked.append(fingerprint)
            elif not marker:
                trusted.append(fingerprint)
                source = source or str(path)
    return KnownKeys(trusted=tuple(dict.fromkeys(trusted)), revoked=tuple(revoked), source=source)


def remember(path: Path, host: str, port: int, key: HostKey) -> None:
    """Add a line for a host's key to a file that is private to the person.

    Raises:
        Unavailable: E-FILE-WRITE.
    """
    name = host if port == _SSH_PORT else f"[{host}]:{port}"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{name} {key.public_line}\n")
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}.", hint="Free space on the disk.", code="E-FILE-WRITE"
        ) from error


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Marker, hosts and fingerprint of each line that can be read."""
    try:
        with path.open("rb") as file:
            text = file.read(_SIZE_LIMIT).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):
            continue
        try:
            yield marker, words[0], fingerprint_of_blob(base64.b64decode(words[2], validate=True))
        except binascii.Error:
            continue


def _is_meant(hosts: str, name: str) -> bool:
    if hosts.startswith("|1|"):
        return _is_hash_of(hosts, name)
    patterns = hosts.lower().split(",")
    name = name.lower()
    if any(each.startswith("!") and fnmatch.fnmatchcase(name, _escaped(each[1:])) for each in patterns):
        return False
    return any(fnmatch.fnmatchcase(name, _escaped(each)) for each in patterns)


def _escaped(pattern: str) -> str:
    # OpenSSH knows * and ? only; [host]:port is no set of characters.
    return pattern.replace("[", "[[]")


def _is_hash_of(hosts: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in hosts[3:].split("|"))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
