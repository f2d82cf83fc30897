"""The picture of a person or a team: chosen, dropped or taken away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QRectF, QStandardPaths, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.painting import draw_focus_ring
from machina_desktop.views.widgets.pictures import KINDS, data_url_from, picture_of
from machina_desktop.views.widgets.text import Label

_SIZE = 72


class AvatarField(QWidget):
    """The picture as it is, with what can be done about it; a picture file may be dropped on it.

    Attributes:
        choose: The button that opens the file dialog.
        remove: The button that brings the initials back.

    Signals:
        changed(): Another picture, or none.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` begins the object names of what is in it: ``profile.picture``."""
        super().__init__(parent)
        self._bridge = bridge
        self._object = name
        self._url = ""
        self._is_target = False
        self.setAcceptDrops(True)
        self._avatar = Avatar("", size=_SIZE)
        self.choose = Button(_tr("Choose a picture…"), icon_name="image")
        self.choose.setObjectName(f"{name}.choose")
        self.choose.clicked.connect(self._on_choose)
        self.remove = Button(_tr("Remove"), kind=ButtonKind.GHOST)
        self.remove.setAccessibleName(_tr("Remove the picture"))
        self.remove.setObjectName(f"{name}.remove")
        self.remove.clicked.connect(lambda: self._set(""))
        self._problem = Label("", style=Type.SECONDARY, tone="error", wraps=True)
        self._problem.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.S)
        buttons.addWidget(self.choose)
        buttons.addWidget(self.remove)
        buttons.addStretch()
        words = QVBoxLayout()
        words.setSpacing(Space.XS)
        words.addStretch()
        words.addLayout(buttons)
        note = _tr("Or drop a picture here. Its middle is cut out as a small square.")
        words.addWidget(Label(note, style=Type.SECONDARY, tone="secondary", wraps=True))
        words.addWidget(self._problem)
        words.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.S, Space.S, Space.S, Space.S)
        row.setSpacing(Space.L)
        row.addWidget(self._avatar)
        row.addLayout(words, 1)
        self.set_url("")

    def url(self) -> str:
        """The picture as a data URL, or the address it was stored under; empty for none."""
        return self._url

    def set_url(self, url: str) -> None:
        """Show another picture; sends no signal."""
        self._url = url
        self._avatar.set_picture(picture_of(url))
        self.remove.setVisible(bool(url))
        self.set_error("")

    def set_name(self, name: str) -> None:
        """Whose initials stand there without a picture."""
        self._avatar.set_name(name)

    def set_error(self, message: str) -> None:
        """Say what is wrong with the picture; empty says nothing."""
        self._problem.setText(message)
        self._problem.setVisible(bool(message))

    def error(self) -> str:
        """What is said to be wrong; empty when nothing is."""
        return "" if self._problem.isHidden() else self._problem.text()

    def take(self, path: Path) -> None:
        """Make the picture from a file."""
        tasks.run(
            self._bridge,
            asyncio.to_thread(data_url_from, path),
            owner=self,
            name="read picture",
            done=self._set,
            failed=self._on_failed,
            busy=self.choose,
        )

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()
            self._set_target(is_target=True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        self._set_target(is_target=False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._set_target(is_target=False)
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.take(path)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._is_target:
            draw_focus_ring(QPainter(self), QRectF(self.rect()), Radius.CARD)

    def _set_target(self, *, is_target: bool) -> None:
        self._is_target = is_target
        self.update()

    def _set(self, url: str) -> None:
        self.set_url(url)
        self.changed.emit()

    def _on_failed(self, error: MachinaError) -> None:
        self.set_error(str(error))

    def _on_choose(self) -> None:
        pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        files = QFileDialog(self.window(), _tr("Choose a picture"), pictures)
        files.setObjectName(f"{self._object}.files")
        files.setFileMode(QFileDialog.FileMode.ExistingFile)
        endings = " ".join(f"*.{kind}" for kind in KINDS)
        files.setNameFilters([f"{_tr('Pictures')} ({endings})", f"{_tr('All files')} (*)"])
        files.fileSelected.connect(lambda file: self.take(Path(file)))
        files.finished.connect(files.deleteLater)
        files.open()


def _dropped(event: QDropEvent) -> Path | None:
    """The one local file that is dropped; ``None`` for anything else."""
    urls = event.mimeData().urls()
    is_copy = bool(event.possibleActions() & Qt.DropAction.CopyAction)
    return Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() and is_copy else None


def _tr(text: str) -> str:
    return QCoreApplication.translate("AvatarField", text)
