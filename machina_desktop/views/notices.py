"""What is told in passing: toasts at the lower right, a flood as one line, and everything told lately."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime

from PySide6.QtCore import QEvent, QObject, QPoint, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.core.ids import now
from machina_desktop.views.theme import Space
from machina_desktop.views.toast import WIDTH, MoreLine, Notice, Toast

# More than these at once would hide the page. A low window shows fewer: one for each this many pixels, so that the
# middle of an empty page, where its button stands, stays free.
SHOWN_AT_ONCE = 3
ROOM_EACH = 220
KEPT = 200


@dataclass(frozen=True)
class Told:
    """A notice and when it was told last."""

    notice: Notice
    at: datetime


class Notices(QObject):
    """The notices of a window: at most three show, equal ones are counted, the rest is one line that leads to the list.

    Everything runs on the Qt thread; a notice costs the same whether it is the first or the thousandth.

    Signals:
        changed(): Something was told, withdrawn from the list, or looked at.
        list_wanted(): The person wants to see all of them.
    """

    changed = Signal()
    list_wanted = Signal()

    def __init__(self, window: QWidget, *, over: QWidget) -> None:
        """Toasts stand in the lower right corner of ``over``, so that they hide no inspector's buttons."""
        super().__init__(window)
        self._window = window
        self._over = over
        self._shown: list[Toast] = []
        self._waiting: deque[Notice] = deque(maxlen=KEPT)
        self._waiting_count = 0
        self._told: deque[Told] = deque(maxlen=KEPT)
        self._unread = 0
        self._has_unread_error = False
        self._placed: set[QWidget] = set()
        self._more: MoreLine | None = None
        self._layout_soon = QTimer(self, singleShot=True, interval=0)
        self._layout_soon.timeout.connect(self._place)
        over.installEventFilter(self)

    def tell(self, notice: Notice) -> None:
        """Show it, or count it where the same already shows; one without room joins the line of the others."""
        self.record(notice)
        if notice.about and not any(toast.notice.is_like(notice) for toast in self._shown):
            self.withdraw(notice.about)
        for toast in self._shown:
            if toast.notice.is_like(notice):
                toast.repeat()
                self._layout_soon.start()
                return
        if len(self._shown) < self._room():
            self._show(notice)
        elif notice.is_error and (passing := next((each for each in self._shown if not each.notice.is_error), None)):
            # What stays until it is seen must be seen; what would pass by itself gives way.
            self._remove(passing)
            self._wait(passing.notice)
            self._show(notice)
        else:
            self._wait(notice)

    def record(self, notice: Notice) -> None:
        """Keep it in the list without a toast: it was told elsewhere."""
        if self._told and self._told[-1].notice.is_like(notice):
            last = self._told.pop()
            notice = replace(notice, count=last.notice.count + 1)
        else:
            self._unread = min(KEPT, self._unread + 1)
        self._has_unread_error = self._has_unread_error or notice.is_error
        self._told.append(Told(notice, now()))
        self.changed.emit()

    def told(self) -> tuple[Told, ...]:
        """The last `KEPT` notices, newest first."""
        return tuple(reversed(self._told))

    def unread(self) -> int:
        """How many were told since the list was looked at last."""
        return self._unread

    def has_unread_error(self) -> bool:
        """Whether an error is among them."""
        return self._has_unread_error

    def mark_read(self) -> None:
        """The person looks at the list: nothing has to be shown over the page any more."""
        self._unread, self._has_unread_error = 0, False
        self.dismiss_all()
        self.changed.emit()

    def forget_told(self) -> None:
        """Empty the list."""
        self._told.clear()
        self.mark_read()

    def shown(self) -> tuple[Toast, ...]:
        """The toasts on the screen, oldest first."""
        return tuple(self._shown)

    def waiting(self) -> int:
        """How many notices have no room on the screen."""
        return self._waiting_count

    def more(self) -> MoreLine | None:
        """The line that stands for them; ``None`` before it was ever needed."""
        return self._more

    def withdraw(self, about: str) -> None:
        """Take away what was told about something: it is out of date, or the person looks at the thing itself."""
        kept = [notice for notice in self._waiting if notice.about != about]
        self._waiting_count -= len(self._waiting) - len(kept)
        self._waiting = deque(kept, maxlen=KEPT)
        for toast in [toast for toast in self._shown if toast.notice.about == about]:
            toast.dismiss()

    def dismiss_all(self) -> None:
        """Take everything off the screen; the list keeps it."""
        self._waiting.clear()
        self._waiting_count = 0
        for toast in tuple(self._shown):
            self._remove(toast)
        self._layout_soon.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self._layout_soon.start()
        return super().eventFilter(watched, event)

    def _room(self) -> int:
        return max(1, min(SHOWN_AT_ONCE, self._over.height() // ROOM_EACH))

    def _wait(self, notice: Notice) -> None:
        self._waiting.append(notice)
        self._waiting_count += 1
        self._layout_soon.start()

    def _show(self, notice: Notice) -> None:
        toast = Toast(notice, self._on_left, self._window)
        self._shown.append(toast)
        # Not in the upper left corner, where the mouse may rest: it would be kept for ever.
        toast.move(self._corner() - QPoint(0, toast.height()))
        toast.show()
        toast.raise_()
        self._announce(notice)
        self._layout_soon.start()

    def _announce(self, notice: Notice) -> None:
        """Let screen readers say it."""
        if QAccessible.isActive():
            said = QAccessibleAnnouncementEvent(self._window, f"{notice.text} {notice.detail}".strip())
            if notice.is_error:
                said.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
            QAccessible.updateAccessibility(said)

    def _on_left(self, toast: Toast) -> None:
        if toast not in self._shown:
            return
        self._remove(toast)
        if self._waiting_count > self._room() and not any(notice.is_error for notice in self._waiting):
            # Reading fifty toasts one by one helps nobody: with the last toast the line goes, the list stays.
            if not self._shown:
                self._waiting.clear()
                self._waiting_count = 0
        elif self._waiting:
            self._show(self._take_waiting())
        self._layout_soon.start()

    def _take_waiting(self) -> Notice:
        """The next to show: the oldest error, else the oldest."""
        chosen = next((notice for notice in self._waiting if notice.is_error), self._waiting[0])
        self._waiting.remove(chosen)
        self._waiting_count -= 1
        return chosen

    def _remove(self, toast: Toast) -> None:
        had_focus = toast.holds(QApplication.focusWidget())
        self._shown.remove(toast)
        self._placed.discard(toast)
        toast.hide()
        toast.deleteLater()
        if had_focus:
            # The keyboard goes to the next toast, or back to the page.
            (self._shown[-1] if self._shown else self._over).setFocus()

    def _corner(self) -> QPoint:
        """Where the lowest card has its lower left corner, in the window."""
        corner = self._over.mapTo(self._window, self._over.rect().bottomRight())
        return QPoint(max(Space.L, corner.x() - WIDTH - Space.L), corner.y() - Space.L)

    def _place(self) -> None:
        left, bottom = self._corner().toTuple()
        cards: list[Toast | MoreLine] = list(reversed(self._shown))
        if self._waiting_count and self._more is None:
            self._more = MoreLine(show_all=self.list_wanted.emit, dismiss=self.dismiss_all, parent=self._window)
        if self._more is not None:
            self._more.say(self._waiting_count)
            if self._waiting_count:
                self._more.raise_()
                cards.insert(0, self._more)
            else:
                self._placed.discard(self._more)
        for card in cards:
            bottom -= card.height()
            card.move_to(QPoint(left, bottom), is_new=card not in self._placed)
            self._placed.add(card)
            bottom -= Space.S
