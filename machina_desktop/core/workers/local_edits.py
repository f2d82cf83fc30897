"""Files of machines edited in programs of this computer: fetched into a private folder, sent back when saved."""

from __future__ import annotations

import asyncio
import logging
import posixpath
import shutil
from dataclasses import replace
from pathlib import Path

from machina_desktop.core.domain.transfer import Edit, Entry, EntryKind, check_name, shown_name
from machina_desktop.core.errors import Conflict, NotFound, Unavailable
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.transfers import FileDeed
from machina_desktop.core.ssh.sftp import Sftp
from machina_desktop.core.ssh.sftp_copy import Watch, digest_here, download, upload
from machina_desktop.core.ssh.sftp_entries import join
from machina_desktop.core.workers.file_sides import Record
from machina_desktop.core.workers.lines import Lines

LOG = logging.getLogger(__name__)
KEPT_S = 7 * 86_400.0
"""So long a copy stays that holds changes which were never sent."""
SIZE_LIMIT = 100 << 20
"""What is larger is no text that somebody edits; it is downloaded like any file."""


class RemoteChanged(Conflict):
    """Somebody else has written to the file on the machine meanwhile.

    Attributes:
        edit: What is edited here, with the size and time it was based on.
        found: The file as it is there now.
        mine: The copy here.
    """

    default_code = "E-EDIT-CHANGED"

    def __init__(self, edit: Edit, found: Entry, mine: Entry) -> None:
        super().__init__(
            f"{shown_name(edit.name)} was changed on the machine since it was opened here.",
            hint="Overwrite it, keep yours as a copy beside it, or load the other one.",
        )
        self.edit = edit
        self.found = found
        self.mine = mine


class LocalEdits:
    """The files that are open here. Lives on the loop."""

    def __init__(self, lines: Lines, folder: Path, *, record: Record) -> None:
        """``folder`` is ours alone; what was left in it is removed with the first edit, once it is a week old."""
        self._lines = lines
        self._folder = folder
        self._record = record
        self._edits: dict[str, Edit] = {}
        self._is_swept = False

    def all(self) -> tuple[Edit, ...]:
        """The open files."""
        return tuple(self._edits.values())

    async def open(self, machine_id: str, path: str) -> Edit:
        """Fetch a file; answers where it lies.

        Raises:
            Unavailable: E-EDIT-LARGE, or as every download.
        """
        await self._record(machine_id, FileDeed.EDIT, shown_name(path))
        is_first, self._is_swept = not self._is_swept, True
        edit_id = new_id("edit")
        folder = self._folder / edit_id

        def fetch(sftp: Sftp) -> Edit:
            real = sftp.real_path(path)
            entry = sftp.stat(real)
            if entry.size > SIZE_LIMIT:
                raise Unavailable(
                    f"{shown_name(path)} is too large to be edited here.",
                    hint="Download it instead.",
                    code="E-EDIT-LARGE",
                )
            _make_private(self._folder, folder, is_first=is_first)
            local = folder / check_name(posixpath.basename(real))
            entry = download(sftp, real, local, Watch())
            # The editor must be able to write what its owner may not write on the machine; there it is judged again.
            local.chmod(0o600)
            return Edit(
                edit_id=edit_id,
                machine_id=machine_id,
                path=real,
                local=local,
                size=entry.size,
                mtime=entry.mtime,
                digest=digest_here(local),
            )

        edit = await self._lines.work(machine_id, fetch, is_repeatable=True)
        self._edits[edit_id] = edit
        return edit

    async def save(self, edit_id: str, *, overwrites: bool = False) -> Edit:
        """Send the copy back, when it is another than before; owner and permissions of the file there stay.

        Raises:
            RemoteChanged: the file there is another one meanwhile, and ``overwrites`` does not allow that.
        """
        edit = self._edit(edit_id)

        def send(sftp: Sftp) -> Edit:
            digest = digest_here(edit.local)
            if digest == edit.digest:
                return edit
            found = sftp.find(edit.path)
            if found is not None and (found.size, found.mtime) != (edit.size, edit.mtime) and not overwrites:
                raise RemoteChanged(edit, found, _entry_of(edit.local))
            sent = upload(sftp, edit.local, edit.path, Watch(), is_edit=True)
            return replace(edit, size=sent.size, mtime=float(int(sent.mtime)), digest=digest)

        saved = await self._lines.work(edit.machine_id, send)
        self._edits[edit_id] = saved
        return saved

    async def save_copy(self, edit_id: str) -> str:
        """Send the copy back beside the file, under a name that is free; answers that name."""
        edit = self._edit(edit_id)
        folder, name = posixpath.split(edit.path)

        def send(sftp: Sftp) -> str:
            stem, dot, suffix = name.rpartition(".") if "." in name[1:] else (name, "", "")
            for number in range(1, 1000):
                own = f"{stem} (mine{f' {number}' if number > 1 else ''}){dot}{suffix}"
                if sftp.find(join(folder, own), is_followed=False) is None:
                    upload(sftp, edit.local, join(folder, own), Watch())
                    return own
            raise Conflict(f"There are too many copies of {shown_name(name)}.", code="E-SFTP-EXISTS")

        own = await self._lines.work(edit.machine_id, send)
        self._edits[edit_id] = replace(edit, digest=await asyncio.to_thread(digest_here, edit.local))
        return own

    async def reload(self, edit_id: str) -> Edit:
        """Fetch the file anew over the copy here."""
        edit = self._edit(edit_id)

        def fetch(sftp: Sftp) -> Edit:
            entry = download(sftp, edit.path, edit.local, Watch())
            edit.local.chmod(0o600)
            return replace(edit, size=entry.size, mtime=entry.mtime, digest=digest_here(edit.local))

        fresh = await self._lines.work(edit.machine_id, fetch, is_repeatable=True)
        self._edits[edit_id] = fresh
        return fresh

    def unsaved(self) -> tuple[Edit, ...]:
        """The open files whose copies differ from what was sent last. Reads them; small files only."""
        return tuple(
            edit for edit in self._edits.values() if edit.local.exists() and digest_here(edit.local) != edit.digest
        )

    def close(self, edit_id: str) -> None:
        """Be done with a file; its copy here goes."""
        edit = self._edits.pop(edit_id, None)
        if edit is not None:
            shutil.rmtree(edit.local.parent, ignore_errors=True)

    def close_all(self) -> None:
        """Be done with all of them; a copy with changes that could not be sent stays where it is for a week."""
        kept = {edit.edit_id for edit in self.unsaved()}
        for edit_id in tuple(self._edits):
            if edit_id in kept:
                LOG.warning("changes that were not sent are kept in %s", self._edits.pop(edit_id).local.parent)
            else:
                self.close(edit_id)

    def _edit(self, edit_id: str) -> Edit:
        try:
            return self._edits[edit_id]
        except KeyError:
            raise NotFound("The file is not open any more.", hint="Open it again.") from None


def _make_private(folder: Path, own: Path, *, is_first: bool) -> None:
    try:
        if is_first and folder.is_dir():
            _sweep(folder)
        for each in (folder, own):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
            each.chmod(0o700)
    except OSError as error:
        raise Unavailable(
            f"There is no place for the file on this computer: {error.strerror}.", code="E-SFTP-LOCAL"
        ) from error


def _sweep(folder: Path) -> None:
    oldest = now().timestamp() - KEPT_S
    for each in folder.iterdir():
        if each.stat().st_mtime < oldest:
            shutil.rmtree(each, ignore_errors=True)


def _entry_of(path: Path) -> Entry:
    facts = path.stat()
    return Entry(name=path.name, kind=EntryKind.FILE, size=facts.st_size, mtime=facts.st_mtime, mode=facts.st_mode)
