"""A window of its own with terminals in it: the same strip, keys and actions as on the page."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QByteArray, QEvent, Signal
from PySide6.QtGui import QCloseEvent, QMoveEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.views.apps.terminal_commands import Windows, commands_of
from machina_desktop.views.apps.terminal_deck import TerminalDeck
from machina_desktop.views.apps.terminal_set import Terminals
from machina_desktop.views.brand import NAME, app_icon
from machina_desktop.views.commands import Command, Commands, install_keys
from machina_desktop.views.terminal.environment_look import environment_title
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.reading_order import move_focus
from machina_desktop.views.window_state import bring_back, is_reachable

_WIDTH, _HEIGHT = 960, 640


class TerminalWindow(QWidget):
    """Holds a deck. It goes when its last tab has gone; closed by the person it asks what becomes of live shells.

    Attributes:
        deck: Its tabs.
        commands: What can be done here.

    Signals:
        gone(): It is closed.
        attach_wanted(): All of its tabs shall go to the main window.
    """

    gone = Signal()
    attach_wanted = Signal()

    def __init__(self, terminals: Terminals, windows: Windows, geometry: str = "") -> None:
        """``geometry`` is where it was, as `TerminalDeck.plan` tells it; empty for a usual place."""
        super().__init__()
        self.setObjectName("terminal.window")
        self.setWindowIcon(app_icon())
        self.setMinimumSize(420, 260)
        self.deck = TerminalDeck(terminals, is_main=False, parent=self)
        self.deck.geometry_text = lambda: bytes(self.saveGeometry().toBase64().data()).decode()
        self.commands = Commands(self)
        self._windows = windows
        self._question: ConfirmDialog | None = None
        self._may_close = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.deck)
        self.commands.add_source(self._of_deck)
        install_keys(self, self._of_deck)
        terminals.door.offer_commands(terminals.bridge, self.commands, self)
        self.deck.changed.connect(self._on_changed)
        self.deck.face_changed.connect(self._on_changed)
        self.deck.front_wanted.connect(self._on_front_wanted)
        self._place(geometry)
        self._on_changed()

    @property
    def question(self) -> ConfirmDialog | None:
        """The question what becomes of its shells, while it is asked."""
        return self._question

    def close_for_good(self) -> None:
        """Close without asking; its tabs have gone elsewhere or go with it."""
        self._may_close = True
        self.close()

    def focusNextPrevChild(self, next_: bool) -> bool:
        return move_focus(self, forwards=next_)

    def closeEvent(self, event: QCloseEvent) -> None:
        count = sum(frame.is_live for tab in self.deck.tabs() for frame in tab.frames())
        if count and not self._may_close:
            event.ignore()
            self._ask(count)
            return
        super().closeEvent(event)
        self.gone.emit()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self.deck.terminals.touch()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.deck.terminals.touch()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow() and self.focusWidget() is None:
            tab = self.deck.current_tab()
            if tab is not None:
                tab.take_focus()

    def _of_deck(self) -> Iterable[Command]:
        return commands_of(self.deck, self._windows)

    def _place(self, geometry: str) -> None:
        kept = QByteArray.fromBase64(geometry.encode())
        if not geometry or not self.restoreGeometry(kept):
            self.resize(_WIDTH, _HEIGHT)
        elif not is_reachable(self.frameGeometry()):
            bring_back(self)

    def _on_changed(self) -> None:
        tab = self.deck.current_tab()
        if tab is None:
            self.setWindowTitle(NAME)
            return
        environment = f" ({environment_title(tab.environment)})" if tab.environment else ""
        self.setWindowTitle(f"{tab.title}{environment} – {NAME}")

    def _on_front_wanted(self) -> None:
        self.show()
        self.raise_()
        self.activateWindow()

    def _ask(self, count: int) -> None:
        if self._question is not None:
            self._question.raise_()
            return
        many, one = self.tr("Close the window with {0} open terminals?"), self.tr("Close the window and its terminal?")
        self._question = ConfirmDialog(
            many.format(count) if count > 1 else one,
            text=self.tr("In the main window everything goes on. Closed with this one, shells are hung up."),
            confirm=self.tr("Close with the window"),
            parent=self,
        )
        self._question.setObjectName("terminal.window_close")
        keep = Button(self.tr("Move to the main window"), kind=ButtonKind.PRIMARY)
        keep.setObjectName("terminal.window_keep")
        keep.clicked.connect(self._on_keep)
        self._question.add_button(keep)
        self._question.accepted.connect(self.close_for_good)
        self._question.finished.connect(self._on_asked)
        self._question.open()

    def _on_keep(self) -> None:
        if self._question is not None:
            self._question.reject()
        self.attach_wanted.emit()

    def _on_asked(self) -> None:
        self._question = None
