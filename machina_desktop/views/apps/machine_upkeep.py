"""What is asked before a machine is rebuilt, kept as an image, or started into its rescue system; and all such asks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import Catalogue
from machina_desktop.core.errors import Locked, MachinaError
from machina_desktop.core.ids import now
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.upkeep import RebuildMachine, RescueMachine, SnapshotMachine
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.apps.machine_text import rescue_notes, short, tr
from machina_desktop.views.fitting import families
from machina_desktop.views.widgets.buttons import ButtonKind
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input, Select
from machina_desktop.views.widgets.text import Label


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

    def fetch_catalogue(
        self,
        arrived: Callable[[Catalogue], None],
        failed: Callable[[MachinaError], None],
        *,
        refresh: bool = False,
    ) -> None:
        """Ask what the machine's account offers; with ``refresh`` the provider itself."""
        ask = ListCatalogue(account_id=self.machine.provider_account_id, refresh=refresh)
        tasks.ask(self.bridge, ask, owner=self, done=arrived, failed=failed)

    def _on_primary(self) -> None:
        if self.primary.is_busy():
            return
        self.show_error("")
        tasks.ask(
            self.bridge,
            self.request(),
            owner=self,
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
            tr("Its host key changes: the first connection afterwards asks about the new one."),
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
            *(rescue_notes() if is_on else ()),
        ):
            self.column.addWidget(Label(f"–  {words}", wraps=True))

    def request(self) -> RescueMachine:
        return RescueMachine(machine_id=self.machine.machine_id, is_on=self._is_on, runs_on=self.machine.state_keeper)
