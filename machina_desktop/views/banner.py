"""A standing remark above the page: one line with an icon, and a button that leads to what it is about."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.text import ElidedLabel


class Banner(QWidget):
    """Hidden until somebody shows it.

    Signals:
        activated(): Its button was pressed.
    """

    activated = Signal()

    def __init__(self, text: str = "", *, action: str, icon_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._text = ElidedLabel(text, style=Type.SECONDARY)
        self.button = Button(action, kind=ButtonKind.GHOST)
        self.button.clicked.connect(self.activated)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.XL + 16 + Space.S, 2, Space.S, 2)
        row.addWidget(self._text, 1)
        row.addWidget(self.button)
        self.setAccessibleName(text)
        self.hide()

    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def set_text(self, text: str) -> None:
        """Say something else."""
        self._text.setText(text)
        self.setAccessibleName(text)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("tint-warning"))
        box = QRectF(Space.XL, (self.height() - 16) / 2, 16, 16)
        draw_icon(painter, box, self._icon_name, "accent-warning")
