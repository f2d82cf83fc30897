"""A picture and a name to press: the team in view on top of the sidebar, the person at its foot."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.brand import NAME, draw_mark
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded

AVATAR = 28
_HEIGHT = 44
_SIGN = 14
_LEFT = 6


class PersonButton(QAbstractButton):
    """Leads to what can be done with the team or person it shows.

    Until there is a name it shows the application's mark and its name.
    """

    def __init__(self, what: str, *, sign: str = "", height: int = _HEIGHT, parent: QWidget | None = None) -> None:
        """``what`` is what it stands for, in words, such as ``Team``; ``sign`` is the icon at the right."""
        super().__init__(parent)
        self._what = what
        self._sign = sign
        self._height = height
        self._is_collapsed = False
        self._avatar = Avatar("", size=AVATAR, parent=self)
        self._avatar.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._avatar.hide()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(what)
        self._tell()

    def set_name(self, name: str) -> None:
        """Show who or what that is."""
        self.setText(name)
        self._avatar.set_name(name)
        self._avatar.setVisible(bool(name))
        self.setAccessibleName(f"{self._what}: {name}")
        self._tell()
        self.update()

    def set_picture(self, picture: QPixmap) -> None:
        """Show a picture instead of the initials; a null one brings them back."""
        self._avatar.set_picture(picture)

    def set_collapsed(self, is_collapsed: bool) -> None:
        """Show the picture only."""
        self._is_collapsed = is_collapsed
        self._place()
        self._tell()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(AVATAR + 2 * _LEFT, self._height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isEnabled() and (self.underMouse() or self.isDown()):
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("surface-hover"))
        if not self.text():
            draw_mark(painter, QRectF(self._avatar.geometry()).adjusted(2, 2, -2, -2), theme.color("accent-primary"))
        if not self._is_collapsed:
            self._paint_words(painter, rect)
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON - 1)

    def _paint_words(self, painter: QPainter, rect: QRectF) -> None:
        right = rect.right() - Space.S
        if self._sign and self.text():
            sign = QRectF(right - _SIGN, (rect.height() - _SIGN) / 2, _SIGN, _SIGN)
            draw_icon(painter, sign, self._sign, "text-primary" if self.underMouse() else "text-secondary")
            right = sign.left() - Space.XS
        left = _LEFT + AVATAR + 10
        words = QRectF(left, 0, right - left, rect.height())
        font = theme.font(Type.STRONG if self._sign else Type.BODY)
        draw_text(painter, words, self.text() or NAME, font, theme.color("text-primary"))

    def _place(self) -> None:
        left = (self.width() - AVATAR) // 2 if self._is_collapsed else _LEFT
        self._avatar.move(left, (self.height() - AVATAR) // 2)

    def _tell(self) -> None:
        # A name that is cut short is told in full by what draws it.
        self.setToolTip(self.accessibleName() if self._is_collapsed or not self.text() else "")
