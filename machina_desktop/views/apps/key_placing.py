"""The dialog that puts one or more keys into the accounts chosen."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QLocale, Qt, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.views.apps.key_place_choice import PlaceChoice
from machina_desktop.views.rights import allow
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog


class PutKeysDialog(Dialog):
    """Stays until every account has taken its keys, or says beside each why it has not; closing it stops nothing.

    Signals:
        placed(str): All of it is done; the sentence to tell.
    """

    placed = Signal(str)

    def __init__(
        self,
        bridge: Bridge,
        keys: tuple[SSHKey, ...],
        *,
        lead: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        """``keys`` are at least one; ``lead`` goes where accounts are added."""
        super().__init__(
            _tr("Put {0} in accounts").format(_title(keys)),
            text=_tr(
                "New machines of an account can be given the keys that lie there. One it knows is not added again."
            ),
            primary="",
            width=560,
            parent=parent,
        )
        self.setObjectName("put_keys")
        self._keys = keys
        self._lead = lead
        self.choice = PlaceChoice(bridge, name="put_keys.account", parent=self)
        self.choice.changed.connect(self._on_changed)
        self.choice.finished.connect(self._on_finished)
        self.choice.show_keys(keys)
        self.column.addWidget(self.choice)
        self.column.addStretch()
        providers = Button(self.tr("Open Providers"), icon_name="plug", parent=self)
        providers.setObjectName("put_keys.providers")
        providers.clicked.connect(self._on_providers)
        self.add_button(providers)
        self._providers = providers
        self.primary.setObjectName("put_keys.submit")
        self.primary.clicked.connect(self._on_primary)
        self.cancel.setObjectName("put_keys.cancel")
        self._on_changed()
        self.choice.changed.connect(self._stand_on_primary, Qt.ConnectionType.SingleShotConnection)

    def _stand_on_primary(self) -> None:
        """Once the accounts are known: Enter then puts the keys there."""
        if self.primary.isEnabled():
            self.primary.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_changed(self) -> None:
        chosen = len(self.choice.chosen())
        many = self.tr("Put in {0} accounts").format(QLocale().toString(chosen))
        self.primary.setText(many if chosen > 1 else self.tr("Put there"))
        is_bare = self.choice.is_known and not self.choice.can_choose()
        self._providers.setVisible(is_bare)
        if not self.primary.is_busy():
            obstacle = self.tr("No account can take keys now.") if is_bare else self.tr("Choose an account.")
            allow(self.primary, "" if chosen else obstacle)

    def _on_primary(self) -> None:
        self.set_busy(True)
        self.choice.begin()

    def _on_finished(self, is_all: bool) -> None:
        self.set_busy(False)
        if not is_all:
            self.primary.setText(self.tr("Try again"))
            self.cancel.setText(self.tr("Close"))
            return
        places = self.choice.chosen()
        where = places[0].account.label if len(places) == 1 else _count(len(places))
        self.placed.emit(self.tr("{0} put in {1}").format(_title(self._keys), where))
        self.accept()

    def _on_providers(self) -> None:
        self._lead()
        self.reject()


def _title(keys: tuple[SSHKey, ...]) -> str:
    return keys[0].name if len(keys) == 1 else _tr("{0} keys").format(QLocale().toString(len(keys)))


def _count(places: int) -> str:
    return _tr("{0} accounts").format(QLocale().toString(places))


def _tr(text: str) -> str:
    return QCoreApplication.translate("PutKeysDialog", text)
