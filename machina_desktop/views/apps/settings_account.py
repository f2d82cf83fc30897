"""The account on this computer: what unlocks its vault, and where one is at work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.services.device import VaultStatus
from machina_desktop.core.services.sessions import ListedSession, ListSessions
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.settings_section import Block, Section, head, named
from machina_desktop.views.apps.settings_vault_dialogs import AddWayDialog, ChangePassphraseDialog, RemoveWayDialog
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.text import CopyLabel, ElidedLabel, IconLabel, Label
from machina_desktop.views.wording import full_moment

WIDTH = 760
_ICONS = {"keyring": "key-round", "passphrase": "lock", "key-file": "file-text"}


class VaultState(Block):
    """How the vault stands, and locking or unlocking it.

    Attributes:
        act: The button for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.act = Button(self.tr("Lock now"), icon_name="lock")
        self.act.setEnabled(False)
        self._state = Badge()
        self._state.hide()
        self._ways = Label("", style=Type.SECONDARY, tone="secondary", wraps=True)
        title = Label(self.tr("Credentials and private keys"), style=Type.MEDIUM)
        self.column.addLayout(head(title, self._state, self.act))
        self.column.addWidget(self._ways)

    def show_status(self, status: VaultStatus) -> None:
        """Show how it stands now."""
        if not status.exists:
            word, tone, act, icon = self.tr("not set up"), "warning", self.tr("Set up…"), "shield"
        elif status.is_open:
            word, tone, act, icon = self.tr("open"), "success", self.tr("Lock now"), "lock"
        else:
            word, tone, act, icon = self.tr("locked"), "warning", self.tr("Unlock…"), "lock-open"
        self._state.set_text(word)
        self._state.set_tone(tone)
        self._state.show()
        self.act.setText(act)
        self.act.set_icon_name(icon)
        self.act.setEnabled(True)
        self._ways.setText(_meaning(status))


class AccountTab(QWidget):
    """Ways to unlock the vault, then sessions.

    Attributes:
        state: How the vault stands.
        sections: Both parts, from the top.

    Signals:
        changed(): The vault opens in another way than before.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__()
        self._bridge = bridge
        self._window = window
        self._status: VaultStatus | None = None
        self.state = VaultState()
        self.add = Button(self.tr("Add…"), icon_name="plus")
        self.add.setObjectName("settings.account.add")
        self.add.setEnabled(False)
        self.add.clicked.connect(self._on_add)
        self._ways = Block()
        self._sessions = Block()
        unlocking = Section(
            "ways",
            self.tr("Unlocking this computer's vault"),
            hint=self.tr("Provider credentials and private keys are sealed in it. Each way below opens it by itself."),
        )
        unlocking.add_action(self.add)
        unlocking.add(self.state, words="vault")
        unlocking.add(self._ways, words="passphrase keyring key file")
        sessions = Section("sessions", self.tr("Sessions"), hint=self.tr("Where you are signed in."))
        sessions.add(self._sessions, words="sessions")
        self.sections = (unlocking, sessions)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, Space.L, Space.L, Space.XL)
        column.setSpacing(Space.XL)
        for section in self.sections:
            section.setMaximumWidth(WIDTH)
            column.addWidget(section)
        column.addStretch()

    def refresh(self) -> None:
        """Ask where one is at work."""
        tasks.ask(self._bridge, ListSessions(), owner=self, done=self._on_sessions)

    def show_status(self, status: VaultStatus) -> None:
        """Show how the vault stands and opens."""
        self.state.show_status(status)
        if status == self._status:
            return
        self._status = status
        since = status.since or (None,) * len(status.slots)
        content, column = _column(Space.M)
        for slot, at in zip(status.slots, since, strict=True):
            column.addWidget(self._way(status, slot, at))
        if note := self._note(status):
            column.addWidget(Label(note, style=Type.SECONDARY, tone="secondary", wraps=True))
        self._ways.show_only(content)
        self.add.setEnabled(status.is_open and bool(_addable(status)))

    def _way(self, status: VaultStatus, slot: str, at: datetime | None) -> QWidget:
        row = QWidget()
        row.setObjectName(f"settings.account.{slot}")
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(Space.M)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label(_title(slot), style=Type.MEDIUM))
        said = " · ".join(
            part for part in (_about(slot), self.tr("since {0}").format(full_moment(at)) if at else "") if part
        )
        words.addWidget(Label(said, style=Type.SECONDARY, tone="secondary", wraps=True))
        line.addWidget(IconLabel(_ICONS.get(slot, "shield"), size=20), 0, Qt.AlignmentFlag.AlignVCenter)
        line.addLayout(words, 1)
        for button in self._buttons(status, slot):
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _buttons(self, status: VaultStatus, slot: str) -> Iterator[QWidget]:
        if slot == "passphrase":
            change = Button(self.tr("Change passphrase…"))
            change.setObjectName("settings.account.change")
            change.setEnabled(status.is_open)
            change.clicked.connect(self._on_change)
            yield change
        is_only = len(status.slots) == 1
        name = self.tr("Remove {0}").format(_title(slot))
        remove = IconButton("trash-2", self.tr("The only way to unlock cannot be removed") if is_only else name)
        remove.setAccessibleName(name)
        remove.setObjectName(f"settings.account.{slot}.remove")
        remove.setEnabled(status.is_open and not is_only)
        remove.clicked.connect(lambda: self._on_remove(slot))
        yield remove

    def _note(self, status: VaultStatus) -> str:
        if not status.exists:
            return self.tr("There is no way yet: set the vault up first.")
        if not status.is_open:
            return self.tr("Unlock the vault to change how it opens.")
        if len(status.slots) == 1:
            return self.tr("This is the only way. Add another one before you remove it, or in case it is lost.")
        return ""

    def _on_sessions(self, sessions: tuple[ListedSession, ...]) -> None:
        content, column = _column(Space.S)
        for session in sessions:
            self._add_session(column, session)
        note = self.tr(
            "Your account lives on this computer only. Once a shared server is connected, the other devices that are "
            "signed in to it are listed here too."
        )
        column.addSpacing(Space.XS)
        column.addWidget(Label(note, style=Type.SECONDARY, tone="secondary", wraps=True))
        self._sessions.show_only(content)

    def _add_session(self, column: QVBoxLayout, session: ListedSession) -> None:
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(IconLabel("monitor", size=20))
        row.addWidget(ElidedLabel(session.name, style=Type.MEDIUM), 1)
        if session.is_current:
            row.addWidget(Badge(self.tr("this computer"), tone="success"))
        column.addLayout(row)
        column.addLayout(named(self.tr("System"), ElidedLabel(session.system)))
        column.addLayout(named(self.tr("Started"), Label(full_moment(session.started_at))))
        column.addLayout(named(self.tr("Data folder"), CopyLabel(session.home, name=self.tr("data folder"))))

    def _on_add(self) -> None:
        if self._status is not None:
            self._open(AddWayDialog(self._bridge, self._status, parent=self.window()), self.tr("Another way was added"))

    def _on_change(self) -> None:
        self._open(ChangePassphraseDialog(self._bridge, parent=self.window()), self.tr("The passphrase was changed"))

    def _on_remove(self, slot: str) -> None:
        if self._status is not None:
            dialog = RemoveWayDialog(self._bridge, self._status, slot, parent=self.window())
            self._open(dialog, self.tr("The way to unlock was removed"))

    def _open(self, dialog: AddWayDialog | ChangePassphraseDialog | RemoveWayDialog, done: str) -> None:
        dialog.changed.connect(self._on_changed)
        dialog.finished.connect(lambda result: self._on_finished(result, done))
        dialog.open()

    def _on_finished(self, result: int, done: str) -> None:
        if result == QDialog.DialogCode.Accepted:
            self._window.notify(done, kind="success")

    def _on_changed(self, status: VaultStatus) -> None:
        self.show_status(status)
        self.changed.emit()


def _addable(status: VaultStatus) -> tuple[str, ...]:
    """Ways that the vault does not have and this computer offers."""
    ways = ("keyring", "passphrase", "key-file") if status.keyring_available else ("passphrase", "key-file")
    return tuple(way for way in ways if way not in status.slots)


def _column(spacing: int) -> tuple[QWidget, QVBoxLayout]:
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(spacing)
    return content, column


def _meaning(status: VaultStatus) -> str:
    if not status.exists:
        return _tr("Nothing can be stored until you choose how it opens.")
    if status.slots == ("key-file",):
        return _tr("Opens with a key file. Anyone who copies the data folder can read the credentials.")
    names = {
        "keyring": _tr("the system's keyring"),
        "passphrase": _tr("a passphrase"),
        "key-file": _tr("a key file"),
    }
    return _tr("Opens with {0}.").format(_tr(" or ").join(names.get(slot, slot) for slot in status.slots))


def _title(slot: str) -> str:
    titles = {"keyring": _tr("System keyring"), "passphrase": _tr("Passphrase"), "key-file": _tr("Key file")}
    return titles.get(slot, slot)


def _about(slot: str) -> str:
    about = {
        "keyring": _tr("opens by itself when you are logged in"),
        "passphrase": _tr("asked for at every start"),
        "key-file": _tr("lies in the data folder and opens by itself"),
    }
    return about.get(slot, "")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
