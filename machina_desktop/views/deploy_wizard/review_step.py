"""Step 9: the exact variables, the resources to be made, and whether the plan waits for a yes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from machina_desktop.core.codec import to_plain
from machina_desktop.core.domain.fallback import Fallback, alternatives, fallback_from
from machina_desktop.core.domain.provider import ProviderType, WizardStep
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.views.deploy_wizard.place import PlaceChoice
from machina_desktop.views.deploy_wizard.sold_out import priced_words
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.prices import beside, composition, hourly, monthly, parts
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import ElidedLabel, Label

# What the person decides elsewhere on this page, or what nobody chooses.
_HIDDEN = frozenset({"auto_approve", "deployment_id", "runs_on"})
# Providers whose Terraform module keeps a record and nothing else.
_RECORDED = frozenset({ProviderType.SANDBOX, ProviderType.BAREMETAL})


class ReviewStep(Step):
    """Nothing is edited here: the rail leads back to what is."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.REVIEW,
            state,
            title=self.tr("Ready to deploy"),
            hint=self.tr("Terraform plans first; nothing is made before that."),
        )
        self._problem = Label(tone="error", wraps=True)
        self._problem.setObjectName("wizard.review-problem")
        self._problem.hide()
        self._falls_back = Checkbox(self.tr("If it is sold out by then, take the first of these that is not"))
        self._falls_back.setObjectName("wizard.fall-back")
        self._falls_back.clicked.connect(self._on_fall_back)
        self._fallbacks = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._fallbacks.setObjectName("wizard.fallbacks")
        self._auto = Checkbox(self.tr("Apply without asking"))
        self._auto.setObjectName("wizard.auto-approve")
        self._auto.clicked.connect(lambda is_on: state.change(auto_approve=is_on))
        self._auto_hint = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        choices = (self._falls_back, self._fallbacks, self._auto, self._auto_hint)
        for widget in (self._problem, self._build_resources(), self._build_place(), *choices, self._build_variables()):
            self.column.addWidget(widget)
        self.column.addStretch()

    def refresh(self) -> None:
        if self.state.account is None:
            return
        is_recorded = self.state.account.provider_type in _RECORDED
        self._made.setText(self._resource_words(self.state.account.provider_type))
        self._address.setVisible(is_recorded)
        self._show_variables(self.state.request(), self.state.names())
        place = self.state.place
        self._place_card.setVisible(place is not None)
        if place is not None:
            self._place.show_places(place, self.state.place_obstacles())
        self._show_fallbacks()
        self._auto.setChecked(self.state.draft.auto_approve)
        self._auto_hint.setText(
            self.tr("The plan is applied as soon as it is made.")
            if self.state.draft.auto_approve
            else self.tr("The run stops at the plan and waits for your approval.")
        )

    def entered(self) -> None:
        self._say("")
        self._auto.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_problems(self) -> None:
        self._say(self.state.problem(self.key))

    def show_error(self, field: str, message: str) -> bool:
        self._say(message)
        return True

    def variables(self) -> dict[str, str]:
        """What is shown, by name."""
        return {name: value.text() for name, (title, value) in self._rows.items() if not title.isHidden()}

    def _build_resources(self) -> Card:
        self._made = Label(wraps=True)
        self._address = Label("terraform_data.machine", style=Type.MONO, tone="secondary")
        card = Card()
        card.column.addWidget(Label(self.tr("Resources to be made"), style=Type.STRONG))
        card.column.addWidget(self._made)
        card.column.addWidget(self._address)
        return card

    def _build_place(self) -> QWidget:
        self._place = PlaceChoice()
        self._place.chosen.connect(lambda place: self.state.change(place=place))
        self._place_card = QWidget()
        column = QVBoxLayout(self._place_card)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(Label(self.tr("Run on"), style=Type.STRONG))
        column.addWidget(self._place)
        return self._place_card

    def _build_variables(self) -> Card:
        self._rows: dict[str, tuple[Label, ElidedLabel]] = {}
        table = QWidget()
        self._grid = QGridLayout(table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(Space.L)
        self._grid.setVerticalSpacing(Space.XS)
        self._grid.setColumnStretch(1, 1)
        card = Card()
        card.column.addWidget(Label(self.tr("Variables"), style=Type.STRONG))
        card.column.addWidget(table)
        return card

    def _say(self, problem: str) -> None:
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    def _resource_words(self, kind: ProviderType) -> str:
        if kind is ProviderType.SANDBOX:
            return self.tr("1 practice machine: an SSH server on 127.0.0.1 with a folder of its own, and its record.")
        if kind is ProviderType.BAREMETAL:
            return self.tr("1 record of your server. Nothing is installed over it and nothing is deleted.")
        return "\n".join(self._cloud_words())

    def _cloud_words(self) -> list[str]:
        """The server, its price and what that is made of, its image and its firewall, a line each."""
        state, region = self.state, self.state.draft.region
        size, image, firewall = state.size, state.image, state.firewalls.get(state.draft.firewall_profile_id)
        title = state.info.title if state.info else ""
        lines = [self.tr("1 server at {0}.").format(title)]
        if state.copies > 1:
            lines = [
                self.tr("{0} servers at {1}, each with a plan and a record of its own.").format(state.copies, title)
            ]
        if size is not None:
            price = " · ".join(part for part in (monthly(size, region), hourly(size, region)) if part)
            costs = self.tr("It costs {0}.") if state.copies == 1 else self.tr("Each costs {0}.")
            lines.append(f"{size.title}: {parts(size)}")
            lines.append(costs.format(price) if price else self.tr("Its price is not known."))
            lines.append(composition(size, region))
            if price and state.copies > 1:
                lines.append(self.tr("Together they cost {0}.").format(monthly(size, region, state.copies)))
            lines.append(beside(size, region, state.catalogue.extras) if state.catalogue is not None else "")
        if image is not None:
            lines.append(self.tr("It starts from {0}.").format(image.title))
        if firewall is not None:
            lines.append(self.tr("1 firewall with the rules of {0}.").format(firewall.name))
        elif not state.skip_reason(WizardStep.FIREWALL):
            lines.append(self.tr("No firewall: everything reaches it."))
        return [line for line in lines if line]

    def _offered(self) -> tuple[Fallback, ...]:
        """What may be taken instead; nothing where the provider does not tell what is sold out."""
        state = self.state
        if state.size is None or state.catalogue is None or state.info is None or not state.info.tells_stock:
            return ()
        return alternatives(state.size, state.draft.region, state.catalogue, image=state.image)

    def _show_fallbacks(self) -> None:
        catalogue, region = self.state.catalogue, self.state.draft.region
        offered = tuple(map(fallback_from, self.state.draft.fallbacks)) or self._offered()
        self._falls_back.setVisible(bool(offered) and catalogue is not None)
        self._fallbacks.setVisible(self._falls_back.isVisibleTo(self))
        self._falls_back.setChecked(bool(self.state.draft.fallbacks))
        if catalogue is not None:
            self._fallbacks.setText("\n".join(priced_words(each, region, catalogue) for each in offered))

    def _on_fall_back(self, is_on: bool) -> None:
        self.state.change(fallbacks=tuple(map(str, self._offered())) if is_on else ())

    def _show_variables(self, ask: CreateMachine, names: tuple[str, ...]) -> None:
        shown = {name: _words(value) for name, value in to_plain(ask).items() if name not in _HIDDEN and value}
        shown["name"] = _words(names)
        if len(names) > 1:
            # Each has an id of its own.
            del shown["machine_id"]
        if not ask.host:
            shown.pop("port", None)
        for name in shown.keys() - self._rows.keys():
            self._add_row(name)
        for name, (title, value) in self._rows.items():
            title.setVisible(name in shown)
            value.setVisible(name in shown)
            value.setText(shown.get(name, ""))

    def _add_row(self, name: str) -> None:
        title, value = Label(name, style=Type.MONO, tone="secondary"), ElidedLabel(style=Type.MONO)
        place = list(CreateMachine.__dataclass_fields__).index(name)
        self._grid.addWidget(title, place, 0)
        self._grid.addWidget(value, place, 1)
        self._rows[name] = title, value


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return str(value).replace("\n", " ⏎ ")
