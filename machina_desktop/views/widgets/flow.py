"""Widgets side by side that go on in a further line where there is no room for them in one."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget

from machina_desktop.views.theme import Space


class Flow(QLayout):
    """A row that wraps as words do, from the side where reading begins."""

    def __init__(self, parent: QWidget | None = None, *, spacing: int = Space.S) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self._apart: set[QWidget] = set()
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)
        if parent is not None:
            parent.setLayout(self)

    def add_apart(self, widget: QWidget) -> None:
        """Put a widget at the other end of the last line, as a dangerous button should stand."""
        self._apart.add(widget)
        self.addWidget(widget)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        margins = self.contentsMargins()
        lines = self._lines(width - margins.left() - margins.right())
        heights = [max(item.sizeHint().height() for item in line) for line in lines]
        return sum(heights) + self.spacing() * max(0, len(lines) - 1) + margins.top() + margins.bottom()

    def sizeHint(self) -> QSize:
        sizes = [item.sizeHint() for item in self._shown()]
        width = sum(size.width() for size in sizes) + self.spacing() * max(0, len(sizes) - 1)
        height = max((size.height() for size in sizes), default=0)
        return QSize(width, height).grownBy(self.contentsMargins())

    def minimumSize(self) -> QSize:
        sizes = [item.minimumSize() for item in self._shown()]
        widest = max((size.width() for size in sizes), default=0)
        return QSize(widest, max((size.height() for size in sizes), default=0)).grownBy(self.contentsMargins())

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        room = rect.marginsRemoved(self.contentsMargins())
        top = room.top()
        lines = self._lines(room.width())
        for number, line in enumerate(lines):
            height = max(item.sizeHint().height() for item in line)
            places = self._places(line, room.width(), is_last=number == len(lines) - 1)
            for item, (left, width) in zip(line, places, strict=True):
                size = QSize(width, min(height, item.sizeHint().height()))
                place = QRect(QPoint(room.left() + left, top + (height - size.height()) // 2), size)
                item.setGeometry(self._mirrored(place, room))
            top += height + self.spacing()

    def _places(self, line: list[QLayoutItem], room: int, *, is_last: bool) -> list[tuple[int, int]]:
        """Left edges and widths, counted from the side where reading begins."""
        places, left = [], 0
        for item in line:
            width = min(item.sizeHint().width(), room)
            places.append((left, width))
            left += width + self.spacing()
        free = room - left + self.spacing()
        if not is_last or free <= 0:
            return places
        is_apart = [item.widget() in self._apart for item in line]
        return [(at + free if all(is_apart[index:]) else at, width) for index, (at, width) in enumerate(places)]

    def _mirrored(self, place: QRect, room: QRect) -> QRect:
        parent = self.parentWidget()
        if parent is not None and parent.isRightToLeft():
            place.moveLeft(room.left() + room.right() - place.right())
        return place

    def _lines(self, room: int) -> list[list[QLayoutItem]]:
        lines: list[list[QLayoutItem]] = []
        used = 0
        for item in self._shown():
            width = item.sizeHint().width()
            if lines and used + width <= room:
                lines[-1].append(item)
            else:
                lines.append([item])
                used = 0
            used += width + self.spacing()
        return lines

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]


class FlowBox(QWidget):
    """A `Flow` that stands firm on the height its lines need, where something around it asks for no height by width.

    Attributes:
        row: Where the widgets go.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = Flow(self)

    def event(self, event: QEvent) -> bool:
        answer = super().event(event)
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self.setMinimumHeight(self.row.heightForWidth(self.width()))
        return answer
