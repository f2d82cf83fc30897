"""What can be done with several selected machines at once."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.views.apps.machine_actions import LOOKS, Action, Infos, applies, title_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.text import Label

# Destroying is asked for one machine at a time, by name.
_OFFERED = (Action.REBOOT, Action.STOP, Action.START, Action.REFRESH)


class SelectionBar(QFrame):
    """A line above the list while two or more machines are selected.

    Signals:
        chosen(Action): Do it with all of them.
        cleared(): Select nothing.
    """

    chosen = Signal(object)
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setObjectName("machines.selection")
        self._count = Label(style=Type.MEDIUM)
        self._buttons = {action: self._build_button(action) for action in _OFFERED}
        clear = IconButton("x", self.tr("Select nothing"))
        clear.clicked.connect(self.cleared)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.M, Space.XS, Space.XS, Space.XS)
        row.setSpacing(Space.XS)
        row.addWidget(self._count)
        row.addStretch()
        for button in self._buttons.values():
            row.addWidget(button)
        row.addWidget(clear)
        self.hide()

    def show_selection(self, machines: tuple[Machine, ...], infos: Infos) -> None:
        """Offer what applies to every one of ``machines``; nothing shows for fewer than two."""
        self.setVisible(len(machines) > 1)
        self._count.setText(self.tr("{0} selected").format(self.locale().toString(len(machines))))
        for action, button in self._buttons.items():
            button.setEnabled(applies(action, machines, infos))

    def _build_button(self, action: Action) -> Button:
        button = Button(title_of(action), kind=ButtonKind.GHOST, icon_name=LOOKS[action].icon_name)
        button.setObjectName(f"machines.selection.{action}")
        button.clicked.connect(lambda: self.chosen.emit(action))
        return button
