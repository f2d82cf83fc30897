"""Selection by record key, the same for tables and card grids."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QItemSelectionModel, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication

from machina_desktop.core.errors import Bug
from machina_desktop.views.commands import KeyHint
from machina_desktop.views.models.table_model import RecordTableModel

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_ARROWS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right)


def key_hints() -> tuple[KeyHint, ...]:
    """The keys of tables and cards."""
    return tuple(
        KeyHint(keys, QCoreApplication.translate("RecordSelection", title))
        for keys, title in (
            ("Ctrl+F", "Search in the list"),
            ("Return", "Open in the inspector"),
            ("Space", "Peek, and stay in the list"),
            ("Shift+F10", "Open its menu"),
            ("Shift+Down", "Select one more"),
            ("Ctrl+A", "Select all"),
        )
    )


class RecordSelection(QObject):
    """Watches a view over a `RecordTableModel` and tells about its rows by key.

    Signals:
        selected: Another row became the current one (str key; empty for none).
        selection_changed: The keys of all selected rows changed (list of str).
        activated: Enter or a double click (str key).
        peeked: Space (str key).
        menu_requested: A context menu is wanted (str key, QPoint in global coordinates).
        refused: A row that cannot be chosen was clicked (str key).
    """

    selected = Signal(str)
    selection_changed = Signal(list)
    activated = Signal(str)
    peeked = Signal(str)
    menu_requested = Signal(str, QPoint)
    refused = Signal(str)

    def __init__(self, view: QAbstractItemView) -> None:
        """``view`` must have its model already."""
        super().__init__(view)
        self._view = view
        self._is_passing = False
        self._is_pressed = False
        self._is_owing = False
        view.installEventFilter(self)
        view.viewport().installEventFilter(self)
        view.doubleClicked.connect(self._on_double_clicked)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._on_menu)
        view.selectionModel().currentRowChanged.connect(self._on_current_changed)
        view.selectionModel().selectionChanged.connect(self._on_selection_changed)

    def current_key(self) -> str:
        """The key of the current row; empty when there is none."""
        return self._key(self._view.currentIndex())

    def selected_keys(self) -> tuple[str, ...]:
        """The keys of all selected rows, from the top."""
        rows = sorted({index.row() for index in self._view.selectionModel().selectedIndexes()})
        return tuple(self._model().key_of(row) for row in rows)

    def select_key(self, key: str) -> bool:
        """Make the row with ``key`` the only selected one and bring it into view; whether there is such a row."""
        row = self._model().row_of(key)
        if row < 0:
            return False
        index = self._model().index(row, 0)
        flags = QItemSelectionModel.SelectionFlag
        self._view.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self._view.scrollTo(index)
        return True

    def clear(self) -> None:
        """Select nothing."""
        self._view.selectionModel().clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self._view:
            if isinstance(event, QMouseEvent):
                self._on_mouse(event)
            return False
        is_press = event.type() == QEvent.Type.KeyPress and bool(self.current_key())
        if is_press and isinstance(event, QKeyEvent) and self._take_key(event):
            return True
        if isinstance(event, QContextMenuEvent) and event.reason() == QContextMenuEvent.Reason.Keyboard:
            self._open_menu()
            return True
        if event.type() == QEvent.Type.FocusIn and not self._view.currentIndex().isValid():
            self._stand_on_first()
        return super().eventFilter(watched, event)

    def _take_key(self, event: QKeyEvent) -> bool:
        """Whether the key does something with the row the keyboard stands on."""
        key = self.current_key()
        if event.key() in _ENTER:
            self.activated.emit(key)
        elif event.key() in _ARROWS and not self.selected_keys():
            # Coming with Tab, the first arrow chooses the row the keyboard stands on.
            self.select_key(key)
            self.selected.emit(key)
        elif event.key() == Qt.Key.Key_Space:
            self.peeked.emit(key)
        elif event.key() == Qt.Key.Key_F10 and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self._open_menu()
        else:
            return False
        return True

    def _open_menu(self) -> None:
        """The menu of the row the keyboard stands on; where Qt would ask for it, another row may be."""
        index = self._view.currentIndex()
        # Some systems send a key and then the request it stands for.
        if not index.isValid() or QApplication.activePopupWidget() is not None:
            return
        if not self.selected_keys():
            self.select_key(self._key(index))
        self._view.scrollTo(index)
        at = self._view.visualRect(index).center()
        self.menu_requested.emit(self._key(index), self._view.viewport().mapToGlobal(at))

    def _stand_on_first(self) -> None:
        """Make the first row current, as Qt would, but tell nobody: passing by with Tab chooses nothing."""
        self._is_passing = True
        # A list that was scrolled stays where it is: the click that brings the focus is meant for what is seen there.
        has_auto_scroll = self._view.hasAutoScroll()
        self._view.setAutoScroll(False)
        flag = QItemSelectionModel.SelectionFlag.NoUpdate
        self._view.selectionModel().setCurrentIndex(self._model().index(0, 0), flag)
        self._view.setAutoScroll(has_auto_scroll)
        self._is_passing = False

    def _model(self) -> RecordTableModel[object]:
        model = self._view.model()
        if not isinstance(model, RecordTableModel):
            raise Bug("The view shows no record model.")
        return model

    def _key(self, index: QModelIndex) -> str:
        return self._model().key_of(index.row()) if index.isValid() else ""

    def _on_double_clicked(self, index: QModelIndex) -> None:
        self.activated.emit(self._key(index))

    def _on_current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        # What opens beside the list moves its rows: not while a button is down on one of them.
        if self._is_pressed:
            self._is_owing = True
        elif not self._is_passing:
            self.selected.emit(self._key(index))

    def _on_mouse(self, event: QMouseEvent) -> None:
        """Tell of the row under the mouse when the button is let go, also when it was the current one before."""
        if event.type() == QEvent.Type.MouseButtonPress:
            self._is_pressed, self._is_owing = True, False
        elif event.type() == QEvent.Type.MouseButtonRelease and self._is_pressed:
            self._is_pressed = False
            is_plain = event.button() == Qt.MouseButton.LeftButton and not event.modifiers()
            index = self._view.indexAt(event.position().toPoint())
            if is_plain and index.isValid() and not index.flags() & Qt.ItemFlag.ItemIsEnabled:
                self.refused.emit(self._key(index))
                return
            is_again = is_plain and index == self._view.currentIndex()
            if self.current_key() and (self._is_owing or is_again):
                self.selected.emit(self.current_key())

    def _on_selection_changed(self) -> None:
        self.selection_changed.emit(list(self.selected_keys()))

    def _on_menu(self, at: QPoint) -> None:
        index = self._view.indexAt(at)
        if index.isValid():
            self.menu_requested.emit(self._key(index), self._view.viewport().mapToGlobal(at))
