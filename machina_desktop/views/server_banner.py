"""The line above the pages of a team whose home is away: since when, what goes on working, and the way back."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.server import Connection, ServerStatus
from machina_desktop.views.banner import Banner
from machina_desktop.views.server_words import meaning_of, state_line, waiting_words

# A line that is being joined is back in a moment, and a locked vault has a line of its own.
_TOLD = frozenset({Connection.OFFLINE, Connection.SIGNED_OUT, Connection.OUTDATED})


class ServerBanner(Banner):
    """Hidden while all is well.

    Signals:
        sign_in_wanted(object): The `Server` to sign in at again.
        reconnect_wanted(object): The `Server` to try again now.
    """

    sign_in_wanted = Signal(object)
    reconnect_wanted = Signal(object)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(action=_tr("Try now"), icon_name="cloud-off", parent=parent)
        self.setObjectName("server.banner")
        self._status: ServerStatus | None = None
        self.activated.connect(self._on_activated)

    def show_status(self, status: ServerStatus | None) -> None:
        """Tell how the home of the team in view is; ``None`` for a team of this computer."""
        self._status = status
        is_told = status is not None and status.connection in _TOLD
        if status is not None and is_told:
            line = " · ".join(each for each in (state_line(status), waiting_words(status.waiting)) if each)
            self.set_text(f"{line}. {meaning_of(status)}")
            is_out = status.connection is Connection.SIGNED_OUT
            self.button.setText(_tr("Sign in again…") if is_out else _tr("Try now"))
        self.setVisible(is_told)

    def _on_activated(self) -> None:
        if self._status is not None:
            is_out = self._status.connection is Connection.SIGNED_OUT
            (self.sign_in_wanted if is_out else self.reconnect_wanted).emit(self._status.server)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Servers", text)
