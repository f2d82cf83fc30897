"""What the data folder holds and how much of it, and copies of what cannot be made again."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from machina_desktop.core.config import Paths
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case


class Part(StrEnum):
    """What a file of the data folder belongs to."""

    DATABASE = "database"
    COPIES = "copies"
    RUNS = "runs"
    PLUGINS = "plugins"
    PRACTICE = "practice"
    RECORDINGS = "recordings"
    LOGS = "logs"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class PartSize:
    """How much one part takes."""

    part: Part
    size_bytes: int
    files: int


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The data folder.

    Attributes:
        parts: Each of :class:`Part`, in its order.
        free_bytes: Room left on its disk.
    """

    home: str
    parts: tuple[PartSize, ...]
    free_bytes: int

    @property
    def size_bytes(self) -> int:
        """All of it."""
        return sum(part.size_bytes for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class GetStorage(Request[Storage]):
    """How much the data folder holds."""


@dataclass(frozen=True, kw_only=True)
class BackUp(Request[str]):
    """Copy the database, the vault's header and the settings into a new folder below ``to``; answers its path.

    It works while runs are under way. The key file is left out: with it, whoever has the copy could read everything.
    To be restored, the files go into an empty data folder.
    """

    to: str


@use_case("storage.get", "GET /api/device/storage")
async def get_storage(context: Context, _actor: Actor, _ask: GetStorage) -> Storage:
    """Walks over all files, in a thread."""
    return await asyncio.to_thread(measured, context.paths)


def measured(paths: Paths) -> Storage:
    """How much lies where. Blocks: it looks at every file."""
    sizes = {part: [0, 0] for part in Part}
    for file, size_bytes in _files_in(paths.home):
        count = sizes[_part_of(paths, file)]
        count[0] += size_bytes
        count[1] += 1
    parts = tuple(PartSize(part=part, size_bytes=size, files=files) for part, (size, files) in sizes.items())
    return Storage(home=str(paths.home), parts=parts, free_bytes=shutil.disk_usage(paths.home).free)


def _files_in(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every file with what it takes on the disk; a file that goes meanwhile is left out, a link is not followed."""
    for above, _, names in os.walk(folder):
        for name in names:
            file = Path(above, name)
            try:
                yield file, file.lstat().st_size
            except OSError:
                continue


def _part_of(paths: Paths, file: Path) -> Part:
    folders = {
        paths.runs: Part.RUNS,
        paths.run_locks: Part.RUNS,
        paths.plugin_cache: Part.PLUGINS,
        paths.practice: Part.PRACTICE,
        paths.recordings: Part.RECORDINGS,
        paths.logs: Part.LOGS,
    }
    for folder, part in folders.items():
        if file.is_relative_to(folder):
            return part
    if file.name.startswith(f"{paths.database.name}.before-"):
        return Part.COPIES
    return Part.DATABASE if file.name.startswith(paths.database.name) else Part.OTHER


@use_case("storage.back_up", "POST /api/device/storage/backups", is_audited=False)
async def back_up(context: Context, _actor: Actor, ask: BackUp) -> str:
    """Copies in a thread."""
    return str(await asyncio.to_thread(_copied, context, ask.to))


def _copied(context: Context, above: str) -> Path:
    """The new folder; none is left when something could not be copied."""
    to = Path(above).expanduser()
    paths = context.paths
    if not _is_folder(to):
        raise InvalidInput(f"There is no folder {to}.", field="to", hint="Choose a folder that exists.")
    if to.resolve().is_relative_to(paths.home.resolve()):
        raise InvalidInput(
            "A backup inside of the data folder is lost with it.", field="to", hint="Choose a folder elsewhere."
        )
    folder = to.resolve() / f"machina-backup-{now():%Y%m%d-%H%M%S}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise Conflict(f"There is a backup {folder.name} already.", hint="Try again in a second.") from None
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        context.database.copy_to(folder / paths.database.name)
        for file in (
            paths.vault_header,
            paths.vault_header.with_name(f"{paths.vault_header.name}.copy"),
            paths.settings,
        ):
            _copy_private(file, folder / file.name)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _cannot_write(folder, error) from error
    except MachinaError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _is_folder(path: Path) -> bool:
    """Whether ``path`` is an absolute one of a folder there is; also false where that cannot be found out."""
    try:
        return path.is_absolute() and path.is_dir()
    except (OSError, ValueError):
        return False


def _copy_private(source: Path, target: Path) -> None:
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        return
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _cannot_write(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"The backup {folder} cannot be written: {error.strerror}.",
        hint="Free space there, or choose another folder.",
        code="E-BACKUP",
    )
