"""What is at hand beside the tabs of the Terminal page: recording, snippets, tunnels and files of the tab in front."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.snippet import AnySnippet, Snippet, of_machine, rendered
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.services.snippets import RecordSnippetRun
from machina_desktop.views import tasks
from machina_desktop.views.apps.terminal_frame import PaneFrame
from machina_desktop.views.commands import Command
from machina_desktop.views.recordings.policy_dialog import RecordingPolicyDialog
from machina_desktop.views.snippets.picker import SnippetPicker
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.menus import Menu

RECORD, SNIPPETS, TUNNELS, FILES = "Ctrl+Shift+R", "Ctrl+Shift+S", "Ctrl+Shift+L", "Ctrl+Shift+E"


class TerminalTools(QWidget):
    """Buttons, and the same as commands. They act on the tab that ``current`` answers, if any."""

    def __init__(self, bridge: Bridge, current: Callable[[], PaneFrame | None], parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._current = current
        self.record = Button(self.tr("Record"), kind=ButtonKind.GHOST, icon_name="circle")
        self.snippets = IconButton("terminal", self.tr("Run a snippet"), shortcut=SNIPPETS)
        self.tunnels = IconButton("network", self.tr("Tunnels through this machine"), shortcut=TUNNELS)
        self.files = IconButton("folder", self.tr("Files of this machine"), shortcut=FILES, is_checkable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.XS)
        for name, button, act in (
            ("record", self.record, self._open_menu),
            ("snippets", self.snippets, self.choose_snippet),
            ("tunnels", self.tunnels, self.open_tunnels),
            ("files", self.files, self.toggle_files),
        ):
            button.setObjectName(f"terminal.{name}")
            button.clicked.connect(lambda _checked=False, act=act: act())
            row.addWidget(button)
        self.show_tab()

    def show_tab(self) -> None:
        """Show how the tab in front stands."""
        tab = self._current()
        is_recording = tab is not None and tab.recorder.is_recording
        words = self.tr("Recording") if is_recording else self.tr("Record")
        self.record.setText(words)
        self.record.setAccessibleName(words)
        self.record.setToolTip(RECORD)
        self.record.set_icon_name("circle-dot" if is_recording else "circle")
        self.record.set_kind(ButtonKind.SECONDARY if is_recording else ButtonKind.GHOST)
        self.files.setChecked(tab is not None and tab.files is not None)
        self.snippets.setEnabled(self._is_live())

    def commands(self) -> Iterable[Command]:
        """What the buttons do."""
        tab = self._current()
        is_recording = tab is not None and tab.recorder.is_recording
        record = self.tr("Stop recording") if is_recording else self.tr("Record this terminal")
        files = self.tr("Close the files") if tab is not None and tab.files else self.tr("Files of this machine")
        for name, title, icon, keys, run, is_available in (
            ("files", files, "folder", FILES, self.toggle_files, self._has_tab),
            ("tunnels", self.tr("Tunnels through this machine…"), "network", TUNNELS, self.open_tunnels, self._has_tab),
            ("snippet", self.tr("Run a snippet…"), "terminal", SNIPPETS, self.choose_snippet, self._is_live),
            ("record", record, "circle-dot", RECORD, self.toggle_recording, self._can_record),
            ("recording", self.tr("What is recorded here…"), "circle-dot", "", self.open_policy, self._has_tab),
        ):
            yield Command(
                name=f"terminals.{name}",
                title=title,
                group=self.tr("Terminal"),
                icon=icon,
                keys=keys,
                words=self.tr("sftp upload download forward port record"),
                run=run,
                is_available=is_available,
            )

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

    def choose_snippet(self) -> None:
        """Let the person choose a snippet for the terminal in front."""
        tab = self._current()
        if tab is None:
            return
        dialog = SnippetPicker(self._bridge, known=_known(tab), target=tab.machine.name, parent=self.window())
        dialog.chosen.connect(lambda snippet, values, is_run: self._type(tab, snippet, values, is_run=is_run))
        dialog.finished.connect(lambda _result: tab.pane.view.setFocus())
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

    def _type(self, tab: PaneFrame, snippet: AnySnippet, values: dict[str, str], *, is_run: bool) -> None:
        text = rendered(snippet, {**_known(tab), **values})
        if not is_run:
            tab.pane.actions_.paste_text(text.rstrip("\n"))
            return
        tab.pane.actions_.run_text(text)
        if isinstance(snippet, Snippet):
            machine_ids = (tab.machine.machine_id,)
            ask = RecordSnippetRun(team_id=snippet.team_id, snippet_id=snippet.snippet_id, machine_ids=machine_ids)
            tasks.run(self._bridge, self._bridge.call(ask), owner=self._bridge, name="RecordSnippetRun")

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


def _known(tab: PaneFrame) -> dict[str, str]:
    machine = tab.machine
    address = machine.public_ip or machine.private_ip or ""
    return of_machine(name=machine.name, host=machine.ssh_host or address, ip=address, user=machine.ssh_user)
