"""The file that a backup is: a tar with what is needed to begin anew, and a digest of every byte at its end."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.vault.header import sync_folder

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
PEPPER = "password_pepper"
VAULT = "vault.json"
PARTS = frozenset({DATABASE, PEPPER, VAULT})
CHUNK = 1 << 20

# Programs for tar stop at the end of the archive, and so never see this line.
_SEAL = re.compile(rb"\nmachina-backup sha256:([0-9a-f]{64})\n")
_SEAL_BYTES = len(b"\nmachina-backup sha256:") + 64 + 1


class Kind(StrEnum):
    """Where the database lies that was copied."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        format: Of the file; a reader refuses one that it does not know.
        schema: The revision of the tables.
        version: Of the program that made it.
    """

    format: int
    kind: Kind
    schema: str
    version: str
    made_at: datetime


def pack(target: Path, manifest: Manifest, parts: Mapping[str, Path]) -> None:
    """Write a backup to a file that does not exist, private, whole or not at all. Blocking.

    Raises:
        OSError: the disk refused, or the file exists.
    """
    temporary = target.with_name(f"{target.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            hashed = _Hashed(file)
            with tarfile.open(fileobj=cast("BinaryIO", hashed), mode="w|") as archive:
                written = to_json(manifest)
                archive.addfile(_entry(MANIFEST, len(written), manifest.made_at), BytesIO(written))
                for name, path in parts.items():
                    with path.open("rb") as part:
                        archive.addfile(_entry(name, path.stat().st_size, manifest.made_at), part)
            file.write(f"\nmachina-backup sha256:{hashed.digest.hexdigest()}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        _name(temporary, target)
        sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _name(temporary: Path, target: Path) -> None:
    try:
        # Unlike a renaming, this replaces nothing.
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # Disks of cameras and shares of other systems have no links.
        if target.exists():
            raise
        temporary.rename(target)


def unpack(source: Path, folder: Path) -> Manifest:
    """Look through every byte of a backup, then put its parts into ``folder`` under their names. Blocking.

    Raises:
        Unavailable: ``E-RESTORE``, it is none, is damaged or was made by a newer version.
        OSError: the disk refused.
    """
    _check_seal(source)
    try:
        with tarfile.open(source) as archive:
            first = archive.next()
            if first is None or first.name != MANIFEST:
                raise _refused(source, "is no backup of a Machina server")
            manifest = _manifest(source, cast("BinaryIO", archive.extractfile(first)).read())
            for entry in archive:
                if entry.name in PARTS and entry.isreg():
                    _extract(cast("BinaryIO", archive.extractfile(entry)), folder / entry.name)
    except tarfile.TarError as error:
        raise _refused(source, "is damaged") from error
    if not (folder / DATABASE).exists():
        raise _refused(source, "holds no database")
    return manifest


class _Hashed:
    """Writes on, and takes the digest of what it wrote."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)


def _entry(name: str, size_bytes: int, made_at: datetime) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size_bytes, 0o600, int(made_at.timestamp())
    return entry


def _check_seal(source: Path) -> None:
    digest, left = hashlib.sha256(), source.stat().st_size - _SEAL_BYTES
    with source.open("rb") as file:
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
        sealed = _SEAL.fullmatch(file.read())
    if sealed is None:
        raise _refused(source, "is no backup of a Machina server, or its end is missing")
    if sealed[1].decode() != digest.hexdigest():
        raise _refused(source, "is damaged")


def _manifest(source: Path, data: bytes) -> Manifest:
    try:
        found = from_json(data, Manifest)
    except InvalidInput as error:
        raise _refused(source, "was made by a newer version of Machina") from error
    if found.format != FORMAT:
        raise _refused(source, "was made by a newer version of Machina")
    return found


def _extract(part: BinaryIO, target: Path) -> None:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := part.read(CHUNK):
            file.write(chunk)


def _refused(source: Path, problem: str) -> Unavailable:
    return Unavailable(f"{source.name} {problem}.", hint="Nothing was changed; try another backup.", code="E-RESTORE")
