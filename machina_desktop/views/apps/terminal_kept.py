"""The sessions of tmux and screen that a machine keeps: to come back to one, or to begin another."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.kept_shell import (
    LONGEST_NAME,
    Keeper,
    KeptSession,
    KeptSessions,
    KeptShell,
    check_kept_name,
)
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.detail_panel import WidgetList
from machina_desktop.views.terminal_files.login_questions import LoginWatch, QuestionRoom
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.layout import SectionHeader
from machina_desktop.views.widgets.text import ElidedLabel, Label

_FIRST = "machina"
_ATTACH = "terminal.kept_attach"


def _tr(text: str) -> str:
    return QCoreApplication.translate("KeptDialog", text)


class KeptDialog(Dialog):
    """Asks the machine what it keeps. Show it with ``open()``.

    Signals:
        chosen(object): A `KeptShell` to come back to, or to begin; the dialog is closed.
    """

    chosen = Signal(object)

    def __init__(self, bridge: Bridge, machine_id: str, machine: str, *, parent: QWidget) -> None:
        """``machine`` is its name."""
        super().__init__(
            _tr("Sessions kept on {0}").format(machine),
            text=_tr("A shell in tmux or screen goes on when the connection is lost, and when its tab is closed."),
            primary=_tr("Start and attach"),
            width=520,
            parent=parent,
        )
        self.setObjectName("terminal.kept")
        self._bridge, self._machine_id, self._machine = bridge, machine_id, machine
        self._found = KeptSessions()
        self.cancel.setText(self.tr("Close"))
        self.room = QuestionRoom(self, self.body)
        self.login = LoginWatch(bridge, machine_id, self)
        self.login.asked.connect(self.room.show_question)
        self.room.answered.connect(self.login.answer)
        self._look_again = IconButton("refresh-cw", self.tr("Look again"))
        self._look_again.clicked.connect(self.look)
        self._note = Label("", style=Type.SECONDARY, tone="secondary", wraps=True)
        self.rows = WidgetList()
        self.name = Input(self.tr("New session"), text=_FIRST)
        self.name.control.setObjectName("terminal.kept_name")
        self.name.control.setMaxLength(LONGEST_NAME)
        self.name.changed.connect(lambda _text: self._show_primary())
        self._fill()
        self.primary.clicked.connect(self._on_primary)
        self.login.begin()
        self.look()

    def look(self) -> None:
        """Ask the machine what it keeps now."""
        self.show_error("")
        if not self._found.keepers:
            self._say(self.tr("Looking…"))
        self._show_primary()
        tasks.run(
            self._bridge,
            self._bridge.files.kept(self._machine_id),
            owner=self,
            name="see which sessions a machine keeps",
            done=self._on_found,
            failed=self._on_failed,
        )

    def _fill(self) -> None:
        head = SectionHeader(self.tr("On the machine now"))
        head.add_widget(self._look_again)
        known = QVBoxLayout()
        known.setSpacing(Space.XS)
        for widget in (head, self._note, self.rows):
            known.addWidget(widget)
        self.column.addWidget(self.room)
        self.column.addLayout(known)
        self.column.addWidget(self.name)

    def _on_found(self, found: KeptSessions) -> None:
        self._found = found
        self.rows.fill(*(self._row(session) for session in found.sessions))
        if not found.keepers:
            words = self.tr("{0} has neither tmux nor screen. Install one there, then look again.")
            self._say(words.format(self._machine))
        else:
            self._say("" if found.sessions else self.tr("No session is kept there yet."))
        self._show_primary()
        self._take_focus()

    def _on_failed(self, error: MachinaError) -> None:
        self._found = KeptSessions()
        self.rows.fill()
        self._say("")
        self.show_error(f"{error} {error.hint}".strip())
        self._show_primary()

    def _row(self, session: KeptSession) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(Space.S)
        row.addWidget(ElidedLabel(session.kept.name, style=Type.MEDIUM), 1)
        row.addWidget(Label(self._words(session), style=Type.SECONDARY, tone="secondary"))
        button = Button(self.tr("Attach"))
        button.setObjectName(_ATTACH)
        button.setAccessibleName(self.tr("Attach to {0}").format(session.kept.name))
        button.clicked.connect(partial(self._choose, session.kept))
        row.addWidget(button)
        return line

    def _words(self, session: KeptSession) -> str:
        keepers = {Keeper.TMUX: self.tr("tmux"), Keeper.SCREEN: self.tr("screen")}
        parts = [keepers[session.kept.keeper]]
        if session.windows > 1:
            parts.append(self.tr("{0} windows").format(self.locale().toString(session.windows)))
        parts.append(self.tr("attached") if session.is_attached else self.tr("nobody attached"))
        return "  ·  ".join(parts)

    def _take_focus(self) -> None:
        """Put the keyboard where one goes on, unless the person is somewhere already."""
        if self.focusWidget() in {None, self._look_again} and self.name.isVisibleTo(self):
            attach = self.rows.findChild(Button, _ATTACH)
            (self.name.control if attach is None else attach).setFocus()

    def _show_primary(self) -> None:
        self.name.setVisible(bool(self._found.keepers))
        self.name.set_error("")
        name = self.name.text().strip()
        is_there = any(session.kept.name == name for session in self._found.sessions)
        self.primary.setText(self.tr("Attach") if is_there else self.tr("Start and attach"))
        self.primary.setEnabled(bool(self._found.keepers and name))

    def _on_primary(self) -> None:
        text = self.name.text().strip()
        there = next((session.kept for session in self._found.sessions if session.kept.name == text), None)
        if there is not None:
            self._choose(there)
            return
        try:
            name = check_kept_name(text)
        except InvalidInput as error:
            self.name.set_error(error.message)
            return
        self._choose(KeptShell(keeper=self._found.keepers[0], name=name))

    def _choose(self, kept: KeptShell) -> None:
        self.accept()
        self.chosen.emit(kept)

    def _say(self, words: str) -> None:
        self._note.setText(words)
        self._note.setVisible(bool(words))
