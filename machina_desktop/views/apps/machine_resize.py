"""What is asked before a machine gets another size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import Catalogue, ProviderInfo, Size
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.providers import ListProviders
from machina_desktop.core.services.upkeep import ResizeMachine
from machina_desktop.views import tasks
from machina_desktop.views.apps.machine_text import short, tr
from machina_desktop.views.apps.machine_upkeep import UpkeepDialog
from machina_desktop.views.callout import Callout
from machina_desktop.views.catalogue_age import CatalogueAge
from machina_desktop.views.prices import difference, monthly, parts, why_not_there
from machina_desktop.views.size_picker import SizePicker
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.text import Label

_WIDE = 920


class ResizeDialog(UpkeepDialog):
    """Another size: the table of the wizard, what it costs now and then, and whether the disk grows as well."""

    def __init__(
        self,
        bridge: Bridge,
        machine: Machine,
        *,
        done: Callable[[Deployment], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            bridge,
            machine,
            tr("Resize {0}").format(short(machine.name)),
            name="machine.resize-dialog",
            text=tr("The machine is off while its size changes. Its address and what is on its disk stay."),
            confirm=tr("Plan the change"),
            width=_WIDE,
            done=done,
            parent=parent,
        )
        self._catalogue: Catalogue | None = None
        self._has_disk_in_size = False
        self._wanted = machine.size
        self._age = CatalogueAge(name="machine.sizes")
        self._age.renewed.connect(self._renew)
        self._trouble = Callout("warning")
        self._trouble.setObjectName("machine.sizes.trouble")
        self._picker = SizePicker(bridge, name="machine.sizes", replaces=True)
        self._picker.chosen.connect(self._on_chosen)
        self._picker.confirmed.connect(self._on_confirmed)
        self._states = ListStates(
            self._picker, empty=EmptyState(icon_name="cpu", title=tr("There is no other size")), skeleton_rows=5
        )
        self._states.setMinimumHeight(300)
        self._states.error.retried.connect(self._fetch)
        self._build_rest()
        tasks.ask(bridge, ListProviders(), owner=self, done=self._on_providers)
        self._fetch()
        self._render()

    def request(self) -> ResizeMachine:
        return ResizeMachine(
            machine_id=self.machine.machine_id,
            size=self._wanted,
            grow_disk=self._has_disk_in_size and self._grow.isChecked(),
            runs_on=self.machine.state_keeper,
        )

    def _build_rest(self) -> None:
        self._cost = Label(style=Type.MEDIUM, wraps=True)
        self._cost.setObjectName("machine.resize-cost")
        self._grow = Checkbox(tr("Let the disk grow with it"))
        self._grow.setObjectName("machine.resize-grow")
        self._grow.toggled.connect(lambda _is_on: self._render())
        self._consequence = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._consequence.setObjectName("machine.resize-consequence")
        self._disk = QWidget()
        disk = QVBoxLayout(self._disk)
        disk.setContentsMargins(0, 0, 0, 0)
        disk.setSpacing(Space.XS)
        disk.addWidget(self._grow)
        disk.addWidget(self._consequence)
        self._grow.hide()
        self.column.setSpacing(Space.M)
        for widget in (self._age, self._trouble, self._states, self._cost, self._disk):
            self.column.addWidget(widget)

    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        self._has_disk_in_size = any(info.has_disk_in_size for info in infos if info.type is self.machine.provider)
        self._grow.setVisible(self._has_disk_in_size)
        self._show()

    def _fetch(self) -> None:
        self._states.show_loading()
        self.fetch_catalogue(self._on_catalogue, self._states.show_error)

    def _renew(self) -> None:
        self._trouble.clear()
        self._age.set_busy(is_busy=True)
        self.fetch_catalogue(self._on_catalogue, self._on_not_renewed, refresh=True)

    def _on_not_renewed(self, error: MachinaError) -> None:
        """What is known stays."""
        self._age.set_busy(is_busy=False)
        self._trouble.say_error(error)

    def _on_catalogue(self, catalogue: Catalogue) -> None:
        present = next((each for each in catalogue.sizes if each.slug == self.machine.size), None)
        # A machine keeps its kind of processor for life.
        kept = tuple(each for each in catalogue.sizes if present is None or each.architecture == present.architecture)
        self._catalogue = replace(catalogue, sizes=kept)
        self._age.set_busy(is_busy=False)
        self._age.show_age(catalogue.fetched_at)
        if not kept:
            self._states.show_empty()
            return
        self._states.show_content()
        self._show()
        self._picker.focus_choice()

    def _show(self) -> None:
        if self._catalogue is not None and self._catalogue.sizes:
            present = self._size(self.machine.size)
            # One that was never looked at has at most what its size comes with.
            disk_gb = self.machine.disk_gb or (present.disk_gb if present is not None else 0)
            self._picker.set_present(present, least_disk_gb=disk_gb if self._has_disk_in_size else 0)
            account_id = self.machine.provider_account_id
            self._picker.show_sizes(self._catalogue, self.machine.region, self._wanted, account_id=account_id)
        self._render()

    def _on_chosen(self, slug: str) -> None:
        self._wanted = slug
        self._render()

    def _on_confirmed(self) -> None:
        if self.primary.isEnabled():
            self.primary.click()

    def _size(self, slug: str) -> Size | None:
        sizes = self._catalogue.sizes if self._catalogue is not None else ()
        return next((each for each in sizes if each.slug == slug), None)

    def _render(self) -> None:
        before, after = self._size(self.machine.size), self._size(self._wanted)
        is_other = after is not None and self._wanted != self.machine.size
        problem = ""
        if is_other and after is not None and self._catalogue is not None:
            problem = why_not_there(after, self.machine.region, self._catalogue)
        self.primary.setEnabled(is_other and not problem)
        self._cost.setText(problem or self._cost_words(before, after if is_other else None))
        self._consequence.setText(self._disk_words())

    def _disk_words(self) -> str:
        if not self._has_disk_in_size:
            return tr("Its disk is a thing of its own at this provider, and keeps its size.")
        if self._grow.isChecked():
            return tr("It has more room then, and can never be made smaller again.")
        return tr("The disk stays as it is, so the machine can be made smaller again later.")

    def _cost_words(self, before: Size | None, after: Size | None) -> str:
        region = self.machine.region
        now_words = tr("Now {0}").format(_measure(before, region) if before is not None else self.machine.size)
        if after is None:
            return now_words
        more = difference(before, after, region)
        then = tr("Then {0}").format(_measure(after, region)) + (f" ({more})" if more else "")
        return f"{now_words}\n{then}"


def _measure(size: Size, region: str) -> str:
    return " · ".join(part for part in (f"{size.title}: {parts(size)}", monthly(size, region)) if part)
