"""The whole window on fake rows, for looking at any scene of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QSize
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QWidget

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import TeamMember, TeamRole
from machina_desktop.core.services import device
from machina_desktop.views import tasks
from machina_desktop.views.apps import APPS
from machina_desktop.views.desk import Desk
from machina_desktop.views.main_window import MainWindow
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import FakeGateway, bridge_with, turn, until
from tests.fakes.people_rows import people_rows
from tests.fakes.rows import TEAM_ID, log_lines, team_rows

SIZES = (QSize(1280, 820), QSize(1024, 640), QSize(880, 560))

R = TypeVar("R")
Scene = Callable[["House"], Awaitable[QWidget]]


class House:
    """One window, its core faked.

    Attributes:
        window: As the application opens it.
        gateway: What answers.
        device: What is known of this computer.
    """

    def __init__(self, home: Path, rows: Iterable[object], size: QSize) -> None:
        self._size = size
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
        self.window.resize(self._size)
        self.window.show()
        self.desk = Desk(self.window, self.bridge, self._settings, lambda text: text)
        self.window.furnish(self.bridge)
        self.window.open_app(app)
        await self.front()
        return self.window

    async def front(self) -> None:
        """Come to rest with the keyboard in the window, or in what is open over it."""
        await self.rest()
        if QApplication.activeModalWidget() is None:
            self.window.activateWindow()
        await until(lambda: self.window.isActiveWindow() or QApplication.activeModalWidget())

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
async def house_with(home: Path, rows: Iterable[object] | None = None, size: QSize = SIZES[0]) -> AsyncIterator[House]:
    """A house for one scene, in a data folder of its own; ``size`` is the window's."""
    house = House(home, (*team_rows(machines=16, runs=14), *people_rows()) if rows is None else rows, size)
    try:
        yield house
    finally:
        await house.close()


def key_of(house: House, entity: str) -> str:
    """The entity that has the most to show."""
    makers: dict[str, Callable[[], str]] = {
        "machine": lambda: _first(house, Machine, lambda row: row.actual_status is MachineStatus.ERROR).machine_id,
        "deployment": lambda: run_in(house, DeploymentState.AWAITING_APPROVAL),
        "provider_account": lambda: _first(house, ProviderAccount).provider_account_id,
        "ssh_key": lambda: _first(house, SSHKey).ssh_key_id,
        "team": lambda: TEAM_ID,
        "member": lambda: _first(house, TeamMember, lambda row: row.role is TeamRole.MEMBER).team_member_id,
        "invite": lambda: _first(house, TeamInvite).invite_id,
        "audit_event": lambda: _first(house, AuditEvent, lambda row: bool(row.detail)).audit_event_id,
    }
    assert entity in makers, f"tests/fakes/house.py knows no {entity} to inspect: add one"
    return makers[entity]()


def _first(house: House, shape: type[R], is_meant: Callable[[R], bool] = lambda _row: True) -> R:
    return next(each for each in house.gateway.all(shape) if is_meant(each))


def run_in(house: House, state: DeploymentState) -> str:
    """The id of a run in that state."""
    return next(run.deployment_id for run in house.gateway.all(Deployment) if run.state is state)


async def inspector(house: House, entity: str) -> QWidget:
    """The inspector on an entity, beside its app's page."""
    await house.open(app=next(each.name for each in APPS if entity in each.details))
    house.window.inspect(entity, key_of(house, entity))
    await house.rest()
    return next(dock for dock in house.window.inspectors.docks() if dock.isVisible())
