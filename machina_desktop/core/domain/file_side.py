"""One side of a files panel: folders that are looked at and changed, whether they lie on a machine or here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from machina_desktop.core.domain.transfer import Entry

Chunk = Callable[[tuple[Entry, ...]], None]


class Side(Protocol):
    """One side of a panel. Lives on the loop; raises MachinaError. Paths are absolute, of the side's own kind."""

    async def home(self) -> str:
        """Where to begin."""
        ...

    async def entries(self, path: str, on_chunk: Chunk) -> str:
        """Hand over what lies in a folder, on the loop, some hundred at a time; answers the folder's real path."""
        ...

    async def free_space(self, path: str) -> int | None:
        """Bytes that may still be written there; ``None`` where that is not known."""
        ...

    async def make_folder(self, path: str) -> None:
        """Make a folder."""
        ...

    async def rename(self, path: str, name: str) -> None:
        """Give a file or folder another name in its folder."""
        ...

    async def remove(self, paths: tuple[str, ...], on_progress: Callable[[int], None], stop: threading.Event) -> None:
        """Remove files, links, and folders with all in them; ``on_progress`` hears on the loop how many have gone."""
        ...

    async def set_permissions(self, path: str, mode: int) -> None:
        """Set the permission bits."""
        ...

    def join(self, folder: str, name: str) -> str:
        """The path of a name in a folder."""
        ...

    def parent(self, path: str) -> str:
        """The folder above; of the topmost, itself."""
        ...
