"""The screens of the first start: each a widget that knows when it is complete."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import VaultStatus
from machina_desktop.views import theme
from machina_desktop.views.choice_card import ChoiceCard
from machina_desktop.views.new_passphrase import NewPassphrase
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.theme_tiles import ThemeTiles
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import Label


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
        column.addStretch(2)
        column.addWidget(self._tiles)
        column.addStretch(3)
        self.set_chosen(name)

    def set_chosen(self, name: str) -> None:
        """Mark the theme in force; sends no signal."""
        self._tiles.set_chosen(name)


class TeamStep(QWidget):
    """The team that machines, keys and accounts will belong to."""

    def __init__(self) -> None:
        super().__init__()
        self._avatar = Avatar("", size=40)
        self._name = Label("", style=Type.STRONG)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._name)
        words.addWidget(Label(self.tr("On this computer only. Nothing is sent anywhere."), tone="secondary"))
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self._avatar)
        row.addLayout(words, 1)
        card = Card(name=self.tr("Team"))
        card.column.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        column.addStretch(2)
        column.addWidget(card)
        column.addStretch(3)

    def set_team(self, name: str) -> None:
        """Show the team's name."""
        self._avatar.set_name(name)
        self._name.setText(name)


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
        chosen(str): ``sandbox`` or ``baremetal``.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addStretch(2)
        for provider, icon, title, text in (
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
        ):
            card = ChoiceCard(icon, title, text, is_checkable=False)
            card.clicked.connect(lambda _checked=False, provider=provider: self.chosen.emit(provider))
            column.addWidget(card)
        column.addStretch(3)
