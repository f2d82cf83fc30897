"""The actions at the foot of a machine's detail: those that make sense now, with the reason where one does not."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.views.apps.machine_actions import (
    DANGEROUS,
    LOOKS,
    UPKEEP,
    Action,
    Infos,
    is_offered,
    title_of,
    why_not,
)
from machina_desktop.views.apps.machine_console import ICON, console_words, open_console
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.menus import Dropdown


class ActionFoot(QWidget):
    """A row of buttons.

    Signals:
        chosen(Action, object): Do it; the second is the button, to show that it is busy, or ``None``.
    """

    chosen = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._refresh = IconButton(LOOKS[Action.REFRESH].icon_name, title_of(Action.REFRESH))
        self._refresh.setObjectName("machine.refresh")
        self._refresh.clicked.connect(lambda: self.chosen.emit(Action.REFRESH, None))
        self._buttons = {
            Action.RETRY: self._build_button(Action.RETRY, ButtonKind.PRIMARY),
            Action.REBOOT: self._build_button(Action.REBOOT),
            Action.STOP: self._build_button(Action.STOP),
            Action.START: self._build_button(Action.START),
            Action.DESTROY: self._build_button(Action.DESTROY, ButtonKind.DANGER),
        }
        self._more = Dropdown(self.tr("More"))
        self._more.setObjectName("machine.more")
        self._rows: tuple[tuple[Action, bool], ...] = ()
        self._console = ""
        row = Flow(self)
        row.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        for action, button in self._buttons.items():
            if action is Action.DESTROY:
                row.addWidget(self._more)
                row.addWidget(self._refresh)
                row.add_apart(button)
            else:
                row.addWidget(button)

    def show_machine(self, machine: Machine, infos: Infos, *, away: str = "", console: str = "") -> None:
        """Show what fits the machine's status; what does not apply is greyed and says why.

        ``away`` says why nothing can be asked for now, such as that the team's home cannot be reached. ``console`` is
        the address of its console at its provider; empty for none.
        """
        is_off = machine.actual_status is MachineStatus.STOPPED
        is_wrong = machine.actual_status is MachineStatus.ERROR
        self._buttons[Action.RETRY].setVisible(is_wrong)
        self._buttons[Action.START].setVisible(is_off)
        self._buttons[Action.STOP].setVisible(not is_off and not is_wrong)
        self._buttons[Action.DESTROY].setText(title_of(Action.DESTROY, machine))
        for action, button in self._buttons.items():
            reason = away or why_not(action, machine, infos)
            button.setEnabled(not reason and not button.is_busy())
            button.setToolTip(reason)
        self._show_upkeep(machine, infos, away, console)
        reason = away or why_not(Action.REFRESH, machine, infos)
        self._refresh.setEnabled(not reason)
        self._refresh.setToolTip(reason or title_of(Action.REFRESH))

    def _show_upkeep(self, machine: Machine, infos: Infos, away: str, console: str) -> None:
        """Put into the menu what the machine's provider can do on later days."""
        offered = [action for action in UPKEEP if is_offered(action, machine, infos)]
        self._more.setVisible(bool(offered) and not machine.is_gone)
        rows = tuple((action, not away and not why_not(action, machine, infos)) for action in offered)
        if (rows, console) == (self._rows, self._console):
            # A menu that is open stays as it is.
            return
        self._rows, self._console = rows, console
        menu = self._more.items
        menu.clear()
        for action, is_ready in rows:
            entry = menu.add_item(
                title_of(action), partial(self.chosen.emit, action, None), icon_name=LOOKS[action].icon_name
            )
            entry.setEnabled(is_ready)
            if action in DANGEROUS:
                menu.mark_dangerous(entry)
        if console:
            menu.addSeparator()
            menu.add_item(console_words(machine), partial(open_console, console), icon_name=ICON)

    def _build_button(self, action: Action, kind: ButtonKind = ButtonKind.SECONDARY) -> Button:
        button = Button(title_of(action), kind=kind)
        button.setObjectName(f"machine.{action}")
        button.clicked.connect(lambda: self.chosen.emit(action, button))
        return button
