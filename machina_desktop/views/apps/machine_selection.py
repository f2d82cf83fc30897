"""What can be done with several selected machines at once."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.views.apps.machine_actions import LOOKS, Action, Infos, applies, title_of
from machina_desktop.views.selection_bar import SelectionBar
from machina_desktop.views.widgets.buttons import Button, ButtonKind

# Destroying is asked for one machine at a time, by name.
_OFFERED = (Action.REBOOT, Action.STOP, Action.START, Action.REFRESH)


class MachineSelectionBar(SelectionBar):
    """A line above the list while two or more machines are selected.

    Signals:
        chosen(Action): Do it with all of them.
        cleared(): Select nothing.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(name="machines", parent=parent)
        self._buttons = {action: self._build_button(action) for action in _OFFERED}
        for button in self._buttons.values():
            self.add_button(button)

    def show_selection(self, machines: tuple[Machine, ...], infos: Infos) -> None:
        """Offer what applies to every one of ``machines``; nothing shows for fewer than two."""
        self.show_count(len(machines))
        for action, button in self._buttons.items():
            button.setEnabled(applies(action, machines, infos))

    def _build_button(self, action: Action) -> Button:
        button = Button(title_of(action), kind=ButtonKind.GHOST, icon_name=LOOKS[action].icon_name)
        button.setObjectName(f"machines.selection.{action}")
        button.clicked.connect(lambda: self.chosen.emit(action))
        return button
