"""One line of the sidebar: an app with what needs the person in it, or how something stands."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded

COLLAPSED_WIDTH = 56
_HEIGHT = 36
_ICON = 18
_CENTER = Qt.AlignmentFlag.AlignCenter


class SidebarEntry(QAbstractButton):
    """Icon, title, badge. Collapsed it is the icon, with a dot for the badge."""

    def __init__(self, title: str, icon_name: str, *, shortcut: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._shortcut = shortcut
        self._badge = 0
        self._tone = "warning"
        self._needs = ""
        self._tip = ""
        self._token = ""
        self._is_collapsed = False
        self.setText(title)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._name()

    def set_badge(self, count: int, *, tone: str = "warning", text: str = "") -> None:
        """Show that ``count`` things need the person; 0 shows nothing.

        Args:
            count: How many.
            tone: ``warning`` or ``error``.
            text: What they are, in words: ``2 machines with errors``.
        """
        self._badge, self._tone, self._needs = count, tone, text
        self._name()
        self.update()

    def badge(self) -> int:
        """How many things need the person."""
        return self._badge

    def badge_tone(self) -> str:
        """How urgent they are: ``warning`` or ``error``."""
        return self._tone

    def set_state(self, title: str, icon_name: str, token: str = "", tip: str = "") -> None:
        """Say something else; ``token`` colours the icon, ``tip`` explains it."""
        self._icon_name, self._token, self._tip = icon_name, token, tip
        self.setText(title)
        self._name()
        self.update()

    def set_collapsed(self, is_collapsed: bool) -> None:
        """Show the icon only."""
        self._is_collapsed = is_collapsed
        self._name()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(COLLAPSED_WIDTH - 2 * Space.S, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked() or self.underMouse() or self.isDown():
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("surface-hover"))
        if self.isChecked():
            fill_rounded(painter, QRectF(0, 9, 3, rect.height() - 18), 1.5, theme.color("accent-primary"))
        token = "text-primary" if self.isChecked() or self.underMouse() else "text-secondary"
        left = (rect.width() - _ICON) / 2 if self._is_collapsed else Space.M
        plate = QRectF(left, (rect.height() - _ICON) / 2, _ICON, _ICON)
        draw_icon(painter, plate, self._icon_name, self._token or token)
        if self._is_collapsed:
            self._paint_dot(painter, left + _ICON)
        else:
            self._paint_words(painter, rect, token)
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON - 1)

    def _paint_dot(self, painter: QPainter, right: float) -> None:
        if self._badge:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            # A rim in the ground's colour, so that the dot does not melt into the icon.
            painter.setPen(QPen(theme.color("surface"), 2))
            painter.setBrush(theme.color(f"accent-{self._tone}"))
            painter.drawEllipse(QRectF(right - 5, 6, 10, 10))

    def _paint_words(self, painter: QPainter, rect: QRectF, token: str) -> None:
        right = rect.right() - Space.S
        if self._badge:
            number = str(self._badge) if self._badge < 100 else "99+"
            width = max(20.0, 8.0 * len(number) + 10)
            plate = QRectF(right - width, (rect.height() - 20) / 2, width, 20)
            fill_rounded(painter, plate, 10, theme.color(f"tint-{self._tone}"))
            font = theme.tabular_font(Type.SECONDARY)
            draw_text(painter, plate, number, font, theme.color(f"accent-{self._tone}"), align=_CENTER)
            right = plate.left() - Space.XS
        start = Space.M + _ICON + Space.M
        font = theme.font(Type.MEDIUM if self.isChecked() else Type.BODY)
        draw_text(painter, QRectF(start, 0, right - start, rect.height()), self.text(), font, theme.color(token))

    def _name(self) -> None:
        needs = (self._needs or self.tr("{0} need attention").format(self._badge)) if self._badge else ""
        self.setAccessibleName(", ".join(part for part in (self.text(), needs) if part))
        self.setAccessibleDescription(self._tip)
        shown = "  ".join(part for part in (self.text() if self._is_collapsed else "", self._shortcut) if part)
        self.setToolTip("\n".join(part for part in (shown, needs, self._tip) if part))
