"""Shows panes as a layout puts them, with dividers that the mouse moves. Panes are moved and never made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme
from machina_desktop.views.terminal import split_layout
from machina_desktop.views.terminal.split_layout import Axis, Divider, Leaf, Node, Path

# The line is one pixel; so much to both sides of it can be taken hold of.
_GRIP: Final = 3
_LEAST: Final = QSize(160, 96)


class SplitView(QWidget):
    """Lays its panes out. It keeps no layout of its own: whoever is told of a move shows the next one.

    Signals:
        divider_moved(object, int, float): The branch's path, the index of the part before, by what part of the room.
        divider_evened(object): The path of the branch whose parts shall be equal.
        divider_released(): The mouse has let go of a divider.
    """

    divider_moved = Signal(object, int, float)
    divider_evened = Signal(object)
    divider_released = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout: Node = Leaf("")
        self._zoomed = ""
        self._panes: Mapping[str, QWidget] = {}
        # Apart from the dividers, so that Tab goes from pane to pane as one reads them.
        self._room = QWidget(self)
        self._grips: list[DividerGrip] = []

    def show_layout(self, layout: Node, panes: Mapping[str, QWidget], *, zoomed: str = "") -> None:
        """Show ``panes`` where ``layout`` puts them, or only the one of the key ``zoomed``."""
        self._layout, self._panes, self._zoomed = layout, panes, zoomed if zoomed in panes else ""
        for key, pane in panes.items():
            if pane.parentWidget() is not self._room:
                pane.setParent(self._room)
            pane.setVisible(not self._zoomed or key == self._zoomed)
        self._arrange()
        self.updateGeometry()

    def room_of(self, key: str) -> QRect:
        """Where a pane is when none is zoomed, in pixels."""
        left, top, width, height = split_layout.rects(self._layout).get(key, (0, 0, 0, 0))
        right, bottom = round((left + width) * self.width()), round((top + height) * self.height())
        # All but the last leave a pixel for the line.
        gap_x, gap_y = int(right < self.width()), int(bottom < self.height())
        x, y = round(left * self.width()), round(top * self.height())
        return QRect(x, y, right - x - gap_x, bottom - y - gap_y)

    def dividers(self) -> tuple[QWidget, ...]:
        """What can be taken hold of, those of outer branches first."""
        return tuple(self._grips)

    def minimumSizeHint(self) -> QSize:
        # What is split further asks for no more: panes can be small, and one is zoomed where they get too small.
        return _LEAST if self._zoomed or isinstance(self._layout, Leaf) else QSize(2 * _LEAST.width(), _LEAST.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(event.rect(), theme.color("border"))

    def _arrange(self) -> None:
        self._room.setGeometry(self.rect())
        for key, pane in self._panes.items():
            pane.setGeometry(self.rect() if key == self._zoomed else self._mirrored(self.room_of(key)))
        wanted = () if self._zoomed else tuple(split_layout.dividers(self._layout))
        while len(self._grips) > len(wanted):
            grip = self._grips.pop()
            grip.hide()
            grip.deleteLater()
        while len(self._grips) < len(wanted):
            self._grips.append(DividerGrip(self))
        for grip, divider in zip(self._grips, wanted, strict=True):
            grip.stand_for(divider)
            grip.setGeometry(self._mirrored(self._place_of(divider)))
            grip.show()
            grip.raise_()

    def _place_of(self, divider: Divider) -> QRect:
        x, y = round(divider.at[0] * self.width()), round(divider.at[1] * self.height())
        if divider.axis is Axis.ROW:
            return QRect(x - 1 - _GRIP, y, 2 * _GRIP + 1, round(divider.length * self.height()))
        return QRect(x, y - 1 - _GRIP, round(divider.length * self.width()), 2 * _GRIP + 1)

    def _mirrored(self, place: QRect) -> QRect:
        if self.isRightToLeft():
            place.moveLeft(self.width() - place.right() - 1)
        return place


class DividerGrip(QWidget):
    """A divider: dragged it moves, pressed twice it evens its branch out."""

    def __init__(self, view: SplitView) -> None:
        super().__init__(view)
        self._view = view
        self._divider: Divider | None = None
        self._held: QPointF | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setToolTip(self.tr("Drag to resize; press twice to make the panes equal"))

    def stand_for(self, divider: Divider) -> None:
        """Be this line."""
        self._divider = divider
        is_row = divider.axis is Axis.ROW
        self.setCursor(Qt.CursorShape.SplitHCursor if is_row else Qt.CursorShape.SplitVCursor)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._divider is None:
            return
        is_hot = self.underMouse() or self._held is not None
        painter, color = QPainter(self), theme.color("accent-primary" if is_hot else "border")
        wide = 3 if is_hot else 1
        first = _GRIP - wide // 2
        if self._divider.axis is Axis.ROW:
            painter.fillRect(first, 0, wide, self.height(), color)
        else:
            painter.fillRect(0, first, self.width(), wide, color)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = event.globalPosition()
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held is None or self._divider is None:
            return
        way, divider = event.globalPosition() - self._held, self._divider
        if divider.axis is Axis.ROW:
            by = (-way.x() if self.isRightToLeft() else way.x()) / max(1.0, divider.room * self._view.width())
        else:
            by = way.y() / max(1.0, divider.room * self._view.height())
        path, before = divider.path, divider.at
        self._view.divider_moved.emit(path, divider.index, by)
        if self._divider.at != before:
            self._held = event.globalPosition()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        if self._held is not None:
            self._held = None
            self.update()
            self._view.divider_released.emit()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        if self._divider is not None:
            path: Path = self._divider.path
            self._view.divider_evened.emit(path)
