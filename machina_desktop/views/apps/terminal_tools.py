"""What is at hand beside the tabs of the Terminal page: recording, snippets, tunnels and files of the tab in front."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.views.apps.terminal_broadcast import DeckBroadcast
from machina_desktop.views.apps.terminal_frame import PaneFrame
from machina_desktop.views.apps.terminal_kept import KeptDialog
from machina_desktop.views.apps.terminal_snippets import TerminalSnippets
from machina_desktop.views.commands import Command
from machina_desktop.views.recordings.policy_dialog import RecordingPolicyDialog
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.menus import Menu

RECORD, SNIPPETS, TUNNELS, FILES = "Ctrl+Shift+R", "Ctrl+Shift+S", "Ctrl+Shift+L", "Ctrl+Shift+E"


class TerminalTools(QWidget):
    """Buttons, and the same as commands. They act on the tab that ``current`` answers, if any."""

    def __init__(
        self,
        bridge: Bridge,
        current: Callable[[], PaneFrame | None],
        *,
        broadcast: DeckBroadcast,
        snippets: TerminalSnippets,
        attach: Callable[[Machine, KeptShell], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._broadcast = broadcast
        self._snippets = snippets
        self._bridge = bridge
        self._current = current
        self._attach = attach
        self.record = Button(self.tr("Record"), kind=ButtonKind.GHOST, icon_name="circle")
        self.snippets = IconButton("terminal", self.tr("Run a snippet"), shortcut=SNIPPETS)
        self.tunnels = IconButton("network", self.tr("Tunnels through this machine"), shortcut=TUNNELS)
        self.files = IconButton("folder", self.tr("Files of this machine"), shortcut=FILES, is_checkable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.XS)
        for name, button, act in (
            ("record", self.record, self._open_menu),
            ("snippets", self.snippets, snippets.choose),
            ("tunnels", self.tunnels, self.open_tunnels),
            ("files", self.files, self.toggle_files),
        ):
            button.setObjectName(f"terminal.{name}")
            button.clicked.connect(lambda _checked=False, act=act: act())
            row.addWidget(button)
        row.insertWidget(1, broadcast.button)
        self.show_tab()

    def show_tab(self) -> None:
        """Show how the tab in front stands."""
        tab = self._current()
        is_recording = tab is not None and tab.recorder.is_recording
        words = self.tr("Recording") if is_recording else self.tr("Record")
        self.record.setText(words)
        self.record.setAccessibleName(words)
        self.record.setToolTip(f"{words}  {RECORD}")
        self.record.set_icon_name("circle-dot" if is_recording else "circle")
        self.record.set_kind(ButtonKind.SECONDARY if is_recording else ButtonKind.GHOST)
        for button in (self.record, self.tunnels, self.files):
            button.setEnabled(tab is not None)
        self.files.setChecked(tab is not None and tab.files is not None)
        self.snippets.setEnabled(self._is_live())

    def commands(self) -> Iterable[Command]:
        """What the buttons do."""
        tab = self._current()
        is_recording = tab is not None and tab.recorder.is_recording
        record = self.tr("Stop recording") if is_recording else self.tr("Record this terminal")
        files = self.tr("Close the files") if tab is not None and tab.files else self.tr("Files of this machine")
        many = self._snippets.choose_for_many
        results, has_results = self._snippets.show_results, lambda: self._snippets.has_results
        for name, title, icon, keys, run, is_available in (
            ("files", files, "folder", FILES, self.toggle_files, self._has_tab),
            ("tunnels", self.tr("Tunnels through this machine…"), "network", TUNNELS, self.open_tunnels, self._has_tab),
            ("snippet", self.tr("Run a snippet…"), "terminal", SNIPPETS, self._snippets.choose, self._is_live),
            ("snippet_many", self.tr("Run a snippet on many machines…"), "layers", "", many, lambda: True),
            ("snippet_results", self.tr("Results of the last run on many"), "list", "", results, has_results),
            ("kept", self.tr("Attach to tmux or screen…"), "pin", "", self.open_kept, self._has_tab),
            ("record", record, "circle-dot", RECORD, self.toggle_recording, self._can_record),
            ("recording", self.tr("What is recorded here…"), "circle-dot", "", self.open_policy, self._has_tab),
        ):
            yield Command(
                name=f"terminals.{name}",
                title=title,
                group=self.tr("Terminal"),
                icon=icon,
                keys=keys,
                words=self.tr("sftp upload download forward port record multiplexer persistent keep"),
                run=run,
                is_available=is_available,
            )
        yield from self._broadcast.commands()

    def toggle_files(self) -> None:
        """Show the machine's files below the terminal, or close them."""
        tab = self._current()
        if tab is not None:
            tab.show_files() if tab.files is None else tab.close_files()
        self.show_tab()

    def open_tunnels(self) -> None:
        """Show what leads through the machine."""
        if (tab := self._current()) is not None:
            TunnelsDialog(self._bridge, tab.machine.machine_id, tab.machine.name, parent=self.window()).open()

    def open_kept(self) -> None:
        """Show which sessions the machine keeps, and come back to one or begin another in a tab of its own."""
        if (tab := self._current()) is not None:
            machine = tab.machine
            dialog = KeptDialog(self._bridge, machine.machine_id, machine.name, parent=self.window())
            dialog.chosen.connect(lambda kept: self._attach(machine, kept))
            dialog.open()

    def toggle_recording(self) -> None:
        """Begin to record the terminal in front, or end it."""
        tab = self._current()
        if tab is not None:
            tab.stop_recording() if tab.recorder.is_recording else tab.record()

    def open_policy(self) -> None:
        """Let the person say what is recorded of terminals on this machine."""
        if (tab := self._current()) is not None:
            RecordingPolicyDialog(self._bridge, tab.machine.machine_id, tab.machine.name, self.window()).open()

    def _open_menu(self) -> None:
        tab = self._current()
        if tab is None:
            return
        menu = Menu(self.tr("Recording"), parent=self)
        is_recording = tab.recorder.is_recording
        if is_recording and tab.is_required:
            menu.add_heading(self.tr("Your team requires this recording."))
        menu.add_item(
            self.tr("Stop recording") if is_recording else self.tr("Record this terminal"),
            self.toggle_recording,
            icon_name="circle-stop" if is_recording else "circle-dot",
            keys=RECORD,
            is_enabled=self._can_record(),
        )
        menu.add_item(self.tr("What is recorded here…"), self.open_policy, icon_name="settings")
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.record)

    def _has_tab(self) -> bool:
        return self._current() is not None

    def _is_live(self) -> bool:
        tab = self._current()
        return tab is not None and tab.pane.state is SessionState.LIVE

    def _can_record(self) -> bool:
        tab = self._current()
        if tab is None:
            return False
        return not tab.is_required if tab.recorder.is_recording else self._is_live()
