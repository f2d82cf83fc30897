"""What screen readers hear of a terminal: the rows in sight as one text, with the cursor and the selection in it."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QObject, QPoint, QPointF, QRect
from PySide6.QtGui import QAccessible, QAccessibleInterface, QAccessibleTextInterface
from PySide6.QtWidgets import QAccessibleWidget

from machina_desktop.views.terminal.overlay import Span
from machina_desktop.views.terminal.view import TerminalView


class ScreenText(QAccessibleTextInterface):
    """The rows in sight, one line each; offsets count characters, the line ends included."""

    def __init__(self, view: TerminalView) -> None:
        super().__init__()
        self._view = view

    def characterCount(self) -> int:
        return len(self.whole())

    def text(self, start: int, end: int) -> str:
        return self.whole()[start : len(self.whole()) if end < 0 else end]

    def cursorPosition(self) -> int:
        cursor = self._view.sight.terminal.cursor
        lines = self._lines()
        line = min(cursor.y + self._view.sight.back, len(lines) - 1)
        return sum(len(each) + 1 for each in lines[:line]) + min(cursor.x, len(lines[line]))

    def setCursorPosition(self, position: int) -> None:
        """The program moves the cursor, nobody else."""

    def selectionCount(self) -> int:
        return 0

    def selection(self, selection_index: int) -> object:
        return (0, 0)

    def addSelection(self, start: int, end: int) -> None:
        """Selected is with the mouse or by command."""

    def removeSelection(self, selection_index: int) -> None:
        """Selected is with the mouse or by command."""

    def setSelection(self, selection_index: int, start: int, end: int) -> None:
        """Selected is with the mouse or by command."""

    def scrollToSubstring(self, start: int, end: int) -> None:
        """All of it is in sight."""

    def attributes(self, offset: int) -> object:
        return ("", 0, self.characterCount())

    def characterRect(self, offset: int) -> QRect:
        before = self.whole()[:offset]
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        rect = self._view.sight.rect_of(Span(line=line, first=column, last=column + 1)).toRect()
        return rect.translated(self._view.viewport().mapToGlobal(QPoint(0, 0)))

    def offsetAtPoint(self, point: QPoint) -> int:
        cell = self._view.sight.cell_at(QPointF(self._view.viewport().mapFromGlobal(point)))
        lines = self._lines()
        return sum(len(each) + 1 for each in lines[: cell.line]) + min(cell.column, len(lines[cell.line]))

    def whole(self) -> str:
        """All of it."""
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        terminal, back = self._view.sight.terminal, self._view.sight.back
        lines = [terminal.row(line - back).text.replace("\0", "") for line in range(terminal.lines)]
        cursor = terminal.cursor
        if cursor.y + back < terminal.lines:
            # Blanks at the end are not stored, but the cursor may stand behind them.
            lines[cursor.y + back] = lines[cursor.y + back].ljust(cursor.x)
        return lines


class AccessibleTerminal(QAccessibleWidget):
    """A terminal to screen readers."""

    def __init__(self, view: TerminalView) -> None:
        super().__init__(view, QAccessible.Role.Terminal)
        self._text = ScreenText(view)

    def text(self, what: QAccessible.Text) -> str:
        return self._text.whole() if what == QAccessible.Text.Value else super().text(what)

    def interface_cast(self, kind: QAccessible.InterfaceType) -> int:
        if kind == QAccessible.InterfaceType.TextInterface:
            # An address, as C++ casts it; what the stubs call a number.
            return shiboken6.VoidPtr(shiboken6.getCppPointer(self._text)[0])  # type: ignore[return-value]
        return super().interface_cast(kind)


class _State:
    """What is kept as long as the application lives; Qt knows the interfaces by address only."""

    is_installed = False
    made: dict[int, AccessibleTerminal] = {}  # noqa: RUF012 - one for the application


def install() -> None:
    """Let Qt ask here for the interface of terminals, from the first one on."""
    if not _State.is_installed:
        _State.is_installed = True
        QAccessible.installFactory(_interface_of)


def _interface_of(_class_name: str, subject: QObject | None) -> QAccessibleInterface | None:
    if not isinstance(subject, TerminalView):
        return None
    key = id(subject)
    made = _State.made[key] = AccessibleTerminal(subject)
    subject.destroyed.connect(lambda: _State.made.pop(key, None))
    return made
