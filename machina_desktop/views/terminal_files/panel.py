"""The files of a machine beside those of this computer, and what is on its way between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.terminal import Question
from machina_desktop.core.domain.transfer import Direction, Entry, OnConflict, Transfer, TransferState, shown_name
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.machines import GetMachine
from machina_desktop.views import remembered, tasks
from machina_desktop.views.terminal_files.deeds import SideDeeds
from machina_desktop.views.terminal_files.dragging import DragOut
from machina_desktop.views.terminal_files.editing import Editing
from machina_desktop.views.terminal_files.file_dialogs import ConflictDialog
from machina_desktop.views.terminal_files.file_table import FileTable
from machina_desktop.views.terminal_files.login_questions import LoginWatch
from machina_desktop.views.terminal_files.pane import FilePane
from machina_desktop.views.terminal_files.queue_drawer import QueueDrawer
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.text import ElidedLabel

REFRESH_MS = 150


class FilesPanel(QWidget):
    """Two folders side by side, and the queue below. Closing it ends no transfer.

    Attributes:
        local: This computer's side.
        remote: The machine's side.
        queue: The transfers.
        login: What the machine asks.
        deeds: What is done to the files of a side.
        drag_out: Files of the machine on their way to other programs and panels.

    Signals:
        close_wanted(): The person is done with it.
    """

    close_wanted = Signal()

    def __init__(self, bridge: Bridge, machine_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._machine_id = machine_id
        self._states: dict[str, TransferState] = {}
        self._asking = ""
        self.local = FilePane(bridge, title=self.tr("This computer"), icon_name="monitor", key="local", parent=self)
        self.remote = FilePane(bridge, title=self.tr("Machine"), icon_name="server", key="remote", parent=self)
        self.queue = QueueDrawer(self)
        self.editing = Editing(bridge, machine_id, self)
        self.login = LoginWatch(bridge, machine_id, self)
        self.drag_out = DragOut(bridge, machine_id, self)
        self.deeds = SideDeeds(bridge, machine_id, self)
        self._active = self.local
        self._refresh = QTimer(self, interval=REFRESH_MS, singleShot=True)
        self._build()
        self._connect()
        self._set_active(self.local)
        bridge.when_settled(self._begin)

    @property
    def active(self) -> FilePane:
        """The side that has, or last had, the keyboard."""
        return self._active

    @property
    def other(self) -> FilePane:
        """The side that things are copied to."""
        return self.remote if self._active is self.local else self.local

    def _build(self) -> None:
        self.setObjectName("files.panel")
        self.setAccessibleName(self.tr("Files"))
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(1)
        for pane in (self.local, self.remote):
            self._splitter.addWidget(pane)
        self.local.keep_apart(right=Space.M)
        self.remote.keep_apart(left=Space.M)
        self._splitter.setSizes([1000, 1000])
        self._close = IconButton("x", self.tr("Close the files"), shortcut="Ctrl+Shift+E", parent=self)
        self._close.setObjectName("files.close")
        self.remote.add_to_head(self._close)
        self._said = ElidedLabel("", style=Type.SECONDARY, tone="secondary", parent=self)
        bar = QHBoxLayout()
        bar.setSpacing(Space.S)
        self._buttons: dict[str, Button] = {}
        for what, words, icon_name, keys in (
            ("copy", self.tr("Copy"), "copy", "F5"),
            ("move", self.tr("Move"), "arrow-right", "F6"),
            ("folder", self.tr("New folder"), "folder", "F7"),
            ("delete", self.tr("Delete"), "trash-2", "F8"),
        ):
            button = Button(words, kind=ButtonKind.GHOST, icon_name=icon_name, parent=self)
            button.setToolTip(f"{words}  {keys}")
            button.setObjectName(f"files.{what}")
            button.clicked.connect(partial(self.do, what))
            self._buttons[what] = button
            bar.addWidget(button)
        bar.addWidget(self._said, 1)
        self._stop = Button(self.tr("Stop deleting"), icon_name="circle-stop", parent=self)
        self._stop.setObjectName("files.stop")
        self._stop.clicked.connect(self.deeds.stop)
        self.deeds.deleting.connect(self._stop.setVisible)
        self.deeds.said.connect(self.say)
        self._stop.hide()
        bar.addWidget(self._stop)
        self._said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        column.setSpacing(Space.S)
        column.addWidget(self._splitter, 1)
        column.addLayout(bar)
        column.addWidget(self.queue)

    def _connect(self) -> None:
        self._refresh.timeout.connect(self._show_queue)
        self._bridge.transfer_changed.connect(self._on_transfer_changed)
        self._close.clicked.connect(self.close_wanted)
        self.login.asked.connect(self._on_login_asked)
        for room in (self.remote.room, self.queue.room):
            room.answered.connect(self.login.answer)
        self.queue.wanted.connect(self._on_wanted)
        self.queue.clear_wanted.connect(lambda: self._bridge.files.transfers.clear_finished(self._machine_id))
        self.editing.said.connect(self.say)
        self.drag_out.said.connect(self.say)
        self.remote.model.carry = self._carry
        self.remote.table.drag_ended.connect(self.drag_out.end)
        self.editing.sent.connect(self.remote.refresh)
        for pane in (self.local, self.remote):
            pane.table.installEventFilter(self)
            pane.asked.connect(partial(self._on_asked, pane))
            pane.opened.connect(partial(self._on_opened, pane))
            pane.menu_wanted.connect(partial(self._on_menu, pane))
            pane.table.dropped_ours.connect(partial(self._on_dropped_ours, pane))
            pane.table.dropped_urls.connect(partial(self._on_dropped_urls, pane))
            pane.table.selection.selection_changed.connect(lambda _keys: self._fit_buttons())
        self._fit_buttons()

    def _begin(self) -> None:
        self.login.begin()
        last = remembered.recall(f"files.places.{self._machine_id}")
        self.local.begin(self._bridge.files.local, last.get("local", ""))
        self.remote.begin(self._bridge.files.side(self._machine_id))
        tasks.ask(
            self._bridge,
            GetMachine(machine_id=self._machine_id),
            owner=self,
            done=self._on_machine,
            failed=lambda _error: None,
        )
        self._show_queue()

    def do(self, what: str) -> None:
        """Carry out what a key, a button or the menu asks of the active side."""
        deeds: dict[str, Callable[[], None]] = {
            "copy": self._copy,
            "move": partial(self._copy, is_move=True),
            "folder": lambda: self.deeds.ask_folder(self._active),
            "delete": lambda: self.deeds.ask_delete(self._active),
            "rename": lambda: self.deeds.ask_rename(self._active),
            "permissions": lambda: self.deeds.ask_permissions(self._active),
            "edit": self._edit,
            "compare": self._compare,
            "switch": self.other.focus,
            "refresh": self._active.refresh,
        }
        deeds[what]()

    def say(self, words: str) -> None:
        """Tell something in the line beside the buttons."""
        self._said.setText(words)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            for pane in (self.local, self.remote):
                if watched is pane.table:
                    self._set_active(pane)
        return False

    def _set_active(self, pane: FilePane) -> None:
        self._active = pane
        for each in (self.local, self.remote):
            each.set_active(each is pane)
        self._fit_buttons()

    def _fit_buttons(self) -> None:
        has_choice = bool(self._active.selected())
        for what in ("copy", "move", "delete"):
            self._buttons[what].setEnabled(has_choice)

    def _on_machine(self, machine: Machine) -> None:
        self.remote.set_title(machine.name)

    # What is done with the selected

    def _copy(self, *, is_move: bool = False) -> None:
        self._send(self._active, self.other, is_move=is_move)

    def _send(self, source: FilePane, target: FilePane, *, is_move: bool) -> None:
        chosen = source.selected()
        if not chosen or not target.path:
            return
        remembered.remember(f"files.places.{self._machine_id}", {"local": self.local.path})
        self._queue_up(source is self.local, [source.path_of(each) for each in chosen], target.path, is_move=is_move)

    def _queue_up(self, is_upload: bool, paths: list[str], to: str, *, is_move: bool = False) -> None:
        direction = Direction.UPLOAD if is_upload else Direction.DOWNLOAD
        try:
            self._bridge.files.transfers.add(self._machine_id, direction, paths, destination=to, is_move=is_move)
        except MachinaError as error:
            tasks.PRESENTER.show(error)

    def _compare(self) -> None:
        chosen = self._active.selected()
        if len(chosen) == 1 and not chosen[0].is_folder and self.other.path:
            self.deeds.compare(self.local.path_of(chosen[0]), self.remote.path_of(chosen[0]))

    def _edit(self) -> None:
        chosen = self._active.selected()
        if len(chosen) == 1 and not chosen[0].is_folder:
            self._open(self._active, self._active.path_of(chosen[0]))

    def _open(self, pane: FilePane, path: str) -> None:
        if pane is self.remote:
            self.say(self.tr("Fetching {0}…").format(shown_name(path.rpartition("/")[2])))
            self.editing.open(path)
        else:
            self.editing.open_here(path)

    # What the sides tell

    def _on_asked(self, pane: FilePane, what: str) -> None:
        self._set_active(pane)
        self.do(what)

    def _on_opened(self, pane: FilePane, key: str) -> None:
        if (entry := pane.entry(key)) is not None:
            self._open(pane, pane.path_of(entry))

    def _carry(self, entries: Sequence[Entry]) -> QMimeData:
        return self.drag_out.carry(tuple(self.remote.path_of(entry) for entry in entries))

    def _on_dropped_ours(self, pane: FilePane, source: FileTable, is_move: bool) -> None:
        for each in (self.local, self.remote):
            if source is each.table and each is not pane:
                self._send(each, pane, is_move=is_move)
                return
        other = source.parent()
        while other is not None and not isinstance(other, FilesPanel):
            other = other.parent()
        if other is not None and pane.path:
            self._take_from(other, source, pane)

    def _take_from(self, other: FilesPanel, source: FileTable, pane: FilePane) -> None:
        """Copy what was dragged from another machine's panel, whose files stay as they are."""
        files = self._bridge.files
        if source is other.local.table:
            self._on_dropped_urls(pane, [other.local.path_of(each) for each in other.local.selected()])
            return
        promise = other.drag_out.promise
        if promise is None:
            return
        if pane is self.local:
            files.transfers.add(promise.machine_id, Direction.DOWNLOAD, promise.sources, destination=pane.path)
            return
        self.say(self.tr("Copied through this computer, from machine to machine."))
        tasks.run(
            self._bridge,
            files.dragged.send_across(promise, self._machine_id, pane.path),
            owner=self._bridge,
            name="copy files from machine to machine",
        )

    def _on_dropped_urls(self, pane: FilePane, paths: list[str]) -> None:
        if pane is self.remote and pane.path:
            self._queue_up(True, paths, pane.path)
        elif pane is self.local:
            self.say(self.tr("Drop files of this computer on the machine's side."))

    def _on_menu(self, pane: FilePane, at: QPoint) -> None:
        self._set_active(pane)
        chosen = pane.selected()
        menu = Menu(self.tr("Files"), parent=self)
        one = len(chosen) == 1
        verb = self.tr("Upload") if pane is self.local else self.tr("Download")
        rows = (
            (verb, "copy", "upload" if pane is self.local else "download", "F5", bool(chosen)),
            (self.tr("Move to the other side"), "move", "arrow-right", "F6", bool(chosen)),
            (self.tr("Edit"), "edit", "square-pen", "F4", one and not chosen[0].is_folder),
            (self.tr("Compare with the other side"), "compare", "hash", "", one and not chosen[0].is_folder),
            (self.tr("Rename…"), "rename", "pencil", "F2", one),
            (self.tr("Permissions…"), "permissions", "shield", "", one),
            (self.tr("New folder…"), "folder", "folder", "F7", True),
            (self.tr("Read anew"), "refresh", "refresh-cw", "", True),
        )
        for words, what, icon_name, keys, is_enabled in rows:
            menu.add_item(words, partial(self.do, what), icon_name=icon_name, keys=keys, is_enabled=is_enabled)
        menu.addSeparator()
        menu.add_item(
            self.tr("Delete…"),
            partial(self.do, "delete"),
            icon_name="trash-2",
            keys="F8",
            is_danger=True,
            is_enabled=bool(chosen),
        )
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def _on_login_asked(self, question: Question | None) -> None:
        """Ask where the answer is waited for: in place of the folder that is read, else above the transfers."""
        is_for_folder = self.remote.is_reading
        self.remote.show_question(question if is_for_folder else None)
        self.queue.show_question(None if is_for_folder else question)

    # The queue

    def _on_transfer_changed(self, _transfer_id: str) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    def _show_queue(self) -> None:
        transfers = self._bridge.files.transfers.all(self._machine_id)
        self.queue.show_transfers(transfers)
        for transfer in transfers:
            before = self._states.get(transfer.transfer_id)
            if transfer.state is not before:
                self._states[transfer.transfer_id] = transfer.state
                self._on_state(transfer)

    def _on_state(self, transfer: Transfer) -> None:
        is_upload = transfer.direction is Direction.UPLOAD
        target, source = (self.remote, self.local) if is_upload else (self.local, self.remote)
        if transfer.state.is_final:
            if target.path == transfer.destination:
                target.refresh()
            if transfer.is_move:
                source.refresh()
        elif transfer.state is TransferState.ASKING and not self._asking and self.isVisible():
            self._ask(transfer)

    def _on_wanted(self, transfer_id: str, wish: str) -> None:
        queue = self._bridge.files.transfers
        transfer = queue.get(transfer_id)
        if transfer is None:
            return
        if wish == "answer":
            self._ask(transfer)
        else:
            {"pause": queue.pause, "resume": queue.resume, "cancel": queue.cancel}[wish](transfer_id)

    def _ask(self, transfer: Transfer) -> None:
        if transfer.conflict is None:
            return
        self._asking = transfer.transfer_id
        dialog = ConflictDialog(transfer.conflict, parent=self.window())
        dialog.decided.connect(partial(self._on_decided, transfer.transfer_id))
        dialog.finished.connect(self._on_asked_about)
        dialog.open()

    def _on_decided(self, transfer_id: str, choice: OnConflict, is_for_all: bool) -> None:
        self._bridge.files.transfers.answer(transfer_id, choice, is_for_all=is_for_all)

    def _on_asked_about(self, result: int) -> None:
        self._asking = ""
        if result:
            # The next one that asks comes when this dialog is out of the way.
            QTimer.singleShot(REFRESH_MS, self, self._ask_next)

    def _ask_next(self) -> None:
        if self._asking or not self.isVisible():
            return
        for transfer in self._bridge.files.transfers.all(self._machine_id):
            if transfer.state is TransferState.ASKING:
                self._ask(transfer)
                return
