"""The deploy wizard, open over a gateway that answers from memory, driven by mouse and keyboard."""

from __future__ import annotations

from typing import Self

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.views.deploy_wizard import DeployWizard
from machina_desktop.views.deploy_wizard.rail import StepState
from machina_desktop.views.models.table_model import RecordTableModel
from machina_desktop.views.widgets.table_view import TableView
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, turn, until
from tests.fakes.rows import team_rows

LEFT = Qt.MouseButton.LeftButton


class Opened:
    """An open wizard, driven by object names.

    Attributes:
        gateway: What answers.
        window: What it was asked to show.
    """

    def __init__(self, gateway: FakeGateway, *, like: Machine | None = None) -> None:
        self.gateway = gateway
        self.window = RecordingWindow()
        self.bridge = bridge_with(gateway)
        self.host = QWidget()
        self.host.resize(1280, 800)
        self.host.show()
        self.wizard = DeployWizard(self.bridge, self.window, self.host, like=like)
        self.wizard.open()

    async def __aenter__(self) -> Self:
        await until(lambda: self.wizard._state.is_ready or self.wizard._error.isVisible())
        self.wizard.activateWindow()
        await until(self.wizard.isActiveWindow)
        await turn(20)
        return self

    async def __aexit__(self, *_: object) -> None:
        await close(self.bridge, self.wizard, self.host)

    def find(self, name: str) -> QWidget:
        """The control of that name."""
        found = self.wizard.findChild(QWidget, name)
        assert found is not None, f"there is no {name}"
        return found

    def click(self, name: str) -> None:
        """Click on what can be seen under that name."""
        assert self.find(name).isVisible(), f"{name} cannot be seen"
        QTest.mouseClick(self.find(name), LEFT)

    def click_row(self, name: str, key: str) -> None:
        """Click the row of a table."""
        table = self.find(name)
        assert isinstance(table, TableView)
        assert isinstance(table.model(), RecordTableModel)
        row = table.model().row_of(key)
        assert row >= 0, f"{name} has no row {key}"
        QTest.mouseClick(table.viewport(), LEFT, pos=table.visualRect(table.model().index(row, 0)).center())

    def row_text(self, name: str, key: str) -> str:
        """All cells of a row, from the left."""
        table = self.find(name)
        assert isinstance(table, TableView)
        model = table.model()
        assert isinstance(model, RecordTableModel)
        return " | ".join(str(model.index(model.row_of(key), each).data()) for each in range(model.columnCount()))

    def type(self, name: str, text: str) -> None:
        """Put text in the place of what a field holds, key by key."""
        control = self.find(name)
        control.setFocus()
        control.selectAll()
        QTest.keyClicks(control, text) if text else QTest.keyClick(control, Qt.Key.Key_Delete)

    async def next(self, expected: WizardStep) -> None:
        """Press *Next* and see the step that comes."""
        self.click("wizard.next")
        await until(lambda: self.wizard.current() is expected)
        await turn()

    def state(self, step: WizardStep) -> StepState:
        """How the rail shows a step."""
        return self.find(f"wizard.rail.{step}").state()

    @property
    def asked(self) -> CreateMachine:
        """The one machine that was asked for."""
        (ask,) = self.gateway.asked_of(CreateMachine)
        return ask

    async def to_name(self) -> None:
        """A practice machine on the account there is, with the key there is."""
        self.click("wizard.account.account-here")
        await until(lambda: self.wizard._state.catalogue is not None or not self.wizard._state._needs_catalogue())
        while self.wizard.current() is not WizardStep.KEYS:
            self.click("wizard.next")
            await turn()
        if not self.wizard._state.draft.key_ids:
            self.click("wizard.key.key-laptop")
        while self.wizard.current() is not WizardStep.NAME:
            self.click("wizard.next")
            await turn()

    async def to_review(self, name: str = "web-9") -> None:
        """The same up to the last step."""
        await self.to_name()
        self.type("wizard.name", name)
        await self.next(WizardStep.REVIEW)


def team() -> FakeGateway:
    """A team with accounts, keys and three machines."""
    return FakeGateway(team_rows(machines=3, runs=0))
