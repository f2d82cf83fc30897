"""The screens of connecting to a server: which one, which team of it, and the first copy."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.core.domain.profile import handle_problem, name_problem, normal_name
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.views.callout import Callout
from machina_desktop.views.choice_card import ChoiceCard
from machina_desktop.views.connect_address import Address, parse_address
from machina_desktop.views.team_dialog import handle_from
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.feedback import Progress, Spinner
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.text import IconLabel, Label

JOIN, FOUND = "join", "found"


class AddressStep(QWidget):
    """Which server.

    Attributes:
        address: What is typed.

    Signals:
        submitted(): Enter was pressed.
    """

    submitted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.address = Input(
            _tr("Server address"),
            placeholder="machina.example.org",
            help_text=_tr("You may also paste the invite link that somebody sent you."),
        )
        self.address.control.setObjectName("connect.address")
        self._warning = Callout("warning", icon_name="lock-open")
        self._warning.setObjectName("connect.exposed")
        column = _column(self)
        column.addWidget(self.address)
        column.addWidget(self._warning)
        column.addStretch()
        self.address.changed.connect(self._on_changed)
        self.address.submitted.connect(self.submitted)

    def read(self) -> Address | None:
        """What the person means; otherwise it says at the field what is wrong."""
        try:
            address = parse_address(self.address.text())
        except InvalidInput as error:
            self.refuse(error)
            return None
        if not address.url:
            self.address.set_error(_tr("This link names no server. Enter its address; the code is kept."))
            self.address.control.setFocus()
            return None
        return address

    def refuse(self, error: MachinaError) -> None:
        """Say at the field why there is no such server."""
        self.address.set_error(str(error))
        self.address.control.setFocus()

    def is_exposed(self) -> bool:
        """Whether what is typed means a line that could be listened to."""
        try:
            return parse_address(self.address.text()).is_exposed
        except InvalidInput:
            return False

    def _on_changed(self, _text: str) -> None:
        self.address.set_error("")
        if self.is_exposed():
            self._warning.say(
                _tr("This connection is not encrypted"),
                _tr(
                    "Whoever is on the way can read your password and everything of the team. Use https:// if you can."
                ),
            )
        else:
            self._warning.clear()


class TeamStep(QWidget):
    """Which team: one of those the person is in there, another by its invite, or a new one.

    Signals:
        chosen(): Another choice is marked.
        submitted(): Enter was pressed in the last field.
    """

    chosen = Signal()
    submitted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self._cards: dict[str, ChoiceCard] = {}
        self._was_touched = False
        self._looking = QWidget()
        self._teams = QVBoxLayout()
        self._teams.setSpacing(Space.S)
        self.code = Input(_tr("Invite code"), placeholder="7k3m9-2qhx4-…", is_mono=True)
        self.name = Input(_tr("Name"), placeholder=_tr("Acme"))
        self.handle = Input(_tr("Handle"), placeholder="acme", is_mono=True)
        self._has_own_handle = False
        self._build()

    @property
    def choice(self) -> str:
        """``join``, ``found``, or the id of a team."""
        return next((key for key, card in self._cards.items() if card.isChecked()), FOUND)

    def team_name(self) -> str:
        """The name of the team that is chosen; empty for one that is to be joined or founded."""
        return "" if self.choice in {JOIN, FOUND} else self._cards[self.choice].text()

    def show_teams(self, teams: tuple[Team, ...], *, is_looking: bool) -> None:
        """Show the teams one is in; ``is_looking`` while more may come."""
        self._looking.setVisible(is_looking and not teams)
        for team in teams:
            if team.team_id not in self._cards:
                card = self._add(team.team_id, "users", team.name, _tr("You are in this team."))
                self._teams.addWidget(card)
                if not self._was_touched:
                    card.setChecked(True)
                    self._was_touched = True
                    if self.isVisible():
                        self.enter()

    def choose(self, key: str) -> None:
        """Mark a choice."""
        self._cards[key].setChecked(True)

    def is_complete(self) -> bool:
        """Whether what the choice needs is filled in; otherwise it says at the field what is missing."""
        problems = {
            self.code: _tr("Enter the code.") if self.choice == JOIN and not self.code.text().strip() else "",
            self.name: name_problem(normal_name(self.name.text())) if self.choice == FOUND else "",
            self.handle: handle_problem(self.handle.text()) if self.choice == FOUND else "",
        }
        for field, problem in problems.items():
            field.set_error(problem)
        wrong = next((field for field, problem in problems.items() if problem), None)
        if wrong is not None:
            wrong.control.setFocus()
        return wrong is None

    def refuse(self, error: MachinaError) -> bool:
        """Say at the field what is wrong with it; whether it is about one of them."""
        about = error.field if isinstance(error, InvalidInput) else ""
        if error.code in {"E-TEAM-HANDLE", "E-HANDLE-TAKEN"}:
            about = "handle"
        field = {"code": self.code, "name": self.name, "handle": self.handle}.get(about)
        if field is None:
            return False
        field.set_error(str(error))
        field.control.setFocus()
        return True

    def enter(self) -> None:
        """Put the keyboard onto the choice, or into its first field."""
        first = {JOIN: self.code, FOUND: self.name}.get(self.choice)
        if first is not None and first.isVisibleTo(self):
            first.control.setFocus()
        else:
            self._cards[self.choice].setFocus(Qt.FocusReason.OtherFocusReason)

    def _build(self) -> None:
        row = QHBoxLayout(self._looking)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(Spinner())
        row.addWidget(Label(_tr("Looking for the teams you are in…"), tone="secondary"), 1)
        column = _column(self)
        column.setSpacing(Space.S)
        column.addWidget(self._looking)
        column.addLayout(self._teams)
        column.addWidget(
            self._add(
                JOIN, "user-plus", _tr("Join a team"), _tr("With the code of an invite from one of its administrators.")
            )
        )
        column.addWidget(self.code)
        column.addWidget(
            self._add(FOUND, "plus", _tr("Found a team"), _tr("It lives on the server; you invite the others."))
        )
        names = QHBoxLayout()
        names.setSpacing(Space.M)
        names.addWidget(self.name, 1, Qt.AlignmentFlag.AlignTop)
        names.addWidget(self.handle, 1, Qt.AlignmentFlag.AlignTop)
        column.addLayout(names)
        column.addStretch()
        for field, name in ((self.code, "team-code"), (self.name, "team-name"), (self.handle, "team-handle")):
            field.control.setObjectName(f"connect.{name}")
            field.changed.connect(lambda _text, field=field: field.set_error(""))
            field.submitted.connect(self.submitted)
        self.name.changed.connect(self._on_name_changed)
        self.handle.control.textEdited.connect(self._on_handle_edited)
        self._group.buttonClicked.connect(self._on_clicked)
        self._group.buttonToggled.connect(lambda *_about: self._on_toggled())
        self._cards[JOIN].setChecked(True)

    def _add(self, key: str, icon_name: str, title: str, text: str) -> ChoiceCard:
        card = ChoiceCard(icon_name, title, text)
        card.setObjectName(f"connect.choice.{key}")
        self._cards[key] = card
        self._group.addButton(card)
        return card

    def _on_clicked(self) -> None:
        self._was_touched = True
        self.enter()

    def _on_toggled(self) -> None:
        self.code.setVisible(self.choice == JOIN)
        for field in (self.name, self.handle):
            field.setVisible(self.choice == FOUND)
        self.chosen.emit()

    def _on_name_changed(self, name: str) -> None:
        if not self._has_own_handle:
            self.handle.set_text(handle_from(name))

    def _on_handle_edited(self, text: str) -> None:
        self._has_own_handle = bool(text)


class CopyStep(QWidget):
    """The first copy of a team: under way, then here."""

    def __init__(self) -> None:
        super().__init__()
        self._sign = IconLabel("download", token="accent-primary", size=20)
        self._title = Label("", style=Type.STRONG, wraps=True)
        self._text = Label("", tone="secondary", wraps=True)
        self._progress = Progress(name=_tr("First copy"))
        self._progress.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        words = QVBoxLayout()
        words.setSpacing(Space.XS)
        words.addWidget(self._title)
        words.addWidget(self._text)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        column = _column(self)
        column.addLayout(row)
        column.addWidget(self._progress)
        column.addStretch()

    def show_copying(self, name: str, host: str) -> None:
        """The copy is being made."""
        self._title.setText(_tr("{0} is being copied to this computer").format(name))
        self._text.setText(_tr("Machines, runs, keys and people of the team come from {0}.").format(host))
        self._progress.set_progress(0, 0)
        self._progress.show()

    def show_here(self, name: str) -> None:
        """The copy is whole."""
        self._sign.set_icon("circle-check", "accent-success")
        self._title.setText(_tr("{0} is here").format(name))
        self._text.setText(
            _tr(
                "It is in view now. Changes of the others arrive by themselves; without a connection you can go on "
                "reading, and edit names, tags and notes."
            )
        )
        self._progress.hide()


def _column(widget: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(Space.L)
    return column


def _tr(text: str) -> str:
    return QCoreApplication.translate("ConnectDialog", text)
