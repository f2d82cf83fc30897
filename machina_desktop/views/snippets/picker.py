"""Choosing a snippet and filling it in, with what will be typed in sight before it is."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.snippet import AnySnippet, OwnSnippet, Snippet, Variable, rendered, variables
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.services.snippets import ListOwnSnippets, ListSnippets
from machina_desktop.views import theme
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.snippets.editor import SnippetDialog
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input, Note, Select
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.text import Label

_PREVIEW_LINES = 5
_STEPS: dict[int, int] = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


def _tr(text: str) -> str:
    return QCoreApplication.translate("SnippetPicker", text)


class SnippetPicker(Dialog):
    """A list to search, a form for what the chosen one asks, and a preview. Show it with ``open()``.

    ``known`` are the values that the machine gives; of several machines each its own, and only the first is shown.

    Signals:
        chosen(object, object, bool): The snippet, the values typed (dict of str), and whether it is to be run at once;
            else it is only written into the line. Give them to ``rendered`` together with what each machine gives.
        many_wanted(object, object): The snippet and the values typed: it is to be run on machines still to be chosen.
    """

    chosen = Signal(object, object, bool)
    many_wanted = Signal(object, object)

    def __init__(
        self,
        bridge: Bridge,
        *,
        known: Mapping[str, str],
        target: str = "",
        is_for_many: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """``target`` says where it goes, such as ``web-1`` or ``3 terminals``; ``is_for_many`` leaves that open."""
        super().__init__(
            _tr("Run a snippet on {0}").format(target) if target else _tr("Run a snippet"),
            primary=_tr("Run on…") if is_for_many else _tr("Run"),
            width=760,
            parent=parent,
        )
        self.setObjectName("snippet_picker")
        self._known = dict(known)
        self._snippets: dict[str, AnySnippet] = {}
        self._bridge = bridge
        # Nothing before they are answered.
        self._of_team: tuple[Snippet, ...] | None = None
        self._own: tuple[OwnSnippet, ...] | None = None
        self._fields: dict[str, Input | Select] = {}
        self.search = SearchInput(self.tr("Find a snippet…"), parent=self)
        self.search.setObjectName("snippet_picker.search")
        self.search.setAccessibleName(self.tr("Find a snippet"))
        self.list = List(name=self.tr("Snippets"), parent=self)
        self.list.setObjectName("snippet_picker.list")
        self.insert = Button(self.tr("Insert without running"))
        self.insert.setObjectName("snippet_picker.insert")
        self.many = Button(self.tr("Run on…"))
        self.many.setObjectName("snippet_picker.many")
        self._is_for_many = is_for_many
        self.primary.setObjectName("snippet_picker.run")
        self.preview = QPlainTextEdit()
        self._form = QVBoxLayout()
        self._problem = Note(self)
        self._nothing = Label(self.tr("No snippet matches."), tone="secondary", wraps=True)
        self._both = QWidget()
        self.empty = EmptyState(
            icon_name="terminal",
            title=self.tr("No snippets yet"),
            text=self.tr("Keep a command you use often, with places to fill in, and run it on one terminal or many."),
            action=self.tr("Write a snippet"),
        )
        self.empty.setObjectName("snippet_picker.empty")
        self._fill()
        self._connect()
        self._ask(bridge)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Up and down walk the list while words are typed.
        is_press = watched is self.search and event.type() == QEvent.Type.KeyPress
        if is_press and isinstance(event, QKeyEvent) and (step := _STEPS.get(event.key(), 0)):
            keys = [item.key for item in self.list.items()]
            at = keys.index(self.list.current()) + step if self.list.current() in keys else 0
            if keys:
                self.list.select(keys[max(0, min(at, len(keys) - 1))])
            return True
        return super().eventFilter(watched, event)

    def _fill(self) -> None:
        for button in (self.many, self.insert):
            self.add_button(button)
            button.setVisible(not self._is_for_many)
        self.preview.setReadOnly(True)
        self.preview.setObjectName("snippet_picker.preview")
        self.preview.setAccessibleName(self.tr("What will be typed"))
        self.preview.setFont(theme.font(Type.MONO))
        self.preview.setTabChangesFocus(True)
        self.preview.setFixedHeight(self.preview.fontMetrics().lineSpacing() * _PREVIEW_LINES + Space.XL)
        left = QVBoxLayout()
        left.setSpacing(Space.S)
        self.search.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.search.setMaximumWidth(self.maximumWidth())
        left.addWidget(self.search)
        left.addWidget(self.list, 1)
        left.addWidget(self._nothing)
        self.list.setMinimumSize(260, 320)
        asked = QWidget()
        around = QVBoxLayout(asked)
        around.setContentsMargins(0, 0, 0, 0)
        self._form.setSpacing(Space.M)
        around.addLayout(self._form)
        around.addStretch()
        room = QScrollArea()
        room.setWidget(asked)
        room.setWidgetResizable(True)
        room.setFrameShape(QScrollArea.Shape.NoFrame)
        room.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        room.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        right = QVBoxLayout()
        right.setSpacing(Space.S)
        right.addWidget(room, 1)
        right.addWidget(Label(self.tr("What will be typed"), style=Type.LABEL, tone="secondary"))
        right.addWidget(self.preview)
        right.addWidget(self._problem)
        both = QHBoxLayout(self._both)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(Space.XL)
        both.addLayout(left, 2)
        both.addLayout(right, 3)
        self.column.addWidget(self._both)
        self.column.addWidget(self.empty)
        self.empty.hide()

    def _connect(self) -> None:
        self.search.searched.connect(lambda _text: self._show_list())
        self.search.installEventFilter(self)
        self.list.selected.connect(lambda _key: self._show_form())
        self.list.activated_key.connect(lambda _key: self._choose(is_run=True))
        self.primary.clicked.connect(lambda: self._choose(is_run=True))
        self.insert.clicked.connect(lambda: self._choose(is_run=False))
        self.many.clicked.connect(self._choose_many)
        self.empty.activated.connect(self._write)

    def _write(self) -> None:
        dialog = SnippetDialog(self._bridge, parent=self)
        dialog.kept.connect(self._on_written)
        dialog.open()

    def _on_written(self, snippet: AnySnippet) -> None:
        # One's own are in no feed; the team's come by it as well.
        if isinstance(snippet, OwnSnippet):
            self._own = (*(self._own or ()), snippet)
        else:
            self._of_team = tuple({each.snippet_id: each for each in (*(self._of_team or ()), snippet)}.values())
        self._show_list()
        self.list.select(snippet.snippet_id)

    def _ask(self, bridge: Bridge) -> None:
        LiveQuery(
            bridge,
            ListSnippets(team_id=bridge.team_id),
            depends=frozenset({"snippet"}),
            on_answer=self._on_team,
            on_error=lambda error: self.show_error(str(error)),
            parent=self,
        )
        LiveQuery(bridge, ListOwnSnippets(), depends=frozenset(), on_answer=self._on_own, parent=self)

    def _on_team(self, snippets: tuple[Snippet, ...]) -> None:
        self._of_team = snippets
        self._show_list()

    def _on_own(self, snippets: tuple[OwnSnippet, ...]) -> None:
        self._own = snippets
        self._show_list()

    def _show_list(self) -> None:
        words = self.search.text().casefold().split()
        both: tuple[AnySnippet, ...] = (*(self._own or ()), *(self._of_team or ()))
        is_empty = not both and self._own is not None and self._of_team is not None
        self._both.setVisible(not is_empty)
        self.empty.setVisible(is_empty)
        if is_empty:
            self.empty.action.setFocus()
        shown = [each for each in both if all(word in _searched(each) for word in words)]
        self._snippets = {each.snippet_id: each for each in shown}
        self.list.set_items(tuple(self._item(each) for each in shown))
        self._nothing.setVisible(not shown and bool(words))
        self.list.setVisible(bool(shown) or not words)
        if shown and self.list.current() not in self._snippets:
            self.list.select(shown[0].snippet_id)
        self._show_form()

    def _item(self, snippet: AnySnippet) -> ListItem:
        is_own = isinstance(snippet, OwnSnippet)
        detail = snippet.description or snippet.text.strip().partition("\n")[0]
        return ListItem(
            key=snippet.snippet_id,
            title=snippet.name,
            detail=detail,
            icon_name="user" if is_own else "users",
            trailing=snippet.tags[0] if snippet.tags else "",
        )

    def _snippet(self) -> AnySnippet | None:
        return self._snippets.get(self.list.current())

    def _show_form(self) -> None:
        snippet = self._snippet()
        typed = {name: _value(field) for name, field in self._fields.items()}
        while (item := self._form.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._fields = {}
        for variable in variables(snippet.text) if snippet is not None else ():
            if not self._known.get(variable.name):
                self._add_field(variable, typed.get(variable.name, ""))
        self._show_preview()

    def _add_field(self, variable: Variable, typed: str) -> None:
        field: Input | Select
        if variable.choices:
            field = Select(variable.name, choices=tuple((choice, choice) for choice in variable.choices))
            field.changed.connect(lambda _value: self._show_preview())
        else:
            field = Input(variable.name)
            field.set_text(typed or variable.default)
            field.changed.connect(lambda _text: self._show_preview())
            field.submitted.connect(lambda: self._choose(is_run=True))
        field.control.setObjectName(f"snippet_picker.{variable.name}")
        self._fields[variable.name] = field
        self._form.addWidget(field)

    def values(self) -> dict[str, str]:
        """What was typed and chosen, by the places' names."""
        return {name: _value(field) for name, field in self._fields.items()}

    def _show_preview(self) -> None:
        snippet = self._snippet()
        text, problem = "", ""
        if snippet is not None:
            try:
                text = rendered(snippet, {**self._known, **self.values()})
            except InvalidInput as error:
                text, problem = snippet.text, error.message
        self.preview.setPlainText(text.rstrip("\n"))
        # What nobody has come to yet is no mistake.
        is_typed = all(each.strip() for each in self.values().values())
        self._problem.show_text(problem, is_error=bool(problem) and is_typed)
        for button in (self.primary, self.insert, self.many):
            button.setEnabled(snippet is not None and not problem)

    def _choose_many(self) -> None:
        snippet = self._snippet()
        if snippet is not None and self.many.isEnabled():
            self.many_wanted.emit(snippet, self.values())
            self.accept()

    def _choose(self, *, is_run: bool) -> None:
        if self._is_for_many:
            self._choose_many()
            return
        snippet = self._snippet()
        if snippet is not None and self.primary.isEnabled():
            self.chosen.emit(snippet, self.values(), is_run)
            self.accept()


def _searched(snippet: AnySnippet) -> str:
    return " ".join((snippet.name, snippet.description, snippet.text, *snippet.tags)).casefold()


def _value(field: Input | Select) -> str:
    return field.value() if isinstance(field, Select) else field.text()
