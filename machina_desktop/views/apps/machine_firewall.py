"""The firewall of a machine as its detail shows it: which profile, what that lets through, and a way to another one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.firewall import FirewallProfile
from machina_desktop.core.domain.machine import Machine
from machina_desktop.views.apps.machine_firewall_dialog import none_words
from machina_desktop.views.firewall_words import rest_words, rule_words
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import Label

_PUTS_RULES = frozenset({DeploymentType.CREATE, DeploymentType.UPDATE})


class MachineFirewall(QWidget):
    """Follows what it is told of the machine, the team's profiles and the machine's runs.

    Signals:
        change_wanted(): The question about another firewall shall be asked.
    """

    change_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._machine: Machine | None = None
        self._profiles: dict[str, FirewallProfile] | None = None
        self._runs: tuple[Deployment, ...] = ()
        self._name = Label(style=Type.MEDIUM)
        self._name.setObjectName("machine.firewall-name")
        self._change = Button(self.tr("Change…"))
        self._change.setObjectName("machine.firewall-change")
        self._change.setAccessibleName(self.tr("Change the firewall…"))
        self._change.clicked.connect(self.change_wanted)
        self._rules = Label(style=Type.SECONDARY, tone="secondary", wraps=True, is_selectable=True)
        self._rules.setObjectName("machine.firewall-rules")
        self._behind = Label(style=Type.SECONDARY, tone="warning", wraps=True)
        self._behind.setObjectName("machine.firewall-behind")
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(Space.M)
        head.addWidget(self._name, 1)
        head.addWidget(self._change)
        card = Card(name=self.tr("Firewall"))
        card.column.setContentsMargins(Space.M, Space.S, Space.S, Space.M)
        card.column.addLayout(head)
        for widget in (self._rules, self._behind):
            card.column.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)

    def show_machine(self, machine: Machine, *, why_not: str) -> None:
        """Show its profile; ``why_not`` says why it cannot be changed now, empty when it can."""
        self._machine = machine
        self._change.setEnabled(not why_not)
        self._change.setToolTip(why_not)
        self._render()

    def show_profiles(self, profiles: tuple[FirewallProfile, ...]) -> None:
        """Learn which profiles there are."""
        self._profiles = {profile.profile_id: profile for profile in profiles}
        self._render()

    def show_runs(self, runs: tuple[Deployment, ...]) -> None:
        """Learn what was done to the machine, newest first."""
        self._runs = runs
        self._render()

    def _render(self) -> None:
        machine = self._machine
        if machine is None or self._profiles is None:
            return
        profile = self._profiles.get(machine.firewall_profile_id or "")
        if profile is None:
            self._name.setText(self.tr("No firewall"))
            self._rules.setText(none_words(machine))
        else:
            self._name.setText(profile.name)
            self._rules.setText("\n".join((*map(rule_words, profile.rules), rest_words(profile.rules))))
        self._behind.setVisible(profile is not None and self._is_behind(profile))
        self._behind.setText(
            self.tr("Its rules were changed since they were put in force here. Plan them again to have the new ones.")
        )

    def _is_behind(self, profile: FirewallProfile) -> bool:
        """Whether the profile has other rules, or another name, than when a run last put them before the machine."""
        put = next(
            (run for run in self._runs if run.type in _PUTS_RULES and run.state is DeploymentState.SUCCEEDED), None
        )
        return put is not None and profile.updated_at > (put.started_at or put.created_at)
