"""The files of recordings: where they lie, what became of those whose program is gone, and copies for people."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from machina_desktop.core.errors import Conflict, MachinaError, NotFound, Unavailable
from machina_desktop.core.process import boot_id, is_process, process_start_time

CAST, TEXT = ".cast", ".txt"


@dataclass(frozen=True)
class RecordingFolder:
    """The folder that all recordings lie in. Everything in it is private. All of this blocks."""

    path: Path

    def cast(self, recording_id: str) -> Path:
        """The asciicast of a recording."""
        return self.path / f"{recording_id}{CAST}"

    def text(self, recording_id: str) -> Path:
        """Its text."""
        return self.path / f"{recording_id}{TEXT}"

    def names(self) -> frozenset[str]:
        """The recordings there are files of."""
        if not self.path.is_dir():
            return frozenset()
        return frozenset(file.stem for file in self.path.iterdir() if file.suffix in {CAST, TEXT})

    def remove(self, recording_id: str) -> None:
        """Let both files go.

        Raises:
            Unavailable: E-RECORDING, the disk refused.
        """
        try:
            for file in (self.cast(recording_id), self.text(recording_id)):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The recording cannot be deleted: {error.strerror}.",
                hint="Check that the data folder may be written.",
                code="E-RECORDING",
            ) from error


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hex. Blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_to_new(source: Path, name: str) -> Path:
    """Copy a file to a new private one; never over another. Blocks.

    Raises:
        Conflict: E-FILE-EXISTS.
        NotFound: there is no such recording any more.
        Unavailable: E-FILE-WRITE, it cannot be written; nothing is left.
    """
    try:
        target = Path(name).expanduser().absolute()
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(f"{name} exists already.", hint="Choose a new file.", code="E-FILE-EXISTS") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise _unwritable(name, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file, source.open("rb") as original:
            shutil.copyfileobj(original, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        target.unlink(missing_ok=True)
        raise _gone() if isinstance(error, FileNotFoundError) else _unwritable(name, error) from error
    return target


def _gone() -> MachinaError:
    return NotFound("The file of this recording is gone.", hint="It was deleted outside of Machina.")


def _unwritable(name: str, error: Exception) -> Unavailable:
    reason = getattr(error, "strerror", None) or "it is no file name"
    return Unavailable(
        f"{name} cannot be written: {reason}.", hint="Choose another folder, or free space.", code="E-FILE-WRITE"
    )


def this_process() -> str:
    """What tells this process from every other on this computer."""
    pid = os.getpid()
    return f"{pid}:{process_start_time(pid)}:{boot_id()}"


def is_alive(holder: str) -> bool:
    """Whether the process that calls itself so still runs."""
    pid, start, boot = (*holder.split(":", 2), "", "", "")[:3]
    try:
        return boot == boot_id() and is_process(int(pid), float(start))
    except ValueError:
        return False
