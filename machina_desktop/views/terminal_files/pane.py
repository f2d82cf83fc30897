"""One side of the files panel: where it is, what is there, how much room is left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.file_side import Side
from machina_desktop.core.domain.terminal import Question
from machina_desktop.core.domain.transfer import Entry, shown_name
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import remembered, tasks
from machina_desktop.views.terminal_files.file_table import FilesModel, FileTable, key_of
from machina_desktop.views.terminal_files.file_words import size_words
from machina_desktop.views.terminal_files.login_questions import QuestionRoom
from machina_desktop.views.terminal_files.path_bar import PathBar
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, Label

# Of a list, in pixels: its head and some rows.
LOWEST = 124


class FilePane(QWidget):
    """A folder of one side.

    Attributes:
        table: The rows.
        is_local: It shows this computer.
        room: Where questions of the machine are shown, in place of the rows.
        path: The folder in view; empty before the first answer.

    Signals:
        asked: Something was asked for by key or menu: ``copy``, ``move``, ``folder``, ``delete``, … (str).
        opened: Enter on a file: its key (str).
        menu_wanted: Where the context menu shall open (QPoint).
    """

    asked = Signal(str)
    opened = Signal(str)
    menu_wanted = Signal(QPoint)

    def __init__(self, bridge: Bridge, *, title: str, icon_name: str, key: str, parent: QWidget) -> None:
        """``key`` is ``local`` or ``remote``: prefix of object names, and what is remembered under."""
        super().__init__(parent)
        self._bridge = bridge
        self._panel = parent
        self.is_local = key == "local"
        self._key = key
        self._side: Side | None = None
        self._entries: list[Entry] = []
        self._reading: asyncio.Task[object] | None = None
        self._wanted = ""
        self._select = ""
        self._free: int | None = None
        self._is_first = False
        self._shows_hidden = remembered.recall(f"files.{key}").get("hidden") == "yes"
        self._title = Label(title, style=Type.MEDIUM, parent=self)
        self._icon = IconLabel(icon_name, parent=self)
        self.model = FilesModel(self._urls, self)
        self.table = FileTable(
            self.model, name=title, settings=remembered.settings(), settings_key=f"files.{key}", parent=self
        )
        self._build()
        self._connect()
        self.states.show_loading()

    @property
    def path(self) -> str:
        return self._bar.path

    @property
    def side(self) -> Side | None:
        """Whose files these are, once it is known."""
        return self._side

    def set_title(self, title: str) -> None:
        """Name the side."""
        self._title.setText(title)
        self.table.setAccessibleName(title)

    def add_to_head(self, button: IconButton) -> None:
        """Put a button behind the filter."""
        self._head.addWidget(button)

    @property
    def is_reading(self) -> bool:
        """Whether nothing but a sign of work is in view."""
        return self.states.is_loading

    def show_question(self, question: Question | None) -> None:
        """Show what the machine asks in place of its files; none brings these back."""
        self.room.show_question(question)
        self.states.setVisible(question is None)

    def read_failed(self) -> None:
        """Read the folder again that could not be read; nothing where none failed."""
        if self.states.currentWidget() is self.states.error:
            self._go(self._wanted)

    def begin(self, side: Side, path: str = "") -> None:
        """Show the side's files, first those of ``path`` or its home."""
        self._side = side
        self._is_first = bool(path)
        self._go(path)

    def go(self, path: str, *, select: str = "") -> None:
        """Show another folder; ``select`` is the name to stand on then."""
        self._select = select
        self._go(path)

    def go_up(self) -> None:
        """Show the folder above, and stand on the one left."""
        if self._side is not None and self.path:
            name = self.path.rstrip("/").rpartition("/")[2]
            self.go(self._side.parent(self.path), select=name)

    def refresh(self) -> None:
        """Read the folder anew; selection and place stay."""
        if self.path:
            self._go(self.path, is_quiet=True)

    def selected(self) -> tuple[Entry, ...]:
        """The entries of the selected rows."""
        return tuple(self.model.record(self.model.row_of(key)) for key in self.table.selected_keys())

    def entry(self, key: str) -> Entry | None:
        """The entry of a row."""
        row = self.model.row_of(key)
        return self.model.record(row) if row >= 0 else None

    def path_of(self, entry: Entry) -> str:
        """The whole path of one of the entries."""
        return self._side.join(self.path, entry.name) if self._side is not None else entry.name

    def keep_apart(self, *, left: int = 0, right: int = 0) -> None:
        """Leave room beside the other side, in pixels."""
        self._column.setContentsMargins(left, 0, right, 0)

    def set_active(self, is_active: bool) -> None:
        """Show that keys go here."""
        self._title.set_tone("" if is_active else "secondary")
        self._icon.set_icon(
            "monitor" if self.is_local else "server", "accent-primary" if is_active else "text-secondary"
        )

    def _build(self) -> None:
        self._bar = PathBar(self.tr("Path"), self)
        self._filter = SearchInput(self.tr("Filter…"), width=150, parent=self)
        self._filter.setObjectName(f"files.{self._key}.filter")
        self.table.setObjectName(f"files.{self._key}.table")
        self._up = IconButton("arrow-up", self.tr("Folder above"), shortcut="Backspace", parent=self)
        self._home = IconButton("house", self.tr("Home folder"), parent=self)
        self._again = IconButton("refresh-cw", self.tr("Read anew"), parent=self)
        self._hidden = IconButton("eye", self.tr("Show hidden files"), is_checkable=True, parent=self)
        self._hidden.setChecked(self._shows_hidden)
        head = self._head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(self._icon)
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._filter)
        where = QHBoxLayout()
        where.setSpacing(Space.XS)
        for button in (self._up, self._home):
            where.addWidget(button)
        where.addWidget(self._bar, 1)
        for button in (self._hidden, self._again):
            where.addWidget(button)
        empty = EmptyState(icon_name="folder-open", title=self.tr("Nothing here"), text="", parent=None)
        empty.setAcceptDrops(False)
        self.states = ListStates(self.table, empty=empty)
        # Transfers take their room from the lists, not from the terminal above.
        self.states.setMinimumHeight(LOWEST)
        self.room = QuestionRoom(self._panel, self, is_centred=True)
        self._foot = ElidedLabel("", style=Type.SECONDARY, tone="secondary", parent=self)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(head)
        column.addLayout(where)
        column.addWidget(self.states, 1)
        column.addWidget(self.room, 1)
        column.addWidget(self._foot)

    def _connect(self) -> None:
        self._bar.chosen.connect(self.go)
        self._up.clicked.connect(self.go_up)
        self._home.clicked.connect(lambda: self.go(""))
        self._again.clicked.connect(self.refresh)
        self._hidden.toggled.connect(self._on_hidden)
        self._filter.searched.connect(lambda _text: self._show())
        self._filter.listen_for_shortcut(self)
        self.states.error.retried.connect(lambda: self._go(self._wanted))
        self.table.activated_key.connect(self._on_activated)
        self.table.asked.connect(self._on_asked)
        self.table.menu_requested.connect(lambda _key, at: self.menu_wanted.emit(at))
        self.table.selection.selection_changed.connect(lambda _keys: self._tell_foot())

    def _go(self, path: str, *, is_quiet: bool = False) -> None:
        if self._side is None:
            return
        if self._reading is not None:
            self._reading.cancel()
        self._wanted = path
        if not is_quiet:
            self.states.show_loading()
        self._reading = tasks.run(
            self._bridge,
            self._read(self._side, path),
            owner=self,
            name=f"read a folder of the {self._key} side",
            done=self._on_read,
            failed=self._on_failed,
        )

    async def _read(self, side: Side, path: str) -> tuple[str, list[Entry], int | None]:
        found: list[Entry] = []
        real = await side.entries(path or await side.home(), found.extend)
        # The last chunk has been handed to the loop before the answer, and so it is here.
        await asyncio.sleep(0)
        try:
            free = await side.free_space(real)
        except MachinaError:
            free = None
        return real, found, free

    def _on_read(self, answer: tuple[str, list[Entry], int | None]) -> None:
        path, self._entries, self._free = answer
        self._is_first = False
        is_other = path != self.path
        self._bar.set_path(path)
        if is_other and self._filter.text():
            self._filter.clear()
        self._show()
        if self._select:
            self.table.select_key(self._select)
            self._select = ""
        elif is_other:
            self.table.scrollToTop()
        if self.table.hasFocus() and not self.table.currentIndex().isValid() and self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(0, 0))

    def _on_failed(self, error: MachinaError) -> None:
        if self._is_first:
            # What was in view the last time may be gone by now.
            self._is_first = False
            self._go("")
            return
        # Nobody deletes or copies what is not seen.
        self._entries = []
        self.model.set_records([])
        self.states.show_error(error)
        self._foot.setText("")

    def _show(self) -> None:
        words = self._filter.text().strip().casefold()
        rows = [
            entry
            for entry in self._entries
            if (self._shows_hidden or not entry.is_hidden) and words in shown_name(entry.name).casefold()
        ]
        self.model.set_records(rows)
        if rows:
            self.states.show_content()
        else:
            self._say_empty(is_filtered=bool(words))
        self._tell_foot()

    def _say_empty(self, *, is_filtered: bool) -> None:
        hidden = sum(entry.is_hidden for entry in self._entries)
        if is_filtered:
            self.states.empty.set_message(self.tr("Nothing matches"), self.tr("No name here contains that."))
        elif hidden:
            text = self.tr("{0} hidden files are not shown.").format(hidden)
            self.states.empty.set_message(self.tr("Only hidden files"), text)
        else:
            self.states.empty.set_message(self.tr("An empty folder"), self.tr("Drop files here, or copy some with F5."))
        self.states.show_empty()

    def _tell_foot(self) -> None:
        chosen = self.selected()
        if len(chosen) > 1:
            size = sum(entry.size for entry in chosen if not entry.is_folder)
            parts = [self.tr("{0} selected").format(len(chosen)), size_words(size)]
        else:
            count = self.model.rowCount()
            parts = [self.tr("1 entry") if count == 1 else self.tr("{0} entries").format(self.locale().toString(count))]
        if self._free is not None:
            parts.append(self.tr("{0} free").format(size_words(self._free)))
        self._foot.setText("  ·  ".join(parts))

    def _urls(self, entries: Sequence[Entry]) -> list[QUrl]:
        return [QUrl.fromLocalFile(self.path_of(entry)) for entry in entries] if self.is_local else []

    def _on_hidden(self, is_shown: bool) -> None:
        self._shows_hidden = is_shown
        remembered.remember(f"files.{self._key}", {"hidden": "yes" if is_shown else "no"})
        self._hidden.set_icon_name("eye" if is_shown else "eye-off")
        self._show()

    def _on_activated(self, key: str) -> None:
        entry = self.entry(key)
        if entry is None:
            return
        if entry.is_folder:
            self.go(self.path_of(entry))
        else:
            self.opened.emit(key_of(entry))

    def _on_asked(self, what: str) -> None:
        if what == "up":
            self.go_up()
        else:
            self.asked.emit(what)

    def focus(self) -> None:
        """Put the keyboard into the list."""
        self.table.setFocus(Qt.FocusReason.TabFocusReason)
