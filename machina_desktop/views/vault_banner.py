"""The standing reminder that a key file protects little, shown for as long as it is the vault's only lock."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.vault_watch import VaultWatch
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.text import ElidedLabel


class VaultBanner(QWidget):
    """One line above the page.

    Signals:
        activated(): The person wants to see the vault's settings.
    """

    activated = Signal()

    def __init__(self, watch: VaultWatch, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._watch = watch
        text = ElidedLabel(
            self.tr("The vault opens with a key file: anyone who copies the data folder can read the credentials."),
            style=Type.SECONDARY,
        )
        more = Button(self.tr("Vault settings"), kind=ButtonKind.GHOST)
        more.clicked.connect(self.activated)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.XL + 16 + Space.S, 2, Space.S, 2)
        row.addWidget(text, 1)
        row.addWidget(more)
        self.hide()
        watch.changed.connect(lambda _status: self.setVisible(watch.is_key_file_only()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("tint-warning"))
        box = QRectF(Space.XL, (self.height() - 16) / 2, 16, 16)
        draw_icon(painter, box, "shield-alert", "accent-warning")
