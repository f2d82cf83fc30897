"""Region and zone, size, image: what the account's provider offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import Region, Size, WizardStep
from machina_desktop.core.errors import MachinaError
from machina_desktop.views.deploy_wizard.choice import ChoiceList, Option
from machina_desktop.views.deploy_wizard.prices import hourly, memory, monthly
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.text import Label
from machina_desktop.views.wording import full_moment

# Above this many a search line helps.
_MANY = 8


class CatalogueStep(Step):
    """A choice out of the catalogue, with its age, a search line where it is long, and its failure."""

    def __init__(self, key: WizardStep, state: WizardState, *, title: str, hint: str, in_a_row: int = 1) -> None:
        super().__init__(key, state, title=title, hint=hint)
        self._search = SearchInput(self.tr("Search"))
        self._search.setObjectName(f"wizard.{key}.search")
        self._search.searched.connect(lambda _text: self.refresh())
        self._age = Label(style=Type.SECONDARY, tone="secondary")
        self._wants_focus = False
        self.choices = ChoiceList(name=title, prefix=f"wizard.{key}", in_a_row=in_a_row)
        self.choices.chosen.connect(self.choose)
        self.choices.confirmed.connect(self.finished)
        nothing = EmptyState(icon_name="search", title=self.tr("Nothing to choose from"))
        self._states = ListStates(self._build_content(), empty=nothing, skeleton_rows=4)
        self._states.error.retried.connect(self._on_retried)
        top = QHBoxLayout()
        top.addWidget(self._search)
        top.addStretch()
        self.column.addLayout(top)
        self.column.addWidget(self._states, 1)
        state.failed.connect(self._on_failed)

    @abstractmethod
    def options(self) -> Sequence[Option]:
        """What is offered."""

    @abstractmethod
    def chosen_key(self) -> str:
        """What is chosen."""

    @abstractmethod
    def choose(self, key: str) -> None:
        """Write the choice to the draft."""

    def refresh(self) -> None:
        catalogue = self.state.catalogue
        if catalogue is None:
            if self._states.currentWidget() is not self._states.error:
                self._states.show_loading()
            return
        every = self.options()
        words = self._search.text().casefold().split()
        shown = [each for each in every if all(word in f"{each.title} {each.text}".casefold() for word in words)]
        self._search.setVisible(len(every) > _MANY)
        self._age.setText(self.tr("As the provider offered it at {0}.").format(full_moment(catalogue.fetched_at)))
        self._age.setVisible(catalogue.fetched_at is not None)
        self.choices.set_options(shown, (self.chosen_key(),))
        if not shown:
            self._states.show_empty()
            return
        self._states.show_content()
        if self._wants_focus:
            self._wants_focus = not self.choices.focus_choice()

    def entered(self) -> None:
        # What is still being fetched gets the focus when it comes.
        self._wants_focus = not (self.choices.isVisible() and self.choices.focus_choice())
        if self._wants_focus:
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _build_content(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self.choices)
        column.addWidget(self._age)
        column.addStretch()
        return content

    def _on_retried(self) -> None:
        self._states.show_loading()
        self.state.retry()

    def _on_failed(self, error: MachinaError) -> None:
        if self.state.catalogue is None:
            self._states.show_error(error)


class RegionStep(CatalogueStep):
    """Region, and the zone in it where the provider has zones."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.REGION,
            state,
            title=self.tr("Where shall it run?"),
            hint=self.tr("Close to the people who use it answers faster."),
            in_a_row=2,
        )
        self._zone = Select(self.tr("Zone"))
        self._zone.control.setObjectName("wizard.zone")
        self._zone.changed.connect(lambda zone: state.change(zone=zone))
        self.column.insertWidget(1, self._zone)

    def options(self) -> Sequence[Option]:
        regions = self.state.catalogue.regions if self.state.catalogue is not None else ()
        return [Option(key=each.slug, title=each.title, text=each.slug, icon_name="map-pin") for each in regions]

    def chosen_key(self) -> str:
        return self.state.draft.region

    def choose(self, key: str) -> None:
        self.state.change(region=key, zone="")

    def refresh(self) -> None:
        super().refresh()
        region = self._region()
        zones = region.zones if region is not None else ()
        self._zone.control.blockSignals(True)
        self._zone.set_choices((("", self.tr("Any zone")), *((zone, zone) for zone in zones)))
        self._zone.set_value(self.state.draft.zone)
        self._zone.control.blockSignals(False)
        self._zone.setVisible(bool(zones))

    def _region(self) -> Region | None:
        regions = self.state.catalogue.regions if self.state.catalogue is not None else ()
        return next((region for region in regions if region.slug == self.state.draft.region), None)


class SizeStep(CatalogueStep):
    """Processor, memory, disk, and what they cost."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.SIZE,
            state,
            title=self.tr("How large?"),
            hint=self.tr("Prices are the provider's list prices without tax."),
        )

    def options(self) -> Sequence[Option]:
        sizes = self.state.catalogue.sizes if self.state.catalogue is not None else ()
        return [
            Option(
                key=size.slug,
                title=size.title,
                text=self._parts(size),
                icon_name="cpu",
                side=monthly(size),
                side_text=hourly(size),
            )
            for size in sizes
        ]

    def chosen_key(self) -> str:
        return self.state.draft.size

    def choose(self, key: str) -> None:
        self.state.change(size=key)

    def _parts(self, size: Size) -> str:
        parts = (
            self.tr("{0} vCPU").format(size.vcpus) if size.vcpus else "",
            self.tr("{0} memory").format(memory(size.memory_mb)) if size.memory_mb else "",
            self.tr("{0} GB disk").format(size.disk_gb) if size.disk_gb else "",
        )
        return " · ".join(part for part in parts if part)


class ImageStep(CatalogueStep):
    """The operating system to start from."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.IMAGE,
            state,
            title=self.tr("Which system?"),
            hint=self.tr("The machine starts from this image."),
            in_a_row=2,
        )

    def options(self) -> Sequence[Option]:
        images = self.state.catalogue.images if self.state.catalogue is not None else ()
        return [Option(key=each.slug, title=each.title, text=each.slug, icon_name="package") for each in images]

    def chosen_key(self) -> str:
        return self.state.draft.image

    def choose(self, key: str) -> None:
        self.state.change(image=key)
