"""The application's own log in a dialog that follows its end."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.diagnostics import OwnLog, ReadOwnLog
from machina_desktop.views import tasks
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.log_view import LogView

ASK_EVERY_MS = 1000
_WIDTH, _HEIGHT = 860, 460


class OwnLogDialog(Dialog):
    """Reads what is new once a second, and at once while there is more.

    Attributes:
        log: The lines.
    """

    def __init__(self, bridge: Bridge, *, parent: QWidget | None = None) -> None:
        super().__init__(_tr("Machina's own log"), primary=_tr("Close"), width=_WIDTH, parent=parent)
        self.setObjectName("own_log")
        self._bridge = bridge
        self._offset = 0
        self.log = LogView(name=self.tr("Machina's own log"), file_name="machina.log")
        self.log.setMinimumHeight(_HEIGHT)
        self.log.save_failed.connect(self._on_failed)
        self.column.addWidget(self.log)
        self.cancel.hide()
        self.primary.clicked.connect(self.accept)
        self._turn = QTimer(self, interval=ASK_EVERY_MS, singleShot=True)
        self._turn.timeout.connect(self._ask)
        self._ask()

    def _ask(self) -> None:
        ask = ReadOwnLog(offset=self._offset)
        tasks.ask(self._bridge, ask, owner=self, done=self._on_piece, failed=self._on_failed)

    def _on_piece(self, piece: OwnLog) -> None:
        self.show_error("")
        self.log.model.append_lines(piece.lines)
        has_grown = piece.next_offset != self._offset
        self._offset = piece.next_offset
        if has_grown:
            self._ask()
        else:
            self._turn.start()

    def _on_failed(self, error: MachinaError) -> None:
        self.show_error(str(error))
        self._turn.start()


def _tr(text: str) -> str:
    return QCoreApplication.translate("OwnLogDialog", text)
