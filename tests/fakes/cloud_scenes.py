"""Dialogs about machines at clouds, opened as a person opens them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from PySide6.QtWidgets import QDialog, QWidget

from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import Instance, ProviderType
from machina_desktop.core.services.inventory import Listed, ListInstances
from machina_desktop.views.apps.machine_actions import Action, MachineActions
from machina_desktop.views.apps.machine_firewall_dialog import FirewallDialog
from machina_desktop.views.apps.machine_resize import ResizeDialog
from machina_desktop.views.apps.machine_upkeep import RebuildDialog, RescueDialog, SnapshotDialog
from machina_desktop.views.apps.provider_adoption import AdoptionDialog
from machina_desktop.views.apps.provider_import import ImportMachineDialog
from tests.fakes.gateway import until
from tests.fakes.house import House

Scene = Callable[[House], Awaitable[QWidget]]
_FOUND = (
    Instance(resource_id="1", name="§ 4715 §", status="running", region="fsn1", size="cx22", public_ip="203.0.113.7"),
    Instance(resource_id="2", name="§ 4716 §", region="hel1", size="cx32"),
)


def _asked(action: Action) -> Scene:
    async def scene(house: House) -> QWidget:
        page = await house.page("machines")
        machine = next(
            each
            for each in house.gateway.all(Machine)
            if each.provider is ProviderType.HETZNER and each.actual_status is MachineStatus.RUNNING
        )
        page.findChildren(MachineActions)[0].run(action, (machine,))
        dialog = await house.dialog()
        await house.rest()
        return dialog

    return scene


async def _adoption(house: House) -> QWidget:
    house.gateway.answers[ListInstances] = lambda ask: tuple(
        Listed(account_id=key, instances=_FOUND) for key in ask.account_ids
    )
    page = await house.page("providers")
    page._on_find()  # type: ignore[attr-defined]
    dialog = await house.dialog()
    assert isinstance(dialog, AdoptionDialog)
    await until(dialog.is_done)
    await house.rest()
    return dialog


async def _import(house: House) -> QWidget:
    over = await _adoption(house)
    assert isinstance(over, AdoptionDialog)
    over.table.select_key(over.model.key_of(0))
    over.primary.click()
    await house.rest()
    dialog = next(each for each in over.findChildren(QDialog) if isinstance(each, ImportMachineDialog))
    await house.rest()
    return dialog


SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    "resize": (ResizeDialog, _asked(Action.RESIZE)),
    "firewall": (FirewallDialog, _asked(Action.FIREWALL)),
    "rebuild": (RebuildDialog, _asked(Action.REBUILD)),
    "snapshot": (SnapshotDialog, _asked(Action.SNAPSHOT)),
    "rescue": (RescueDialog, _asked(Action.RESCUE)),
    "adoption": (AdoptionDialog, _adoption),
    "import machine": (ImportMachineDialog, _import),
}
