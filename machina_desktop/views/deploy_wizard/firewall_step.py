"""Step 7: what traffic reaches the machine; a profile can be made from a template on the spot."""

from __future__ import annotations

from PySide6.QtCore import Qt

from machina_desktop.core.domain.firewall import TEMPLATES, FirewallProfile
from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.firewalls import CreateFirewall
from machina_desktop.views import tasks
from machina_desktop.views.choice import ChoiceList, Option
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.firewall_words import rest_words, rule_words, rules_summary, shown
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import Label

NONE = "none"


class FirewallStep(Step):
    """A firewall of the provider's in front of the machine, or none."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.FIREWALL,
            state,
            title=self.tr("Who may reach it?"),
            hint=self.tr("The provider keeps away what no rule lets in, before it reaches the machine."),
        )
        self._choices = ChoiceList(name=self.tr("Firewalls"), prefix="wizard.firewall")
        self._choices.chosen.connect(lambda key: state.change(firewall_profile_id="" if key == NONE else key))
        self._choices.confirmed.connect(self.finished)
        self._about = Card()
        self._about_title = Label(style=Type.STRONG)
        self._rules = Label(wraps=True)
        self._rules.setObjectName("wizard.firewall-rules")
        self._about.column.addWidget(self._about_title)
        self._about.column.addWidget(self._rules)
        self._problem = Label(tone="error", wraps=True)
        self._problem.setObjectName("wizard.firewall-problem")
        self._problem.hide()
        self._new_title = Label(self.tr("New from a template"), style=Type.STRONG)
        self._templates = ChoiceList(name=self._new_title.text(), prefix="wizard.firewall-template", has_mark=False)
        self._templates.chosen.connect(self._on_template)
        for widget in (self._choices, self._about, self._problem, self._new_title, self._templates):
            self.column.addWidget(widget)
        self.column.addStretch()

    def refresh(self) -> None:
        profiles = self.state.firewalls
        nothing = Option(
            key=NONE,
            title=self.tr("No firewall"),
            text=self.tr("Everything reaches the machine; it has to protect itself."),
            icon_name="globe",
        )
        self._choices.set_options([nothing, *(_option(each) for each in profiles.values())], (self._chosen(),))
        profile = profiles.get(self.state.draft.firewall_profile_id)
        self._about.setVisible(profile is not None)
        if profile is not None:
            self._about_title.setText(self.tr("What {0} lets through").format(profile.name))
            self._rules.setText("\n".join((*map(rule_words, profile.rules), rest_words(profile.rules))))
        taken = {each.name for each in profiles.values()}
        offered = [each for each in TEMPLATES if shown(each.title) not in taken]
        self._new_title.setVisible(bool(offered))
        self._templates.set_options(
            [
                Option(key=each.name, title=shown(each.title), text=shown(each.summary), icon_name="plus")
                for each in offered
            ]
        )

    def entered(self) -> None:
        self._problem.hide()
        self._choices.focus_choice()

    def show_error(self, field: str, message: str) -> bool:
        self._problem.setText(message)
        self._problem.show()
        return True

    def _chosen(self) -> str:
        return self.state.draft.firewall_profile_id or NONE

    def _on_template(self, name: str) -> None:
        template = next(each for each in TEMPLATES if each.name == name)
        ask = CreateFirewall(team_id=self.state.bridge.team_id, name=shown(template.title), template=name)
        tasks.ask(self.state.bridge, ask, owner=self, done=self._on_made, failed=self._on_refused)

    def _on_made(self, profile: FirewallProfile) -> None:
        self._problem.hide()
        self.state.add_firewall(profile)
        self._choices.setFocus(Qt.FocusReason.OtherFocusReason)
        self._choices.focus_choice()

    def _on_refused(self, error: MachinaError) -> None:
        if not self.is_about_the_vault(error):
            self.show_error("firewall_profile_id", str(error))


def _option(profile: FirewallProfile) -> Option:
    return Option(
        key=profile.profile_id, title=profile.name, text=rules_summary(profile.rules), icon_name="shield-check"
    )
