"""Tooltips of our own: text that wraps, and the shortcut as key caps."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.key_caps import CAP_HEIGHT, key_caps, keys_width, paint_keys
from machina_desktop.views.widgets.strokes import fill_rounded

WIDEST = 320
_GAP = 6
_PADDING = Space.S
_WRAPPED = Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere | Qt.AlignmentFlag.AlignVCenter
# As long as Qt leaves its own: ten seconds, and a little for each letter.
_LIFE_MS = 10_000
_LIFE_PER_LETTER_MS = 40
_SHORTCUT = re.compile(r"(?:(?:Ctrl|Alt|Shift|Meta)\+)+\S+|F\d{1,2}|Esc|Space|Enter|Del|Tab")
_ENDING = frozenset(
    {
        QEvent.Type.Leave,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.KeyPress,
        QEvent.Type.Wheel,
        QEvent.Type.FocusOut,
        QEvent.Type.Hide,
        QEvent.Type.WindowDeactivate,
        QEvent.Type.WindowBlocked,
    }
)


def parts_of(text: str) -> tuple[str, str]:
    """The words and the shortcut of a tooltip, which two blanks part: ``Copy  Ctrl+C``. Either may be empty."""
    words, gap, keys = text.rpartition("  ")
    keys = keys.strip()
    # Words may hold two blanks too: only what is written as a shortcut is one.
    if gap and key_caps(keys) and (len(keys) == 1 or _SHORTCUT.fullmatch(keys)):
        return words.strip(), keys
    return ("", text) if _SHORTCUT.fullmatch(text) else (text, "")


class Tooltip(QWidget):
    """A small plate that says what is under the mouse; it closes by itself when the mouse or the keyboard goes on."""

    def __init__(self, text: str, *, parent: QWidget) -> None:
        """``text`` as on ``setToolTip``; a shortcut at its end, behind two blanks, becomes key caps."""
        # The first paint shows no tooltip and need not wait for what asks the display.
        from machina_desktop.views.widgets.compositor import can_blend  # noqa: PLC0415

        super().__init__(parent, Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
        self._words, self._keys = parts_of(text)
        self._is_blended = can_blend()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground, on=self._is_blended)
        self.setAccessibleName(text)
        self.resize(self.sizeHint())
        QTimer.singleShot(_LIFE_MS + _LIFE_PER_LETTER_MS * len(text), self, self.close)
        parent.installEventFilter(self)

    def words(self) -> str:
        """What it says, without the shortcut."""
        return self._words

    def keys(self) -> str:
        """The shortcut it shows; empty for none."""
        return self._keys

    def sizeHint(self) -> QSize:
        size, caps = self._text_size(), keys_width(self._keys)
        width = size.width() + (Space.S if caps and size.width() else 0) + caps
        height = max(size.height(), CAP_HEIGHT if caps else 0)
        return QSize(width + 2 * _PADDING + 2, height + 2 * (_PADDING - 2))

    def place_at(self, rect: QRect) -> None:
        """Show it under ``rect``, in the desktop's pixels, or above where the screen ends; never off the screen."""
        screen = self.screen().availableGeometry()
        is_small = rect.width() <= 2 * WIDEST // 5
        x = rect.center().x() - self.width() // 2 if is_small else rect.left()
        y = rect.bottom() + _GAP
        if y + self.height() > screen.bottom():
            y = rect.top() - _GAP - self.height()
        self.move(max(screen.left(), min(x, screen.right() - self.width())), max(screen.top(), y))
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _ENDING:
            self.close()
        return super().eventFilter(watched, event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        radius = Radius.BUTTON if self._is_blended else 0
        fill_rounded(painter, QRectF(self.rect()), radius, theme.color("surface-elevated"), theme.color("border"))
        inside = QRectF(self.rect()).adjusted(_PADDING, 0, -_PADDING, 0)
        paint_keys(painter, inside, self._keys)
        painter.setFont(theme.font(Type.SECONDARY))
        painter.setPen(theme.color("text-primary"))
        words = QRectF(inside.left(), 0, self._text_size().width() + 1, self.height())
        if self.isRightToLeft():
            words.moveRight(inside.right())
        painter.drawText(words, int(_WRAPPED), self._words)

    def _text_size(self) -> QSize:
        if not self._words:
            return QSize()
        caps = keys_width(self._keys)
        room = QRect(0, 0, WIDEST - 2 * _PADDING - (caps + Space.S if caps else 0), 2000)
        return QFontMetrics(theme.font(Type.SECONDARY)).boundingRect(room, int(_WRAPPED), self._words).size() + QSize(
            1, 0
        )


class _Shown:
    """The one tooltip there is; written on the Qt thread only."""

    tooltip: Tooltip | None = None


def show_tooltip(widget: QWidget, text: str, *, rect: QRect | None = None, at: QPoint | None = None) -> None:
    """Show ``text`` beside ``rect`` of ``widget``, or at a place of the desktop, instead of what is shown now.

    Without either it stands beside the whole widget. An empty text shows nothing.
    """
    hide_tooltip()
    if not text:
        return
    made = Tooltip(text, parent=widget)
    made.destroyed.connect(lambda: _forget(made))
    _Shown.tooltip = made
    place = QRect(at, QSize(1, 16)) if at is not None else _global_rect(widget, rect or widget.rect())
    made.place_at(place)


def shown_tooltip() -> Tooltip | None:
    """The tooltip that is open."""
    return _Shown.tooltip


def hide_tooltip() -> None:
    """Close the tooltip that is open, if there is one."""
    if _Shown.tooltip is not None:
        shown, _Shown.tooltip = _Shown.tooltip, None
        shown.close()


def _forget(tooltip: Tooltip) -> None:
    if _Shown.tooltip is tooltip:
        _Shown.tooltip = None


def _global_rect(widget: QWidget, rect: QRect) -> QRect:
    return QRect(widget.mapToGlobal(rect.topLeft()), rect.size())


class _Watcher(QObject):
    """Answers Qt's question for a tooltip on the widgets that were given to `hang_tooltip`."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The class of the event tells it apart sooner than its type does.
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and isinstance(watched, QWidget):
            show_tooltip(watched, watched.toolTip())
            return True
        return super().eventFilter(watched, event)


class _Watch:
    watcher: _Watcher | None = None


def hang_tooltip(widget: QWidget) -> None:
    """Let ``widget`` show its ``toolTip()`` as a `Tooltip`, after the delay Qt has for all of them."""
    if _Watch.watcher is None:
        _Watch.watcher = _Watcher(QApplication.instance())
    widget.installEventFilter(_Watch.watcher)
