"""A day, typed or chosen from a calendar in the colours of the theme, and two of them as a range."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import QDate, QSize, Qt, Signal
from PySide6.QtGui import QTextCharFormat, QWheelEvent
from PySide6.QtWidgets import QCalendarWidget, QDateEdit, QHBoxLayout, QToolButton, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import icon
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.text import Label

_FORMAT = "d MMM yyyy"


class Calendar(QCalendarWidget):
    """A month to choose a day from. Weekends are no warning: they stand back as the names of days do."""

    def __init__(self, *, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setVerticalHeaderFormat(QCalendarWidget.VerticalHeaderFormat.NoVerticalHeader)
        self.setHorizontalHeaderFormat(QCalendarWidget.HorizontalHeaderFormat.ShortDayNames)
        for side, icon_name in (("prev", "chevron-left"), ("next", "chevron-right")):
            for button in self.findChildren(QToolButton, f"qt_calendar_{side}month"):
                button.setIcon(icon(icon_name, "text-secondary"))
                button.setIconSize(QSize(16, 16))
        self._colour()
        theme.events().theme_changed.connect(self._colour)

    def _colour(self) -> None:
        """Qt takes these colours from formats, which no style sheet reaches."""
        days, names = QTextCharFormat(), QTextCharFormat()
        days.setForeground(theme.color("text-secondary"))
        names.setForeground(theme.color("text-secondary"))
        names.setBackground(theme.color("surface-elevated"))
        names.setFont(theme.font(theme.Type.SECONDARY))
        self.setHeaderTextFormat(names)
        for day in (Qt.DayOfWeek.Saturday, Qt.DayOfWeek.Sunday):
            self.setWeekdayTextFormat(day, days)


class DayEdit(QDateEdit):
    """A line for a day, with a calendar that opens below it. The wheel over it scrolls the page, not the day."""

    def __init__(self, day: QDate, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` says to screen readers what day it is."""
        super().__init__(day, parent)
        self.setAccessibleName(name)
        self.setDisplayFormat(_FORMAT)
        self.setCalendarPopup(True)
        self.setCalendarWidget(Calendar(name=name))

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class DayRange(QWidget):
    """Two days, both included.

    Signals:
        changed: One of them is another day now.
    """

    changed = Signal()

    def __init__(self, name: str, *, parent: QWidget | None = None) -> None:
        """``name`` begins the object names of both lines: ``deployments.from``."""
        super().__init__(parent)
        self.first = self._day(self.tr("From"), f"{name}.from", QDate.currentDate().addDays(-7))
        self.last = self._day(self.tr("To"), f"{name}.to", QDate.currentDate())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.first)
        row.addWidget(Label("–", tone="secondary"))
        row.addWidget(self.last)
        row.addStretch()

    def bounds(self) -> tuple[datetime, datetime]:
        """From the first moment of the first day to the last of the last, in local time; in either order."""
        days = sorted((self.first.date(), self.last.date()), key=QDate.toJulianDay)
        start, end = (datetime(day.year(), day.month(), day.day()).astimezone() for day in days)
        return start, end + timedelta(days=1) - timedelta(microseconds=1)

    def _day(self, name: str, object_name: str, day: QDate) -> QDateEdit:
        edit = DayEdit(day, name=name)
        edit.setObjectName(object_name)
        edit.dateChanged.connect(lambda _day: self.changed.emit())
        return edit
