"""What a step of the wizard is."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.errors import Locked, MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.theme import Space


class Step(QWidget):
    """One step: it draws what the state holds and writes to it what the person does.

    Attributes:
        key: Which of the nine it is.
        title: The heading over it.
        hint: One sentence under the heading.

    Signals:
        finished(): The person did what ends the step; the wizard may go on.
    """

    finished = Signal()

    def __init__(self, key: WizardStep, state: WizardState, *, title: str, hint: str = "") -> None:
        super().__init__()
        self.setObjectName(f"wizard.step.{key}")
        self.key = key
        self.title = title
        self.hint = hint
        self.state = state
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(Space.M)

    def refresh(self) -> None:
        """Draw what the state holds now."""

    def entered(self) -> None:
        """The step came to the front: put the keyboard where the work is."""

    def show_problems(self) -> None:
        """Say at the fields what keeps the step from being finished."""

    def reveal(self, widget: QWidget) -> None:
        """Scroll to it, once it has its place."""
        QTimer.singleShot(0, widget, lambda: self._scroll_to(widget))

    def _scroll_to(self, widget: QWidget) -> None:
        above = self.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget, 0, Space.XL)

    def is_about_the_vault(self, error: MachinaError) -> bool:
        """Whether the vault has to be unlocked first; then the window asks for it."""
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        return isinstance(error, Locked)

    def show_error(self, field: str, message: str) -> bool:
        """Say at ``field`` what the answer complained about; whether there is such a field here."""
        return False
