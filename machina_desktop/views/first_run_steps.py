"""The screens of the first start: each a widget that knows when it is complete."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import VaultStatus
from machina_desktop.views import theme
from machina_desktop.views.choice_card import ChoiceCard
from machina_desktop.views.new_passphrase import NewPassphrase
from machina_desktop.views.theme import Space
from machina_desktop.views.theme_tiles import ThemeTiles
from machina_desktop.views.widgets.inputs import Input


class LookStep(QWidget):
    """Which theme.

    Signals:
        chosen(str): ``dark``, ``light`` or ``system``.
    """

    chosen = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._tiles = ThemeTiles(
            (("dark", self.tr("Dark")), ("light", self.tr("Light")), (theme.SYSTEM, self.tr("As the system")))
        )
        self._tiles.chosen.connect(self.chosen)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._tiles)
        column.addStretch()
        self.set_chosen(name)

    def set_chosen(self, name: str) -> None:
        """Mark the theme in force; sends no signal."""
        self._tiles.set_chosen(name)


class TeamStep(QWidget):
    """The names of the team that everything will belong to, and of the person.

    Attributes:
        team: The team's name.
        person: The person's name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.team = Input(
            self.tr("Team"),
            help_text=self.tr("It is on this computer only; nothing is sent anywhere. You may add more."),
        )
        self.person = Input(self.tr("Your name"), help_text=self.tr("It stands beside what you did."))
        self._stored = ("", "")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        column.addWidget(self.team)
        column.addWidget(self.person)
        column.addStretch()

    def set_names(self, team: str, person: str) -> None:
        """Show what is stored."""
        self._stored = (team, person)
        self.team.set_text(team)
        self.person.set_text(person)

    def changed(self) -> tuple[str | None, str | None]:
        """The new names of team and person; ``None`` for one that stays."""
        typed = (self.team.text().strip(), self.person.text().strip())
        team, person = (new if new != old else None for new, old in zip(typed, self._stored, strict=True))
        return team, person

    def keep(self) -> None:
        """What is typed has been stored."""
        self._stored = (self.team.text().strip(), self.person.text().strip())

    def show_error(self, error: MachinaError) -> bool:
        """Say at the field what is wrong with it; whether it is about one of them."""
        about = error.field if isinstance(error, InvalidInput) else ""
        field = {"name": self.team, "display_name": self.person}.get(about)
        for each in (self.team, self.person):
            each.set_error("")
        if field is not None:
            field.set_error(str(error))
            field.control.setFocus()
        return field is not None


class LockStep(QWidget):
    """How the vault is unlocked: one of the ways it does not have yet.

    Attributes:
        new: The fields for a passphrase, where that is the way.

    Signals:
        submitted(): Enter was pressed in the last field.
    """

    submitted = Signal()

    def __init__(self, status: VaultStatus) -> None:
        super().__init__()
        self._cards: dict[str, ChoiceCard] = {}
        self._group = QButtonGroup(self)
        self.new = NewPassphrase(parent=self)
        self.new.submitted.connect(self.submitted)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        self._build_cards(status)
        for slot, card in self._cards.items():
            column.addWidget(card)
            if slot == "passphrase":
                column.addWidget(self.new)
        column.addStretch()
        next(card for card in self._cards.values() if card.isEnabled()).setChecked(True)
        self._group.buttonToggled.connect(self._on_toggled)
        self._on_toggled()

    @property
    def slot(self) -> str:
        """The way chosen: ``keyring``, ``passphrase`` or ``key-file``."""
        return next(slot for slot, card in self._cards.items() if card.isChecked())

    @property
    def passphrase(self) -> Secret:
        """The passphrase; empty with the other ways."""
        return self.new.secret() if self.slot == "passphrase" else Secret("")

    def choose(self, slot: str) -> None:
        """Choose a way."""
        self._cards[slot].setChecked(True)

    def is_complete(self) -> bool:
        """Whether everything is filled in; otherwise it says at the field what is missing."""
        return self.slot != "passphrase" or self.new.is_complete()

    def enter(self) -> None:
        """Put the cursor where typing begins; Enter moves on from field to field."""
        if self.slot == "passphrase":
            self.new.enter()

    def forget(self) -> None:
        """Empty the fields, once the vault has what was typed."""
        self.new.forget()

    def _build_cards(self, status: VaultStatus) -> None:
        keyring = ChoiceCard(
            "key-round",
            self.tr("System keyring"),
            self.tr("Opens by itself when you are logged in to this computer.")
            if status.keyring_available
            else self.tr("No keyring answers on this computer."),
            note=self.tr("recommended") if status.keyring_available else "",
        )
        keyring.setEnabled(status.keyring_available)
        passphrase = ChoiceCard(
            "lock",
            self.tr("Passphrase"),
            self.tr("Asked for at every start. Nobody can recover it for you."),
            note="" if status.keyring_available else self.tr("recommended"),
        )
        file = ChoiceCard(
            "file-text",
            self.tr("Key file"),
            self.tr("Anyone who copies the data folder can read the credentials."),
        )
        cards = {"keyring": keyring, "passphrase": passphrase, "key-file": file}
        self._cards = {slot: card for slot, card in cards.items() if slot not in status.slots}
        for card in self._cards.values():
            self._group.addButton(card)

    def _on_toggled(self) -> None:
        is_passphrase = self.slot == "passphrase"
        self.new.setVisible(is_passphrase)
        if is_passphrase:
            self.new.enter()


class BeginStep(QWidget):
    """What to do first.

    Signals:
        chosen(str): ``cloud``, ``sandbox``, ``baremetal``, or ``server`` for a team that has one.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        for provider, icon, title, text in (
            (
                "cloud",
                "cloud",
                self.tr("Connect a cloud"),
                self.tr("DigitalOcean, Hetzner, AWS or Google Cloud, with a token of yours that stays in the vault."),
            ),
            (
                "sandbox",
                "flask-conical",
                self.tr("Try it on this computer"),
                self.tr("A practice machine, with a real plan and a real run. No account needed."),
            ),
            (
                "baremetal",
                "hard-drive",
                self.tr("Add a server I have"),
                self.tr("Any host you reach over SSH. Nothing changes without your approval."),
            ),
            (
                "server",
                "users",
                self.tr("My team has a server"),
                self.tr("Sign in there, or use the invite that somebody sent you."),
            ),
        ):
            card = ChoiceCard(icon, title, text, is_checkable=False)
            card.clicked.connect(lambda _checked=False, provider=provider: self.chosen.emit(provider))
            column.addWidget(card)
        column.addStretch()
