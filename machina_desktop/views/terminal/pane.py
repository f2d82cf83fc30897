"""A terminal as a page holds it: one session, its screen, and the bars around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from machina_desktop.core.domain.terminal import Answer, SessionState
from machina_desktop.core.terminal.answering import AnswerRoom
from machina_desktop.core.terminal.events import (
    Bell,
    ClipboardAsked,
    CommandEnded,
    CommandStarted,
    CwdChanged,
    Notified,
    TitleChanged,
    Told,
)
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.commands import Command
from machina_desktop.views.terminal import accessible, pane_actions
from machina_desktop.views.terminal.asking import AskingCard
from machina_desktop.views.terminal.broadcast_frame import BroadcastFrame
from machina_desktop.views.terminal.clipboard_ask import ClipboardAsk
from machina_desktop.views.terminal.entry import Entry, Pressed
from machina_desktop.views.terminal.feeder import Feeder
from machina_desktop.views.terminal.line_guard import LineGuard, guard_dialog
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane_actions import PaneActions
from machina_desktop.views.terminal.pane_deeds import Parts
from machina_desktop.views.terminal.pane_overlays import PaneOverlays
from machina_desktop.views.terminal.place import Place
from machina_desktop.views.terminal.search_bar import SearchBar
from machina_desktop.views.terminal.session_like import SessionLike
from machina_desktop.views.terminal.state_bar import StateBar
from machina_desktop.views.terminal.view import TerminalView
from machina_desktop.views.widgets.menus import Menu

__all__ = ["Opener", "Place", "TerminalPane"]

# A command that took longer is told of when it ends.
LONG_S: Final = 10.0
# A session that is waited for is made with this size, and told the true one when it is shown.
_COLUMNS, _LINES = 80, 24
# As a shell expects it: soft reset, main screen, no mouse, no focus, no marks around what is pasted, Enter alone, the
# person's cursor and colours, no title.
_AS_AT_START: Final = (
    b"\x1b[!p\x1b[?1049l\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?2004l\x1b[?2026l\x1b[20l\x1b[0m"
    b"\x1b[0 q\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\\x1b]2;\x1b\\"
)


Opener = Callable[[int, int], SessionLike]


class TerminalPane(QWidget):
    """Shows one shell on one machine, live, and says so when it is not.

    Attributes:
        place: Where the shell runs.
        terminal: What was parsed.
        session: What runs; ``None`` before it was first shown.
        view: What is seen of it.

    Signals:
        title_changed(str): What a tab may say: the program's title, else the machine's name.
        state_changed(object): A `SessionState`.
        typed(bytes): What was typed, pasted or pointed at here, before it is sent.
        entered(object): What a person typed or pasted here, an `Entry`, after it was sent.
        rang(): The bell.
        stirred(): Something has come.
        told(object): What the program said of itself, one of `core.terminal.events`, while it is fed.
        command_ended(float, object): A command that took longer than 10 s has ended: its seconds, its exit code or
            ``None``.
        notified(str): The program asks for attention with these words.
        close_wanted(): The person is done with it.
        focused(): The keyboard is in it now.
    """

    title_changed = Signal(str)
    state_changed = Signal(object)
    typed = Signal(bytes)
    entered = Signal(object)
    rang = Signal()
    stirred = Signal()
    told = Signal(object)
    command_ended = Signal(float, object)
    notified = Signal(str)
    close_wanted = Signal()
    focused = Signal()
    _session_changed = Signal()

    def __init__(self, opener: Opener, *, place: Place, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        accessible.install()
        self.place = place
        self.session: SessionLike | None = None
        self._answers = AnswerRoom()
        self.terminal = Terminal(_COLUMNS, _LINES, scrollback=look.scrollback, reply=self._reply, tell=self._on_told)
        self.view = TerminalView(self.terminal, look, self)
        self.view.setAccessibleName(self.tr("Terminal on {0}").format(place.name))
        self.search = SearchBar(self.terminal, self)
        self.clipboard = ClipboardAsk(self)
        self.frame = BroadcastFrame(self)
        self._overlays = PaneOverlays(self.view, frame=self.frame, search=self.search, pane=self)
        self.bar = StateBar(self)
        self.actions_ = PaneActions(
            Parts(place=place, terminal=self.terminal, view=self.view, search=self.search, owner=self)
        )
        self.guard = LineGuard(self.terminal)
        self._opener = opener
        self._feeder: Feeder | None = None
        self._state: SessionState | None = None
        self._began: float | None = None
        self._opening = QTimer(self, singleShot=True, interval=0)
        self._build()
        self._connect()

    def _build(self) -> None:
        self.setObjectName("terminal.pane")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.clipboard)
        column.addWidget(self.view, 1)
        column.addWidget(self.bar)

    def _connect(self) -> None:
        self.view.typed.connect(self.write)
        self.view.entered.connect(self.entered)
        self.entered.connect(self.guard.after)
        self.view.size_changed.connect(self._on_size_changed)
        self.view.keys_pressed.connect(self._on_keys)
        self.view.paste_wanted.connect(self.actions_.paste_selected)
        self.view.focus_changed.connect(self._on_focus)
        self.view.scrolled.connect(self._show_found)
        self.actions_.entered.connect(self.entered)
        self.view.pointer.ended.connect(self.actions_.offer_selected)
        self.view.pointer.link_wanted.connect(self.actions_.open_link)
        self.search.found.connect(self._on_found)
        self.search.closed.connect(self.actions_.close_search)
        self.bar.reconnect_wanted.connect(self.reconnect)
        self.bar.close_wanted.connect(self._on_given_up)
        self._overlays.answered.connect(self._on_answered)
        self.clipboard.answered.connect(self.view.setFocus)
        self._opening.timeout.connect(self.start)
        self._session_changed.connect(self._on_session_changed, Qt.ConnectionType.QueuedConnection)
        self.view.viewport().installEventFilter(self)

    # What a page does with it

    @property
    def title(self) -> str:
        """What a tab may say: the program's title, else the machine's name."""
        return self.terminal.title or self.place.name

    @property
    def state(self) -> SessionState | None:
        """How the session stands; ``None`` before it was first shown."""
        return self._state

    @property
    def asking(self) -> AskingCard | None:
        """What the machine asks before there is a shell, as it is shown; ``None`` while it asks nothing."""
        return self._overlays.asking

    @property
    def is_command_running(self) -> bool:
        """Whether a program runs in the shell, as far as the shell tells or a full-screen program shows."""
        return self._began is not None or self.terminal.screen.is_alternate

    def start(self) -> None:
        """Open the session, once; a pane that is shown does it by itself."""
        if self.session is not None:
            return
        self.session = self._opener(self.terminal.columns, self.terminal.lines)
        feeder = Feeder(self.terminal, self.session, self, is_followed=self._is_followed)
        feeder.frame_due.connect(self._on_frame)
        feeder.fed.connect(self._on_fed)
        self.view.painted.connect(feeder.weigh_frame)
        self._feeder = feeder

        def on_change() -> None:
            # Any thread: both only send a signal.
            feeder.wake()
            self._session_changed.emit()

        self.session.on_change = on_change
        self.session.start()
        self._on_session_changed()

    def write(self, data: bytes) -> None:
        """Send bytes to the program, as if they had been typed here."""
        self.typed.emit(data)
        if self.session is not None:
            self.session.write(data)

    def take(self, entry: Entry) -> None:
        """Send what was put in in another pane, as the program here asked for it; nobody is told."""
        if self.session is not None:
            self.guard.before()
            self.session.write(entry.encoded(self.terminal.modes))
            self.guard.after(entry)
            self.view.scroll_to(0)

    def set_place(self, place: Place) -> None:
        """The machine is known by another name, or its environment is another."""
        self.place = self.actions_.place = place
        self.view.setAccessibleName(self.tr("Terminal on {0}").format(place.name))

    @property
    def is_broadcasting(self) -> bool:
        """Whether input is shared with other terminals."""
        return not self.frame.isHidden()

    def show_broadcast(self, *, is_on: bool) -> None:
        """Say whether what is typed elsewhere comes here too, and what is typed here goes elsewhere."""
        self.frame.setVisible(is_on)
        self.view.setAccessibleDescription(self.frame.words if is_on else "")
        self._overlays.place()

    def dress(self, look: Look) -> None:
        """Take another look."""
        self.view.dress(look)

    def reconnect(self) -> None:
        """Open the shell anew in place; what is on the screen stays above."""
        if self.session is None:
            return
        # Tried again by itself, it takes the keyboard from nobody who types elsewhere.
        focused = QApplication.focusWidget()
        is_meant = focused is None or self.isAncestorOf(focused)
        self._began = None
        # What the lost program had switched would make the new shell unreadable.
        self.terminal.feed(_AS_AT_START)
        if self.terminal.cursor.x:
            self.terminal.feed(b"\r\n")
        self.view.refresh()
        self.session.reconnect()
        if is_meant:
            self.view.setFocus()

    def close_session(self) -> None:
        """Hang up, or open nothing where it was about to."""
        self._opening.stop()
        self.bar.stop_counting()
        if self.session is not None:
            self.session.close()

    def commands(self) -> Iterable[Command]:
        """What can be done here now, for the palette and the page of shortcuts."""
        return self.actions_.commands()

    # What Qt asks

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The layout has not given the view its size yet.
        self._opening.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._overlays.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QContextMenuEvent) and watched is self.view.viewport():
            is_free = self.terminal.modes.mouse == "off" or event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            if is_free or event.reason() is QContextMenuEvent.Reason.Keyboard:
                self._open_menu(event.globalPos())
            return True
        return super().eventFilter(watched, event)

    def _open_menu(self, at: QPoint) -> None:
        menu = Menu(self.tr("Terminal"), parent=self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.actions_.fill(menu)
        menu.popup(at)

    # What the session and the terminal say

    def _on_session_changed(self) -> None:
        session = self.session
        if session is None:
            return
        self._overlays.ask(session.question)
        if session.state is self._state:
            return
        self._state = session.state
        self.bar.show_state(
            session.state, machine=self.place.name, reason=session.reason, exit_status=session.exit_status
        )
        if session.state is SessionState.LIVE:
            session.resize(self.terminal.columns, self.terminal.lines)
        self.state_changed.emit(session.state)
        self._overlays.place()

    def _on_answered(self, answer: Answer) -> None:
        if self.session is not None:
            self.session.answer(answer)
        self.view.setFocus()

    def _on_given_up(self) -> None:
        if self._state is SessionState.CONNECTING:
            self.close_session()
        else:
            self.close_wanted.emit()

    def _reply(self, data: bytes) -> None:
        if self.session is not None and self._answers.has_room(len(data)):
            self.session.write(data)

    def _on_told(self, told: Told) -> None:
        self.told.emit(told)
        match told:
            case Bell():
                self._ring()
            case TitleChanged():
                self.title_changed.emit(self.title)
            case ClipboardAsked(text=text):
                self.clipboard.ask(text)
            case CommandStarted():
                self._began = time.monotonic()
            case CommandEnded(exit_code=exit_code):
                began, self._began = self._began, None
                if began is not None and time.monotonic() - began > LONG_S:
                    self.command_ended.emit(time.monotonic() - began, exit_code)
            case Notified(text=text):
                self.notified.emit(text)
            case CwdChanged():
                pass

    def _ring(self) -> None:
        bell = self.view.sight.look.bell
        if bell != "off":
            self.view.flash()
        if bell == "sound":
            QApplication.beep()
        self.rang.emit()

    def _on_frame(self) -> None:
        self.view.refresh()
        self.actions_.tell_screen_readers()

    def _is_followed(self) -> bool:
        """Whether nothing but the newest rows matters now."""
        return self.view.is_at_end and self.search.finder.pattern is None

    def _on_fed(self) -> None:
        self.search.look_again()
        self.stirred.emit()

    def _on_size_changed(self, columns: int, lines: int) -> None:
        if self.session is not None:
            self.session.resize(columns, lines)
        self.search.look_again()

    def _on_focus(self, is_in: bool) -> None:
        if self.terminal.modes.is_focus_reported:
            self._reply(b"\x1b[I" if is_in else b"\x1b[O")
        if is_in:
            self.focused.emit()

    def _on_keys(self, event: QKeyEvent) -> None:
        is_over = self._state is not None and self._state.is_over
        if is_over and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            event.accept()
            self.reconnect()
        elif pane_actions.act(self.actions_, event) or self._holds_back(event):
            event.accept()
        else:
            self.guard.before()

    def _holds_back(self, event: QKeyEvent) -> bool:
        """Whether a person is asked first, because the key would run something dangerous in production."""
        places = (self.place, *self.actions_.audience())
        if not any(place.is_production for place in places):
            return False
        command = self.guard.dangerous(Pressed(event), self.view.sight.look.guarded)
        if not command:
            return False
        again = QKeyEvent(event.type(), event.key(), event.modifiers(), event.text())
        dialog = guard_dialog(command, places, self)
        dialog.accepted.connect(lambda: self.view.press(again))
        dialog.finished.connect(lambda _result: self.view.setFocus())
        dialog.open()
        return True

    def _on_found(self) -> None:
        match = self.search.finder.match()
        if match is not None:
            self.view.reveal(match.first.row)
        self._show_found()

    def _show_found(self) -> None:
        finder = self.search.finder
        self.view.show_found(*finder.spans(self.view.sight.top, self.terminal.lines, self.terminal.columns))
