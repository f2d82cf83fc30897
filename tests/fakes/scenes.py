"""The whole window on fake rows, and every scene of it that the walk looks at.

A scene is a coroutine that brings a `House` to something and answers the widget to look at. Apps, entities, wizard
steps and dialogs are found, not listed: what nobody wrote a scene for is named by `missing_dialogs` and friends.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QSize
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QWidget

import machina_desktop.views
from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderAccount, WizardStep
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services import device
from machina_desktop.views import tasks
from machina_desktop.views.apps import APPS
from machina_desktop.views.apps.machine_actions import Action, MachineActions
from machina_desktop.views.desk import Desk
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.toast import Notice
from machina_desktop.views.widgets.card_grid import CardGrid
from machina_desktop.views.widgets.dialogs import ConfirmDialog, Dialog
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import FakeGateway, bridge_with, turn, until
from tests.fakes.rows import log_lines, team_rows

SIZES = (QSize(1280, 820), QSize(1024, 640), QSize(880, 560))
LOCKED = device.VaultStatus(
    exists=True, is_open=False, slots=("passphrase", "keyring", "key-file"), keyring_available=True
)
MISSING = device.VaultStatus(exists=False, is_open=False, slots=(), keyring_available=True)
ENTITIES = tuple(entity for app in APPS for entity in app.details)

Scene = Callable[["House"], Awaitable[QWidget]]


class House:
    """One window, its core faked.

    Attributes:
        window: As the application opens it.
        gateway: What answers.
        device: What is known of this computer.
    """

    def __init__(self, home: Path, rows: Iterable[object]) -> None:
        self.gateway = FakeGateway(rows)
        for run in self.gateway.all(Deployment):
            self.gateway.logs[run.deployment_id] = list(log_lines())
        self.device = FakeDevice(self.gateway)
        self.bridge = bridge_with(self.gateway)
        self.window = MainWindow(apps=APPS, paths=Paths(home))
        self.desk: Desk | None = None
        self._settings = Settings(home / "settings.json")

    async def open(self, vault: device.VaultStatus | None = None, app: str = "machines") -> MainWindow:
        """Show the window on an app's page; ``vault`` is how the vault stands."""
        if vault is not None:
            self.device.vault = vault
        self.window.resize(SIZES[0])
        self.window.show()
        self.desk = Desk(self.window, self.bridge, self._settings, lambda text: text)
        self.window.furnish(self.bridge)
        self.window.open_app(app)
        await self.rest()
        self.window.activateWindow()
        await until(lambda: self.window.isActiveWindow() or QApplication.activeModalWidget())
        return self.window

    async def rest(self) -> None:
        """Wait until nothing is asked any more."""
        quiet, asked = 0, -1
        for _ in range(200):
            await turn(2)
            # Outside of a running Qt loop nobody else does.
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            quiet = quiet + 1 if len(self.gateway.asked) == asked else 0
            asked = len(self.gateway.asked)
            if quiet > 6:
                return

    async def page(self, app: str) -> QWidget:
        """The page of an app, at rest."""
        await self.open(app=app)
        shown = self.window.pages.page()
        assert shown is not None
        return shown

    async def resize(self, size: QSize) -> None:
        """Make the window that large; what does not fit is the finding."""
        self.window.resize(size)
        await turn(6)

    async def dialog(self, shape: type[QDialog] = QDialog) -> QDialog:
        """The dialog that is open."""
        await until(lambda: self._dialogs(shape))
        found = self._dialogs(shape)[-1]
        await self.rest()
        found.activateWindow()
        await until(found.isActiveWindow)
        return found

    def _dialogs(self, shape: type[QDialog]) -> list[QDialog]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, shape) and each.isVisible()]

    async def close(self) -> None:
        """Take everything down."""
        if self.gateway.gate is not None:
            self.gateway.gate.set()
        for each in QApplication.topLevelWidgets():
            if isinstance(each, (QDialog, QMenu)) and shiboken6.isValid(each):
                each.close()
        await turn()
        self.window.close_for_good()
        await self.bridge.finish()
        self.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        tasks.PRESENTER.show = type(tasks.PRESENTER).show


@asynccontextmanager
async def house_with(home: Path, rows: Iterable[object] | None = None) -> AsyncIterator[House]:
    """A house for one scene, in a data folder of its own."""
    house = House(home, team_rows(machines=16, runs=14) if rows is None else rows)
    try:
        yield house
    finally:
        await house.close()


def key_of(house: House, entity: str) -> str:
    """The entity that has the most to show."""
    match entity:
        case "machine":
            wanted = (each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.ERROR)
            return next(wanted).machine_id
        case "deployment":
            return run_in(house, DeploymentState.AWAITING_APPROVAL)
        case "provider_account":
            return next(each.provider_account_id for each in house.gateway.all(ProviderAccount))
        case "ssh_key":
            return next(each.ssh_key_id for each in house.gateway.all(SSHKey))
        case _:
            raise AssertionError(f"tests/fakes/scenes.py knows no {entity} to inspect: add one")


def run_in(house: House, state: DeploymentState) -> str:
    """The id of a run in that state."""
    return next(run.deployment_id for run in house.gateway.all(Deployment) if run.state is state)


def _filled(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        return await house.page(app)

    return scene


def _empty(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        for rows in house.gateway.rows.values():
            rows.clear()
        return await house.page(app)

    return scene


def _failing(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open(app=_another(app))
        house.gateway.answers = dict.fromkeys(house.gateway.answers, _refuse)
        return await _go_to(house, app)

    return scene


def _refuse(_ask: object) -> None:
    raise Unavailable("§ 4711 §", hint="§ 4712 §")


def _loading(app: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open(app=_another(app))
        house.gateway.gate = asyncio.Event()
        return await _go_to(house, app)

    return scene


def _another(app: str) -> str:
    """An app to begin with, so that the page in question is built when the core does something else."""
    return next(each.name for each in reversed(APPS) if each.name != app)


async def _go_to(house: House, app: str) -> QWidget:
    house.window.open_app(app)
    await house.rest()
    shown = house.window.pages.page()
    assert shown is not None
    return shown


def _detail(entity: str) -> Scene:
    async def scene(house: House) -> QWidget:
        app = next(each.name for each in APPS if entity in each.details)
        await house.open(app=app)
        house.window.inspect(entity, key_of(house, entity))
        await house.rest()
        return next(dock for dock in house.window.inspectors.docks() if dock.isVisible())

    return scene


def _run(state: DeploymentState) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open(app="deployments")
        house.window.inspect("deployment", run_in(house, state))
        await house.rest()
        return next(dock for dock in house.window.inspectors.docks() if dock.isVisible())

    return scene


def _gone(entity: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open()
        house.window.inspect(entity, "no-such-thing")
        await house.rest()
        return next(dock for dock in house.window.inspectors.docks() if dock.isVisible())

    return scene


def _wizard(step: WizardStep, account: str) -> Scene:
    async def scene(house: House) -> QWidget:
        await house.open()
        house.window.open_deploy_wizard()
        wizard = await house.dialog()
        state = wizard._state  # type: ignore[attr-defined]
        await until(lambda: state.is_ready)
        state.change(account_id=account)
        await house.rest()
        visited = tuple(each for each in WizardStep if not state.skip_reason(each))
        state.change(step=step, visited=visited, host="203.0.113.7", tags=("prod", "eu"))
        await house.rest()
        return wizard

    return scene


def _wizard_scenes() -> dict[str, Scene]:
    cloud = {f"wizard {step.value}": _wizard(step, "account-hetzner") for step in WizardStep}
    # The firewall comes with a later version: every provider skips it so far.
    cloud.pop(f"wizard {WizardStep.FIREWALL.value}")
    return {**cloud, "wizard host": _wizard(WizardStep.REGION, "account-rack")}


async def _first_run(house: House, screen: int) -> QWidget:
    await house.open(MISSING)
    dialog = await house.dialog()
    dialog._go(screen)  # type: ignore[attr-defined]
    await house.rest()
    return dialog


def _first_run_at(screen: int) -> Scene:
    return lambda house: _first_run(house, screen)


async def _unlock(house: House) -> QWidget:
    await house.open(LOCKED)
    return await house.dialog()


async def _crash(house: House) -> QWidget:
    await house.open()
    assert house.desk is not None
    house.desk.presenter.crashes.show("§ 4713 §", "§ 4714 §\n" * 30)
    return await house.dialog()


async def _quit(house: House) -> QWidget:
    await house.open()
    assert house.desk is not None
    await until(lambda: house.desk is not None and house.desk.runs.running)
    house.window.ask_to_quit()
    return await house.dialog()


def _asked_by(entity: str, *buttons: str, prepare: Callable[[House], None] | None = None) -> Scene:
    """The dialog that a button in the inspector of an entity opens."""

    async def scene(house: House) -> QWidget:
        if prepare is not None:
            prepare(house)
        dock = await _detail(entity)(house)
        for name in buttons:
            button = dock.findChild(QWidget, name)
            assert button is not None, f"there is no {name}"
            button.click()  # type: ignore[attr-defined]
            await turn()
        return await house.dialog()

    return scene


def _protect(house: House) -> None:
    for each in house.gateway.all(Machine):
        house.gateway.rows[Machine][each.machine_id] = replace(each, is_protected=True)


async def _destroy(house: House) -> QWidget:
    _protect(house)
    page = await house.page("machines")
    machine = next(each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING)
    page.findChildren(MachineActions)[0].run(Action.DESTROY, (machine,))
    return await house.dialog()


async def _reboot_many(house: House) -> QWidget:
    page = await house.page("machines")
    running = tuple(each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING)
    page.findChildren(MachineActions)[0].run(Action.REBOOT, (*running, *running))
    return await house.dialog()


def _page_dialog(app: str, button: str) -> Scene:
    async def scene(house: House) -> QWidget:
        page = await house.page(app)
        found = page.findChild(QWidget, button)
        assert found is not None, f"there is no {button}"
        found.click()  # type: ignore[attr-defined]
        return await house.dialog()

    return scene


async def _toasts(house: House) -> QWidget:
    await house.open()
    for kind in ("info", "success", "warning", "error"):
        house.window.notices.tell(
            Notice(text=f"§ {len(kind)} 4715 §", detail="§ 4716 §", kind=kind, action="§ 4717 §", on_action=lambda: 0)
        )
    await house.rest()
    return house.window


async def _whole(house: House) -> QWidget:
    return await house.open()


async def _narrow(house: House) -> QWidget:
    window = await house.open()
    window.sidebar.set_collapsed(True)
    await turn()
    return window.sidebar


async def _not_started(house: House) -> QWidget:
    house.window.show()
    house.window.show_start_failure(Unavailable("§ 4718 §", hint="§ 4719 §"))
    await turn()
    house.window.activateWindow()
    await until(house.window.isActiveWindow)
    return house.window


async def _menu(house: House) -> QWidget:
    page = await house.page("machines")
    view = next(each for each in page.findChildren(CardGrid) if each.isVisible())
    view.selection.select_key(view.selection.current_key() or house.gateway.all(Machine)[0].machine_id)
    view.customContextMenuRequested.emit(QPoint(40, 40))
    await until(lambda: QApplication.activePopupWidget())
    menu = QApplication.activePopupWidget()
    assert menu is not None
    return menu


def scenes() -> dict[str, Scene]:
    """Every scene by name."""
    found: dict[str, Scene] = {
        "window": _whole,
        "narrow sidebar": _narrow,
        "toasts": _toasts,
        "core not started": _not_started,
        "machine menu": _menu,
        "unlock": _unlock,
        "crash": _crash,
        "quit": _quit,
        "destroy": _destroy,
        "reboot many": _reboot_many,
        "add account": _page_dialog("providers", "providers.add"),
        "generate key": _page_dialog("keys", "keys.generate"),
        "import key": _page_dialog("keys", "keys.import"),
        "delete key": _asked_by("ssh_key", "key.delete"),
        "export key": _asked_by("ssh_key", "key.export"),
        "delete account": _asked_by("provider_account", "provider_account.delete"),
        "discard plan": _asked_by("deployment", "deployment.discard"),
    }
    found |= {f"first run {screen}": _first_run_at(screen) for screen in range(4)}
    for app in APPS:
        found[f"{app.name} filled"] = _filled(app.name)
        found[f"{app.name} empty"] = _empty(app.name)
        found[f"{app.name} failing"] = _failing(app.name)
        found[f"{app.name} loading"] = _loading(app.name)
    found |= {f"detail {entity}": _detail(entity) for entity in ENTITIES}
    found |= {f"detail {entity} gone": _gone(entity) for entity in ENTITIES}
    found |= {f"run {state.value}": _run(state) for state in DeploymentState}
    return found | _wizard_scenes()


def dialogs() -> set[type[QDialog]]:
    """Every class of dialog that the application has."""
    for module in pkgutil.walk_packages(machina_desktop.views.__path__, f"{machina_desktop.views.__name__}."):
        if not module.name.endswith(("gallery", "__main__")):
            importlib.import_module(module.name)
    bases = {Dialog, ConfirmDialog}
    return {each for each in _subclasses(QDialog) if each not in bases and not _subclasses(each)}


def _subclasses(shape: type) -> set[type]:
    direct = {each for each in shape.__subclasses__() if each.__module__.startswith("machina_desktop.")}
    return direct.union(*(_subclasses(each) for each in direct))
