"""A day, typed or chosen from a calendar in the colours of the theme."""

from __future__ import annotations

from PySide6.QtCore import QDate, QSize, Qt
from PySide6.QtGui import QTextCharFormat, QWheelEvent
from PySide6.QtWidgets import QCalendarWidget, QDateEdit, QToolButton, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import icon

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
