"""The page of all keyboard shortcuts, made from the commands and from what widgets say of their own keys."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication, QSize
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.views import sidekick
from machina_desktop.views.apps.base import Page
from machina_desktop.views.commands import Command, Commands, KeyHint
from machina_desktop.views.deploy_wizard import wizard
from machina_desktop.views.models.ranking import Ranking, prepare
from machina_desktop.views.palette_entries import Entry, Line
from machina_desktop.views.palette_line import PAGE, PaletteLine
from machina_desktop.views.palette_list import PaletteList, PaletteModel
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets import log_view, selection
from machina_desktop.views.widgets.key_caps import key_caps
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.modal import Modal
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.text import IconLabel

SIZE = QSize(620, 560)


def shortcuts(commands: Iterable[Command]) -> tuple[Entry, ...]:
    """Every command that has keys, and the keys of widgets, one group after the other; each pair of both once."""
    said = [(command.group, command.title, command.keys, command.icon) for command in commands if command.keys]
    said += [(group, hint.title, hint.keys, "keyboard") for group, hints in _hints() for hint in hints]
    groups = dict.fromkeys(group for group, *_ in said)
    return tuple(
        Entry(
            name=f"{group}/{keys}/{title}",
            title=title,
            kind=group,
            icon=icon_name,
            candidate=prepare(title, f"{group} {_caps(keys)}"),
            run=_nothing,
            group=group,
            keys=keys,
        )
        for wanted in groups
        for group, title, keys, icon_name in dict.fromkeys(said)
        if group == wanted
    )


class ShortcutsDialog(Modal):
    """What can be done by keyboard, by group, with a line to search in it. Show it with ``open()``."""

    def __init__(self, commands: Commands, pages: tuple[Page, ...], parent: QWidget) -> None:
        """``pages`` are asked as well for what can be done on them, though they may lie behind."""
        super().__init__(QCoreApplication.translate("Shortcuts", "Keyboard shortcuts"), parent=parent)
        self.setObjectName("shortcuts")
        of_pages = (command for page in pages for command in page.commands())
        self._entries = shortcuts({command.name: command for command in (*commands.listed(), *of_pages)}.values())
        self._ranking = Ranking(entry.candidate for entry in self._entries)
        self._model = PaletteModel(parent=self)
        self.line = PaletteLine(
            self.tr("Search for an action or a key…"),
            name=self.tr("Search the shortcuts"),
            takes_tab=False,
            parent=self,
        )
        self.line.setObjectName("shortcuts.line")
        self.list = PaletteList(self._model, name=self.tr("Shortcuts"))
        self.list.setObjectName("shortcuts.list")
        nothing = self.tr("No shortcut matches")
        self._nothing = EmptyState(icon_name="keyboard", title=nothing, text=self.tr("Ctrl+K finds every action."))
        self._build()
        self.line.textChanged.connect(self._on_typed)
        self.line.moved.connect(self._on_moved)
        self.line.left.connect(self.reject)
        self._on_typed("")
        self.set_panel_size(SIZE)

    def lines(self) -> tuple[Line, ...]:
        """What is listed now, from the top."""
        return tuple(self._model.line(row) for row in range(self._model.rowCount()))

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(Space.XL, Space.S, Space.L, Space.S)
        head.setSpacing(Space.M)
        head.addWidget(IconLabel("search", size=18))
        head.addWidget(self.line, 1)
        self._body = QStackedWidget()
        self._body.addWidget(self.list)
        self._body.addWidget(self._nothing)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(1, 0, 1, Space.S)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(Divider())
        column.addWidget(self._body, 1)

    def _on_typed(self, typed: str) -> None:
        if typed.strip():
            found = self._ranking.best(typed, len(self._entries))
            lines = tuple(Line(self._entries[each.index], each.positions) for each in found)
        else:
            groups = ["", *(entry.group for entry in self._entries)]
            lines = tuple(
                Line(entry, caption="" if entry.group == before else entry.group)
                for entry, before in zip(self._entries, groups, strict=False)
            )
        self._model.set_lines(lines)
        self._body.setCurrentWidget(self.list if lines else self._nothing)
        self.list.scrollToTop()
        self.list.go_to(0)

    def _on_moved(self, by: int) -> None:
        step = self.list.rows_in_view() * (1 if by > 0 else -1) if abs(by) == PAGE else by
        self.list.go_to(max(0, self.list.currentIndex().row() + step))


def _hints() -> tuple[tuple[str, tuple[KeyHint, ...]], ...]:
    return (
        (_tr("Lists and cards"), selection.key_hints()),
        (_tr("Inspector"), sidekick.key_hints()),
        (_tr("Log"), log_view.key_hints()),
        (_tr("Deploying a machine"), wizard.key_hints()),
    )


def _caps(keys: str) -> str:
    """The keys as somebody types them into the search: ``ctrl k``, ``ctrl+k``."""
    presses = key_caps(keys)
    return " ".join("+".join(press) for press in presses) + " " + " ".join(cap for press in presses for cap in press)


def _nothing() -> None:
    """A shortcut is told here, not done."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("Shortcuts", text)
