"""What runs in cloud accounts and is not managed: one table, whatever single accounts answer, and importing from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from machina_desktop.core.domain.provider import Instance, ProviderType
from machina_desktop.core.services.inventory import ImportMachine, Listed, ListInstances
from machina_desktop.views.apps.provider_adoption import AdoptionDialog
from machina_desktop.views.apps.provider_import import ImportMachineDialog, suggested_name
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, turn, until
from tests.fakes.rows import account, keys

LEFT = Qt.MouseButton.LeftButton
WITHIN_S = 2.0


def instances(count: int, prefix: str) -> tuple[Instance, ...]:
    return tuple(
        Instance(
            resource_id=f"{prefix}{number}",
            name=f"{prefix}-{number:04}",
            status="running",
            region="nbg1",
            size="cx22",
            public_ip=f"203.0.113.{number % 250}",
            labels={"tier": "front"} if number == 7 else {},
        )
        for number in range(count)
    )


class Opened:
    """The dialog over accounts that answer when the test lets them."""

    def __init__(self, answers: dict[str, Listed]) -> None:
        self.gates = {key: asyncio.Event() for key in answers}
        self.gateway = FakeGateway((*(account(ProviderType.HETZNER, key, key.title()) for key in answers), *keys()))
        self.gateway.answers[ListInstances] = lambda ask: self._answer(answers[ask.account_ids[0]])
        self.window = RecordingWindow()
        self.bridge = bridge_with(self.gateway)
        self.host = QWidget()
        self.host.resize(1280, 800)
        self.host.show()
        self.dialog = AdoptionDialog(self.bridge, self.window, parent=self.host)
        self.dialog.open()

    async def _answer(self, listed: Listed) -> tuple[Listed, ...]:
        await self.gates[listed.account_id].wait()
        return (listed,)

    def said(self, key: str) -> str:
        label = self.dialog.findChild(QLabel, f"adoption.account.{key}.said")
        assert label is not None
        return label.text()

    def names(self) -> list[str]:
        return [found.instance.name for found in self.dialog.model.records()]

    async def all_there(self) -> None:
        for gate in self.gates.values():
            gate.set()
        await until(self.dialog.is_done)


@pytest.fixture
async def opened(qapp: QApplication) -> AsyncIterator[Opened]:
    made = Opened(
        {
            "acme": Listed(account_id="acme", instances=instances(9, "web"), machine_ids={"web0": "machine-1"}),
            "labs": Listed(account_id="labs", problem="Hetzner Cloud does not let these credentials in.", code="E-X"),
        }
    )
    await until(lambda: len(made.dialog._lines) == 2)
    yield made
    await close(made.bridge, made.dialog, made.host)


async def test_each_account_is_told_of_by_itself(opened: Opened) -> None:
    opened.gates["acme"].set()
    await until(lambda: opened.said("acme") == "8 not managed, 1 managed here")
    assert opened.said("labs") == "Asking…"
    opened.gates["labs"].set()
    await until(lambda: opened.said("labs").startswith("Hetzner Cloud does not let"))
    assert len(opened.names()) == 8


async def test_an_account_that_failed_is_asked_again_alone(opened: Opened) -> None:
    await opened.all_there()
    retry = opened.dialog.findChild(QWidget, "adoption.account.labs.retry")
    assert retry is not None
    QTest.mouseClick(retry, LEFT)
    await until(lambda: len(opened.gateway.asked_of(ListInstances)) == 3)
    assert opened.gateway.asked_of(ListInstances)[-1].account_ids == ("labs",)


async def test_the_search_knows_labels(opened: Opened) -> None:
    await opened.all_there()
    QTest.keyClicks(opened.dialog._search, "tier=front")
    await until(lambda: opened.names() == ["web-0007"])


async def test_what_is_chosen_is_imported_and_its_plan_shown(opened: Opened) -> None:
    await opened.all_there()
    table = opened.dialog.table
    QTest.mouseClick(table.viewport(), LEFT, pos=table.visualRect(table.model().index(0, 0)).center())
    assert opened.dialog.primary.isEnabled()
    QTest.mouseClick(opened.dialog.primary, LEFT)
    dialog = opened.dialog.findChild(ImportMachineDialog)
    assert dialog is not None
    await until(lambda: dialog.findChild(QWidget, "import_machine.key.key-laptop") is not None)
    box = dialog.findChild(QWidget, "import_machine.key.key-laptop")
    assert box is not None
    QTest.keyClick(box, Qt.Key.Key_Space)
    QTest.mouseClick(dialog.primary, LEFT)
    await until(lambda: opened.window.inspected)
    (ask,) = opened.gateway.asked_of(ImportMachine)
    assert (ask.account_id, ask.resource_id, ask.name, ask.key_ids) == ("acme", "web1", "web-0001", ("key-laptop",))
    assert opened.window.inspected == [("deployment", ask.deployment_id)]


async def test_four_accounts_of_500_stand_in_one_table_soon_after_the_last_answer(qapp: QApplication) -> None:
    names = ("acme", "labs", "north", "south")
    made = Opened({key: Listed(account_id=key, instances=instances(500, key)) for key in names})
    await until(lambda: len(made.dialog._lines) == 4)
    await turn(5)
    began = time.thread_time()
    await made.all_there()
    qapp.processEvents()
    took = time.thread_time() - began
    assert len(made.names()) == 2000
    assert took < WITHIN_S, f"{took:.2f} s"
    await close(made.bridge, made.dialog, made.host)


def test_labels_of_theirs_become_tags_of_ours_but_for_what_is_no_label() -> None:
    labels = {"web": "", "env": "prod", "Name": "web-1", "aws:cloudformation:stack-name": "x", "machina-team": "team-1"}
    assert Instance(resource_id="1", name="web-1", labels=labels).tags == ("web", "env:prod")


@pytest.mark.parametrize(
    ("theirs", "ours"), [("Web_1.example.org", "web-1-example-org"), ("--A--", "a"), ("x" * 80, "x" * 63)]
)
def test_a_name_of_theirs_becomes_one_of_ours(theirs: str, ours: str) -> None:
    assert suggested_name(theirs) == ours
