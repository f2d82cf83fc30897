"""The data folder with what it holds, its backup, and what helps to find a fault."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QRectF, QSize, QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Paths
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import now
from machina_desktop.core.services.diagnostics import SaveDiagnostics
from machina_desktop.core.services.storage import BackUp, GetStorage, Part, Storage
from machina_desktop.views import tasks, theme
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.settings_log import OwnLogDialog
from machina_desktop.views.apps.settings_section import Block, named
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import CopyLabel, Label

# Told apart by their place and the list below as much as by their colour.
_TOKENS = {
    Part.DATABASE: "ansi-6",
    Part.COPIES: "ansi-4",
    Part.RUNS: "ansi-2",
    Part.PLUGINS: "ansi-5",
    Part.PRACTICE: "ansi-3",
    Part.RECORDINGS: "ansi-1",
    Part.LOGS: "text-secondary",
    Part.OTHER: "outline",
}


class DataFolderBlock(Block):
    """Where the data lie, how much it is, and copying what cannot be made again."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__()
        self._bridge = bridge
        self._window = window
        home = Paths.default().home
        open_ = Button(self.tr("Open"), icon_name="folder-open")
        open_.setAccessibleName(self.tr("Open the data folder"))
        open_.clicked.connect(lambda: open_folder(home))
        self.back_up = Button(self.tr("Back up…"), icon_name="save")
        self.back_up.setObjectName("settings.data.back_up")
        self.back_up.clicked.connect(self._on_back_up)
        self._bar = _SizeBar()
        self._parts = QGridLayout()
        self._parts.setHorizontalSpacing(Space.S)
        self._parts.setVerticalSpacing(Space.XS)
        self._parts.setColumnStretch(1, 1)
        self._total = Label(self.tr("Measuring …"), style=Type.SECONDARY, tone="secondary")
        self.column.addLayout(named(self.tr("Folder"), CopyLabel(str(home), name=self.tr("data folder")), open_))
        self.column.addSpacing(Space.XS)
        self.column.addWidget(self._bar)
        self.column.addLayout(self._parts)
        row = QHBoxLayout()
        row.addWidget(self._total, 1)
        row.addWidget(self.back_up)
        self.column.addLayout(row)

    def refresh(self) -> None:
        """Measure it again."""
        tasks.ask(self._bridge, GetStorage(), owner=self, done=self._on_storage, failed=self._on_unknown)

    def _on_storage(self, storage: Storage) -> None:
        self._bar.show_storage(storage)
        while (item := self._parts.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        locale = self.locale()
        for row, part in enumerate(part for part in storage.parts if part.size_bytes):
            size = Label(locale.formattedDataSize(part.size_bytes, 1), tone="secondary")
            size.setFont(theme.tabular_font())
            self._parts.addWidget(_Sign(_TOKENS[part.part]), row, 0)
            self._parts.addWidget(Label(title_of(part.part)), row, 1)
            self._parts.addWidget(size, row, 2, Qt.AlignmentFlag.AlignRight)
        total, free = (locale.formattedDataSize(size, 1) for size in (storage.size_bytes, storage.free_bytes))
        self._total.setText(self.tr("{0} in all, {1} free on the disk").format(total, free))

    def _on_unknown(self, error: MachinaError) -> None:
        self._total.setText(str(error))

    def _on_back_up(self) -> None:
        files = QFileDialog(self.window(), self.tr("Where to put the backup"), _documents())
        files.setObjectName("settings.data.folders")
        files.setFileMode(QFileDialog.FileMode.Directory)
        files.setOption(QFileDialog.Option.ShowDirsOnly)
        files.fileSelected.connect(self._copy_to)
        files.finished.connect(files.deleteLater)
        files.open()

    def _copy_to(self, folder: str) -> None:
        tasks.ask(self._bridge, BackUp(to=folder), owner=self, done=self._on_copied, busy=self.back_up)

    def _on_copied(self, folder: str) -> None:
        self._window.notify(
            self.tr("Backed up to {0}").format(Path(folder).name),
            kind="success",
            action=self.tr("Open"),
            on_action=lambda: open_folder(Path(folder)),
        )


class LogBlock(Block):
    """Looking at the application's own log, and packing all that helps to find a fault."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__()
        self._bridge = bridge
        self._window = window
        show = Button(self.tr("Show log"), icon_name="scroll-text")
        show.setObjectName("settings.logs.show")
        show.clicked.connect(self._on_show)
        open_ = Button(self.tr("Open folder"), icon_name="folder-open")
        open_.setAccessibleName(self.tr("Open the folder of logs"))
        open_.clicked.connect(lambda: open_folder(Paths.default().logs))
        self.save = Button(self.tr("Save diagnostics…"), icon_name="download")
        self.save.setObjectName("settings.logs.save")
        self.save.clicked.connect(self._on_save)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        for button in (show, open_, self.save):
            row.addWidget(button)
        row.addStretch()
        self.column.addLayout(row)
        note = self.tr(
            "Diagnostics are a zip file with logs, versions, settings and the state of the database. Secrets are taken "
            "out. It stays on this computer until you send it to somebody."
        )
        self.column.addWidget(Label(note, style=Type.SECONDARY, tone="secondary", wraps=True))

    def _on_show(self) -> None:
        OwnLogDialog(self._bridge, parent=self.window()).open()

    def _on_save(self) -> None:
        files = QFileDialog(self.window(), self.tr("Save diagnostics"), _documents())
        files.setObjectName("settings.logs.files")
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        files.setDefaultSuffix("zip")
        files.selectFile(f"machina-diagnostics-{now():%Y%m%d}.zip")
        files.fileSelected.connect(self._save_to)
        files.finished.connect(files.deleteLater)
        files.open()

    def _save_to(self, file: str) -> None:
        tasks.ask(self._bridge, SaveDiagnostics(to=file), owner=self, done=self._on_saved, busy=self.save)

    def _on_saved(self, file: str) -> None:
        self._window.notify(
            self.tr("Diagnostics saved as {0}").format(Path(file).name),
            kind="success",
            action=self.tr("Open folder"),
            on_action=lambda: open_folder(Path(file).parent),
        )


class _SizeBar(QWidget):
    """One bar, divided by what takes the room."""

    def __init__(self) -> None:
        super().__init__()
        self._storage: Storage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(_tr("Size of the data folder by part"))

    def show_storage(self, storage: Storage) -> None:
        """Divide it anew."""
        self._storage = storage
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 8)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill_rounded(painter, rect, 4, theme.color("tint-neutral"))
        total = self._storage.size_bytes if self._storage is not None else 0
        if self._storage is None or not total:
            return
        left = rect.left()
        for part in self._storage.parts:
            # What is there can be seen, however little it is.
            width = max(3.0, rect.width() * part.size_bytes / total) if part.size_bytes else 0.0
            piece = QRectF(left, rect.top(), min(width, rect.right() - left), rect.height())
            if piece.width() > 0:
                fill_rounded(painter, piece.adjusted(0, 0, -1, 0), 2, theme.color(_TOKENS[part.part]))
            left += width


class _Sign(QWidget):
    """The colour of a part, beside its name."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token
        self.setFixedSize(10, 10)

    def paintEvent(self, _event: QPaintEvent) -> None:
        fill_rounded(QPainter(self), QRectF(self.rect()), 3, theme.color(self._token))


def open_folder(folder: Path) -> None:
    """Show a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def title_of(part: Part) -> str:
    """What people read for a part of the data folder."""
    return {
        Part.DATABASE: _tr("Database"),
        Part.COPIES: _tr("Copies from before updates"),
        Part.RUNS: _tr("Run folders"),
        Part.PLUGINS: _tr("Terraform plugins"),
        Part.PRACTICE: _tr("Practice machines"),
        Part.RECORDINGS: _tr("Recordings of terminals"),
        Part.LOGS: _tr("Logs"),
        Part.OTHER: _tr("Vault, settings and the rest"),
    }[part]


def _documents() -> str:
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
