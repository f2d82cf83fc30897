"""The line of the palette: what is typed stays in it, what moves and chooses goes to the list."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QFont, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Type

PAGE: Final = 1000
_FAR = 1_000_000
_MOVES = {
    "Down": 1,
    "Up": -1,
    "Tab": 1,
    "Shift+Tab": -1,
    "Shift+Backtab": -1,
    "Ctrl+N": 1,
    "Ctrl+P": -1,
    "PgDown": PAGE,
    "PgUp": -PAGE,
    "Home": -_FAR,
    "End": _FAR,
}
_TABS = frozenset({"Tab", "Shift+Tab", "Shift+Backtab"})
_CLOSING = ("Esc", "Ctrl+K", "Ctrl+Shift+P")


class PaletteLine(QLineEdit):
    """The line to type in. It takes every key, so that no shortcut of the window acts below the palette.

    Signals:
        moved(int): Go so many rows on; `PAGE` is a page, more than that the end.
        entered(): Do what is current.
        left(): Close.
    """

    moved = Signal(int)
    entered = Signal()
    left = Signal()

    def __init__(self, placeholder: str, *, name: str, takes_tab: bool = True, parent: QWidget) -> None:
        """``takes_tab`` false leaves Tab to the window, where there is more than the line to go to."""
        super().__init__(parent)
        self._takes_tab = takes_tab
        self.setProperty("role", "bare")
        font = QFont(theme.font(Type.SECTION))
        font.setWeight(QFont.Weight.Normal)
        self.setFont(font)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(name)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self._take(event):
            return True
        return super().event(event)

    def _take(self, event: QKeyEvent) -> bool:
        """Whether the key is one of the palette's own; a tab would else leave the line before `keyPressEvent`."""
        combination = event.keyCombination()
        keys = QKeySequence(combination).toString(QKeySequence.SequenceFormat.PortableText).removeprefix("Num+")
        if keys in _TABS and not self._takes_tab:
            return False
        if keys in _MOVES:
            self.moved.emit(_MOVES[keys])
        elif keys in ("Return", "Enter"):
            self.entered.emit()
        elif keys in _CLOSING:
            self.left.emit()
        else:
            return False
        return True
