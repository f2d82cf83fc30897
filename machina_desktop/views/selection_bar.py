"""A line above a list while several of its rows are selected."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.text import Label


class SelectionBar(QFrame):
    """How many rows are selected, what can be done with all of them, and a way to select nothing.

    Signals:
        cleared(): Select nothing.
    """

    cleared = Signal()

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` is the list's, such as ``keys``."""
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setObjectName(f"{name}.selection")
        self._count = Label(style=Type.MEDIUM)
        clear = IconButton("x", self.tr("Select nothing"))
        clear.setObjectName(f"{name}.selection.clear")
        clear.clicked.connect(self.cleared)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(Space.M, Space.XS, Space.XS, Space.XS)
        row.setSpacing(Space.XS)
        row.addWidget(self._count)
        row.addStretch()
        row.addWidget(clear)
        self.hide()

    def add_button(self, button: Button) -> None:
        """Offer one thing more to do with all of them."""
        self._row.insertWidget(self._row.count() - 1, button)

    def show_count(self, count: int) -> None:
        """So many rows are selected; for fewer than two there is nothing to show."""
        self.setVisible(count > 1)
        self._count.setText(self.tr("{0} selected").format(self.locale().toString(count)))
