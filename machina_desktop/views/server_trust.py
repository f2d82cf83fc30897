"""Confirming that the runners of a server have a new key: by its fingerprint, compared with whoever runs the server."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.server import Server
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.handing_over import TrustRunnerKey
from machina_desktop.views import tasks
from machina_desktop.views.server_words import host_of
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input

_DIGITS = 32


class TrustKeyDialog(Dialog):
    """Asks for the fingerprint; only the key that the server shows under it is trusted. Accepted when it is."""

    def __init__(self, bridge: Bridge, server: Server, team_id: str, *, parent: QWidget) -> None:
        """``team_id`` is a team that lives there."""
        super().__init__(
            _tr("Confirm a new runner key"),
            text=_tr(
                "Secrets are sealed to the key of the runners of {0}. Where it has changed, nothing is sent until "
                "somebody confirms the new one. Ask whoever runs the server for its fingerprint, by another way."
            ).format(host_of(server.url)),
            primary=_tr("Trust this key"),
            parent=parent,
        )
        self.setObjectName("trust_key")
        self.primary.setObjectName("trust_key.confirm")
        self._bridge, self._team_id = bridge, team_id
        self.fingerprint = Input(_tr("Fingerprint"), placeholder="3f9c…", is_mono=True)
        self.fingerprint.control.setObjectName("trust_key.fingerprint")
        self.fingerprint.changed.connect(lambda _text: self.fingerprint.set_error(""))
        self.column.addWidget(self.fingerprint)
        self.primary.clicked.connect(self._on_primary)
        self.fingerprint.control.setFocus()

    def _on_primary(self) -> None:
        typed = "".join(self.fingerprint.text().split()).replace(":", "").lower()
        if len(typed) != _DIGITS or any(digit not in "0123456789abcdef" for digit in typed):
            self.fingerprint.set_error(_tr("A fingerprint has {0} digits, 0 to 9 and a to f.").format(_DIGITS))
            self.fingerprint.control.setFocus()
            return
        ask = TrustRunnerKey(team_id=self._team_id, fingerprint=typed)
        tasks.ask(
            self._bridge,
            ask,
            owner=self,
            done=lambda _none: self.accept(),
            failed=self._on_refused,
            busy=self,
        )

    def _on_refused(self, error: MachinaError) -> None:
        self.fingerprint.set_error(str(error))
        self.fingerprint.control.setFocus()


def _tr(text: str) -> str:
    return QCoreApplication.translate("Servers", text)
