"""A large choice: an icon, a title and a sentence on a plate that can be chosen."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import (
    draw_focus_ring,
    draw_paragraph,
    draw_text,
    fill_rounded,
    paragraph_height,
)

_ICON = 20
_TEXT_LEFT = Space.L + _ICON + Space.M


class ChoiceCard(QAbstractButton):
    """One of a few; put several into an exclusive `QButtonGroup`, or leave it uncheckable as a large button."""

    def __init__(
        self,
        icon_name: str,
        title: str,
        text: str,
        *,
        note: str = "",
        is_checkable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        """``note`` stands beside the title, such as *recommended*."""
        super().__init__(parent)
        self._icon_name = icon_name
        self._body = text
        self._note = note
        self.setText(title)
        self.setCheckable(is_checkable)
        self.setAccessibleName(f"{title}, {note}" if note else title)
        self.setAccessibleDescription(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_body(self, text: str) -> None:
        """Say something else below the title."""
        self._body = text
        self.setAccessibleDescription(text)
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        body = paragraph_height(self._body, theme.font(Type.SECONDARY), width - _TEXT_LEFT - Space.L)
        return round(Space.M + self._title_height() + 2 + body + Space.M)

    def sizeHint(self) -> QSize:
        return QSize(360, self.heightForWidth(360))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        is_hot = self.isEnabled() and (self.underMouse() or self.isDown())
        fill = theme.color("selection" if self.isChecked() else "surface-hover" if is_hot else "surface-elevated")
        edge = theme.color("accent-primary" if self.isChecked() else "border")
        fill_rounded(painter, rect, Radius.CARD, fill, edge)
        quiet = "text-disabled" if not self.isEnabled() else "text-secondary"
        strong = "text-disabled" if not self.isEnabled() else "text-primary"
        icon = "accent-primary" if self.isChecked() else strong
        draw_icon(painter, QRectF(Space.L, Space.M - 1, _ICON, _ICON), self._icon_name, icon)
        title = QRectF(_TEXT_LEFT, Space.M, rect.width() - _TEXT_LEFT - Space.L, self._title_height())
        used = draw_text(painter, title, self.text(), theme.font(Type.STRONG), theme.color(strong))
        if self._note:
            rest = title.adjusted(used + Space.S, 0, 0, 0)
            draw_text(painter, rest, self._note, theme.font(Type.SECONDARY), theme.color("accent-primary"))
        self._paint_body(painter, title.bottom() + 2, theme.color(quiet))
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.CARD - 1)

    def _paint_body(self, painter: QPainter, top: float, color: QColor) -> None:
        room = QRectF(_TEXT_LEFT, top, self.width() - _TEXT_LEFT - Space.L, self.height() - top)
        draw_paragraph(painter, room, self._body, theme.font(Type.SECONDARY), color)

    def _title_height(self) -> int:
        return QFontMetrics(theme.font(Type.STRONG)).height()
