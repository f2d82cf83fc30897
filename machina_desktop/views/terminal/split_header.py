"""The line over one pane: its environment's colour, and where it matters its machine's name and a cross."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from machina_desktop.core.domain.environment import PRODUCTION
from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.terminal.environment_look import environment_title, environment_token
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.tooltip import hang_tooltip

LINE = 2
_ICON = 12
_LOWEST = 18


class PaneHeader(QWidget):
    """Hidden for a pane that is alone and of no environment; a coloured line for one that is alone; else one row.

    Production is named in words wherever it is.

    Signals:
        pressed(): The person took hold of it.
        zoom_wanted(): It was pressed twice.
        close_wanted(): The cross was pressed.
        dropped(QPoint): It was dragged there, on the screen.
    """

    pressed = Signal()
    zoom_wanted = Signal()
    close_wanted = Signal()
    dropped = Signal(QPoint)

    def __init__(self, name: str, environment: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._name, self._environment = name, environment
        self._icon_name = ""
        self._mark = ""
        self._is_shared = self._is_current = self._is_zoomed = False
        self.cross = _Cross(self)
        self.cross.clicked.connect(self.close_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, LINE, Space.XS, 0)
        row.addStretch()
        row.addWidget(self.cross)
        self._row_height = _LOWEST
        self._show()

    def show_shared(self, *, is_shared: bool, is_current: bool, is_zoomed: bool) -> None:
        """Say whether there are other panes beside it, whether it has the keyboard, and whether it covers them."""
        self._is_shared, self._is_current, self._is_zoomed = is_shared, is_current, is_zoomed
        self._show()

    def show_machine(self, name: str, environment: str) -> None:
        """Say what the machine is called now, and which environment it is in."""
        self._name, self._environment = name, environment
        self._show()

    def show_state(self, icon_name: str, mark: str = "") -> None:
        """Show how the session stands, and a word behind the name."""
        self._icon_name, self._mark = icon_name, mark
        self.update()

    def fit(self, row: int) -> None:
        """Be no higher than a row of the terminal, in pixels, but as high as its words need."""
        self._row_height = max(_LOWEST, row)
        self._show()

    def _show(self) -> None:
        is_row = self._is_shared or self._environment == PRODUCTION
        self.cross.setVisible(self._is_shared)
        self.setFixedHeight(self._row_height if is_row else LINE)
        self.setVisible(is_row or bool(self._environment))
        words = [self._name]
        if self._environment:
            words.append(self.tr("environment {0}").format(environment_title(self._environment)))
        self.setToolTip(", ".join(words))
        self.setAccessibleName(self.toolTip())
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        token = environment_token(self._environment)
        is_row = self.height() > LINE
        if is_row:
            painter.fillRect(self.rect(), theme.color("surface-hover" if self._is_current else "background"))
        if token or is_row:
            painter.fillRect(0, 0, self.width(), LINE, theme.color(token or "border"))
        if is_row:
            self._paint_words(painter, token)

    def _paint_words(self, painter: QPainter, token: str) -> None:
        font = theme.font(Type.KEY)
        metrics = QFontMetricsF(font)
        whole = QRectF(Space.S, LINE, self.width() - 2 * Space.S, self.height() - LINE)
        whole.setRight(self.cross.x() - Space.XS if self._is_shared else whole.right())
        at = whole.left()

        def put(text: str, ink: str) -> None:
            nonlocal at
            room = QRectF(at, whole.top(), whole.right() - at, whole.height())
            if room.width() > Space.L:
                at += draw_text(painter, room, text, font, theme.color(ink)) + Space.S

        if self._icon_name:
            top = whole.top() + (whole.height() - _ICON) / 2
            draw_icon(painter, QRectF(at, top, _ICON, _ICON), self._icon_name, "text-secondary")
            at += _ICON + 6
        put(self._name, "text-primary" if self._is_current else "text-secondary")
        if self._environment:
            words = environment_title(self._environment)
            width = metrics.horizontalAdvance(words) + 2 * 5
            if at + width < whole.right():
                self._paint_plate(painter, QRectF(at, whole.top() + 1, width, whole.height() - 3), words, token)
                at += width + Space.S
        for words in (self._mark, self.tr("zoomed, others are behind") if self._is_zoomed else ""):
            if words:
                put(words, "text-secondary")

    def _paint_plate(self, painter: QPainter, place: QRectF, words: str, token: str) -> None:
        fill = "tint-error" if self._environment == PRODUCTION else "background"
        fill_rounded(painter, place, 3, theme.color(fill), theme.color(token))
        align = Qt.AlignmentFlag.AlignCenter
        draw_text(painter, place, words, theme.font(Type.KEY), theme.color("text-primary"), align=align)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton and self._is_shared:
            self.close_wanted.emit()
        else:
            self.pressed.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._is_shared and not self.rect().contains(event.position().toPoint()):
            self.dropped.emit(event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        if self._is_shared:
            self.zoom_wanted.emit()


class _Cross(QAbstractButton):
    """Closes the pane; so low that it fits into a row of the terminal."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("terminal.pane_close")
        self.setAccessibleName(self.tr("Close this pane"))
        self.setToolTip(self.tr("Close this pane") + "  Ctrl+Shift+W")
        self.setFixedSize(20, 16)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        hang_tooltip(self)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, whole = QPainter(self), QRectF(self.rect())
        is_hot = self.underMouse() or self.isDown()
        if is_hot:
            fill_rounded(painter, whole, Radius.INPUT, theme.color("surface-pressed"))
        place = QRectF((self.width() - _ICON) / 2, (self.height() - _ICON) / 2, _ICON, _ICON)
        draw_icon(painter, place, "x", "text-primary" if is_hot else "text-secondary")
        if self.hasFocus():
            draw_focus_ring(painter, whole, Radius.INPUT)
