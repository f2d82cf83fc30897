"""What is asked before a machine is resized, rebuilt, kept as an image, or started into its rescue system."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import Catalogue, Size
from machina_desktop.core.errors import Locked, MachinaError
from machina_desktop.core.ids import now
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.upkeep import RebuildMachine, RescueMachine, ResizeMachine, SnapshotMachine
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.apps.machine_text import short, tr
from machina_desktop.views.fitting import families
from machina_desktop.views.prices import difference, monthly, parts, why_not_there
from machina_desktop.views.size_picker import SizePicker
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.buttons import ButtonKind
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input, Select
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.text import Label

_WIDE = 880


class UpkeepDialog(Dialog):
    """Asks about one machine, and stays open until its run is queued or refused."""

    def __init__(
        self,
        bridge: Bridge,
        machine: Machine,
        title: str,
        *,
        name: str,
        confirm: str,
        text: str = "",
        kind: ButtonKind = ButtonKind.PRIMARY,
        width: int = 460,
        done: Callable[[Deployment], None],
        parent: QWidget | None = None,
    ) -> None:
        """``name`` is the object name; the button that does it is ``NAME.confirm``."""
        super().__init__(title, text=text, primary=confirm, kind=kind, width=width, parent=parent)
        self.setObjectName(name)
        self.primary.setObjectName(f"{name}.confirm")
        self.cancel.setObjectName(f"{name}.cancel")
        self.bridge = bridge
        self.machine = machine
        self._done = done
        self.primary.clicked.connect(self._on_primary)

    @abstractmethod
    def request(self) -> Request[Deployment]:
        """What is asked for."""

    def fetch_catalogue(self, arrived: Callable[[Catalogue], None], failed: Callable[[MachinaError], None]) -> None:
        """Ask what the machine's account offers."""
        ask = ListCatalogue(account_id=self.machine.provider_account_id)
        tasks.run(self.bridge, self.bridge.call(ask), owner=self, name="machine.catalogue", done=arrived, failed=failed)

    def _on_primary(self) -> None:
        if self.primary.is_busy():
            return
        self.show_error("")
        tasks.run(
            self.bridge,
            self.bridge.call(self.request()),
            owner=self,
            name=self.objectName(),
            done=self._on_done,
            failed=self._on_failed,
            busy=self,
        )

    def _on_done(self, run: Deployment) -> None:
        self.accept()
        self._done(run)

    def _on_failed(self, error: MachinaError) -> None:
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        else:
            self.show_error(" ".join(part for part in (str(error), error.hint) if part))


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
        self._wanted = machine.size
        self._picker = SizePicker(name="machine.sizes")
        self._picker.chosen.connect(self._on_chosen)
        self._picker.confirmed.connect(self._on_confirmed)
        self._states = ListStates(
            self._picker, empty=EmptyState(icon_name="cpu", title=tr("There is no other size")), skeleton_rows=5
        )
        self._states.setMinimumHeight(300)
        self._states.error.retried.connect(self._fetch)
        self._cost = Label(style=Type.MEDIUM, wraps=True)
        self._cost.setObjectName("machine.resize-cost")
        self._grow = Checkbox(tr("Let the disk grow with it"))
        self._grow.setObjectName("machine.resize-grow")
        self._grow.toggled.connect(lambda _is_on: self._render())
        self._consequence = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._consequence.setObjectName("machine.resize-consequence")
        for widget in (self._states, self._cost, self._grow, self._consequence):
            self.column.addWidget(widget)
        self._fetch()
        self._render()

    def request(self) -> ResizeMachine:
        return ResizeMachine(
            machine_id=self.machine.machine_id,
            size=self._wanted,
            grow_disk=self._grow.isChecked(),
            runs_on=self.machine.state_keeper,
        )

    def _fetch(self) -> None:
        self._states.show_loading()
        self.fetch_catalogue(self._on_catalogue, self._states.show_error)

    def _on_catalogue(self, catalogue: Catalogue) -> None:
        present = next((each for each in catalogue.sizes if each.slug == self.machine.size), None)
        # A machine keeps its kind of processor for life.
        kept = tuple(each for each in catalogue.sizes if present is None or each.architecture == present.architecture)
        self._catalogue = replace(catalogue, sizes=kept)
        if len(kept) < 1:
            self._states.show_empty()
            return
        self._picker.show_sizes(self._catalogue, self.machine.region, self._wanted)
        self._states.show_content()
        self._picker.focus_choice()
        self._render()

    def _on_chosen(self, slug: str) -> None:
        self._wanted = slug
        self._render()

    def _on_confirmed(self) -> None:
        if self.primary.isEnabled():
            self._on_primary()

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
        self._consequence.setText(
            tr("It has more room then, and can never be made smaller again.")
            if self._grow.isChecked()
            else tr("The disk stays as it is, so the machine can be made smaller again later.")
        )

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


class RebuildDialog(UpkeepDialog):
    """A new system in place of everything: the image, what is lost, and the machine's name to be typed."""

    def __init__(
        self, bridge: Bridge, machine: Machine, *, done: Callable[[Deployment], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(
            bridge,
            machine,
            tr("Rebuild {0}?").format(short(machine.name)),
            name="machine.rebuild-dialog",
            text=tr("It starts anew from an image, under the same address. This cannot be undone."),
            confirm=tr("Rebuild {0}").format(short(machine.name)),
            kind=ButtonKind.DANGER,
            done=done,
            parent=parent,
        )
        self._image = Select(tr("Image"), choices=(("", tr("The same again: {0}").format(machine.image)),))
        self._image.control.setObjectName("machine.rebuild-image")
        self._guard = Input(tr("Type {0} to confirm").format(short(machine.name)), is_mono=True)
        self._guard.control.setObjectName("machine.rebuild-name")
        self._guard.changed.connect(self._on_guard)
        for loss in (
            tr("Everything on its disk is lost, with every file and database."),
            tr("Its host key changes: the new one is pinned when it comes back."),
        ):
            self.column.addWidget(Label(f"–  {loss}", wraps=True))
        self.column.addWidget(self._image)
        self.column.addWidget(self._guard)
        self.primary.setEnabled(False)
        # Enter must not destroy anything by accident.
        self.primary.setDefault(False)
        self._guard.control.setFocus()
        self.fetch_catalogue(self._on_catalogue, lambda _error: None)

    def request(self) -> RebuildMachine:
        return RebuildMachine(
            machine_id=self.machine.machine_id,
            image=self._image.value(),
            confirm_name=self._guard.text().strip(),
            runs_on=self.machine.state_keeper,
        )

    def _on_guard(self, text: str) -> None:
        self.primary.setEnabled(text.strip() == self.machine.name)

    def _on_catalogue(self, catalogue: Catalogue) -> None:
        size = next((each for each in catalogue.sizes if each.slug == self.machine.size), None)
        groups = families(catalogue.images, self.machine.region, size)
        titles = {each.slug: each.title for each in catalogue.images}
        same = tr("The same again: {0}").format(titles.get(self.machine.image, self.machine.image))
        others = tuple((each.slug, each.title) for group in groups.values() for each in group)
        self._image.set_choices((("", same), *(pair for pair in others if pair[0] != self.machine.image)))


class SnapshotDialog(UpkeepDialog):
    """The name under which the disk's image is kept."""

    def __init__(
        self, bridge: Bridge, machine: Machine, *, done: Callable[[Deployment], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(
            bridge,
            machine,
            tr("Take a snapshot of {0}").format(short(machine.name)),
            name="machine.snapshot-dialog",
            text=tr(
                "An image of its disk is kept in the account, from which machines can start. Its room is paid for."
            ),
            confirm=tr("Take the snapshot"),
            done=done,
            parent=parent,
        )
        self._name = Input(
            tr("Name"),
            text=f"{machine.name} {now():%Y-%m-%d}",
            help_text=tr("What programs are writing at that moment may be missing; stopped first, nothing is."),
        )
        self._name.control.setObjectName("machine.snapshot-name")
        self._name.submitted.connect(self.primary.click)
        self.column.addWidget(self._name)
        QTimer.singleShot(0, self._name, self._name.control.selectAll)

    def request(self) -> SnapshotMachine:
        return SnapshotMachine(
            machine_id=self.machine.machine_id, name=self._name.text().strip(), runs_on=self.machine.state_keeper
        )


class RescueDialog(UpkeepDialog):
    """Into the rescue system or back: a restart either way."""

    def __init__(
        self,
        bridge: Bridge,
        machine: Machine,
        *,
        is_on: bool,
        done: Callable[[Deployment], None],
        parent: QWidget | None = None,
    ) -> None:
        there = tr("It restarts into a small system of the provider's, from which its disk can be repaired.")
        back = tr("It restarts into its own system.")
        super().__init__(
            bridge,
            machine,
            (tr("Start the rescue system of {0}?") if is_on else tr("Leave the rescue system of {0}?")).format(
                short(machine.name)
            ),
            name="machine.rescue-dialog",
            text=there if is_on else back,
            confirm=tr("Start the rescue system") if is_on else tr("Leave the rescue system"),
            done=done,
            parent=parent,
        )
        self._is_on = is_on
        for words in (
            tr("What runs on it is interrupted."),
            tr("Nothing on its disk is changed; your keys log in as root.") if is_on else "",
        ):
            if words:
                self.column.addWidget(Label(f"–  {words}", wraps=True))

    def request(self) -> RescueMachine:
        return RescueMachine(machine_id=self.machine.machine_id, is_on=self._is_on, runs_on=self.machine.state_keeper)
