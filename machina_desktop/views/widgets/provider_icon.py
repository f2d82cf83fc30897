"""The mark of a provider on a plate, a sign of our own for each, no company's logo; and an account's colour."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import PROVIDER_ICONS, draw_icon
from machina_desktop.views.theme import Radius
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.tooltip import hang_tooltip

_UNKNOWN = "server"
_DOT = 8


class ProviderIcon(QWidget):
    """The mark of one provider, to look at."""

    def __init__(self, provider: str, *, name: str = "", size: int = 32, parent: QWidget | None = None) -> None:
        """``provider`` is a value of ``ProviderType``; ``name`` is what screen readers and the tooltip say."""
        super().__init__(parent)
        self.setFixedSize(size, size)
        hang_tooltip(self)
        self.set_provider(provider, name=name)

    def set_provider(self, provider: str, *, name: str = "") -> None:
        """Show another provider; one that is not known has the mark of any server."""
        self._icon_name = PROVIDER_ICONS.get(provider, _UNKNOWN)
        self.setAccessibleName(name or provider)
        self.setToolTip(name)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        paint_provider(QPainter(self), QRectF(self.rect()), self._icon_name, is_enabled=self.isEnabled())


class AccountDot(QWidget):
    """The account's colour; room for it where it has none."""

    def __init__(self, token: str, parent: QWidget | None = None) -> None:
        """``token`` as ``dot_of`` answers it."""
        super().__init__(parent)
        self._token = token
        self.setFixedSize(_DOT, _DOT)

    def set_token(self, token: str) -> None:
        """Show another colour."""
        self._token = token
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._token:
            fill_rounded(QPainter(self), QRectF(self.rect()), _DOT / 2, theme.color(self._token))


def paint_provider(painter: QPainter, rect: QRectF, icon_name: str, *, is_enabled: bool = True) -> None:
    """Draw plate and mark into the square ``rect``, for delegates."""
    fill_rounded(painter, rect, Radius.BUTTON, theme.color("tint-neutral"), theme.color("border"))
    side = 20 if rect.width() >= 32 else 16
    box = QRectF(rect.center().x() - side / 2, rect.center().y() - side / 2, side, side)
    draw_icon(painter, box, icon_name, "text-primary" if is_enabled else "text-disabled")
