"""The dialog that writes a snippet: its text, and what will be asked when it is used."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.snippet import AnySnippet, Snippet, Variable, variables
from machina_desktop.core.domain.team import TeamRole
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.services.snippets import CreateSnippet, SaveOwnSnippet, UpdateSnippet
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input, Select, TextArea
from machina_desktop.views.widgets.text import Label

MINE, TEAM = "mine", "team"


def _tr(text: str) -> str:
    return QCoreApplication.translate("SnippetDialog", text)


def can_write_for_team(bridge: Bridge) -> bool:
    """Whether the person may write what everybody in the team runs."""
    return bridge.is_settled and bridge.actor.role_in(bridge.team_id) is TeamRole.ADMIN


class SnippetDialog(Dialog):
    """A new snippet, or another text for one.

    Signals:
        kept: It is stored (`Snippet` or `OwnSnippet`).
    """

    kept = Signal(object)

    def __init__(self, bridge: Bridge, snippet: AnySnippet | None = None, parent: QWidget | None = None) -> None:
        super().__init__(
            _tr("Edit the snippet") if snippet is not None else _tr("New snippet"),
            primary=_tr("Save"),
            width=600,
            parent=parent,
        )
        self.setObjectName("snippet")
        self._bridge = bridge
        self._snippet = snippet
        self.name = Input(self.tr("Name"), placeholder=self.tr("Restart a service"))
        self.scope = Select(
            self.tr("For"), choices=((MINE, self.tr("Me, on this computer")), (TEAM, self.tr("Everybody in the team")))
        )
        self.text = TextArea(
            self.tr("Commands"),
            placeholder="systemctl restart {{service=nginx}}",
            help_text=self.tr("{{name}} is asked for, {{name=default}} and {{name=first|second}} offer something."),
        )
        self.asked = Label(tone="secondary", wraps=True)
        self.description = Input(self.tr("Description (optional)"))
        self.tags = Input(self.tr("Tags (optional)"), placeholder=self.tr("ops, database"))
        self._fill()

    def _fill(self) -> None:
        parts = (
            (self.name, "name"),
            (self.scope, "scope"),
            (self.text, "text"),
            (self.description, "description"),
            (self.tags, "tags"),
        )
        for part, name in parts:
            part.control.setObjectName(f"snippet.{name}")
            self.column.addWidget(part)
            if part is self.text:
                self.column.addWidget(self.asked)
        self.text.changed.connect(lambda _text: self._on_text())
        self.name.changed.connect(lambda _text: self.name.set_error(""))
        self.primary.clicked.connect(self._on_primary)
        self.primary.setObjectName("snippet.save")
        # Enter belongs to the text.
        self.scope.setVisible(self._snippet is None and can_write_for_team(self._bridge))
        if self._snippet is not None:
            self.name.set_text(self._snippet.name)
            self.text.set_text(self._snippet.text)
            self.description.set_text(self._snippet.description)
            self.tags.set_text(", ".join(self._snippet.tags))
        self._on_text()

    def _on_text(self) -> None:
        self.text.set_error("")
        found = variables(self.text.text())
        self.asked.setText(
            self.tr("Filled in when it is used: {0}").format(", ".join(map(told, found)))
            if found
            else self.tr("It is used as it stands.")
        )

    def _tags(self) -> tuple[str, ...]:
        return tuple(tag.strip() for tag in self.tags.text().split(",") if tag.strip())

    def _on_primary(self) -> None:
        self.show_error("")
        tasks.ask(
            self._bridge,
            self._request(),
            owner=self,
            done=self._on_kept,
            failed=self._on_failed,
            busy=self,
        )

    def _request(self) -> Request[AnySnippet]:
        name, text, description, tags = self.name.text(), self.text.text(), self.description.text(), self._tags()
        ask: object
        if isinstance(self._snippet, Snippet):
            ask = UpdateSnippet(
                snippet_id=self._snippet.snippet_id, name=name, text=text, description=description, tags=tags
            )
        elif self._snippet is not None:
            ask = SaveOwnSnippet(
                own_snippet_id=self._snippet.snippet_id, name=name, text=text, description=description, tags=tags
            )
        elif self.scope.value() == TEAM:
            ask = CreateSnippet(team_id=self._bridge.team_id, name=name, text=text, description=description, tags=tags)
        else:
            ask = SaveOwnSnippet(name=name, text=text, description=description, tags=tags)
        return cast("Request[AnySnippet]", ask)

    def _on_kept(self, snippet: AnySnippet) -> None:
        self.kept.emit(snippet)
        self.accept()

    def _on_failed(self, error: MachinaError) -> None:
        named = error.field if isinstance(error, InvalidInput) else "name" if error.code == "E-NAME-TAKEN" else ""
        fields: dict[str, Input | TextArea] = {
            "name": self.name,
            "text": self.text,
            "description": self.description,
            "tags": self.tags,
        }
        field = fields.get(named)
        if field is None:
            self.show_error(str(error))
            return
        field.set_error(str(error))
        field.control.setFocus()


def told(variable: Variable) -> str:
    """A place in words: ``service (nginx)``, ``name (from the machine)``."""
    if variable.is_of_machine:
        return _tr("{0} (from the machine)").format(variable.name)
    if variable.choices:
        return f"{variable.name} ({' / '.join(variable.choices)})"
    return f"{variable.name} ({variable.default})" if variable.default else variable.name
