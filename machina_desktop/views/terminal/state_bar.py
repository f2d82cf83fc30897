"""The strip under a terminal that says how its session stands: connecting, lost with a countdown, ended."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.errors import MachinaError
from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.feedback import Spinner
from machina_desktop.views.widgets.text import ElidedLabel

# After these many seconds a lost connection is tried again, each time it is lost in a row; then the person has to.
RETRY_S: Final = (2, 5, 10, 30, 60)
# Only what comes and goes by itself is tried again by itself.
PASSING: Final = frozenset({"E-SSH-DROPPED", "E-SSH-UNREACHABLE", "E-SSH-TIMEOUT", "E-SSH-REFUSED", "E-SSH-PROCESS"})


class StateBar(QWidget):
    """Hidden while the session is live.

    Signals:
        reconnect_wanted(): Now, by the person or because the time is over.
        close_wanted(): The person gives the session up.
    """

    reconnect_wanted = Signal()
    close_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._tries = 0
        self._left = 0
        self._second = QTimer(self, interval=1000)
        self._second.timeout.connect(self._on_second)
        self.connecting = self._build_connecting()
        self.lost = Callout("error", icon_name="wifi-off")
        self.lost.setObjectName("terminal.lost")
        self.ended = Callout("neutral")
        self.ended.setObjectName("terminal.ended")
        self.again = self._button(self.tr("Reconnect"), "terminal.reconnect", ButtonKind.PRIMARY)
        self.wait = self._button(self.tr("Do not wait"), "terminal.no_countdown", ButtonKind.GHOST)
        self.anew = self._button(self.tr("Open again"), "terminal.anew", ButtonKind.PRIMARY)
        self.leave = self._button(self.tr("Close"), "terminal.leave", ButtonKind.SECONDARY)
        for button in (self.again, self.wait):
            self.lost.add_button(button)
        for button in (self.anew, self.leave):
            self.ended.add_button(button)
        self.again.setToolTip(self.tr("Enter"))
        self.anew.setToolTip(self.tr("Enter"))
        self.again.clicked.connect(self._on_reconnect)
        self.anew.clicked.connect(self._on_reconnect)
        self.wait.clicked.connect(self.stop_counting)
        self.leave.clicked.connect(self.close_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, 0, Space.S, Space.S)
        column.setSpacing(0)
        for widget in (self.connecting, self.lost, self.ended):
            column.addWidget(widget)
        self.hide()

    def show_state(
        self, state: SessionState, *, machine: str, reason: MachinaError | None, exit_status: int | None
    ) -> None:
        """Say how it stands; a lost connection is tried again after a while, longer each time."""
        self.connecting.setVisible(state is SessionState.CONNECTING)
        self.lost.clear()
        self.ended.clear()
        self.stop_counting()
        if state is SessionState.CONNECTING:
            self._words.setText(self.tr("Connecting to {0}…").format(machine))
        elif state is SessionState.LIVE:
            self._tries = 0
        elif state is SessionState.LOST and reason is not None:
            self.lost.say_error(reason)
            if reason.code in PASSING and self._tries < len(RETRY_S):
                self._left = RETRY_S[self._tries]
                self._tries += 1
                self._second.start()
        elif state is SessionState.ENDED:
            self.ended.say(self._ended_words(exit_status))
        self._show_countdown()
        self.setVisible(state not in {SessionState.LIVE, SessionState.ASKING})

    @property
    def is_counting(self) -> bool:
        """Whether it will be tried again by itself."""
        return self._second.isActive()

    def stop_counting(self) -> None:
        """Try no more by itself; the person has to."""
        self._second.stop()
        self._show_countdown()

    def _build_connecting(self) -> QWidget:
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(Space.S, Space.XS, Space.S, Space.XS)
        row.setSpacing(Space.S)
        self._words = ElidedLabel("", style=Type.SECONDARY)
        cancel = self._button(self.tr("Cancel"), "terminal.cancel", ButtonKind.GHOST)
        cancel.clicked.connect(self.close_wanted)
        row.addWidget(Spinner(), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._words, 1)
        row.addWidget(cancel)
        return whole

    def _button(self, text: str, name: str, kind: ButtonKind) -> Button:
        button = Button(text, kind=kind)
        button.setObjectName(name)
        return button

    def _ended_words(self, exit_status: int | None) -> str:
        if exit_status is None:
            return self.tr("The session was closed.")
        if exit_status == 0:
            return self.tr("The shell has ended.")
        return self.tr("The shell has ended with status {0}.").format(exit_status)

    def _on_second(self) -> None:
        self._left -= 1
        if self._left > 0:
            self._show_countdown()
        else:
            self.stop_counting()
            self.reconnect_wanted.emit()

    def _on_reconnect(self) -> None:
        self.stop_counting()
        self.reconnect_wanted.emit()

    def _show_countdown(self) -> None:
        words = self.tr("Reconnect ({0} s)").format(self._left) if self.is_counting else self.tr("Reconnect")
        self.again.setText(words)
        self.wait.setVisible(self.is_counting)
