"""What is asked before a machine gets another firewall, or the new rules of its own: what changes, rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.firewall import (
    ANYWHERE,
    FirewallProfile,
    FirewallRule,
    changes_between,
    sources_of_port,
)
from machina_desktop.core.domain.machine import Machine, ProvisioningMethod
from machina_desktop.core.services.firewalls import ListFirewalls
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.upkeep import SetFirewall
from machina_desktop.views import tasks
from machina_desktop.views.apps.machine_text import short, tr
from machina_desktop.views.apps.machine_upkeep import UpkeepDialog
from machina_desktop.views.callout import Callout
from machina_desktop.views.choice import ChoiceList, Option
from machina_desktop.views.firewall_words import rest_words, rule_words, rules_summary
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.text import Label

NONE = "none"
_WIDE = 640
_MANY = 5000

Part = tuple[str, str, tuple[str, ...]]
"""A heading, its tone, and the lines below it."""


class FirewallDialog(UpkeepDialog):
    """A profile, or none; below it what that lets in anew, what no longer, and what as before."""

    def __init__(
        self, bridge: Bridge, machine: Machine, *, done: Callable[[Deployment], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(
            bridge,
            machine,
            tr("Firewall of {0}").format(short(machine.name)),
            name="machine.firewall-dialog",
            text=tr("The provider keeps away what no rule lets in. You see the plan before anything changes."),
            confirm=tr("Plan the change"),
            width=_WIDE,
            done=done,
            parent=parent,
        )
        self._present = machine.firewall_profile_id or NONE
        self._chosen = self._present
        self._profiles: dict[str, FirewallProfile] = {}
        self._users: dict[str, list[str]] = {}
        self._choices = ChoiceList(name=tr("Firewalls"), prefix="machine.firewall")
        self._choices.chosen.connect(self._on_chosen)
        self._choices.confirmed.connect(self._on_confirmed)
        # What waits and fails is higher than a few choices, which stay together.
        choices = QWidget()
        column = QVBoxLayout(choices)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._choices)
        column.addStretch()
        self._states = ListStates(
            choices, empty=EmptyState(icon_name="shield", title=tr("There is no firewall")), skeleton_rows=3
        )
        self._states.error.retried.connect(self._fetch)
        self._warning = Callout("warning", icon_name="triangle-alert")
        self._warning.setObjectName("machine.firewall-warning")
        self._changes = Changes()
        self._changes.setObjectName("machine.firewall-changes")
        for widget in (self._states, self._warning, self._changes):
            self.column.addWidget(widget)
        self.column.addStretch(1)
        self._changes.hide()
        self.primary.setEnabled(False)
        self._fetch()

    def request(self) -> SetFirewall:
        return SetFirewall(
            machine_id=self.machine.machine_id,
            profile_id="" if self._chosen == NONE else self._chosen,
            runs_on=self.machine.state_keeper,
        )

    def _fetch(self) -> None:
        self._states.show_loading()
        tasks.ask(
            self.bridge,
            ListFirewalls(team_id=self.machine.team_id),
            owner=self,
            done=self._on_profiles,
            failed=self._states.show_error,
        )
        ask = ListMachines(team_id=self.machine.team_id, limit=_MANY)
        tasks.ask(self.bridge, ask, owner=self, done=self._on_machines, failed=lambda _error: None)

    def _on_profiles(self, profiles: tuple[FirewallProfile, ...]) -> None:
        self._profiles = {profile.profile_id: profile for profile in profiles}
        self._states.show_content()
        self._render()
        self._choices.focus_choice()

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        """Tell at each profile who else stands behind it: its rules are theirs, too."""
        self._users = {}
        for each in machines:
            if each.machine_id != self.machine.machine_id:
                self._users.setdefault(each.firewall_profile_id or NONE, []).append(short(each.name))
        if self._profiles:
            self._render()

    def _on_chosen(self, key: str) -> None:
        self._chosen = key
        self._render()

    def _on_confirmed(self) -> None:
        if self.primary.isEnabled():
            self.primary.click()

    def _render(self) -> None:
        nothing = Option(
            key=NONE,
            title=tr("No firewall"),
            text=none_words(self.machine),
            icon_name="globe",
            side_text=self._mark(NONE),
        )
        self._choices.set_options([nothing, *map(self._option, self._profiles.values())], (self._chosen,))
        is_same = self._chosen == self._present
        self.primary.setEnabled(not is_same or self._chosen != NONE)
        self.primary.setText(tr("Plan its rules again") if is_same and self._chosen != NONE else tr("Plan the change"))
        after = self._rules(self._chosen)
        self._changes.show_parts(tuple(_parts(self._rules(self._present), after, is_same=is_same)))
        self._warn(after)

    def _option(self, profile: FirewallProfile) -> Option:
        return Option(
            key=profile.profile_id,
            title=profile.name,
            text=rules_summary(profile.rules),
            icon_name="shield-check",
            side=_shared_words(self._users.get(profile.profile_id, [])),
            side_text=self._mark(profile.profile_id),
        )

    def _mark(self, key: str) -> str:
        return tr("has it now") if key == self._present else ""

    def _rules(self, key: str) -> tuple[FirewallRule, ...] | None:
        profile = self._profiles.get(key)
        return profile.rules if profile is not None else None

    def _warn(self, after: tuple[FirewallRule, ...] | None) -> None:
        port = self.machine.ssh_port
        self._warning.clear()
        if after is None:
            if self._present != NONE:
                self._warning.say(
                    tr("Everything will reach the machine."), tr("Services on it have to protect themselves.")
                )
            return
        sources = sources_of_port(after, port)
        if not sources:
            self._warning.say(
                tr("You will not reach it by SSH any more."),
                tr("No rule lets in TCP port {0}: terminals, files and tunnels end.").format(port),
            )
        elif set(sources) != set(ANYWHERE) and not set(ANYWHERE) & set(sources):
            self._warning.say(
                tr("SSH gets in from {0} only.").format(", ".join(sources)),
                tr("Make sure that your own address is among them."),
            )


class Changes(Card):
    """What a firewall lets through, in parts with a heading each; hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(name=tr("What changes"), parent=parent)
        self._body: QWidget | None = None

    def show_parts(self, parts: tuple[Part, ...]) -> None:
        """Show these in place of what was there."""
        if self._body is not None:
            self.column.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        for place, (heading, tone, lines) in enumerate(parts):
            if place:
                column.addSpacing(Space.S)
            column.addWidget(Label(heading, style=Type.STRONG, tone=tone, wraps=True))
            for line in lines:
                column.addWidget(Label(line, wraps=True))
        self.column.addWidget(self._body)
        # Not a turn later, when the dialog has shrunk meanwhile.
        self._body.show()
        self.setVisible(bool(parts))


def none_words(machine: Machine) -> str:
    """What holds for a machine without a profile: one that was taken over stays as it was found."""
    if machine.provisioning_method is ProvisioningMethod.IMPORTED:
        return tr("None of the team's; what stood before it when it was taken over stays.")
    return tr("Everything reaches the machine; it has to protect itself.")


def _parts(
    before: tuple[FirewallRule, ...] | None, after: tuple[FirewallRule, ...] | None, *, is_same: bool
) -> Iterator[Part]:
    if after is None:
        if before:
            yield tr("These rules are taken away"), "", tuple(map(rule_words, before))
        return
    if before is None or is_same:
        heading = tr("Put in force as they are now") if is_same else tr("Only this is let through")
        yield heading, "", (*map(rule_words, after), rest_words(after))
        return
    changes = changes_between(before, after)
    for heading, tone, rules in (
        (tr("Let through anew"), "success", changes.added),
        (tr("No longer let through"), "error", changes.removed),
        (tr("As before"), "secondary", changes.kept),
    ):
        if rules:
            yield heading, tone, tuple(map(rule_words, rules))
    if rest_words(before) != rest_words(after):
        yield rest_words(after), "", ()


def _shared_words(names: list[str]) -> str:
    """Which other machines have it; empty for none."""
    if len(names) > 1:
        return tr("{0} and {1} more").format(names[0], len(names) - 1)
    return names[0] if names else ""
