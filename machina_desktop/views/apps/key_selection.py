"""What can be done with several selected keys at once."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from machina_desktop.views.rights import allow
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.text import Label


class KeySelectionBar(QFrame):
    """A line above the list while two or more keys are selected.

    Signals:
        put(): Put all of them into accounts.
        cleared(): Select nothing.
    """

    put = Signal()
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setObjectName("keys.selection")
        self._count = Label(style=Type.MEDIUM)
        self._put = Button(self.tr("Put in accounts…"), kind=ButtonKind.GHOST, icon_name="cloud")
        self._put.setObjectName("keys.selection.put")
        self._put.clicked.connect(self.put)
        clear = IconButton("x", self.tr("Select nothing"))
        clear.setObjectName("keys.selection.clear")
        clear.clicked.connect(self.cleared)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.M, Space.XS, Space.XS, Space.XS)
        row.setSpacing(Space.XS)
        row.addWidget(self._count)
        row.addStretch()
        row.addWidget(self._put)
        row.addWidget(clear)
        self.hide()

    def show_selection(self, count: int, refusal: str) -> None:
        """So many are selected; ``refusal`` says why nothing may be done with them, empty when it may."""
        self.setVisible(count > 1)
        self._count.setText(self.tr("{0} selected").format(self.locale().toString(count)))
        allow(self._put, refusal)
