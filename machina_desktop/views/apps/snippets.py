"""The Snippets app: one's own and those of the team, to be written, changed and removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from PySide6.QtCore import QCoreApplication, QPoint
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.snippet import AnySnippet, OwnSnippet, variables
from machina_desktop.core.services.snippets import DeleteOwnSnippet, DeleteSnippet, ListOwnSnippets, ListSnippets
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.commands import Command
from machina_desktop.views.links import APP as LINKED
from machina_desktop.views.links import Link
from machina_desktop.views.list_panel import ListPanel, ListShape
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.searches import Finding, Search, search
from machina_desktop.views.snippets.editor import MINE, TEAM, SnippetDialog, can_write_for_team
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.tabs import Tab, TabBar

Ask = Callable[[str, dict[str, str]], Request[tuple[AnySnippet, ...]]]


def _tr(text: str) -> str:
    return QCoreApplication.translate("SnippetsPage", text)


def _shape(name: str, title: str) -> ListShape[AnySnippet]:
    return ListShape(
        name=name,
        title=title,
        search=_tr("Filter by name, text or tag…"),
        key=lambda each: each.snippet_id,
        depends=frozenset({"snippet"}),
        columns=(
            Column(
                key="name", title=_tr("Name"), text=lambda each: each.name, icon=lambda _each: "terminal", width=200
            ),
            Column(
                key="text",
                title=_tr("Commands"),
                text=lambda each: "  ⏎  ".join(each.text.strip().splitlines()),
                is_mono=True,
                width=320,
                grows=1,
            ),
            Column(
                key="asks",
                title=_tr("Asks for"),
                text=lambda each: ", ".join(each.name for each in variables(each.text) if not each.is_of_machine),
                is_quiet=True,
                width=130,
                rank=2,
            ),
            Column(key="tags", title=_tr("Tags"), text=lambda each: ", ".join(each.tags), is_quiet=True, width=110),
            Column(
                key="changed",
                title=_tr("Changed"),
                text=lambda each: wording.moment(each.updated_at),
                sort_key=lambda each: each.updated_at.timestamp(),
                is_quiet=True,
                width=120,
                rank=1,
            ),
        ),
    )


class SnippetsPage(Page):
    """Two lists behind tabs, and one primary action: a new snippet."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("snippets")
        self.tabs = TabBar(
            (
                Tab(key=MINE, title=self.tr("Mine"), icon_name="user"),
                Tab(key=TEAM, title=self.tr("Team"), icon_name="users"),
            ),
            name=self.tr("Snippets"),
            parent=self,
        )
        self.tabs.setObjectName("snippets.tabs")
        self.lists = {
            MINE: self._make_list("own_snippets", self.tr("My snippets"), cast("Ask", self._ask_own)),
            TEAM: self._make_list("snippets", self.tr("Team snippets"), cast("Ask", self._ask_team)),
        }
        self._stack = QStackedWidget()
        self._build()

    def shown(self) -> None:
        for each in self.lists.values():
            each.resume()

    def hidden(self) -> None:
        for each in self.lists.values():
            each.pause()

    def go_to(self, place: str) -> None:
        """``mine``, ``team``, or the id of a snippet."""
        if place in self.lists:
            self.tabs.set_current(place)
        for key, panel in self.lists.items():
            if panel.table.select_key(place):
                self.tabs.set_current(key)

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        self._list().focus_search()

    def commands(self) -> Iterable[Command]:
        yield Command(
            name="snippet.new",
            title=self.tr("Write a snippet"),
            group=self.tr("Snippets"),
            icon="plus",
            words=self.tr("new command template"),
            run=self._on_new,
        )
        chosen = self._chosen()
        if chosen is not None and self._may_change(chosen):
            for name, title, icon_name, act in (
                ("edit", self.tr("Edit the snippet {0}"), "pencil", self._on_edit),
                ("delete", self.tr("Delete the snippet {0}…"), "trash-2", self._on_delete),
            ):
                yield Command(
                    name=f"snippet.{name}",
                    title=title.format(chosen.name),
                    group=self.tr("Snippets"),
                    icon=icon_name,
                    run=act,
                )
        yield from self._list().commands()

    def _make_list(self, name: str, title: str, ask: Ask) -> ListPanel[AnySnippet]:
        empty = EmptyState(
            icon_name="terminal",
            title=self.tr("No snippets yet"),
            text=self.tr("Keep a command you use often, with places to fill in, and run it on one terminal or many."),
            action=self.tr("Write a snippet"),
        )
        empty.setObjectName(f"{name}.empty")
        empty.activated.connect(self._on_new)
        made: ListPanel[AnySnippet] = ListPanel(self.bridge, _shape(name, title), ask=ask, empty=empty, parent=self)
        edit = Button(self.tr("Edit"), icon_name="pencil", parent=self)
        edit.setObjectName(f"{name}.edit")
        edit.clicked.connect(self._on_edit)
        delete = Button(self.tr("Delete"), icon_name="trash-2", parent=self)
        delete.setObjectName(f"{name}.delete")
        delete.clicked.connect(self._on_delete)
        new = Button(self.tr("New snippet"), kind=ButtonKind.PRIMARY, icon_name="plus", parent=self)
        new.setObjectName(f"{name}.new")
        new.clicked.connect(self._on_new)
        for button in (delete, edit, new):
            made.header.add_action(button)

        def settle() -> None:
            chosen = self._chosen_in(made)
            for button in (delete, edit):
                button.setEnabled(chosen is not None and self._may_change(chosen))

        made.table.selected.connect(lambda _key: settle())
        made.answered.connect(lambda _records: settle())
        made.table.activated_key.connect(lambda _key: self._on_edit())
        made.table.menu_requested.connect(self._on_menu)
        settle()
        return made

    def _build(self) -> None:
        for each in self.lists.values():
            self._stack.addWidget(each)
        bar = QVBoxLayout()
        bar.setContentsMargins(Space.XL, 0, Space.XL, 0)
        bar.addWidget(self.tabs)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, Space.S, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(self._stack, 1)
        self.tabs.changed.connect(lambda key: self._stack.setCurrentWidget(self.lists[key]))

    def _ask_own(self, search: str, _filters: dict[str, str]) -> ListOwnSnippets:
        return ListOwnSnippets(search=search)

    def _ask_team(self, search: str, _filters: dict[str, str]) -> ListSnippets:
        return ListSnippets(team_id=self.bridge.team_id, search=search)

    def _list(self) -> ListPanel[AnySnippet]:
        return self.lists[self.tabs.current()]

    def _chosen(self) -> AnySnippet | None:
        return self._chosen_in(self._list())

    @staticmethod
    def _chosen_in(panel: ListPanel[AnySnippet]) -> AnySnippet | None:
        keys = panel.table.selected_keys()
        row = panel.model.row_of(keys[0]) if keys else -1
        return panel.model.record(row) if row >= 0 else None

    def _may_change(self, snippet: AnySnippet) -> bool:
        return isinstance(snippet, OwnSnippet) or can_write_for_team(self.bridge)

    def _on_new(self) -> None:
        dialog = SnippetDialog(self.bridge, parent=self)
        if self.tabs.current() == TEAM and can_write_for_team(self.bridge):
            dialog.scope.set_value(TEAM)
        dialog.kept.connect(self._on_kept)
        dialog.open()

    def _on_edit(self) -> None:
        chosen = self._chosen()
        if chosen is not None and self._may_change(chosen):
            dialog = SnippetDialog(self.bridge, chosen, parent=self)
            dialog.kept.connect(self._on_kept)
            dialog.open()

    def _on_kept(self, snippet: AnySnippet) -> None:
        key = MINE if isinstance(snippet, OwnSnippet) else TEAM
        self.tabs.set_current(key)
        self.lists[key].refresh()
        self.window_door.notify(self.tr("{0} is kept").format(snippet.name), kind="success")

    def _on_menu(self, place: QPoint) -> None:
        chosen = self._chosen()
        if chosen is None or not self._may_change(chosen):
            return
        menu = Menu(self.tr("Snippet"), parent=self)
        menu.add_item(self.tr("Edit"), self._on_edit, icon_name="pencil")
        menu.add_item(self.tr("Delete…"), self._on_delete, icon_name="trash-2", is_danger=True)
        menu.popup(place)

    def _on_delete(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            return
        question = ConfirmDialog(
            self.tr("Delete the snippet {0}?").format(chosen.name),
            losses=(
                self.tr("There is no undo.")
                if isinstance(chosen, OwnSnippet)
                else self.tr("Nobody in the team has it any more; there is no undo."),
            ),
            confirm=self.tr("Delete snippet"),
            parent=self,
        )
        question.setObjectName("delete_snippet")
        question.primary.setObjectName("delete_snippet.confirm")
        question.accepted.connect(lambda: self._delete(chosen))
        question.open()

    def _delete(self, snippet: AnySnippet) -> None:
        is_own = isinstance(snippet, OwnSnippet)
        ask: Request[None] = (
            DeleteOwnSnippet(own_snippet_id=snippet.snippet_id)
            if is_own
            else DeleteSnippet(snippet_id=snippet.snippet_id)
        )
        tasks.ask(
            self.bridge,
            ask,
            owner=self,
            done=lambda _none: self.lists[MINE if is_own else TEAM].refresh(),
        )


def _anywhere(window: Window) -> tuple[Command, ...]:
    return (
        Command(
            name="snippet.new",
            title=_tr("Write a snippet"),
            group=_tr("Snippets"),
            icon="plus",
            words=_tr("new command template"),
            run=lambda: window.do("snippets", "snippet.new"),
        ),
    )


def _finding(snippet: AnySnippet) -> Finding:
    return Finding(
        link=Link.to_app("snippets", snippet.snippet_id),
        title=snippet.name,
        icon="terminal",
        detail=_tr("my snippet") if isinstance(snippet, OwnSnippet) else _tr("team snippet"),
        words=" ".join((snippet.description, *snippet.tags)),
    )


def _searches() -> tuple[Search, ...]:
    return (
        search(
            entity=LINKED,
            title=_tr("Snippets"),
            request=lambda team: ListSnippets(team_id=team),
            depends=frozenset({"snippet"}),
            finding=_finding,
        ),
        search(
            entity=LINKED,
            title=_tr("Snippets"),
            request=lambda _team: ListOwnSnippets(),
            depends=frozenset({"own_snippet"}),
            finding=_finding,
        ),
    )


APP = App(
    name="snippets",
    title="Snippets",
    icon="terminal",
    keys="Ctrl+Alt+S",
    page=SnippetsPage,
    searches=_searches,
    commands=_anywhere,
)
