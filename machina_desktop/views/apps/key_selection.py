"""What can be done with several selected keys at once."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.views.rights import allow
from machina_desktop.views.selection_bar import SelectionBar
from machina_desktop.views.widgets.buttons import Button, ButtonKind


class KeySelectionBar(SelectionBar):
    """A line above the list while two or more keys are selected.

    Signals:
        put(): Put all of them into accounts.
        cleared(): Select nothing.
    """

    put = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(name="keys", parent=parent)
        self._put = Button(self.tr("Put in accounts…"), kind=ButtonKind.GHOST, icon_name="cloud")
        self._put.setObjectName("keys.selection.put")
        self._put.clicked.connect(self.put)
        self.add_button(self._put)

    def show_selection(self, count: int, refusal: str) -> None:
        """So many are selected; ``refusal`` says why nothing may be done with them, empty when it may."""
        self.show_count(count)
        allow(self._put, refusal)
