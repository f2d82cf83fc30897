"""How an error that no view handled reaches the person: its class decides."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from machina_desktop.core.config import Paths
from machina_desktop.core.errors import Bug, Locked, MachinaError
from machina_desktop.views.crash import report_text
from machina_desktop.views.crash_presenter import CrashPresenter
from machina_desktop.views.notices import Notices
from machina_desktop.views.toast import Notice
from machina_desktop.views.vault_door import VaultDoor


class Presenter(QObject):
    """Notices for what the person can act on, the unlock dialog for a locked vault, a report for a bug.

    Attributes:
        crashes: Shows reports.
    """

    def __init__(
        self, notices: Notices, vault_door: VaultDoor, redact: Callable[[str], str], *, window: QWidget
    ) -> None:
        super().__init__(window)
        self._notices = notices
        self._vault_door = vault_door
        self._redact = redact
        self.crashes = CrashPresenter(notices, logs=Paths.default().logs, window=window)

    def present(self, error: MachinaError) -> None:
        """Show ``error`` in the way its class asks for."""
        match error:
            case Locked():
                self._vault_door.open_what_is_needed()
                self._notices.tell(
                    Notice(text=error.message, detail=self.tr("Unlock the vault, then try again."), kind="warning")
                )
            case Bug():
                trace = "".join(traceback.format_exception(error))
                self.crashes.show(error.message, self._redact(report_text(trace, error.code)))
            case _:
                self._notices.tell(Notice(text=error.message, detail=error.hint, kind="error"))
