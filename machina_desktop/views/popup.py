"""A card that opens beside the control it belongs to: rows to choose from, by mouse and arrow keys; Esc closes it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QGuiApplication, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLayoutItem,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.feedback import Progress
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.painting import draw_focus_ring, fill_rounded
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, Label

WIDTH = 340
GREATEST_HEIGHT = 420
_GAP = 4
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}


class PopupRow(QAbstractButton):
    """One line to choose: a sign, a title with a quieter line under it, and what stands at the right.

    Attributes:
        progress: The bar under the words; hidden until it is told something.
    """

    def __init__(
        self,
        title: str,
        *,
        detail: str = "",
        hint: str = "",
        leading: QWidget | None = None,
        is_current: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """``hint`` is a shortcut or a time, at the right; ``is_current`` puts a tick behind it."""
        super().__init__(parent)
        self._title = ElidedLabel(title, style=Type.MEDIUM)
        self._detail = ElidedLabel(detail, style=Type.SECONDARY, tone="secondary")
        self.progress = Progress(name=title)
        self.progress.hide()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._is_current = is_current
        self._has_ring = False
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.S, 6, Space.M, 6)
        row.setSpacing(10)
        if leading is not None:
            row.addWidget(leading)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._detail)
        words.addWidget(self.progress)
        row.addLayout(words, 1)
        if hint:
            row.addWidget(Label(hint, style=Type.SECONDARY, tone="secondary"))
        if is_current:
            row.addWidget(IconLabel("check", token="accent-primary"))
        for child in self.findChildren(QWidget):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.say(title, detail)

    def say(self, title: str, detail: str = "") -> None:
        """Show other words."""
        self._title.setText(title)
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
        self.setText(title)
        self.setToolTip("\n".join(part for part in (title, detail) if part))
        current = self.tr("current") if self._is_current else ""
        self.setAccessibleName(", ".join(part for part in (title, detail, current) if part))

    def set_progress(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` as a bar; a total of 0 shows none."""
        self.progress.setVisible(total > 0)
        if total:
            self.progress.set_progress(done, total)

    def focusInEvent(self, event: QFocusEvent) -> None:
        # A list opened by the mouse has a row ready for the keyboard, but need not shout it.
        self._has_ring = event.reason() != Qt.FocusReason.PopupFocusReason
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        # The popup moves between its rows.
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.ignore()
            return
        super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.underMouse() or self.hasFocus():
            fill_rounded(painter, QRectF(self.rect()), Radius.BUTTON, theme.color("surface-hover"))
        if self.hasFocus() and self._has_ring:
            draw_focus_ring(painter, QRectF(self.rect()), Radius.BUTTON - 1)


class PopupCard(QWidget):
    """A card at the control it belongs to. It closes by ``Esc`` or a press elsewhere, and is deleted then.

    Attributes:
        column: Where its contents go.
    """

    def __init__(self, name: str, *, width: int = WIDTH, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(name)
        self.setWindowTitle(name)
        self.setFixedWidth(width)
        self._anchor: QWidget | None = None
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(Space.S, Space.S, Space.S, Space.S)
        self.column.setSpacing(Space.XS)

    def open_at(self, anchor: QWidget) -> None:
        """Show it under ``anchor``, or above it where there is no room."""
        self._anchor = anchor
        self.adjust_height()
        self.show()
        # Only now do the contents know the fonts they are shown in.
        self.adjust_height()
        self.activateWindow()

    def adjust_height(self) -> None:
        """Be as high as the contents need, and stay at the control it belongs to."""
        self.setFixedHeight(self.wanted_height())
        if self._anchor is not None:
            self.move(self._place(self._anchor))

    def wanted_height(self) -> int:
        """How high the contents are, in design pixels."""
        return self.column.sizeHint().height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface-elevated"))
        painter.setPen(theme.color("border"))
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _place(self, anchor: QWidget) -> QPoint:
        """The upper left corner, in the desktop's pixels, such that all of it lies on the anchor's screen."""
        corner = anchor.mapToGlobal(QPoint(0, 0))
        screen = anchor.screen() or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        below = corner.y() + anchor.height() + _GAP
        y = below if below + self.height() <= room.bottom() else corner.y() - self.height() - _GAP
        # Within the window where it is wide enough, else at least within the screen.
        right = min(anchor.window().frameGeometry().right() - Space.S, room.right())
        x = min(corner.x(), right - self.width())
        return QPoint(max(room.left(), x), max(room.top(), y))


class _Rows(QScrollArea):
    def keyPressEvent(self, event: QKeyEvent) -> None:
        # The arrow keys move between rows, which scrolls as far as that needs.
        event.ignore()


class Popup(PopupCard):
    """Rows in a column that scrolls, above a foot that stays; the arrow keys move between them."""

    def __init__(self, name: str, *, width: int = WIDTH, parent: QWidget) -> None:
        super().__init__(name, width=width, parent=parent)
        self._inside = QWidget()
        self._rows = QVBoxLayout(self._inside)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(2)
        self._rows.addStretch()
        self._area = _Rows()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self._inside)
        self.column.addWidget(self._area, 1)
        self._has_foot = False

    def add_row(self, row: QWidget) -> None:
        """Put a row below the others."""
        self._rows.insertWidget(self._rows.count() - 1, row)

    def add_to_foot(self, row: QWidget) -> None:
        """Put a row below the rows, where it stays; a line parts the first one from them."""
        if not self._has_foot:
            self.column.addWidget(Divider(self))
        self._has_foot = True
        self.column.addWidget(row)

    def rows(self) -> tuple[PopupRow, ...]:
        """What can be chosen, from the top."""
        held = (item.widget() for item in (*_items(self._rows), *_items(self.column)))
        return tuple(row for row in held if isinstance(row, PopupRow) and not row.isHidden())

    def open_at(self, anchor: QWidget) -> None:
        """As a card, with the keyboard on the first row."""
        super().open_at(anchor)
        if rows := self.rows():
            rows[0].setFocus(Qt.FocusReason.PopupFocusReason)

    def wanted_height(self) -> int:
        """Room for all rows, within reason; more of them scroll."""
        margins = self.column.contentsMargins()
        held = _items(self.column)
        rest = sum(item.sizeHint().height() for item in held if item.widget() is not self._area)
        rest += margins.top() + margins.bottom() + self.column.spacing() * (len(held) - 1)
        return min(GREATEST_HEIGHT, self._inside.sizeHint().height() + rest)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        rows, key = self.rows(), Qt.Key(event.key())
        if rows and key in _STEPS:
            at = next((index for index, row in enumerate(rows) if row.hasFocus()), -1)
            self._go_to(rows[(at + _STEPS[key]) % len(rows)])
        elif rows and key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._go_to(rows[0 if key == Qt.Key.Key_Home else -1])
        else:
            super().keyPressEvent(event)

    def _go_to(self, row: QWidget) -> None:
        row.setFocus(Qt.FocusReason.TabFocusReason)
        if self._inside.isAncestorOf(row):
            self._area.ensureWidgetVisible(row, 0, Space.S)


def _items(layout: QVBoxLayout) -> tuple[QLayoutItem, ...]:
    """What stands in a layout, from the top."""
    items = (layout.itemAt(index) for index in range(layout.count()))
    return tuple(item for item in items if item is not None)
