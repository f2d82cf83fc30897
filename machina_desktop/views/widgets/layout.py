"""The parts a page is laid out with: cards, headers, dividers, groups that fold."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label


class Divider(QFrame):
    """A line of one pixel across."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "divider")


class Card(QFrame):
    """A raised plate around some widgets; ``column`` is where they go.

    Signals:
        clicked: Pressed by mouse, Enter or Space; only when it was made clickable.
    """

    clicked = Signal()

    def __init__(self, *, is_clickable: bool = False, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setProperty("clickable", is_clickable)
        self.setAccessibleName(name)
        self._is_clickable = is_clickable
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        self.column.setSpacing(Space.S)
        if is_clickable:
            self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._is_clickable and event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.pos()):
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._is_clickable and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            draw_focus_ring(QPainter(self), QRectF(self.rect()), Radius.CARD)


class SectionHeader(QWidget):
    """The heading of a part of a page, with room for controls at the right."""

    def __init__(self, title: str, *, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = Label(title, style=Type.SECTION)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.S)
        self._row.addWidget(self._title)
        self._row.addWidget(Label(hint, style=Type.SECONDARY, tone="secondary"))
        self._row.addStretch()

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self._title.setText(title)

    def add_widget(self, widget: QWidget) -> None:
        """Put a control at the right end."""
        self._row.addWidget(widget)


class PageHeader(QWidget):
    """The top of a page: title, count, a search line, then at most one primary action.

    Attributes:
        search: The search line, or ``None`` when the page has none. Its Ctrl+F works over the whole page.
    """

    def __init__(
        self, title: str, *, search_placeholder: str = "", has_search: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._count = Badge()
        self._count.hide()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.S)
        self._row.addWidget(Label(title, style=Type.TITLE))
        self._row.addWidget(self._count)
        self._row.addStretch()
        self.setMinimumHeight(36)
        self.search = SearchInput(search_placeholder, parent=self) if has_search else None
        if self.search is not None:
            self._row.addWidget(self.search)
            if parent is not None:
                self.search.listen_for_shortcut(parent)

    def set_count(self, count: int | None) -> None:
        """Show how many there are; ``None`` shows nothing."""
        self._count.setVisible(count is not None)
        if count is not None:
            self._count.set_text(self.locale().toString(count))

    def add_action(self, widget: QWidget) -> None:
        """Put a button at the right end; the primary one last."""
        self._row.addWidget(widget)


class _FoldButton(QAbstractButton):
    """The heading of a `CollapsibleGroup`: arrow, title, count."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.count = ""
        self.setText(title)
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setChecked(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, 32)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.ignore()
            return
        super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        token = "text-primary" if self.underMouse() else "text-secondary"
        arrow = "chevron-down" if self.isChecked() else "chevron-right"
        draw_icon(painter, QRectF(4, rect.center().y() - 7, 14, 14), arrow, token)
        text = rect.adjusted(24, 0, -Space.S, 0)
        used = draw_text(painter, text, self.text(), theme.font(Type.STRONG), theme.color("text-primary"))
        count = text.adjusted(used + Space.S, 0, 0, 0)
        draw_text(painter, count, self.count, theme.font(Type.SECONDARY), theme.color("text-secondary"))
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.INPUT)


class CollapsibleGroup(QWidget):
    """A heading with everything under it, folded away by a click, Space or the arrow keys.

    Attributes:
        column: Where the widgets go.

    Signals:
        toggled: Whether it is open now (bool).
    """

    toggled = Signal(bool)

    def __init__(self, title: str, *, count: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._button = _FoldButton(title, self)
        self._body = QWidget(self)
        self.column = QVBoxLayout(self._body)
        self.column.setContentsMargins(Space.XL, 0, 0, Space.S)
        self.column.setSpacing(Space.S)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._button)
        whole.addWidget(self._body)
        self._button.toggled.connect(self._on_toggled)
        self.set_count(count)

    def set_count(self, count: int | None) -> None:
        """Show how many are inside; ``None`` shows nothing."""
        self._button.count = "" if count is None else self.locale().toString(count)
        self._button.update()

    def is_open(self) -> bool:
        """Whether the inside shows."""
        return self._button.isChecked()

    def set_open(self, is_open: bool) -> None:
        """Fold or unfold."""
        self._button.setChecked(is_open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._button.hasFocus() and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.set_open(event.key() == Qt.Key.Key_Right)
            return
        super().keyPressEvent(event)

    def _on_toggled(self, is_open: bool) -> None:
        self._body.setVisible(is_open)
        self._button.setAccessibleDescription("" if is_open else self.tr("Folded"))
        self.toggled.emit(is_open)
