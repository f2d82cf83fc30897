"""The parts of a deployment: one at a time, or plan and log side by side where there is room."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QSplitter,
    QSplitterHandle,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from machina_desktop.views import theme
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Segment, Segmented

# So wide must the parts be together, such as in a panel of 900 pixels with its margins.
WIDE = 900 - 2 * Space.L
_LEAST_HEIGHT = 120
_BOTH = "both"


class _Handle(QSplitterHandle):
    """Wide enough to be grabbed, and only a hairline to look at."""

    def paintEvent(self, event: QPaintEvent) -> None:
        middle = QRect(self.width() // 2, 0, 1, self.height())
        QPainter(self).fillRect(middle & event.rect(), theme.color("border"))


class _Split(QSplitter):
    def createHandle(self) -> QSplitterHandle:
        return _Handle(self.orientation(), self)


class DeploymentParts(QWidget):
    """``plan``, ``log`` and ``details``, chosen by the segments above them.

    Signals:
        chosen(): The person chose a part.
    """

    chosen = Signal()

    def __init__(self, plan: QWidget, log: QWidget, details: QWidget) -> None:
        super().__init__()
        self._widgets = {"plan": plan, "log": log, "details": details}
        self._key = "plan"
        self._is_wide = False
        self._narrow_tabs = self._make_tabs("plan", "log", "details")
        self._wide_tabs = self._make_tabs(_BOTH, "details")
        self._wide_tabs.hide()
        self._both = _Split(Qt.Orientation.Horizontal)
        self._both.setChildrenCollapsible(False)
        self._both.setHandleWidth(Space.L)
        self._both.addWidget(plan)
        self._both.addWidget(log)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._both)
        self._stack.addWidget(details)
        # Stated, so that in a low window the parts scroll and the buttons at the foot stay in sight.
        self._stack.setMinimumHeight(_LEAST_HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self._narrow_tabs)
        column.addWidget(self._wide_tabs)
        column.addWidget(self._stack, 1)
        self._arrange()

    def show_part(self, key: str) -> None:
        """Bring a part to the front; the keyboard follows when it was in the one before."""
        before = self._current()
        focus = QApplication.focusWidget()
        was_inside = focus is not None and (before is focus or before.isAncestorOf(focus))
        self._key = key
        self._arrange()
        if was_inside and self._current() is not before:
            self.focus_part()

    def is_in_front(self, key: str) -> bool:
        """Whether that part can be seen."""
        return not self._widgets[key].isHidden() and (key == "details") == (self._key == "details")

    def is_wide(self) -> bool:
        """Whether plan and log stand side by side."""
        return self._is_wide

    def focus_part(self) -> None:
        """Put the keyboard onto the part in front."""
        self._current().setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = self.width() >= WIDE
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            self._arrange()
            self._both.setSizes([self.width() // 2, self.width() // 2])

    def _current(self) -> QWidget:
        return self._widgets[self._key]

    def _arrange(self) -> None:
        for tabs, key in ((self._narrow_tabs, self._key), (self._wide_tabs, self._wide_key())):
            tabs.blockSignals(True)
            tabs.set_current(key)
            tabs.blockSignals(False)
        self._narrow_tabs.setVisible(not self._is_wide)
        self._wide_tabs.setVisible(self._is_wide)
        self._stack.setCurrentIndex(1 if self._key == "details" else 0)
        for key in ("plan", "log"):
            self._widgets[key].setVisible(self._is_wide or key == self._key)

    def _wide_key(self) -> str:
        return "details" if self._key == "details" else _BOTH

    def _make_tabs(self, *keys: str) -> Segmented:
        titles = {
            "plan": self.tr("Plan"),
            "log": self.tr("Log"),
            "details": self.tr("Details"),
            _BOTH: self.tr("Plan and log"),
        }
        tabs = Segmented(
            tuple(Segment(key=key, title=titles[key]) for key in keys), name=self.tr("Parts of the deployment")
        )
        tabs.setObjectName("deployment.parts" if _BOTH not in keys else "deployment.wide_parts")
        for key, button in zip(keys, tabs.findChildren(QAbstractButton), strict=True):
            button.setObjectName(f"deployment.part.{key}" if _BOTH not in keys else f"deployment.wide_part.{key}")
            button.clicked.connect(self.chosen)
        tabs.changed.connect(self._on_tab)
        return tabs

    def _on_tab(self, key: str) -> None:
        self.show_part("plan" if key == _BOTH else key)
