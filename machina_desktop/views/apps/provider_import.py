"""Taking a machine that exists at a provider into the team's care."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, name_problem
from machina_desktop.core.domain.provider import Instance, ProviderAccount
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError
from machina_desktop.core.services.inventory import ImportMachine
from machina_desktop.core.services.keys import ListKeys
from machina_desktop.views import tasks
from machina_desktop.views.server_custody import device_of
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.text import Label


class ImportMachineDialog(Dialog):
    """Its name here, the keys that log in to it, tags. Its plan is shown before anything is written down."""

    def __init__(
        self,
        bridge: Bridge,
        account: ProviderAccount,
        instance: Instance,
        *,
        done: Callable[[ImportMachine], None],
        parent: QWidget | None = None,
    ) -> None:
        """``done`` gets the request that was carried out."""
        super().__init__("", primary="", parent=parent)
        self.setObjectName("import_machine")
        self.setWindowTitle(self.tr("Import {0}").format(instance.name))
        self.primary.setText(self.tr("Plan the import"))
        self.primary.setObjectName("import_machine.submit")
        self.cancel.setObjectName("import_machine.cancel")
        self._bridge = bridge
        self._account = account
        self._instance = instance
        self._done = done
        self._boxes: dict[str, Checkbox] = {}
        self._name = Input(
            self.tr("Name"),
            text=suggested_name(instance.name),
            is_mono=True,
            help_text=self.tr(
                "What it is called from then on, mostly at its provider, too. Lower-case letters, digits and hyphens."
            ),
        )
        self._name.control.setObjectName("import_machine.name")
        self._name.submitted.connect(self._on_primary)
        self._tags = Input(
            self.tr("Tags"),
            text=", ".join(instance.tags),
            placeholder="prod, eu",
            help_text=self.tr("Separated by commas. What is left out here is taken away at its provider."),
        )
        self._tags.control.setObjectName("import_machine.tags")
        self._keys = Label(self.tr("Keys that log in to it"), style=Type.MEDIUM)
        about = self.tr("It goes on running as it is. The plan shows what is taken into the record.")
        for widget in (Label(about, tone="secondary", wraps=True), self._name, self._tags, self._keys):
            self.column.addWidget(widget)
        self._keys.hide()
        self.primary.clicked.connect(self._on_primary)
        ask = ListKeys(team_id=bridge.team_id)
        tasks.ask(bridge, ask, owner=self, done=self._on_keys, failed=self._on_failed)
        self._name.control.setFocus()

    def request(self) -> ImportMachine:
        """What is asked for."""
        return ImportMachine(
            team_id=self._bridge.team_id,
            account_id=self._account.provider_account_id,
            resource_id=self._instance.resource_id,
            name=self._name.text().strip(),
            key_ids=tuple(key_id for key_id, box in self._boxes.items() if box.isChecked()),
            tags=tuple(dict.fromkeys(tag for part in self._tags.text().split(",") if (tag := part.strip()))),
            runs_on=device_of(self._bridge) if self._account.keeper else "",
        )

    def _on_keys(self, keys: tuple[SSHKey, ...]) -> None:
        self._keys.setVisible(bool(keys))
        for key in keys:
            box = Checkbox(key.name)
            box.setObjectName(f"import_machine.key.{key.ssh_key_id}")
            box.setChecked(key.has_private_key and len(keys) == 1)
            self._boxes[key.ssh_key_id] = box
            self.column.addWidget(box)

    def _on_primary(self) -> None:
        problem = name_problem(self._name.text().strip())
        self._name.set_error(problem)
        if problem or self.primary.is_busy():
            return
        self.show_error("")
        ask = self.request()

        def done(_machine: Machine) -> None:
            self.accept()
            self._done(ask)

        tasks.ask(self._bridge, ask, owner=self, done=done, failed=self._on_failed, busy=self)

    def _on_failed(self, error: MachinaError) -> None:
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        elif error.code == "E-NAME-TAKEN" or (isinstance(error, InvalidInput) and error.field == "name"):
            self._name.set_error(str(error))
        else:
            self.show_error(" ".join(part for part in (error.message, error.hint) if part))


def suggested_name(name: str) -> str:
    """The provider's name of it in the form that ours have."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
