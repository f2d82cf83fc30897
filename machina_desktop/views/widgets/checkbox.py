"""A yes or no whose words go on in a second line where there is no room for them in one."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, QSize
from PySide6.QtGui import QFontMetrics, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QStyle, QStyleOptionButton, QStylePainter, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space
from machina_desktop.views.widgets.painting import draw_paragraph, paragraph_height
from machina_desktop.views.widgets.strokes import draw_focus_ring

# The frame that the style sheet leaves round it, and the indicator with its own.
_FRAME = 4
_BOX = 18
_LEFT = _FRAME + _BOX + Space.S
_NARROWEST = 120


class Checkbox(QCheckBox):
    """Qt's own indicator, with words that wrap; the focus ring goes round the words and not over the whole line."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        words = paragraph_height(self.text(), self.font(), max(1, width - _LEFT - _FRAME)) if self.text() else 0
        return max(_BOX, round(words)) + 2 * _FRAME

    def sizeHint(self) -> QSize:
        width = _LEFT + self._words_width() + _FRAME if self.text() else _BOX + _FRAME
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        width = min(self.sizeHint().width(), _LEFT + _NARROWEST)
        return QSize(width, self.heightForWidth(self.sizeHint().width()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        words = self._words()
        box = QRect(_FRAME // 2, 0, _BOX, _BOX)
        box.moveTop(round(words.top() + (QFontMetrics(self.font()).height() - _BOX) / 2))
        if self.isRightToLeft():
            box.moveRight(self.width() - box.left())
        option.rect = box
        painter.drawPrimitive(QStyle.PrimitiveElement.PE_IndicatorCheckBox, option)
        ink = theme.color("text-primary" if self.isEnabled() else "text-disabled")
        draw_paragraph(painter, words, self.text(), self.font(), ink)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self._target()), Radius.INPUT)

    def hitButton(self, pos: QPoint) -> bool:
        return self._target().contains(pos)

    def _target(self) -> QRect:
        """The part that can be clicked: box and words."""
        target = QRect(0, 0, min(self.width(), self.sizeHint().width() + Space.XS), self.height())
        if self.isRightToLeft():
            target.moveRight(self.width() - 1)
        return target

    def _words(self) -> QRectF:
        """Where the words stand: in the middle of the height, beside the box."""
        room = max(1.0, self.width() - _LEFT - _FRAME)
        width = min(room, self._words_width())
        height = paragraph_height(self.text(), self.font(), room)
        left = _LEFT if not self.isRightToLeft() else self.width() - _LEFT - width
        return QRectF(left, max(0.0, (self.height() - height) / 2), width if height > 24 else room, height)

    def _words_width(self) -> int:
        return QFontMetrics(self.font()).horizontalAdvance(self.text()) + 2
