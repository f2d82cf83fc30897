"""Shortcuts drawn as key caps: ``Ctrl+K`` is two small plates, for rows of lists and for tooltips."""

from __future__ import annotations

import sys
from functools import lru_cache

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Type
from machina_desktop.views.widgets.strokes import fill_rounded

CAP_HEIGHT = 20
_PADDING = 5
_GAP = 3
# Between two presses of one shortcut, such as G then M.
_PAUSE = 10
_CENTER = Qt.AlignmentFlag.AlignCenter
_MAC_MODIFIERS = "⌃⌥⇧⌘"
_SHORT = {"Return": "↵", "Enter": "↵", "Up": "↑", "Down": "↓", "Left": "←", "Right": "→", "Backspace": "⌫"}


@lru_cache(maxsize=256)
def key_caps(keys: str) -> tuple[tuple[str, ...], ...]:
    """The caps of a shortcut in portable text, one tuple per press: ``Ctrl+K`` is ``(("Ctrl", "K"),)``.

    Modifiers are named as the system names them. Text that is no shortcut is one cap.
    """
    sequence = QKeySequence(keys, QKeySequence.SequenceFormat.PortableText)
    native = sequence.toString(QKeySequence.SequenceFormat.NativeText)
    if not native:
        return ((keys,),) if keys else ()
    return tuple(_caps_of(press) for press in native.split(", "))


def _caps_of(press: str) -> tuple[str, ...]:
    if sys.platform == "darwin":
        modifiers = press[: len(press) - len(press.lstrip(_MAC_MODIFIERS))]
        caps = [*modifiers, press[len(modifiers) :]]
    elif press.endswith("+"):
        # The plus key itself: Ctrl++.
        caps = [*(part for part in press[:-1].split("+") if part), "+"]
    else:
        caps = press.split("+")
    return tuple(_SHORT.get(cap, cap) for cap in caps if cap)


def keys_width(keys: str) -> int:
    """The width `paint_keys` needs for ``keys``, in pixels; 0 without any."""
    presses = key_caps(keys)
    if not presses:
        return 0
    caps = sum(_cap_width(cap) + _GAP for press in presses for cap in press)
    return round(caps - _GAP + (len(presses) - 1) * (_PAUSE - _GAP))


def paint_keys(painter: QPainter, rect: QRectF, keys: str, *, token: str = "text-secondary") -> int:
    """Draw the caps of ``keys`` at the right end of ``rect`` (at the left from right to left), centred in height.

    Nothing is drawn where they do not fit. Answers the width used, in pixels.
    """
    width = keys_width(keys)
    if width == 0 or width > rect.width():
        return 0
    is_mirrored = painter.layoutDirection() == Qt.LayoutDirection.RightToLeft
    left = rect.left() if is_mirrored else rect.right() - width
    top = round(rect.center().y() - CAP_HEIGHT / 2)
    painter.save()
    # A shortcut is written from left to right in every language.
    painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    for press in key_caps(keys):
        for cap in press:
            box = QRectF(round(left), top, round(_cap_width(cap)), CAP_HEIGHT)
            _paint_cap(painter, box, cap, theme.color(token))
            left += _cap_width(cap) + _GAP
        left += _PAUSE - _GAP
    painter.restore()
    return width


def _paint_cap(painter: QPainter, box: QRectF, cap: str, ink: QColor) -> None:
    fill_rounded(painter, box, Radius.INPUT, theme.color("tint-neutral"), theme.color("border"))
    painter.setFont(theme.font(Type.KEY))
    painter.setPen(ink)
    painter.drawText(box, _CENTER, cap)


def _cap_width(cap: str) -> float:
    return max(CAP_HEIGHT, round(QFontMetricsF(theme.font(Type.KEY)).horizontalAdvance(cap)) + 2 * _PADDING)


class Keys(QWidget):
    """A shortcut as key caps. Its accessible name is the shortcut in words."""

    def __init__(self, keys: str = "", *, parent: QWidget | None = None) -> None:
        """``keys`` is portable text: ``Ctrl+Shift+D``, or ``G, M`` for one after the other."""
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_keys(keys)

    def keys(self) -> str:
        """The shortcut shown, as portable text."""
        return self._keys

    def set_keys(self, keys: str) -> None:
        """Show another shortcut; empty shows nothing."""
        self._keys = keys
        self.setAccessibleName(", ".join("+".join(press) for press in key_caps(keys)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(keys_width(self._keys), CAP_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setLayoutDirection(self.layoutDirection())
        paint_keys(painter, QRectF(self.rect()), self._keys)
