"""Files of machines on their way to other programs and machines: fetched into a private folder, whole or not at all."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from machina_desktop.core.domain.transfer import Direction, Promise, TransferState, base_name, check_name
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.workers.transfers import Transfers

KEPT_S = 86_400.0
"""So long what was fetched stays for whoever copies from it."""
_ARRIVING = ".arriving"


class Dragged:
    """What is dragged out of a machine. Lives on the loop."""

    def __init__(self, transfers: Transfers, folder: Path) -> None:
        """``folder`` is ours alone; what was left in it is removed with the first fetch, once it is a day old."""
        self._transfers = transfers
        self._folder = folder
        self._is_swept = False

    def promise(self, machine_id: str, sources: tuple[str, ...]) -> Promise:
        """Offer files; nothing is fetched yet.

        Raises:
            Unavailable: E-SFTP-NAME.
        """
        made = Promise(machine_id=machine_id, sources=sources, folder=self._folder / new_id("drag"))
        for source in sources:
            check_name(base_name(source))
        return made

    async def fetch(self, promise: Promise) -> bool:
        """Fetch what was promised, by the queue; whether all of it is there now.

        Called off, it gives the transfers up. A file appears under its name when it is whole, a folder with all in it.
        """
        is_first, self._is_swept = not self._is_swept, True
        arriving = promise.folder / _ARRIVING
        await asyncio.to_thread(_make_private, self._folder, arriving, is_first=is_first)
        sources = promise.sources
        keys = self._transfers.add(promise.machine_id, Direction.DOWNLOAD, sources, destination=str(arriving))
        try:
            ends = [await self._transfers.ended(key) for key in keys]
        except asyncio.CancelledError:
            for key in keys:
                self._transfers.cancel(key)
            raise
        is_whole = all(end.state is TransferState.DONE for end in ends)
        if is_whole:
            await asyncio.to_thread(_publish, promise, arriving)
        return is_whole

    async def send_across(self, promise: Promise, machine_id: str, folder: str) -> None:
        """Bring what was promised to a folder of another machine, through this computer; both halves are in the queue.

        What fails stands in the queue with its reason.
        """
        if not await self.fetch(promise):
            return
        paths = [str(target) for target in promise.targets]
        keys = self._transfers.add(machine_id, Direction.UPLOAD, paths, destination=folder)
        ends = [await self._transfers.ended(key) for key in keys]
        if all(end.state is TransferState.DONE for end in ends):
            await asyncio.to_thread(shutil.rmtree, promise.folder, ignore_errors=True)


def _make_private(folder: Path, arriving: Path, *, is_first: bool) -> None:
    try:
        if is_first and folder.is_dir():
            oldest = now().timestamp() - KEPT_S
            for each in folder.iterdir():
                if each.stat().st_mtime < oldest:
                    shutil.rmtree(each, ignore_errors=True)
        for each in (folder, arriving.parent, arriving):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"There is no place for the files on this computer: {error.strerror}.",
            hint="Make room here, then drag them again.",
            code="E-SFTP-LOCAL",
        ) from error


def _publish(promise: Promise, arriving: Path) -> None:
    try:
        for target in promise.targets:
            (arriving / target.name).rename(target)
        arriving.rmdir()
    except OSError as error:
        raise Unavailable(
            f"What was fetched cannot be handed on: {error.strerror}.", hint="Drag it again.", code="E-SFTP-LOCAL"
        ) from error
