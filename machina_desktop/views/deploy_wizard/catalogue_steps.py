"""Region and zone, size, image: what the account's provider offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import Catalogue, Image, Region, WizardStep
from machina_desktop.core.errors import MachinaError
from machina_desktop.views.callout import Callout
from machina_desktop.views.catalogue_age import CatalogueAge
from machina_desktop.views.choice import ChoiceList, Option
from machina_desktop.views.deploy_wizard.sold_out import SoldOut
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.fitting import families, misfits
from machina_desktop.views.prices import is_to_be_had
from machina_desktop.views.size_picker import SizePicker
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.text import Label

# Above this many a search line helps.
_MANY = 8


class CatalogueStep(Step):
    """A choice out of the catalogue, with its age, a way to fetch it anew, a search line, and its failure."""

    def __init__(self, key: WizardStep, state: WizardState, *, title: str, hint: str, nothing: str) -> None:
        """``nothing`` is said where the provider offers nothing of the kind."""
        super().__init__(key, state, title=title, hint=hint)
        self._nothing = nothing
        self._wants_focus = False
        self._problem = Label(tone="error", wraps=True)
        self._problem.setObjectName(f"wizard.{key}.problem")
        self._problem.hide()
        self._trouble = Callout("warning")
        self._trouble.setObjectName(f"wizard.{key}.trouble")
        self._trouble.hide()
        self._states = ListStates(QWidget(), empty=EmptyState(icon_name="search", title=nothing), skeleton_rows=4)
        self._states.error.retried.connect(self._on_retried)
        self.column.addLayout(self._build_top())
        for widget in (self._trouble, self._problem):
            self.column.addWidget(widget)
        self.column.addWidget(self._states, 1)
        state.failed.connect(self._on_failed)

    @abstractmethod
    def show_offer(self, catalogue: Catalogue) -> bool:
        """Draw what is offered; whether there is anything."""

    @abstractmethod
    def focus_choice(self) -> bool:
        """Put the keyboard onto the choice; whether there is one."""

    def refresh(self) -> None:
        catalogue = self.state.catalogue
        self._age.show_age(catalogue.fetched_at if catalogue is not None else None)
        self._age.set_busy(self.state.is_renewing)
        if catalogue is None:
            if self._states.currentWidget() is not self._states.error:
                self._states.show_loading()
            return
        if self.state.is_renewing or not self.state.problem(self.key):
            self._problem.hide()
        if not self.show_offer(catalogue):
            words = self._search.text().strip()
            self._states.empty.set_message(self.tr("Nothing is called {0}").format(words) if words else self._nothing)
            self._states.show_empty()
            return
        self._states.show_content()
        if self._wants_focus:
            self._wants_focus = not self.focus_choice()

    def entered(self) -> None:
        # What is still being fetched gets the focus when it comes.
        self._trouble.hide()
        self._problem.hide()
        self._wants_focus = self.state.catalogue is None or not self.focus_choice()
        if self._wants_focus:
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_problems(self) -> None:
        self._problem.setText(self.state.problem(self.key))
        self._problem.setVisible(bool(self._problem.text()))

    def show_error(self, field: str, message: str) -> bool:
        self._problem.setText(message)
        self._problem.show()
        return True

    def matches(self, *texts: str) -> bool:
        """Whether the texts have every word of the search."""
        haystack = " ".join(texts).casefold()
        return all(word in haystack for word in self._search.text().casefold().split())

    def _build_top(self) -> QHBoxLayout:
        self._search = SearchInput(self.tr("Search"))
        self._search.setObjectName(f"wizard.{self.key}.search")
        self._search.searched.connect(lambda _text: self.refresh())
        self._search.hide()
        self._age = CatalogueAge(name=f"wizard.{self.key}")
        self._age.renewed.connect(self._on_renew)
        # On one page there are several of both.
        self._age.set_subject(self.title)
        self._search.setAccessibleName(self.tr("Search: {0}").format(self.title))
        top = QHBoxLayout()
        top.setSpacing(Space.S)
        top.addWidget(self._search)
        top.addWidget(self._age, 1)
        return top

    def _on_renew(self) -> None:
        self._trouble.hide()
        self.state.renew_catalogue()

    def _on_retried(self) -> None:
        self._states.show_loading()
        self.state.retry()

    def _on_failed(self, error: MachinaError) -> None:
        if self.state.catalogue is None:
            self._states.show_error(error)
        else:
            self._trouble.say_error(error)
            self._trouble.show()


class RegionStep(CatalogueStep):
    """Region, and the zone in it where the provider has zones."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.REGION,
            state,
            title=self.tr("Where shall it run?"),
            hint=self.tr("Close to the people who use it answers faster. Prices and stock differ by region."),
            nothing=self.tr("The account offers no region"),
        )
        self.choices = ChoiceList(name=self.title, prefix="wizard.region", in_a_row=2)
        self.choices.chosen.connect(lambda region: state.change(region=region, zone=""))
        self.choices.confirmed.connect(self.finished)
        self._zone = Select(self.tr("Zone"))
        self._zone.control.setObjectName("wizard.zone")
        self._zone.changed.connect(lambda zone: state.change(zone=zone))
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        column.addWidget(self.choices)
        column.addWidget(self._zone)
        column.addStretch()
        self._states.set_content(content)

    def show_offer(self, catalogue: Catalogue) -> bool:
        self._search.setVisible(len(catalogue.regions) > _MANY)
        shown = [each for each in catalogue.regions if self.matches(each.title, each.slug)]
        self.choices.set_options([self._option(each) for each in shown], (self.state.draft.region,))
        zones = next((each.zones for each in shown if each.slug == self.state.draft.region), ())
        self._zone.control.blockSignals(True)
        self._zone.set_choices((("", self.tr("Any zone")), *((zone, zone) for zone in zones)))
        self._zone.set_value(self.state.draft.zone)
        self._zone.control.blockSignals(False)
        self._zone.setVisible(bool(zones))
        return bool(shown)

    def focus_choice(self) -> bool:
        return self.choices.isVisible() and self.choices.focus_choice()

    def _option(self, region: Region) -> Option:
        zones = self.tr("{0} zones").format(len(region.zones)) if len(region.zones) > 1 else ""
        return Option(key=region.slug, title=region.title, text=region.slug, icon_name="map-pin", side_text=zones)


class SizeStep(CatalogueStep):
    """Processor, memory, disk, what they cost in the region, and whether it has any."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.SIZE,
            state,
            title=self.tr("How large?"),
            hint=self.tr("Prices are the provider's list prices in the chosen region, without tax."),
            nothing=self.tr("The account offers no size"),
        )
        self.picker = SizePicker(state.bridge, name="wizard.sizes", can_take=True)
        self.picker.chosen.connect(lambda size: state.change(size=size))
        self.picker.confirmed.connect(self.finished)
        self.picker.elsewhere.taken.connect(
            lambda account, region, size: state.change(account_id=account, region=region, zone="", size=size)
        )
        self.picker.refused.connect(self._on_refused)
        self._sold_out_at = ("", "")
        self._sold_out = SoldOut(name="wizard.sold-out")
        self._sold_out.taken.connect(lambda fallback: state.change(region=fallback.region, zone="", size=fallback.size))
        self.column.insertWidget(self.column.indexOf(self._states), self._sold_out)
        self._states.set_content(self.picker)

    def refresh(self) -> None:
        # On one page account and region can be changed under what is said of them.
        if self._sold_out_at != self._account_and_region():
            self._sold_out.clear()
        super().refresh()

    def show_offer(self, catalogue: Catalogue) -> bool:
        draft = self.state.draft
        if self.state.size is not None and is_to_be_had(self.state.size, draft.region):
            self._sold_out.clear()
        elif self.state.size is not None:
            self._on_refused(draft.size)
        self.picker.show_sizes(catalogue, draft.region, draft.size, account_id=draft.account_id)
        return bool(catalogue.sizes)

    def focus_choice(self) -> bool:
        return self.picker.isVisible() and self.picker.focus_choice()

    def entered(self) -> None:
        super().entered()
        if self.state.size is None:
            self._sold_out.clear()

    def show_problems(self) -> None:
        # That what was chosen is sold out stands there already.
        if self.state.size is None or not self._sold_out.isVisible():
            super().show_problems()

    def _on_refused(self, slug: str) -> None:
        catalogue = self.state.catalogue
        size = next((each for each in catalogue.sizes if each.slug == slug), None) if catalogue is not None else None
        if catalogue is not None and size is not None and self.state.draft.region:
            self._sold_out_at = self._account_and_region()
            self._sold_out.show_size(size, self.state.draft.region, catalogue, image=self.state.image)

    def _account_and_region(self) -> tuple[str, str]:
        return self.state.draft.account_id, self.state.draft.region


class ImageStep(CatalogueStep):
    """The operating system to start from: one's own images first, then the provider's by family."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.IMAGE,
            state,
            title=self.tr("Which system?"),
            hint=self.tr("The machine starts from this image. Only images that fit the chosen size are listed."),
            nothing=self.tr("No image fits the region and the size"),
        )
        self._lists: dict[str, tuple[Label, ChoiceList]] = {}
        self._others = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._others.setObjectName("wizard.image.misfits")
        content = QWidget()
        self._groups = QVBoxLayout(content)
        self._groups.setContentsMargins(0, 0, 0, 0)
        self._groups.setSpacing(Space.S)
        self._groups.addWidget(self._others)
        self._groups.addStretch()
        self._states.set_content(content)

    def show_offer(self, catalogue: Catalogue) -> bool:
        draft, size = self.state.draft, self.state.size
        self._search.setVisible(len(catalogue.images) > _MANY)
        found = [each for each in catalogue.images if self.matches(each.title, each.slug, each.family)]
        groups = families(found, draft.region, size)
        for title, (label, choices) in self._lists.items():
            label.setVisible(title in groups)
            choices.setVisible(title in groups)
        for place, (title, images) in enumerate(groups.items()):
            self._group(title, place).set_options([_image_option(each) for each in images], (draft.image,))
        left_out = misfits(found, draft.region, size)
        self._others.setText(left_out)
        self._others.setVisible(bool(left_out))
        return bool(groups)

    def focus_choice(self) -> bool:
        lists = [choices for _label, choices in self._lists.values() if choices.isVisible()]
        lists.sort(key=lambda choices: self.state.draft.image not in tuple(choices.keys()))
        return bool(lists) and lists[0].focus_choice()

    def _group(self, title: str, place: int) -> ChoiceList:
        if title not in self._lists:
            label = Label(title, style=Type.STRONG)
            label.setContentsMargins(0, Space.S if self._lists else 0, 0, 0)
            choices = ChoiceList(name=title, prefix="wizard.image", in_a_row=2)
            choices.chosen.connect(lambda image: self.state.change(image=image))
            choices.confirmed.connect(self.finished)
            self._lists[title] = label, choices
        label, choices = self._lists[title]
        for offset, widget in enumerate((label, choices)):
            if self._groups.indexOf(widget) != 2 * place + offset:
                self._groups.removeWidget(widget)
                self._groups.insertWidget(2 * place + offset, widget)
        return choices


def _image_option(image: Image) -> Option:
    about: Sequence[str] = (image.slug, image.architecture)
    return Option(
        key=image.slug,
        title=image.title,
        text=" · ".join(part for part in about if part),
        icon_name="image" if image.is_own else "package",
    )
