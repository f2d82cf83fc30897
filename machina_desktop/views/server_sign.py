"""A status as its bare shape, where words stand beside it; alone, or at a team's picture."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme
from machina_desktop.views.models.status import mark_of, word_of
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.motion import Animation
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.status import paint_glyph

_GLYPH = 10


class StatusSign(QWidget):
    """The glyph of a status in the middle of a square; it moves while the status does."""

    def __init__(self, status: StrEnum, *, size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self._animation = Animation(self)
        self.setFixedSize(size, size)
        self.set_status(status)

    def set_status(self, status: StrEnum) -> None:
        """Show another status."""
        self._status = status
        self._animation.set_active(mark_of(status).is_moving)
        self.setAccessibleName(word_of(status))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        box = QRectF(0, 0, _GLYPH, _GLYPH)
        box.moveCenter(QRectF(self.rect()).center())
        paint_glyph(QPainter(self), box, mark_of(self._status))


class HomeAvatar(Avatar):
    """A team's picture, with the state of the line to its home at the lower right; none for a team of this computer."""

    def __init__(self, name: str, *, size: int = 28, parent: QWidget | None = None) -> None:
        self._status: StrEnum | None = None
        super().__init__(name, size=size, parent=parent)

    def set_status(self, status: StrEnum | None) -> None:
        """Show how the line is."""
        self._status = status
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._status is None:
            return
        painter = QPainter(self)
        plate = QRectF(self.width() - 12, self.height() - 12, 12, 12)
        # A ring in the colour of the list parts the sign from the picture.
        fill_rounded(painter, plate, 6, theme.color("surface-elevated"))
        paint_glyph(painter, plate.adjusted(2, 2, -2, -2), mark_of(self._status))
