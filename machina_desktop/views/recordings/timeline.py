"""The line of time under a replay: where it stands, where something happened, and a handle to take hold of."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractSlider, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space
from machina_desktop.views.widgets.painting import draw_focus_ring, fill_rounded
from machina_desktop.views.widgets.tooltip import show_tooltip

_TRACK: Final = 4
_KNOB: Final = 12
_HEIGHT: Final = 24


def clock(at_ms: int) -> str:
    """A moment as people read it on players: ``0:07``, ``12:34``, ``1:02:03``."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Timeline(QAbstractSlider):
    """Milliseconds from 0 to the length.

    Signals:
        wanted(int): The person wants that moment.
    """

    wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks: tuple[int, ...] = ()
        self._found: tuple[int, ...] = ()
        self._is_held = False
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Time in the recording"))

    def sizeHint(self) -> QSize:
        return QSize(320, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, _HEIGHT)

    def set_length(self, length_ms: int, marks: tuple[int, ...]) -> None:
        """Show another length, with the moments at which something happened."""
        self._marks = marks
        self.setRange(0, length_ms)
        self.setSingleStep(1000)
        self.setPageStep(max(1000, length_ms // 10))
        self.update()

    def set_found(self, found: tuple[int, ...]) -> None:
        """Show where a search found something."""
        if found != self._found:
            self._found = found
            self.update()

    def show_position(self, at_ms: int) -> None:
        """Move the knob, unless somebody holds it."""
        if not self._is_held:
            self.setValue(at_ms)
            self.setAccessibleDescription(clock(at_ms))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._is_held = True
            self._take(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        show_tooltip(self, clock(self._value_at(event.position())), at=event.globalPosition().toPoint())
        if self._is_held:
            self._take(event.position())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._is_held = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Keys mean the same all over the replay, which takes them.
        event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def sliderChange(self, _change: QAbstractSlider.SliderChange) -> None:
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, left, right = self.height() / 2, self._left(), self._left() + self._room()
        knob = self._place(self.value())
        fill_rounded(painter, QRectF(left, middle - _TRACK / 2, right - left, _TRACK), 2, theme.color("border"))
        done = QRectF(min(left, knob), middle - _TRACK / 2, knob - left, _TRACK)
        fill_rounded(painter, done, 2, theme.color("accent-primary"))
        for marks, token, height in ((self._marks, "text-secondary", 8), (self._found, "accent-warning", 14)):
            for at in marks:
                place = QRectF(self._place(at) - 1, middle - height / 2, 2, height)
                painter.fillRect(place, theme.color(token))
        circle = QRectF(knob - _KNOB / 2, middle - _KNOB / 2, _KNOB, _KNOB)
        fill_rounded(painter, circle, _KNOB / 2, theme.color("text-primary"))
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), Radius.INPUT)

    def _take(self, at: QPointF) -> None:
        value = self._value_at(at)
        self.setValue(value)
        self.wanted.emit(value)

    def _left(self) -> float:
        return _KNOB / 2 + Space.XS

    def _room(self) -> float:
        return max(1.0, self.width() - 2 * self._left())

    def _place(self, at_ms: int) -> float:
        part = at_ms / self.maximum() if self.maximum() else 0.0
        return self._left() + part * self._room()

    def _value_at(self, at: QPointF) -> int:
        part = (at.x() - self._left()) / self._room()
        return int(max(0.0, min(1.0, part)) * self.maximum())
