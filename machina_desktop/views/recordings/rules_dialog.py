"""Which machines of a team are always recorded: the rules, with one line to add another."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.recording import RecordingRule
from machina_desktop.core.domain.team import TeamRole
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.services.recording_policy import AddRecordingRule, ListRecordingRules, RemoveRecordingRule
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.detail_panel import WidgetList
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.text import Label


def _tr(text: str) -> str:
    return QCoreApplication.translate("RecordingRulesDialog", text)


class RecordingRulesDialog(Dialog):
    """Everybody sees the rules; administrators change them."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(
            _tr("Required recordings"),
            text=_tr("Terminals on these machines are always recorded, for everybody in the team."),
            primary=_tr("Done"),
            width=520,
            parent=parent,
        )
        self.setObjectName("recording_rules")
        self._bridge = bridge
        self.cancel.hide()
        self.primary.clicked.connect(self.accept)
        self.rules = WidgetList()
        self.tag = Input(self.tr("Tag"), placeholder="env:prod", help_text=self.tr("Empty: every machine of the team."))
        self.tag.control.setObjectName("recording_rules.tag")
        self.has_input = Checkbox(self.tr("Also keep what is typed, as far as the terminal showed it"))
        self.has_input.setObjectName("recording_rules.input")
        self.add = Button(self.tr("Require recording"), icon_name="plus")
        self.add.setObjectName("recording_rules.add")
        self.add.clicked.connect(self._on_add)
        self.column.addWidget(self.rules)
        is_admin = bridge.is_settled and bridge.actor.role_in(bridge.team_id) is TeamRole.ADMIN
        for widget in (self.tag, self.has_input, self.add):
            self.column.addWidget(widget)
            widget.setVisible(is_admin)
        self._is_admin = is_admin
        LiveQuery(
            bridge,
            ListRecordingRules(team_id=bridge.team_id),
            depends=frozenset({"recording_rule"}),
            on_answer=self._on_rules,
            on_error=lambda error: self.show_error(str(error)),
            parent=self,
        )

    def _on_rules(self, rules: tuple[RecordingRule, ...]) -> None:
        lines = [self._line(rule) for rule in rules]
        nothing = Label(self.tr("No rule yet: each person decides for their own terminals."), wraps=True)
        self.rules.fill(*(lines or [nothing]))

    def _line(self, rule: RecordingRule) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, Space.XS, 0, Space.XS)
        row.setSpacing(Space.S)
        name = rule.tag or self.tr("Every machine")
        row.addWidget(Label(name, style=Type.MONO if rule.tag else Type.MEDIUM))
        row.addWidget(Label(self.tr("output and input") if rule.has_input else self.tr("output"), tone="secondary"), 1)
        if self._is_admin:
            remove = IconButton("trash-2", self.tr("Remove the rule for {0}").format(name))
            remove.clicked.connect(lambda: self._remove(rule))
            row.addWidget(remove)
        return line

    def _on_add(self) -> None:
        self._send(
            AddRecordingRule(
                team_id=self._bridge.team_id, tag=self.tag.text().strip(), has_input=self.has_input.isChecked()
            )
        )

    def _remove(self, rule: RecordingRule) -> None:
        self._send(RemoveRecordingRule(rule_id=rule.rule_id))

    def _send(self, ask: object) -> None:
        self.show_error("")
        self.tag.set_error("")
        tasks.ask(
            self._bridge,
            cast("Request[object]", ask),
            owner=self,
            done=lambda _answer: self.tag.set_text(""),
            failed=self._on_failed,
            busy=self.add,
        )

    def _on_failed(self, error: MachinaError) -> None:
        if isinstance(error, InvalidInput) or error.code == "E-NAME-TAKEN":
            self.tag.set_error(str(error))
        else:
            self.show_error(str(error))
