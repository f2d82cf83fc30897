"""The mouse over a terminal: it selects, turns the wheel, opens links, or reports to the program that asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QMouseEvent, QWheelEvent

from machina_desktop.views.terminal import links
from machina_desktop.views.terminal.mouse_reports import Act, MouseAct, reported
from machina_desktop.views.terminal.overlay import Span
from machina_desktop.views.terminal.selection import Selection, Unit, unit_at

if TYPE_CHECKING:
    from machina_desktop.views.terminal.sight import Sight

_Mod = Qt.KeyboardModifier
_BUTTONS: Final = {Qt.MouseButton.LeftButton: 0, Qt.MouseButton.MiddleButton: 1, Qt.MouseButton.RightButton: 2}
_UNITS: Final = (Unit.CHARACTER, Unit.WORD, Unit.LINE)
# One notch of a wheel, in Qt's eighths of a degree, and the lines it scrolls.
_NOTCH: Final = 120
LINES_A_NOTCH: Final = 3
_AUTOSCROLL_MS: Final = 40


class Link:
    """A link under the mouse: where it leads, and the columns that it takes in each row in sight."""

    def __init__(self, address: str, spans: tuple[Span, ...]) -> None:
        self.address = address
        self.spans = spans


class Pointer(QObject):
    """Turns what the mouse does into a selection, reports and wishes.

    Signals:
        reported(bytes): To be sent to the program.
        selected(): The selection is another.
        ended(): A selection was finished.
        scrolled(int): So many lines back are to be shown, relative to now.
        link_wanted(str): The address is to be opened.
        hovered(): The link under the mouse is another.
    """

    reported = Signal(bytes)
    selected = Signal()
    ended = Signal()
    scrolled = Signal(int)
    link_wanted = Signal(str)
    hovered = Signal()

    def __init__(self, sight: Sight, parent: QObject) -> None:
        super().__init__(parent)
        self._sight = sight
        self.selection: Selection | None = None
        self.link: Link | None = None
        # Of rows of the screen, what is selected in them; those above it cannot change any more.
        self._covered: dict[int, str] = {}
        self._is_selecting = False
        self._clicks = 0
        self._clicked_at = QPointF()
        self._click_clock = QTimer(self, singleShot=True)
        self._told_cell: tuple[int, int] | None = None
        self._wheel = 0.0
        self._at = QPointF()
        self._below = 0
        self._autoscroll = QTimer(self, interval=_AUTOSCROLL_MS)
        self._autoscroll.timeout.connect(self._on_autoscroll)

    def press(self, event: QMouseEvent) -> None:
        """A button went down."""
        modifiers = event.modifiers()
        if self._report(event, Act.PRESS):
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if modifiers & _Mod.ControlModifier and self.link is not None:
            self.link_wanted.emit(self.link.address)
            return
        self._begin(event)

    def double_click(self, event: QMouseEvent) -> None:
        """Qt tells the second press of two in a row by another event."""
        self.press(event)

    def move(self, event: QMouseEvent, height: float) -> None:
        """The mouse moved; ``height`` is that of the widget in design pixels."""
        self._at = event.position()
        if self._is_selecting:
            self._below = -1 if self._at.y() < 0 else 1 if self._at.y() > height else 0
            if self._below and not self._autoscroll.isActive():
                self._autoscroll.start()
            self._extend()
            return
        self._report(event, Act.MOVE)
        self.look_for_link(self._at if event.modifiers() & _Mod.ControlModifier else None)

    def release(self, event: QMouseEvent) -> None:
        """A button went up."""
        self._autoscroll.stop()
        if self._is_selecting and event.button() == Qt.MouseButton.LeftButton:
            self._is_selecting = False
            if self.selection is not None and self.selection.is_empty:
                self.clear()
            self.ended.emit()
            return
        self._report(event, Act.RELEASE)

    def wheel(self, event: QWheelEvent) -> None:
        """The wheel turned: the program hears of it, moves its cursor, or the screen scrolls."""
        delta = event.pixelDelta().y() * _NOTCH / 50 if not event.pixelDelta().isNull() else event.angleDelta().y()
        self._wheel += delta * LINES_A_NOTCH / _NOTCH
        lines = int(self._wheel)
        self._wheel -= lines
        if not lines:
            return
        modes = self._sight.terminal.modes
        if modes.mouse not in {"off", "x10"} and not event.modifiers() & _Mod.ShiftModifier:
            for _ in range(max(1, abs(lines) // LINES_A_NOTCH)):
                self._tell(Act.PRESS, 64 if lines > 0 else 65, event.position(), event.modifiers())
        elif modes.is_alternate:
            if modes.is_alternate_scroll:
                final = "A" if lines > 0 else "B"
                prefix = "\x1bO" if modes.is_cursor_application else "\x1b["
                self.reported.emit((prefix + final).encode() * abs(lines))
        else:
            self.scrolled.emit(lines)

    def clear(self) -> None:
        """Select nothing."""
        if self.selection is not None:
            self.selection = None
            self.selected.emit()

    def select(self, selection: Selection) -> None:
        """Select what something else has found."""
        self.selection = selection
        self._note_covered(selection)
        self.selected.emit()

    def heed_changes(self) -> None:
        """Let the selection go if something else stands now where it is, as xterm does; never while it is made."""
        selection = self.selection
        if selection is None:
            return
        is_same = all(self._selected_in(selection, row) == text for row, text in self._covered.items())
        if is_same or self._is_selecting:
            self._note_covered(selection)
        else:
            self.clear()

    def _note_covered(self, selection: Selection) -> None:
        base = self._sight.base
        first, last = max(selection.start.row, base), min(selection.end.row, base + self._sight.terminal.lines - 1)
        self._covered = {row: self._selected_in(selection, row) for row in range(first, last + 1)}

    def _selected_in(self, selection: Selection, row: int) -> str:
        """What is selected in an absolute row, without blanks at its end."""
        terminal = self._sight.terminal
        first, last = selection.span(row, terminal.columns) or (0, 0)
        return terminal.row(row - self._sight.base).text[first:last].rstrip(" ")

    def look_for_link(self, at: QPointF | None) -> None:
        """Note which link is at a place; ``None`` for nowhere."""
        found = self.link_at(at) if at is not None else None
        if (found.address if found else None) != (self.link.address if self.link else None):
            self.link = found
            self.hovered.emit()

    def link_at(self, at: QPointF) -> Link | None:
        """The link at a place: one that the program marked, or an address in the text."""
        sight = self._sight
        cell = sight.cell_at(at)
        y = cell.line - sight.back
        marked = sight.terminal.link_at(y, cell.column)
        if marked is not None:
            columns = range(sight.terminal.columns)
            same = [column for column in columns if sight.terminal.link_at(y, column) == marked]
            return Link(marked.address, (Span(line=cell.line, first=same[0], last=same[-1] + 1),))
        line = sight.line_at(sight.top + cell.line)
        width = sight.terminal.columns
        index = (sight.top + cell.line - line.first) * width + cell.column
        for found in links.addresses(line.text):
            if found.start <= index < found.end:
                return Link(found.address, tuple(self._spans(found.start, found.end, line.first)))
        return None

    def _spans(self, start: int, end: int, first: int) -> list[Span]:
        """The columns of a stretch of a logical line, row by row."""
        width, top = self._sight.terminal.columns, self._sight.top
        spans = []
        for row in range(start // width, (end - 1) // width + 1):
            left, right = max(start, row * width), min(end, (row + 1) * width)
            spans.append(Span(line=first + row - top, first=left - row * width, last=right - row * width))
        return spans

    def _begin(self, event: QMouseEvent) -> None:
        """Start a selection, or extend the one there is."""
        sight, at = self._sight, event.position()
        self._at = at
        self._is_selecting = True
        if event.modifiers() & _Mod.ShiftModifier and self.selection is not None:
            self._extend()
            return
        hints = QGuiApplication.styleHints()
        is_near = (at - self._clicked_at).manhattanLength() <= hints.mouseDoubleClickDistance()
        is_repeated = self._click_clock.isActive() and is_near
        self._clicks = self._clicks % len(_UNITS) + 1 if is_repeated else 1
        self._click_clock.start(hints.mouseDoubleClickInterval())
        self._clicked_at = at
        unit = _UNITS[self._clicks - 1]
        is_block = bool(event.modifiers() & _Mod.AltModifier)
        spot = (
            sight.spot_at(at) if unit is Unit.CHARACTER else sight.spot_at(at)._replace(column=sight.cell_at(at).column)
        )
        around = unit_at(spot, unit, sight.line_at, sight.terminal.columns)
        self.select(Selection(anchor=around, head=around, unit=unit, is_block=is_block))

    def _extend(self) -> None:
        if self.selection is None:
            return
        sight, unit = self._sight, self.selection.unit
        spot = sight.spot_at(self._at)
        if unit is not Unit.CHARACTER:
            spot = spot._replace(column=sight.cell_at(self._at).column)
        self.select(self.selection.to(unit_at(spot, unit, sight.line_at, sight.terminal.columns)))

    def _on_autoscroll(self) -> None:
        if not self._is_selecting or not self._below:
            self._autoscroll.stop()
            return
        self.scrolled.emit(-self._below)
        self._extend()

    def _report(self, event: QMouseEvent, act: Act) -> bool:
        """Tell the program, if it asked; Shift keeps the mouse for the person."""
        modes = self._sight.terminal.modes
        if modes.mouse == "off" or self._sight.back or event.modifiers() & _Mod.ShiftModifier:
            return False
        if act is Act.MOVE:
            held = [number for button, number in _BUTTONS.items() if event.buttons() & button]
            button = held[0] if held else 3
            cell = self._sight.cell_at(event.position())
            if (cell.line, cell.column) == self._told_cell:
                return True
        elif event.button() in _BUTTONS:
            button = _BUTTONS[event.button()]
        else:
            return False
        self._tell(act, button, event.position(), event.modifiers())
        return True

    def _tell(self, act: Act, button: int, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        modes, cell = self._sight.terminal.modes, self._sight.cell_at(at)
        self._told_cell = (cell.line, cell.column)
        told = MouseAct(act=act, button=button, column=cell.column, row=cell.line, modifiers=modifiers)
        if data := reported(told, str(modes.mouse), str(modes.mouse_encoding)):
            self.reported.emit(data)
