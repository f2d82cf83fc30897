"""The head of an inspector: the way back, what is shown, and what can be done with the panel."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import ElidedLabel

LONG_PRESS_MS = 450


class HistoryButton(IconButton):
    """A press goes one step. A long press, a right press or the menu key asks for the list of all steps.

    Signals:
        list_wanted(): The person wants to see where it leads.
    """

    list_wanted = Signal()

    def __init__(self, icon_name: str, name: str, *, shortcut: str, parent: QWidget) -> None:
        super().__init__(icon_name, name, shortcut=shortcut, parent=parent)
        self._long_press = QTimer(self, singleShot=True, interval=LONG_PRESS_MS)
        self._long_press.timeout.connect(self._on_long_press)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            self._long_press.start()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._long_press.stop()
        super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.accept()
        self.list_wanted.emit()

    def _on_long_press(self) -> None:
        if self.isDown():
            # Else the release would count as a press.
            self.setDown(False)
            self.list_wanted.emit()


class _Plate(QWidget):
    """The entity's icon on a small plate."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._icon_name = "box"
        self.setFixedSize(QSize(28, 28))

    def set_icon_name(self, icon_name: str) -> None:
        """Show another icon."""
        self._icon_name = icon_name
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill_rounded(painter, rect, Radius.BUTTON, theme.color("tint-neutral"))
        draw_icon(painter, rect.adjusted(6, 6, -6, -6), self._icon_name, "text-primary")


class TitleBar(QWidget):
    """What a dock's title bar holds here: the way back, what is shown, and what can be done with the panel."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("surface", "base")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.back = HistoryButton("arrow-left", self.tr("Back"), shortcut="Alt+Left", parent=self)
        self.forward = HistoryButton("arrow-right", self.tr("Forward"), shortcut="Alt+Right", parent=self)
        self.copy = IconButton("hash", self.tr("Copy id"), parent=self)
        self.copy_link = IconButton("link", self.tr("Copy link"), parent=self)
        self.pin = IconButton("pin", self.tr("Pin to keep it open beside the next one"), is_checkable=True, parent=self)
        self.float = IconButton("maximize-2", self.tr("Take out into a window"), parent=self)
        self.close_ = IconButton("x", self.tr("Close"), shortcut="Esc", parent=self)
        self.plate = _Plate(self)
        self.title = ElidedLabel("", style=Type.STRONG)
        tools = QHBoxLayout()
        tools.setSpacing(0)
        tools.addWidget(self.back)
        tools.addWidget(self.forward)
        tools.addStretch()
        for button in (self.copy, self.copy_link, self.pin, self.float, self.close_):
            tools.addWidget(button)
        name = QHBoxLayout()
        name.setContentsMargins(Space.XS, 0, Space.XS, 0)
        name.setSpacing(10)
        name.addWidget(self.plate)
        name.addWidget(self.title, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, 6, Space.S, 10)
        column.setSpacing(6)
        column.addLayout(tools)
        column.addLayout(name)
