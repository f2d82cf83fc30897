"""What a tab of terminals consists of: parts, each with a header; one whose machine is gone says so in place."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.ids import new_id
from machina_desktop.views import theme
from machina_desktop.views.terminal.split_header import PaneHeader
from machina_desktop.views.widgets.states import EmptyState


class TabPart(QWidget):
    """One part of a tab.

    Attributes:
        key: Under which the tab's layout knows it.
        machine_id: Of its machine.
        name: The machine's, as people call it.
        environment: The machine's; empty for none.
        kept: The shell that its machine keeps for it; ``None`` where each connection has a new one.
        header: The line over it.
        column: Where what is below the header goes.

    Signals:
        changed(): It stands otherwise than before.
        focused(): The keyboard is in it now.
        close_wanted(): The person is done with it.
        zoom_wanted(): The person wants it to cover the others, or no longer.
    """

    changed = Signal()
    focused = Signal()
    close_wanted = Signal()
    zoom_wanted = Signal()

    def __init__(self, machine_id: str, name: str, environment: str, kept: KeptShell | None = None) -> None:
        super().__init__()
        self.key = new_id("pane")
        self.machine_id, self.name, self.environment, self.kept = machine_id, name, environment, kept
        self._is_ringed = False
        self.header = PaneHeader(name, environment, self)
        self.header.close_wanted.connect(self.close_wanted)
        self.header.zoom_wanted.connect(self.zoom_wanted)
        self.header.pressed.connect(self.take_focus)
        self.header.pressed.connect(self.focused)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(self.header)

    def show_shared(self, *, is_shared: bool, is_current: bool, is_zoomed: bool) -> None:
        """Show whether there are others beside it, and whether it is the one that is typed into."""
        self.header.show_shared(is_shared=is_shared, is_current=is_current, is_zoomed=is_zoomed)
        ring = int(is_shared)
        self.column.setContentsMargins(ring, ring, ring, ring)
        self._is_ringed = is_shared and is_current
        self.update()

    def take_focus(self) -> None:
        """Put the keyboard into it."""
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_session(self) -> None:
        """End what runs in it."""

    @property
    def title(self) -> str:
        """What a tab may say of it."""
        return self.name

    @property
    def icon_name(self) -> str:
        """What a tab may show of it."""
        return "unlink"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.color("background"))
        if self._is_ringed:
            painter.setPen(theme.color("accent-primary"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))


class GonePart(TabPart):
    """Stands where a terminal was on a machine that is gone, or that the person may not open any more."""

    def __init__(self, machine_id: str, name: str, kept: KeptShell | None = None) -> None:
        super().__init__(machine_id, name, "", kept)
        self.setObjectName("terminal.gone")
        self.state = EmptyState(
            icon_name="unlink",
            title=self.tr("{0} cannot be opened").format(name),
            text=self.tr("The machine is gone, has no address yet, or is not open to you."),
            action=self.tr("Close"),
        )
        self.state.activated.connect(self.close_wanted)
        self.column.addWidget(self.state, 1)
        self.setFocusProxy(self.state.action)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self.take_focus()
        self.focused.emit()
