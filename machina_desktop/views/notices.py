"""Toasts at the lower right: results in passing, errors until dismissed, a flood as one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPoint, QPropertyAnimation, QRectF, QTimer
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import Label

SHOWN_MS = 4000
SLIDE_MS = 140
WIDTH = 380
# More than these at once would hide the page; the rest waits and is counted. A low window shows fewer: one for each
# this many pixels, so that the middle of an empty page, where its button stands, stays free.
SHOWN_AT_ONCE = 3
ROOM_EACH = 220
WAITING_AT_MOST = 50

_LOOK = {
    "info": ("info", "accent-primary"),
    "success": ("circle-check", "accent-success"),
    "warning": ("triangle-alert", "accent-warning"),
    "error": ("circle-alert", "accent-error"),
}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something to tell in passing.

    Attributes:
        kind: ``info``, ``success``, ``warning`` or ``error``; an error stays until dismissed.
        detail: A second, quieter sentence, such as the next step.
        about: The id of what it tells of: a later notice about the same takes its place.
        count: How often it was told.
    """

    text: str
    detail: str = ""
    kind: str = "info"
    action: str = ""
    on_action: Callable[[], None] | None = None
    about: str = ""
    count: int = 1

    def is_like(self, other: Notice) -> bool:
        """Whether both tell the same, so that one line can stand for both."""
        mine = (self.kind, self.text, self.detail, self.action, self.about)
        return mine == (other.kind, other.text, other.detail, other.action, other.about)


class Toast(QWidget):
    """One notice on the screen. It leaves by itself unless it is an error or the mouse rests on it."""

    def __init__(self, notice: Notice, leave: Callable[[Toast], None], parent: QWidget) -> None:
        super().__init__(parent)
        self.notice = notice
        self._leave = leave
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.dismiss)
        self._slide = QPropertyAnimation(self, b"pos", self)
        self._slide.setDuration(SLIDE_MS)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._text = Label(wraps=True)
        self._text.setMinimumWidth(1)
        self.setFixedWidth(WIDTH)
        self._build()
        self._say()
        if notice.kind != "error":
            self._timer.start()

    def repeat(self) -> None:
        """The same was told again: count it, and stay longer."""
        self.notice = replace(self.notice, count=self.notice.count + 1)
        self._say()
        if self._timer.isActive():
            self._timer.start()

    def dismiss(self) -> None:
        """Leave now."""
        self._timer.stop()
        self._leave(self)

    def move_to(self, place: QPoint, *, is_new: bool) -> None:
        """Go to ``place`` in the parent; a new one slides in, unless motion is reduced."""
        if theme.is_motion_reduced() or not self.isVisible():
            self._slide.stop()
            self.move(place)
            return
        self._slide.stop()
        self._slide.setStartValue(place + QPoint(Space.XL, 0) if is_new else self.pos())
        self._slide.setEndValue(place)
        self._slide.start()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        if self.notice.kind != "error":
            self._timer.start()
        super().leaveEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        fill = theme.color("surface-elevated")
        fill_rounded(painter, QRectF(self.rect()), Radius.CARD, fill, theme.color("border"))
        icon, token = _LOOK[self.notice.kind]
        draw_icon(painter, QRectF(Space.M + 2, (self.height() - 18) / 2, 18, 18), icon, token)

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._text)
        if self.notice.detail:
            detail = Label(self.notice.detail, tone="secondary", wraps=True)
            detail.setMinimumWidth(1)
            words.addWidget(detail)
        close = IconButton("x", self.tr("Dismiss"), parent=self)
        close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.M + 18 + Space.M, Space.S, 6, Space.S)
        row.setSpacing(Space.S)
        row.addLayout(words, 1)
        if self.notice.action:
            action = Button(self.notice.action, parent=self)
            action.clicked.connect(self._on_action)
            row.addWidget(action)
        row.addWidget(close)

    def _say(self) -> None:
        times = f"  ×{self.notice.count}" if self.notice.count > 1 else ""
        self._text.setText(self.notice.text + times)
        self.setAccessibleName(self.notice.text + times)
        self.setAccessibleDescription(self.notice.detail)
        self.setFixedHeight(self._height())
        self.update()

    def _height(self) -> int:
        layout = self.layout()
        return max(46, layout.totalHeightForWidth(WIDTH) if layout is not None else 46)

    def _on_action(self) -> None:
        act = self.notice.on_action
        self.dismiss()
        if act is not None:
            act()


class Notices(QObject):
    """The toasts of a window: at most three show, equal ones are counted, a flood is told as one line.

    Everything runs on the Qt thread; a notice costs the same whether it is the first or the thousandth.
    """

    def __init__(self, window: QWidget, *, over: QWidget) -> None:
        """Toasts stand in the lower right corner of ``over``, so that they hide no inspector's buttons."""
        super().__init__(window)
        self._window = window
        self._over = over
        self._shown: list[Toast] = []
        self._waiting: deque[Notice] = deque()
        self._dropped = 0
        self._placed: set[Toast] = set()
        self._layout_soon = QTimer(self, singleShot=True, interval=0)
        self._layout_soon.timeout.connect(self._place)
        over.installEventFilter(self)

    def tell(self, notice: Notice) -> None:
        """Show it, or count it where the same already shows or waits."""
        if notice.about and not any(toast.notice.is_like(notice) for toast in self._shown):
            self.withdraw(notice.about)
        for toast in self._shown:
            if toast.notice.is_like(notice):
                toast.repeat()
                self._layout_soon.start()
                return
        for index, waiting in enumerate(self._waiting):
            if waiting.is_like(notice):
                self._waiting[index] = replace(waiting, count=waiting.count + 1)
                return
        if len(self._shown) < self._room():
            self._show(notice)
        elif len(self._waiting) < WAITING_AT_MOST:
            self._waiting.append(notice)
        else:
            self._dropped += 1

    def shown(self) -> tuple[Toast, ...]:
        """The toasts on the screen, oldest first."""
        return tuple(self._shown)

    def waiting(self) -> int:
        """How many notices are not on the screen yet."""
        return len(self._waiting) + self._dropped

    def withdraw(self, about: str) -> None:
        """Take away what was told about something: it is out of date, or the person looks at the thing itself."""
        self._waiting = deque(notice for notice in self._waiting if notice.about != about)
        for toast in [toast for toast in self._shown if toast.notice.about == about]:
            toast.dismiss()

    def clear(self) -> None:
        """Dismiss everything."""
        self._waiting.clear()
        self._dropped = 0
        for toast in tuple(self._shown):
            toast.dismiss()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self._layout_soon.start()
        return super().eventFilter(watched, event)

    def _room(self) -> int:
        return max(1, min(SHOWN_AT_ONCE, self._over.height() // ROOM_EACH))

    def _show(self, notice: Notice) -> None:
        toast = Toast(notice, self._on_left, self._window)
        self._shown.append(toast)
        toast.show()
        toast.raise_()
        self._layout_soon.start()

    def _on_left(self, toast: Toast) -> None:
        if toast not in self._shown:
            return
        self._shown.remove(toast)
        self._placed.discard(toast)
        toast.hide()
        toast.deleteLater()
        if len(self._waiting) + self._dropped > self._room():
            self._show(self._summary())
        elif self._waiting:
            self._show(self._waiting.popleft())
        self._layout_soon.start()

    def _summary(self) -> Notice:
        """One line for all that wait: reading fifty toasts one by one helps nobody."""
        kinds = {notice.kind for notice in self._waiting}
        total = sum(notice.count for notice in self._waiting) + self._dropped
        latest = self._waiting[-1].text
        self._waiting.clear()
        self._dropped = 0
        return Notice(
            text=self.tr("{0} more notices").format(total),
            detail=self.tr("Latest: {0}").format(latest),
            kind="error" if "error" in kinds else "warning" if "warning" in kinds else "info",
            action=self.tr("Dismiss all"),
            on_action=self.clear,
        )

    def _place(self) -> None:
        corner = self._over.mapTo(self._window, self._over.rect().bottomRight())
        bottom = corner.y() - Space.L
        left = max(Space.L, corner.x() - WIDTH - Space.L)
        for toast in reversed(self._shown):
            bottom -= toast.height()
            toast.move_to(QPoint(left, bottom), is_new=toast not in self._placed)
            self._placed.add(toast)
            bottom -= Space.S
