"""The strip over a terminal that asks whether it is to be recorded; the terminal does not wait for the answer."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind


class RecordAsk(QWidget):
    """Hidden until it asks.

    Signals:
        answered(bool): Whether to record; the strip is gone by then.
    """

    answered = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._callout = Callout("neutral", icon_name="circle-dot")
        self._callout.setObjectName("terminal.record_ask")
        self.yes = Button(self.tr("Record"))
        self.yes.setObjectName("terminal.record_ask.yes")
        self.no = Button(self.tr("Not this time"), kind=ButtonKind.GHOST)
        self.no.setObjectName("terminal.record_ask.no")
        for button, is_yes in ((self.yes, True), (self.no, False)):
            button.clicked.connect(lambda _checked=False, is_yes=is_yes: self._on_answer(is_yes))
            self._callout.add_button(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, Space.S, Space.S, 0)
        column.addWidget(self._callout)
        self.hide()

    def ask(self, machine: str) -> None:
        """Ask about a terminal on the machine of that name."""
        text = self.tr("The recording stays on this computer. Known secrets are left out.")
        self._callout.say(self.tr("Record this terminal on {0}?").format(machine), text)
        self.show()

    def _on_answer(self, is_yes: bool) -> None:
        self.hide()
        self.answered.emit(is_yes)
