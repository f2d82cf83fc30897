"""The line a list is searched with."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QLineEdit, QWidget

from machina_desktop.views.icons import icon

SEARCH_DELAY_MS = 120
# Where a header has no room, the line gives way first; in design pixels.
_NARROWEST = 120


class SearchInput(QLineEdit):
    """A search line with a glass and a clear button; Ctrl+F reaches it from anywhere on its page, Esc empties it.

    Signals:
        searched: The trimmed text (str), 120 ms after the last key, and at once on Enter and on clearing.
    """

    searched = Signal(str)

    def __init__(self, placeholder: str = "", *, width: int = 240, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._told = ""
        self.setPlaceholderText(placeholder or self.tr("Filter…"))
        self.setAccessibleName(placeholder or self.tr("Filter"))
        self.setToolTip(self.tr("Ctrl+F"))
        self.setProperty("role", "search")
        self.setMinimumWidth(min(width, _NARROWEST))
        self.setMaximumWidth(width)
        self.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self._clear = QAction(icon("x"), self.tr("Clear"), self)
        self._clear.triggered.connect(self.clear)
        self._delay = QTimer(self, interval=SEARCH_DELAY_MS, singleShot=True)
        self._delay.timeout.connect(self._tell)
        self.textChanged.connect(self._on_text_changed)
        self.returnPressed.connect(self._tell)

    def sizeHint(self) -> QSize:
        return QSize(self.maximumWidth(), super().sizeHint().height())

    def listen_for_shortcut(self, page: QWidget) -> None:
        """Let Ctrl+F anywhere in ``page`` come here."""
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), page)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self._on_shortcut)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)

    def _on_shortcut(self) -> None:
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def _on_text_changed(self, text: str) -> None:
        if text and self._clear not in self.actions():
            self.addAction(self._clear, QLineEdit.ActionPosition.TrailingPosition)
        elif not text:
            self.removeAction(self._clear)
            self._tell()
            return
        self._delay.start()

    def _tell(self) -> None:
        self._delay.stop()
        text = self.text().strip()
        if text != self._told:
            self._told = text
            self.searched.emit(text)
