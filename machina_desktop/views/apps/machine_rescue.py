"""What a machine's detail says while the machine runs its provider's rescue system, and the way out of it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.machine import RESCUE, Machine
from machina_desktop.views.apps.machine_text import rescue_notes, tr
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.buttons import Button


class RescueBanner(Callout):
    """Since when, how to log in, and *Leave rescue system*; hidden for a machine that runs its own.

    Signals:
        leave_wanted(): The question about leaving shall be asked.
    """

    leave_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("warning", icon_name="shield-alert", parent=parent)
        self.setObjectName("machine.in-rescue")
        self._leave = Button(tr("Leave rescue system…"), icon_name="log-out")
        self._leave.setObjectName("machine.leave-rescue")
        self._leave.clicked.connect(self.leave_wanted)
        self.add_button(self._leave)

    def show_machine(self, machine: Machine, *, why_not: str) -> None:
        """Say it of a machine that is in it; ``why_not`` says why it cannot be left now, empty when it can."""
        if not machine.is_in_rescue or machine.is_gone:
            self.clear()
            return
        self.say(
            tr("It runs its provider's rescue system {0}.").format(machine.facts[RESCUE]),
            "\n".join((*rescue_notes(), tr("A reboot leaves it, too."))),
        )
        self._leave.setEnabled(not why_not)
        self._leave.setToolTip(why_not)
