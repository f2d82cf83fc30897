"""One account in a key's detail: whether the key lies there, by which id, and the one thing to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.errors import MachinaError
from machina_desktop.views.apps.key_errands import Deed, Errand
from machina_desktop.views.apps.key_places import Place
from machina_desktop.views.callout import Callout
from machina_desktop.views.provider_words import dot_of, provider_title
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.provider_icon import AccountDot, ProviderIcon
from machina_desktop.views.widgets.text import CopyLabel, ElidedLabel, IconLabel, Label

# What is put right at the account and not by trying again.
_CURED_THERE = {"E-CLOUD-DENIED", "E-NOT-HERE", "E-ACCOUNT-INVALID"}


class KeyAccountRow(QWidget):
    """Shows a `Place`; keeps its widgets, so that the keyboard stays where it is when something changes.

    Signals:
        put(): The key is to be put there.
        taken(): The key is to be taken away.
        opened(): The account itself is to be shown.
    """

    put = Signal()
    taken = Signal()
    opened = Signal()

    def __init__(self, place: Place, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_there = False
        self._had_focus = False
        self._dot = AccountDot(dot_of(place.account))
        self._icon = ProviderIcon(place.account.provider_type, size=24)
        self._label = ElidedLabel(style=Type.MEDIUM)
        self._deed = Button("")
        self._deed.clicked.connect(self._on_deed)
        self._open = Button(self.tr("Open"), kind=ButtonKind.GHOST, icon_name="arrow-up-right")
        self._open.clicked.connect(self.opened)
        self._mark = IconLabel("circle", size=14)
        self._said = Label(style=Type.SECONDARY, tone="secondary")
        self._id = CopyLabel(name=self.tr("id of the key there"))
        self._why = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._problem = Callout("error")
        self._cure = Button(self.tr("Open account"), kind=ButtonKind.GHOST, icon_name="arrow-up-right")
        self._cure.clicked.connect(self.opened)
        self._problem.add_button(self._cure)
        self._name(f"key.account.{place.account_id}")
        self._lay_out()

    def show_place(self, place: Place, known: str, errand: Errand | None, *, may_change: bool) -> None:
        """Show how things stand: ``known`` is the account's id of the key, empty when it lies there not."""
        self._is_there = bool(known)
        self._dot.set_token(dot_of(place.account))
        self._icon.set_provider(place.account.provider_type, name=provider_title(place.account.provider_type))
        self._icon.setEnabled(place.rank < 2)
        self._label.setText(place.account.label)
        self._label.set_tone("" if place.rank < 2 else "secondary")
        self._render_state(place, known, errand)
        self._render_buttons(place, errand, may_change=may_change)
        self._render_problem(errand)
        self.setAccessibleName(place.account.label)
        self.setAccessibleDescription(f"{self._said.text()} {known} {place.obstacle}".strip())

    def _name(self, name: str) -> None:
        self.setObjectName(name)
        for widget, part in (
            (self._deed, "deed"),
            (self._open, "open"),
            (self._said, "said"),
            (self._id, "id"),
            (self._why, "why"),
            (self._problem, "problem"),
            (self._cure, "cure"),
        ):
            widget.setObjectName(f"{name}.{part}")

    def _lay_out(self) -> None:
        state = QHBoxLayout()
        state.setSpacing(Space.XS + 2)
        state.addWidget(self._mark)
        state.addWidget(self._said)
        state.addWidget(self._id, 1)
        state.addStretch()
        self._said.setMinimumHeight(24)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        buttons.addWidget(self._deed)
        buttons.addWidget(self._open)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, Space.XS, 0, Space.XS)
        whole.setSpacing(Space.S)
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.S)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(2, 1)
        grid.addWidget(self._dot, 0, 0)
        grid.addWidget(self._icon, 0, 1)
        grid.addWidget(self._label, 0, 2)
        grid.addLayout(buttons, 0, 3)
        grid.addLayout(state, 1, 2, 1, 2)
        grid.addWidget(self._why, 2, 2, 1, 2)
        grid.setRowMinimumHeight(0, 32)
        whole.addLayout(grid)
        whole.addWidget(self._problem)

    def _render_state(self, place: Place, known: str, errand: Errand | None) -> None:
        is_told = place.is_ready or bool(known)
        for widget in (self._mark, self._said):
            widget.setVisible(is_told)
        self._id.setVisible(bool(known))
        self._id.set_text(known)
        self._why.setText(place.obstacle)
        self._why.setVisible(not place.is_ready)
        if errand is not None and errand.is_open:
            title = provider_title(place.account.provider_type)
            self._mark.set_icon("loader-circle", "accent-primary")
            self._said.setText(self.tr("asking {0}…").format(title))
        elif known:
            is_news = errand is not None and errand.is_done and errand.was_there
            self._mark.set_icon("circle-check", "accent-success")
            self._said.setText(self.tr("was there already, as") if is_news else self.tr("there as"))
        else:
            self._mark.set_icon("circle", "text-secondary")
            self._said.setText(self.tr("not there"))

    def _render_buttons(self, place: Place, errand: Errand | None, *, may_change: bool) -> None:
        is_open = errand is not None and errand.is_open
        self._open.setVisible(place.is_curable)
        self._deed.setVisible(may_change and place.is_ready)
        # Where something is under way the button stays what was pressed.
        if not is_open:
            words = self.tr("Take away") if self._is_there else self.tr("Put there")
            self._deed.setText(words)
            self._deed.set_kind(ButtonKind.GHOST if self._is_there else ButtonKind.SECONDARY)
            self._deed.setAccessibleName(f"{words}: {place.account.label}")
        self._deed.set_busy(is_open)
        self._open.setAccessibleName(self.tr("Open {0}").format(place.account.label))
        self._cure.setAccessibleName(self._open.accessibleName())
        self._problem.set_subject(place.account.label)
        if not is_open and self._had_focus:
            self._had_focus = False
            self._deed.setFocus(Qt.FocusReason.OtherFocusReason)

    def _render_problem(self, errand: Errand | None) -> None:
        error = errand.error if errand is not None else None
        # What has come about all the same is no problem any more.
        if errand is None or error is None or (errand.deed is Deed.PUT) == self._is_there:
            self._problem.clear()
            return
        self._show_error(error)

    def _show_error(self, error: MachinaError) -> None:
        self._cure.setVisible(error.code in _CURED_THERE)
        self._problem.say_error(error)

    def _on_deed(self) -> None:
        self._had_focus = self._deed.hasFocus()
        if self._is_there:
            self.taken.emit()
        else:
            self.put.emit()
