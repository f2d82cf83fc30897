"""The list of a folder: folders first, keys of a two-pane file manager, files dragged in and out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from PySide6.QtCore import (
    QEvent,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSettings,
    QSize,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QStyleOptionViewItem, QWidget

from machina_desktop.core.domain.transfer import Entry
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.terminal_files.file_words import (
    icon_of,
    name_words,
    size_of_entry,
    time_words,
)
from machina_desktop.views.widgets.reading_order import move_focus
from machina_desktop.views.widgets.table_view import RowDelegate, TableView

OURS = "application/x-machina-files"
ROW_HEIGHT = 28
KEYS = {
    Qt.Key.Key_F2: "rename",
    Qt.Key.Key_F4: "edit",
    Qt.Key.Key_F5: "copy",
    Qt.Key.Key_F6: "move",
    Qt.Key.Key_F7: "folder",
    Qt.Key.Key_F8: "delete",
    Qt.Key.Key_Delete: "delete",
    Qt.Key.Key_Backspace: "up",
    Qt.Key.Key_Tab: "switch",
}
_Index = QModelIndex | QPersistentModelIndex


def key_of(entry: Entry) -> str:
    """The key of a row. A name that is not UTF-8 would not come back from Qt as it was."""
    if entry.name.isascii() or not any("\ud800" <= each <= "\udfff" for each in entry.name):
        return entry.name
    return f"/{os.fsencode(entry.name).hex()}"


class FilesModel(RecordTableModel[Entry]):
    """A folder's entries; folders stay first however they are sorted.

    Attributes:
        carry: Makes what a drag takes along for other programs, where ``urls`` answers none.
    """

    def __init__(self, urls: Callable[[Sequence[Entry]], list[QUrl]], parent: QObject) -> None:
        """``urls`` answers where entries lie for other programs; none where they cannot be reached by these."""
        super().__init__(_columns(parent), key=key_of, parent=parent)
        self._urls = urls
        self.carry: Callable[[Sequence[Entry]], QMimeData] | None = None
        self._sorting = (0, Qt.SortOrder.AscendingOrder)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        return [OURS, "text/uri-list"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        entries = [self.record(row) for row in sorted({index.row() for index in indexes})]
        data = self.carry(entries) if self.carry is not None else QMimeData()
        data.setData(OURS, b"1")
        if urls := self._urls(entries):
            data.setUrls(urls)
        return data

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction | Qt.DropAction.MoveAction

    def _sorted(self, records: Sequence[Entry]) -> list[Entry]:
        return sorted(super()._sorted(records), key=lambda entry: not entry.is_folder)


def _columns(owner: QObject) -> tuple[Column[Entry], ...]:
    return (
        Column(
            key="name",
            title=owner.tr("Name"),
            text=name_words,
            icon=icon_of,
            sort_key=lambda entry: entry.name.casefold(),
            width=260,
            least=120,
            grows=1,
        ),
        Column(
            key="size",
            title=owner.tr("Size"),
            text=size_of_entry,
            sort_key=lambda entry: float(entry.size),
            is_right=True,
            is_quiet=True,
            width=80,
            least=64,
        ),
        Column(
            key="modified",
            title=owner.tr("Modified"),
            text=lambda entry: time_words(entry.mtime),
            sort_key=lambda entry: entry.mtime,
            is_quiet=True,
            width=104,
            least=88,
            rank=1,
        ),
        Column(
            key="permissions",
            title=owner.tr("Permissions"),
            text=lambda entry: entry.permissions,
            is_mono=True,
            is_quiet=True,
            width=112,
            least=100,
            rank=2,
        ),
    )


class _LowRows(RowDelegate):
    """Rows as low as file lists have them."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(80, ROW_HEIGHT)


class FileTable(TableView):
    """The rows of one side.

    Signals:
        asked: A key that asks for something was pressed: a value of :data:`KEYS` (str).
        dropped_ours: Rows of another side were dropped here: their table, and whether they shall be moved.
        dropped_urls: Files of this computer were dropped here: their paths (list of str).
        drag_ended: A drag of rows of this table is over, wherever it ended.
    """

    asked = Signal(str)
    dropped_ours = Signal(QObject, bool)
    dropped_urls = Signal(list)
    drag_ended = Signal()

    def __init__(
        self, model: FilesModel, *, name: str, settings: QSettings | None, settings_key: str, parent: QWidget
    ) -> None:
        super().__init__(model, name=name, settings=settings, settings_key=settings_key, parent=parent)
        self.setItemDelegate(_LowRows(self))
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.CopyAction)
        self.setDropIndicatorShown(False)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _asks(event):
            # What the window has these keys for is not meant while a list of files has the keyboard.
            event.accept()
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and _asks(event):
            self.asked.emit(KEYS[Qt.Key(event.key())])
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and _leaves(event):
            is_back = event.key() == Qt.Key.Key_Backtab or event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            return move_focus(self.window(), forwards=not is_back)
        return super().event(event)

    def startDrag(self, actions: Qt.DropAction) -> None:
        super().startDrag(actions)
        self.drag_ended.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._takes(event):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if self._takes(event):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        source = event.source()
        if isinstance(source, FileTable):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            is_move = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.dropped_ours.emit(source, is_move)
        elif paths := [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.dropped_urls.emit(paths)

    def _takes(self, event: QDropEvent) -> bool:
        source = event.source()
        if isinstance(source, FileTable):
            return source is not self
        return any(url.isLocalFile() for url in event.mimeData().urls())

    def _end_at_last_row(self) -> None:
        """The room under the rows belongs to the list: things are dropped there."""


def _asks(event: QKeyEvent) -> bool:
    return event.modifiers() == Qt.KeyboardModifier.NoModifier and event.key() in KEYS


def _leaves(event: QKeyEvent) -> bool:
    """Whether it is the way out, as in a terminal: Tab itself goes to the other side."""
    is_tab = event.key() in {Qt.Key.Key_Tab, Qt.Key.Key_Backtab}
    return is_tab and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
