"""Where the run of a new machine of a shared team is carried out, and why it cannot be elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from machina_desktop.core.domain.custody import opens_at
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import ProviderAccount, ProviderInfo
from machina_desktop.views.choice_card import ChoiceCard
from machina_desktop.views.theme import Space


class Place(StrEnum):
    """Who carries a run out."""

    SERVER = "server"
    HERE = "here"


def why_not_at(
    place: Place, account: ProviderAccount, info: ProviderInfo | None, *, device_id: str, login_keys: Iterable[SSHKey]
) -> str:
    """Why the run cannot be carried out there, one sentence; empty when it can.

    ``login_keys`` are those of which one is needed there to log in; none when no login is.
    """
    at = device_id if place is Place.HERE else ""
    if place is Place.SERVER and info is not None and info.is_on_this_computer:
        return _tr("A practice machine lives on your own computer.")
    if not opens_at(account, at):
        if not account.keeper:
            return _tr("Only the server's runner has the account's credentials.")
        if account.keeper == device_id:
            return _tr("The account's credentials are only on this computer. You can share them under Providers.")
        return _tr("The account's credentials are on another computer of the team.")
    keys = tuple(login_keys)
    if keys and not any(key.has_private_key and opens_at(key, at) for key in keys):
        return _tr("None of the chosen keys has its private half there.")
    return ""


class PlaceChoice(QWidget):
    """The server or this computer; what cannot be says why.

    Signals:
        chosen(str): A `Place`.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._about = {
            Place.SERVER: _tr("Works on when this computer is off."),
            Place.HERE: _tr("Works while this computer is on and connected."),
        }
        self._cards = {
            Place.SERVER: ChoiceCard("server", _tr("The server"), self._about[Place.SERVER]),
            Place.HERE: ChoiceCard("monitor", _tr("This computer"), self._about[Place.HERE]),
        }
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        for place, card in self._cards.items():
            card.setObjectName(f"wizard.place.{place}")
            card.clicked.connect(lambda _checked=False, place=place: self.chosen.emit(place.value))
            self._group.addButton(card)
            row.addWidget(card, 1)

    def show_places(self, chosen: Place, obstacles: dict[Place, str]) -> None:
        """Mark the chosen one, and say of each why it cannot be."""
        self._group.setExclusive(False)
        for place, card in self._cards.items():
            card.set_body(obstacles[place] or self._about[place])
            card.setEnabled(not obstacles[place])
            card.setChecked(place is chosen)
        self._group.setExclusive(True)


def _tr(text: str) -> str:
    return QCoreApplication.translate("PlaceChoice", text)
