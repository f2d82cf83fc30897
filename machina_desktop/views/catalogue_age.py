"""How old the list of what an account may choose from is, and a way to have it fetched anew."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.text import Label
from machina_desktop.views.wording import full_moment, moment


class CatalogueAge(QWidget):
    """``Fetched 14:03`` and *Refresh*, which shows that it is at work; both hidden while there is nothing to tell.

    Signals:
        renewed(): The provider shall be asked again.
    """

    renewed = Signal()

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` begins the object names ``NAME.age`` and ``NAME.renew``."""
        super().__init__(parent)
        self._age = Label(style=Type.SECONDARY, tone="secondary")
        self._age.setObjectName(f"{name}.age")
        self._renew = Button(self.tr("Refresh"), kind=ButtonKind.GHOST, icon_name="refresh-cw")
        self._renew.setObjectName(f"{name}.renew")
        self._renew.setToolTip(self.tr("Ask the provider again what it offers"))
        self._renew.clicked.connect(self.renewed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addStretch()
        row.addWidget(self._age)
        row.addWidget(self._renew)
        self.show_age(None)

    def set_subject(self, subject: str) -> None:
        """Say what it is about, for screen readers, where there are several of them."""
        self._renew.setAccessibleName(self.tr("Refresh: {0}").format(subject))

    def show_age(self, fetched_at: datetime | None) -> None:
        """Tell when it was fetched; ``None`` for what is not there yet, and for what does not age."""
        for widget in (self._age, self._renew):
            widget.setVisible(fetched_at is not None)
        self._fetched_at = fetched_at
        self._say()

    def set_busy(self, is_busy: bool) -> None:
        """Show that the provider is being asked."""
        self._renew.set_busy(is_busy)
        self._say()

    def _say(self) -> None:
        is_busy = self._renew.is_busy()
        self._age.setText(
            self.tr("Asking the provider…") if is_busy else self.tr("Fetched {0}").format(moment(self._fetched_at))
        )
        self._age.setToolTip(full_moment(self._fetched_at))
