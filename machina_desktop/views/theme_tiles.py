"""Small pictures of the window in the colours of each theme, one of which is chosen."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded

_CENTER = Qt.AlignmentFlag.AlignCenter


class _ThemeTile(QAbstractButton):
    """A small picture of the window in a theme's own colours."""

    def __init__(self, name: str, title: str, height: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = name
        self._height = height
        self.setText(title)
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, self._height)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        picture = rect.adjusted(2, 2, -2, -30)
        if self._name == theme.SYSTEM:
            painter.save()
            painter.setClipRect(picture.adjusted(0, 0, -picture.width() / 2, 0))
            _paint_window(painter, picture, "dark")
            painter.setClipRect(picture.adjusted(picture.width() / 2, 0, 0, 0))
            _paint_window(painter, picture, "light")
            painter.restore()
        else:
            _paint_window(painter, picture, self._name)
        if self.isChecked() or self.underMouse():
            edge = "accent-primary" if self.isChecked() else "outline"
            draw_focus_ring(painter, picture.adjusted(-2, -2, 2, 2), Radius.CARD, edge)
        token = "text-primary" if self.isChecked() else "text-secondary"
        words = QRectF(0, rect.bottom() - 24, rect.width(), 24)
        style = Type.MEDIUM if self.isChecked() or self.hasFocus() else Type.BODY
        draw_text(painter, words, self.text(), theme.font(style), theme.color(token), align=_CENTER)
        if self.hasFocus():
            draw_focus_ring(painter, words.adjusted(Space.S, 1, -Space.S, -1), Radius.INPUT)


def _paint_window(painter: QPainter, rect: QRectF, name: str) -> None:
    colors = theme.themes()[name].colors

    def bar(x: float, y: float, width: float, color: QColor, height: float = 5) -> None:
        fill_rounded(painter, QRectF(rect.left() + x, rect.top() + y, width, height), 2, color)

    fill_rounded(painter, rect, Radius.BUTTON, colors["background"], colors["border"])
    side = QRectF(rect.left() + 1, rect.top() + 1, 38, rect.height() - 2)
    fill_rounded(painter, side, Radius.BUTTON - 1, colors["surface"], colors["border"])
    for index in range(4):
        bar(8, 14 + index * 13, 22, colors["text-primary" if index == 0 else "text-secondary"], 4)
    bar(48, 12, 34, colors["text-primary"])
    bar(rect.width() - 32, 10, 22, colors["accent-primary"], 9)
    for row in range(3 if rect.height() > 124 else 2):
        card = QRectF(rect.left() + 48, rect.top() + 30 + row * 32, rect.width() - 58, 26)
        fill_rounded(painter, card, 4, colors["surface-elevated"], colors["border"])
        bar(56, 40 + row * 32, 6, colors[("accent-success", "accent-warning", "accent-success")[row]], 6)
        bar(68, 40 + row * 32, 30, colors["text-secondary"])


class ThemeTiles(QWidget):
    """A tile per theme, side by side.

    Signals:
        chosen(str): The name of the theme the person chose.
    """

    chosen = Signal(str)

    def __init__(
        self, themes: tuple[tuple[str, str], ...], *, height: int = 164, parent: QWidget | None = None
    ) -> None:
        """``themes`` are pairs of name and title; ``height`` is that of a tile with its title, in pixels."""
        super().__init__(parent)
        self._tiles: dict[str, _ThemeTile] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        for name, title in themes:
            tile = _ThemeTile(name, title, height, self)
            self._tiles[name] = tile
            tile.clicked.connect(lambda _checked=False, name=name: self.chosen.emit(name))
            self._group.addButton(tile)
            row.addWidget(tile)

    def set_chosen(self, name: str) -> None:
        """Mark the theme in force; sends no signal."""
        if name in self._tiles:
            self._tiles[name].setChecked(True)
            self.setFocusProxy(self._tiles[name])
