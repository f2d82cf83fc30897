"""The frame of a sidekick detail: status at the top, content in the middle, actions pinned at the foot."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import Locked, MachinaError, NotFound
from machina_desktop.views import tasks
from machina_desktop.views.callout import Callout
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.states import EmptyState, ErrorState
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import Label


class Sections(QScrollArea):
    """Parts under small headings, scrolled together."""

    def __init__(self, *, margin: int = Space.L, parent: QWidget | None = None) -> None:
        """``margin`` is the room at both sides, in design pixels."""
        super().__init__(parent)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(margin, Space.M, margin, Space.L)
        self._column.setSpacing(Space.XL)
        self._column.addStretch()
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def add(self, title: str, content: QWidget) -> QWidget:
        """Add a part at the end; the answer is the whole part, to be shown or hidden."""
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(Label(title, style=Type.LABEL, tone="secondary"))
        column.addWidget(content)
        self._column.insertWidget(self._column.count() - 1, part)
        return part


class DetailPanel(QWidget):
    """Loading, filled, failed or gone; with a header line, remarks and a foot that belong to the filled state.

    Attributes:
        problem: What an action of this panel ran into; cleared by the next one.

    Signals:
        retried: *Retry* was chosen after loading failed.
    """

    retried = Signal()

    def __init__(self, content: QWidget, *, parent: QWidget) -> None:
        super().__init__(parent)
        self.problem = Callout("error")
        self._error = ErrorState()
        self._error.retried.connect(self.retried)
        self._gone = EmptyState(
            icon_name="ban", title=self.tr("No longer here"), text=self.tr("It was deleted meanwhile.")
        )
        self._gone.setObjectName("detail.gone")
        self._header = QHBoxLayout()
        self._remarks = QVBoxLayout()
        self._foot = QWidget()
        self._foot_row = QVBoxLayout()
        self._filled = QWidget()
        self._stack = QStackedWidget()
        self._build_filled(content)
        skeleton = Skeleton(rows=6)
        for page in (skeleton, self._filled, self._error, self._gone):
            self._stack.addWidget(page)
        whole = QVBoxLayout(parent)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)

    def add_to_header(self, *widgets: QWidget) -> None:
        """Put widgets side by side at the top."""
        for widget in widgets:
            self._header.addWidget(widget)
        self._header.addStretch()

    def set_header(self, header: QWidget) -> None:
        """Put one widget at the top, over the whole width."""
        self._header.addWidget(header, 1)

    def add_remark(self, widget: QWidget) -> None:
        """Put a remark, such as a `Callout`, between header and content."""
        self._remarks.addWidget(widget)

    def add_actions(self, *buttons: Button) -> None:
        """Put buttons at the foot, in tab order; the last one, which should be the dangerous one, at the right end."""
        row = Flow()
        for button in buttons[:-1]:
            row.addWidget(button)
        row.add_apart(buttons[-1])
        self._foot_row.addLayout(row)

    def set_foot(self, actions: QWidget) -> None:
        """Put one widget at the foot, over the whole width."""
        self._foot_row.addWidget(actions)

    def set_foot_visible(self, is_visible: bool) -> None:
        """Show the foot only while there is something to do."""
        self._foot.setVisible(is_visible)

    def show_content(self) -> None:
        """Everything is known."""
        self._stack.setCurrentWidget(self._filled)

    def show_error(self, error: MachinaError) -> None:
        """It could not be read."""
        if isinstance(error, NotFound):
            self._stack.setCurrentWidget(self._gone)
            return
        self._error.set_error(error)
        self._stack.setCurrentWidget(self._error)

    def show_problem(self, error: MachinaError) -> None:
        """An action failed: say so here, where it was started. A locked vault asks to be unlocked."""
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        else:
            self.problem.say_error(error)

    def is_filled(self) -> bool:
        """Whether the content is shown."""
        return self._stack.currentWidget() is self._filled

    def is_gone(self) -> bool:
        """Whether the thing does not exist any more."""
        return self._stack.currentWidget() is self._gone

    def _build_filled(self, content: QWidget) -> None:
        self._header.setSpacing(Space.S)
        self._remarks.setSpacing(Space.S)
        self._remarks.addWidget(self.problem)
        top = QVBoxLayout()
        top.setContentsMargins(Space.L, Space.M, Space.L, Space.S)
        top.setSpacing(Space.M)
        top.addLayout(self._header)
        top.addLayout(self._remarks)
        self._foot_row.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        foot = QVBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(0)
        foot.addWidget(Divider())
        foot.addLayout(self._foot_row)
        column = QVBoxLayout(self._filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(content, 1)
        column.addWidget(self._foot)


class WidgetList(QWidget):
    """Widgets under each other, replaced all together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def fill(self, *widgets: QWidget) -> None:
        """Show these instead of what was there."""
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for widget in widgets:
            self._column.addWidget(widget)


class EntityLink(QWidget):
    """A thing that can be opened in the sidekick: icon, name, status. A long name is shortened.

    Signals:
        clicked: It was chosen, by mouse or keyboard.
    """

    clicked = Signal()

    def __init__(
        self, text: str, icon_name: str, *, status: StrEnum | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._button = Button(text, kind=ButtonKind.GHOST, icon_name=icon_name)
        self._button.setMinimumWidth(64)
        self._button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._button.setToolTip(text)
        self._button.clicked.connect(self.clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.XS)
        row.addWidget(self._button)
        row.addStretch()
        self._badge = StatusBadge(status, parent=self)
        row.addWidget(self._badge)

    def setObjectName(self, name: str) -> None:
        super().setObjectName(name)
        self._button.setObjectName(f"{name}.open")

    def set_text(self, text: str, status: StrEnum | None = None) -> None:
        """Show another thing."""
        self._button.setText(text)
        self._button.setToolTip(text)
        self._badge.set_status(status)

    def set_icon(self, icon_name: str) -> None:
        """Show another icon."""
        self._button.set_icon_name(icon_name)


class MachineLinks(WidgetList):
    """Machines by name and status, each of which can be opened.

    Signals:
        chosen: A machine's id (str).
    """

    chosen = Signal(str)

    def __init__(self, *, name: str, nothing: str, parent: QWidget | None = None) -> None:
        """``name`` begins the links' object names; ``nothing`` is said when there are no machines."""
        super().__init__(parent)
        self._name = name
        self._nothing = nothing

    def show_machines(self, machines: tuple[Machine, ...]) -> None:
        """Show exactly these."""
        if not machines:
            self.fill(Label(self._nothing, tone="secondary"))
            return
        self.fill(*(self._link(machine) for machine in machines))

    def _link(self, machine: Machine) -> EntityLink:
        link = EntityLink(machine.name, PROVIDER_ICONS[machine.provider], status=machine.actual_status)
        link.setObjectName(f"{self._name}.{machine.machine_id}")
        link.clicked.connect(lambda key=machine.machine_id: self.chosen.emit(key))
        return link
