"""Rows of a machine dragged to other programs: a promise of files, fetched as soon as somebody else may want them.

What other programs take are paths, and on X11 and Wayland they read the files at once when these are dropped. So the
fetch begins when the pointer leaves the window, and a file appears under its path when it is whole: small ones are
there before the button is let go, of large ones it is said when they can be dragged again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from PySide6.QtCore import QMetaType, QMimeData, QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.transfer import Promise, base_name, shown_name
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import tasks

LOOK_MS = 60
_PATHS = "text/uri-list"


class PromisedFiles(QMimeData):
    """Paths of files that are fetched when somebody asks for these."""

    def __init__(self, urls: Sequence[QUrl], on_wanted: Callable[[], None]) -> None:
        super().__init__()
        self._promised = list(urls)
        self._on_wanted = on_wanted

    def formats(self) -> list[str]:
        return [*super().formats(), _PATHS]

    def hasFormat(self, mimetype: str) -> bool:
        return mimetype in self.formats()

    def retrieveData(self, mimetype: str, preferred: QMetaType | QMetaType.Type) -> object:
        if mimetype != _PATHS:
            return super().retrieveData(mimetype, preferred)
        self._on_wanted()
        # A list: Qt makes bytes of it for other programs, but no list of bytes for its own.
        return self._promised


class DragOut(QObject):
    """The drags out of one machine's side.

    Attributes:
        promise: What the drag under way offers, or the last one did.

    Signals:
        said(str): Something worth a line happened.
    """

    said = Signal(str)

    def __init__(self, bridge: Bridge, machine_id: str, panel: QWidget) -> None:
        super().__init__(panel)
        self._bridge = bridge
        self._machine_id = machine_id
        self._panel = panel
        self._fetching: asyncio.Task[object] | None = None
        self._has_left = False
        self._is_dragging = False
        self._ready: dict[tuple[str, ...], Promise] = {}
        self._carried: PromisedFiles | None = None
        self.promise: Promise | None = None
        self._look = QTimer(self, interval=LOOK_MS)
        self._look.timeout.connect(self._on_look)

    def carry(self, paths: tuple[str, ...]) -> QMimeData:
        """What a drag of these files of the machine takes along."""
        files = self._bridge.files
        # What was fetched too late for the last drop is used once; a file may be another one later.
        is_ready = paths in self._ready
        self.promise = self._ready.pop(paths, None) or files.dragged.promise(self._machine_id, paths)
        self._has_left = is_ready
        self._fetching = None
        self._is_dragging = True
        self._look.start()
        urls = [QUrl.fromLocalFile(str(target)) for target in self.promise.targets]
        self._carried = PromisedFiles(urls, self.fetch)
        return self._carried

    def fetch(self) -> None:
        """Begin to fetch what is dragged, unless that was done."""
        if self._has_left or self.promise is None:
            return
        self._has_left = True
        promise = self.promise
        self._fetching = tasks.run(
            self._bridge,
            self._bridge.files.dragged.fetch(promise),
            owner=self,
            name="fetch files that are dragged",
            done=lambda is_whole: self._on_fetched(promise, is_whole=is_whole),
            failed=self._on_failed,
        )

    def end(self) -> None:
        """The button was let go, or the drag called off."""
        self._look.stop()
        self._is_dragging = False
        if self._fetching is None or self._fetching.done():
            return
        if self._is_inside():
            self._fetching.cancel()
        else:
            self.said.emit(self.tr("Still being fetched; it is told here when it can be dragged."))

    def _on_look(self) -> None:
        if not self._is_inside():
            self.fetch()

    def _is_inside(self) -> bool:
        return self._panel.window().frameGeometry().contains(QCursor.pos())

    def _on_fetched(self, promise: Promise, *, is_whole: bool) -> None:
        if not is_whole:
            self.said.emit(self.tr("Not all of it could be fetched; the list of transfers says why."))
        elif not self._is_dragging:
            self._ready[promise.sources] = promise
            names = ", ".join(shown_name(base_name(each)) for each in promise.sources[:3])
            self.said.emit(self.tr("{0} can be dragged to another program now.").format(names))

    def _on_failed(self, error: MachinaError) -> None:
        self.said.emit(str(error))
