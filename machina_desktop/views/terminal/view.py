"""The widget that shows one terminal and takes its keys: it paints, scrolls, composes, and tells what was typed."""

from __future__ import annotations

import time
from typing import Final, cast

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QHideEvent,
    QInputMethodEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views import theme
from machina_desktop.views.terminal import keymap, links
from machina_desktop.views.terminal.blinking import Blinking
from machina_desktop.views.terminal.entry import Composed, Pressed
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.overlay import Span
from machina_desktop.views.terminal.painting import Overlaid, cursor_look, draw, selected_spans
from machina_desktop.views.terminal.pointer import Pointer
from machina_desktop.views.terminal.sight import INSET, Sight
from machina_desktop.views.widgets.tooltip import show_tooltip

FLASH_MS: Final = 120
SIZING_MS: Final = 60
_Mod = Qt.KeyboardModifier


class TerminalView(QAbstractScrollArea):
    """Shows a terminal. It parses nothing and sends nothing: the pane does.

    Attributes:
        sight: What is in sight.
        pointer: The mouse, with the selection.
        found: Spans that a search found; ``found_now``: of the match that one stands on.
        painted_frames: How often it was painted.

    Signals:
        typed(bytes): Keys and reports for the program.
        entered(object): What a person typed, an `Entry`, after it was sent; reports are none.
        size_changed(int, int): Columns and lines are others.
        keys_pressed(QKeyEvent): A key that the window keeps; whoever takes it accepts the event.
        paste_wanted(): The middle button asks for what is selected elsewhere.
        focus_changed(bool): The keyboard came or went.
        scrolled(): Other rows are in sight.
        painted(float): Seconds of this thread's time that it took to bring the picture up to date and to paint it.
    """

    typed = Signal(bytes)
    entered = Signal(object)
    size_changed = Signal(int, int)
    keys_pressed = Signal(QKeyEvent)
    paste_wanted = Signal()
    focus_changed = Signal(bool)
    scrolled = Signal()
    painted = Signal(float)

    def __init__(self, terminal: Terminal, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sight = Sight(terminal, look)
        self.pointer = Pointer(self.sight, self)
        self.found: tuple[Span, ...] = ()
        self.found_now: tuple[Span, ...] = ()
        self.painted_frames = 0
        self._spent = 0.0
        self._composed = ""
        self._is_flashing = False
        self._is_settling = False
        self._cursor_place = QRectF()
        self._blinking = Blinking(self.sight, self)
        self._blinking.turned.connect(self._on_turned)
        self._flash = QTimer(self, interval=FLASH_MS, singleShot=True)
        self._flash.timeout.connect(self._on_flash_over)
        self._sizing = QTimer(self, interval=SIZING_MS, singleShot=True)
        self._sizing.timeout.connect(self._on_sized)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
        self.setAutoFillBackground(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Terminal"))
        self.verticalScrollBar().setSingleStep(1)
        self._connect()

    def _connect(self) -> None:
        self.verticalScrollBar().valueChanged.connect(self._on_bar_moved)
        self.pointer.reported.connect(self.typed)
        self.pointer.selected.connect(self.viewport().update)
        self.pointer.hovered.connect(self._on_hovered)
        self.pointer.scrolled.connect(self.scroll_by)
        theme.events().theme_changed.connect(self.refresh)

    def dress(self, look: Look) -> None:
        """Take another look: font, size, colours, cursor."""
        self.sight.dress(look, self.devicePixelRatioF())
        self._fit()
        self.refresh()
        self.viewport().update()

    def zoom(self, step: int) -> None:
        """Make the letters larger or smaller by pixels; 0 is back to what is set."""
        self.sight.zoom(step)
        self._fit()
        self.refresh()
        self.viewport().update()

    def refresh(self) -> None:
        """Bring the picture up to date with the terminal; what is hidden waits until it is shown."""
        if not self.isVisible():
            return
        began = time.thread_time()
        changed = self.sight.refresh(is_blink_off=self._blinking.is_text_off)
        self.pointer.heed_changes()
        self._paint_ground()
        self._settle_bar()
        self._blinking.keep_time()
        if changed is not None:
            ratio = self.sight.ratio
            place = QRectF(
                changed.x() / ratio + INSET,
                changed.y() / ratio + INSET,
                changed.width() / ratio,
                changed.height() / ratio,
            )
            is_tall = changed.height() >= self.sight.terminal.lines * self.sight.face.height
            is_wide = changed.width() >= self.sight.terminal.columns * self.sight.face.width
            whole = is_tall and (is_wide or self._has_marks())
            self.viewport().update(self.viewport().rect() if whole else place.toAlignedRect().adjusted(-1, -1, 1, 1))
        self._update_cursor()
        self._spent += time.thread_time() - began

    def _has_marks(self) -> bool:
        """Whether anything but the cursor lies over the rows, and so perhaps beyond their letters."""
        return bool(self.found or self.found_now or self._composed or self.pointer.selection or self.pointer.link)

    @property
    def is_at_end(self) -> bool:
        """Whether the newest rows are in sight and nothing is selected."""
        return not self.sight.back and self.pointer.selection is None

    def _paint_ground(self) -> None:
        """Let what is beside the rows, under the scroll bar, have the screen's colour too."""
        ground, palette = self.sight.styles.ground, self.palette()
        if palette.color(QPalette.ColorRole.Window) != ground:
            palette.setColor(QPalette.ColorRole.Window, ground)
            self.setPalette(palette)

    def scroll_by(self, lines: int) -> None:
        """Show rows further back, or with a negative number further on."""
        self.scroll_to(self.sight.back + lines)

    def scroll_to(self, back: int) -> None:
        """Show the rows that are so many back; 0 is the end."""
        if self.sight.scroll_to(back):
            self.refresh()
            self.viewport().update()
            self.scrolled.emit()

    def reveal(self, row: int) -> None:
        """Bring an absolute row into sight."""
        if self.sight.reveal(row):
            self.refresh()
            self.viewport().update()
            self.scrolled.emit()

    def show_found(self, found: tuple[Span, ...], now: tuple[Span, ...]) -> None:
        """Mark what a search found in sight, and the one match that one stands on."""
        if (found, now) != (self.found, self.found_now):
            self.found, self.found_now = found, now
            self.viewport().update()

    def flash(self) -> None:
        """Light up for a moment; nothing moves and nothing is hidden."""
        self._is_flashing = True
        self._flash.start()
        self.viewport().update()

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 80)

    def sizeHint(self) -> QSize:
        return self.sight.size_for(80, 24).toSize()

    def focusNextPrevChild(self, _next: bool) -> bool:
        # Tab is the shell's.
        return False

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            link = self.pointer.link_at(QPointF(event.pos()))
            text = f"{links.shown(link.address)}  {self.tr('Ctrl+Click')}" if link is not None else ""
            show_tooltip(self, text, at=event.globalPos())
            return True
        if event.type() == QEvent.Type.Leave:
            self.pointer.look_for_link(None)
        return super().viewportEvent(event)

    def event(self, event: QEvent) -> bool:
        is_asked = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if is_asked and not keymap.is_kept_by_window(cast("QKeyEvent", event)):
            event.accept()
            return True
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.dress(self.sight.look)
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
        self.keys_pressed.emit(event)
        if event.isAccepted():
            return
        self.press(event)

    def press(self, event: QKeyEvent) -> None:
        """Send a key; it is accepted where it stands for anything."""
        entry = Pressed(event)
        data = entry.encoded(self.sight.terminal.modes)
        if data:
            event.accept()
            self.type(data)
            self.entered.emit(entry)

    def type(self, data: bytes) -> None:
        """Send what a person typed; the end comes into sight and the cursor is seen."""
        self.typed.emit(data)
        self.scroll_to(0)
        self._blinking.begin_anew()
        self._update_cursor()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composed = event.preeditString()
        if event.commitString():
            entry = Composed(event.commitString())
            self.type(entry.encoded(self.sight.terminal.modes))
            self.entered.emit(entry)
        self.viewport().update()
        event.accept()

    def inputMethodQuery(self, query: Qt.InputMethodQuery) -> object:
        cursor = self.sight.terminal.cursor
        if query == Qt.InputMethodQuery.ImCursorRectangle:
            span = Span(line=cursor.y + self.sight.back, first=cursor.x, last=cursor.x + 1)
            return self.sight.rect_of(span).translated(QPointF(self.viewport().pos()))
        if query == Qt.InputMethodQuery.ImHints:
            return Qt.InputMethodHint.ImhNoPredictiveText | Qt.InputMethodHint.ImhNoAutoUppercase
        return super().inputMethodQuery(query)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        is_free = self.sight.terminal.modes.mouse == "off" or event.modifiers() & _Mod.ShiftModifier
        if event.button() == Qt.MouseButton.MiddleButton and is_free:
            self.paste_wanted.emit()
            return
        self.pointer.press(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.pointer.double_click(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointer.move(event, self.viewport().height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.pointer.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & _Mod.ControlModifier:
            self.zoom(1 if event.angleDelta().y() > 0 else -1)
        else:
            self.pointer.wheel(event)
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._blinking.begin_anew()
        self.viewport().update()
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._blinking.keep_time()
        self.viewport().update()
        self.focus_changed.emit(False)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._blinking.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible():
            # Long lines wrap anew with each width: while an edge is dragged, not at each pixel.
            if not self._sizing.isActive():
                self._on_sized()
            self._sizing.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.painted_frames += 1
        began = time.thread_time()
        painter = QPainter(self.viewport())
        draw(painter, self.sight, self.overlaid(), whole=QRectF(self.viewport().rect()), asked=QRectF(event.rect()))
        painter.end()
        spent, self._spent = self._spent + time.thread_time() - began, 0.0
        self.painted.emit(spent)

    def overlaid(self) -> Overlaid:
        """What lies over the rows now."""
        selection = self.pointer.selection
        return Overlaid(
            found=self.found,
            found_now=self.found_now,
            selected=() if selection is None else selected_spans(self.sight, selection),
            link=self.pointer.link.spans if self.pointer.link is not None else (),
            cursor=cursor_look(self.sight, is_focused=self.hasFocus(), is_on=self._blinking.is_cursor_on),
            composed=self._composed,
            is_flashing=self._is_flashing,
        )

    def _on_sized(self) -> None:
        self._fit()
        self.refresh()

    def _update_cursor(self) -> None:
        """Paint the cursor's cell, and the one where it was."""
        cursor = self.sight.terminal.cursor
        column = min(cursor.x, self.sight.terminal.columns - 1)
        place = self.sight.rect_of(Span(line=cursor.y + self.sight.back, first=column, last=column + 2))
        for each in (place, self._cursor_place):
            self.viewport().update(each.toAlignedRect().adjusted(-1, -1, 1, 1))
        self._cursor_place = place

    def _fit(self) -> None:
        """Give the terminal as many columns and lines as there is room for."""
        if self.sight.ratio != self.devicePixelRatioF():
            self.sight.dress(self.sight.look, self.devicePixelRatioF())
            self.viewport().update()
        columns, lines = self.sight.fitting(QSizeF(self.viewport().size()))
        terminal = self.sight.terminal
        if (columns, lines) != (terminal.columns, terminal.lines):
            self.sight.resize(columns, lines)
            self.pointer.clear()
            self.size_changed.emit(columns, lines)
            self.viewport().update()

    def _settle_bar(self) -> None:
        bar, sight = self.verticalScrollBar(), self.sight
        self._is_settling = True
        bar.setPageStep(sight.terminal.lines)
        bar.setRange(0, sight.terminal.scrolled)
        bar.setEnabled(bar.maximum() > 0)
        bar.setValue(sight.terminal.scrolled - sight.back)
        self._is_settling = False

    def _on_bar_moved(self, value: int) -> None:
        if not self._is_settling:
            self.scroll_to(self.sight.terminal.scrolled - value)

    def _on_turned(self) -> None:
        if self.sight.has_blinking:
            self.refresh()
        self._blinking.keep_time()
        self._update_cursor()

    def _on_flash_over(self) -> None:
        self._is_flashing = False
        self.viewport().update()

    def _on_hovered(self) -> None:
        is_link = self.pointer.link is not None
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if is_link else Qt.CursorShape.IBeamCursor)
        self.viewport().update()
