"""The left edge of the window: the team, one entry per app with its badge, vault, sync state and the person."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from machina_desktop.views.apps.base import App
from machina_desktop.views.person_button import PersonButton
from machina_desktop.views.sidebar_entry import COLLAPSED_WIDTH, SidebarEntry
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.layout import Divider

WIDTH = 220
_FOOT_HEIGHT = 40
_CENTER = Qt.AlignmentFlag.AlignCenter


class Sidebar(QWidget):
    """The team on top, the apps below it, at the foot what is about this computer. The arrow keys move in it.

    Attributes:
        team: The team in view; pressed, it leads to the others.
        vault: The line that tells how the vault stands.
        sync: The line that tells whether the team is the same elsewhere.
        person: Who is signed in; pressed, it leads to what is theirs.
        help: The way to all shortcuts.

    Signals:
        chosen(str): The name of the app to show.
        vault_clicked(): The vault's line was pressed.
        collapsed_changed(bool): It was made narrow or wide.
    """

    chosen = Signal(str)
    vault_clicked = Signal()
    collapsed_changed = Signal(bool)

    def __init__(self, apps: tuple[App, ...], *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "base")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Apps"))
        self._entries: dict[str, SidebarEntry] = {}
        self._is_collapsed = False
        self.team = PersonButton(self.tr("Team"), sign="chevrons-up-down", parent=self)
        self.vault = SidebarEntry(self.tr("Vault"), "lock", parent=self)
        self.vault.clicked.connect(self.vault_clicked)
        self.sync = SidebarEntry(self.tr("Local only"), "monitor", parent=self)
        self.person = PersonButton(self.tr("You"), height=_FOOT_HEIGHT, parent=self)
        self.help = IconButton("circle-question-mark", self.tr("Keyboard shortcuts"), shortcut="F1", parent=self)
        self._fold = IconButton("panel-left", self.tr("Collapse sidebar"), shortcut="Ctrl+B", parent=self)
        self._fold.clicked.connect(lambda: self.set_collapsed(not self._is_collapsed))
        self._build(apps)
        self.set_home("")
        self.setFixedWidth(WIDTH)

    def set_home(self, place: str) -> None:
        """Tell where the team lives: on a server of that name, or only on this computer when it is empty."""
        if place:
            self.sync.set_state(place, "cloud", tip=self.tr("This team lives on {0}.").format(place))
        else:
            tip = self.tr("This team lives on this computer. Nothing of it is sent anywhere else.")
            self.sync.set_state(self.tr("Local only"), "monitor", tip=tip)

    def set_badge(self, name: str, count: int, *, tone: str = "warning", text: str = "") -> None:
        """Show how many things of an app need the person; see `SidebarEntry.set_badge`."""
        if name in self._entries:
            self._entries[name].set_badge(count, tone=tone, text=text)

    def entry(self, name: str) -> SidebarEntry:
        """The line of an app."""
        return self._entries[name]

    def select(self, name: str) -> None:
        """Mark an app as the one shown; sends no signal."""
        for each, entry in self._entries.items():
            entry.setChecked(each == name)
        if name in self._entries:
            self._list.ensureWidgetVisible(self._entries[name], 0, 0)

    def is_collapsed(self) -> bool:
        """Whether only icons show."""
        return self._is_collapsed

    def set_collapsed(self, is_collapsed: bool) -> None:
        """Make it narrow or wide."""
        if is_collapsed == self._is_collapsed:
            return
        self._is_collapsed = is_collapsed
        self.setFixedWidth(COLLAPSED_WIDTH if is_collapsed else WIDTH)
        for entry in (*self._entries.values(), self.vault, self.sync):
            entry.set_collapsed(is_collapsed)
        for person in (self.team, self.person):
            person.set_collapsed(is_collapsed)
        self._fold.set_name(self.tr("Expand sidebar") if is_collapsed else self.tr("Collapse sidebar"), "Ctrl+B")
        self._place_fold()
        self.collapsed_changed.emit(is_collapsed)

    def _lines(self) -> tuple[QAbstractButton, ...]:
        """Everything in it that can be pressed, from the top."""
        return (self.team, *self._entries.values(), self.vault, self.sync, self.person, self.help, self._fold)

    def _build(self, apps: tuple[App, ...]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, Space.S, Space.S, Space.S)
        column.setSpacing(2)
        column.addWidget(self.team)
        column.addSpacing(Space.S)
        for index, app in enumerate(apps, 1):
            entry = SidebarEntry(app.title, app.icon, shortcut=app.keys or f"Ctrl+{index}", parent=self)
            entry.setCheckable(True)
            entry.clicked.connect(lambda _checked=False, name=app.name: self._on_clicked(name))
            self._entries[app.name] = entry
        self._list = _EntryList(tuple(self._entries.values()))
        column.addWidget(self._list, 1)
        column.addWidget(self.vault)
        column.addWidget(self.sync)
        column.addWidget(Divider())
        column.addSpacing(2)
        self._foot = QVBoxLayout()
        self._foot.setSpacing(Space.XS)
        self._foot_row = QHBoxLayout()
        self._foot_row.setSpacing(Space.XS)
        self._foot_row.addWidget(self.person, 1)
        self._foot.addLayout(self._foot_row)
        column.addLayout(self._foot)
        for first, second in pairwise(self._lines()):
            self.setTabOrder(first, second)
        self._place_fold()
        # As shortcuts, because a button would move the focus itself, and out of the sidebar.
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for keys, by in (("Up", -1), ("Down", 1), ("Home", -len(self._lines())), ("End", len(self._lines()))):
            QShortcut(QKeySequence(keys), self, context=within).activated.connect(lambda by=by: self._move(by))

    def _move(self, by: int) -> None:
        """Put the keyboard so many lines further down, at most onto the last one."""
        lines = self._lines()
        at = next((index for index, line in enumerate(lines) if line.hasFocus()), 0)
        lines[max(0, min(len(lines) - 1, at + by))].setFocus(Qt.FocusReason.TabFocusReason)

    def _on_clicked(self, name: str) -> None:
        # A click would else take the mark off the app that is shown.
        self.select(name)
        self.chosen.emit(name)

    def _place_fold(self) -> None:
        for index, button in enumerate((self.help, self._fold)):
            self._foot.removeWidget(button)
            self._foot_row.removeWidget(button)
            if self._is_collapsed:
                self._foot.insertWidget(index, button, 0, _CENTER)
            else:
                self._foot_row.addWidget(button)


class _EntryList(QScrollArea):
    """The lines of the apps. In a low window they scroll, by the wheel and with the keyboard; a bar has no room."""

    def __init__(self, entries: tuple[SidebarEntry, ...]) -> None:
        super().__init__()
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for entry in entries:
            column.addWidget(entry)
            entry.installEventFilter(self)
        column.addStretch()
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for policy in (self.setVerticalScrollBarPolicy, self.setHorizontalScrollBarPolicy):
            policy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setProperty("surface", "base")
        content.setProperty("surface", "base")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn and isinstance(watched, SidebarEntry):
            self.ensureWidgetVisible(watched, 0, 0)
        return super().eventFilter(watched, event)
