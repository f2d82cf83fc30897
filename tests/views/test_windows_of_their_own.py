"""No part of a page is ever on the screen as a window of its own, not even for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.views.apps import APPS
from machina_desktop.views.deploy_wizard.wizard import DeployWizard
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, turn
from tests.fakes.people_rows import people_rows
from tests.fakes.rows import TEAM_ID, team_rows

DETAILS = {
    "machine": "machine-01",
    "deployment": "deployment-01",
    "ssh_key": "key-laptop",
    "provider_account": "account-here",
    "team": TEAM_ID,
    "member": "member-03",
    "invite": "invite-01",
    "audit_event": "audit-0003",
}


class Lookout(QObject):
    """Notes every widget that is shown without a parent."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.parentWidget() is None:
            self.seen.append(f"{type(watched).__name__} {watched.accessibleName()}".strip())
        return False


@pytest.fixture
def lookout(qapp: QApplication) -> Iterator[Lookout]:
    made = Lookout()
    qapp.installEventFilter(made)
    yield made
    qapp.removeEventFilter(made)


def _bridge() -> Bridge:
    gateway = FakeGateway((*team_rows(), *people_rows()))
    FakeDevice(gateway)
    return bridge_with(gateway)


async def test_pages_and_details_are_built_unseen(lookout: Lookout, qtbot: QtBot) -> None:
    bridge, window = _bridge(), RecordingWindow()
    made: list[QWidget] = [app.page(bridge, window) for app in APPS]
    for app in APPS:
        made += [detail(bridge, window, DETAILS[entity]) for entity, detail in app.details.items()]
    await turn(40)
    assert lookout.seen == []
    await close(bridge, *made)


async def test_the_steps_of_the_wizard_are_built_unseen(lookout: Lookout, qtbot: QtBot) -> None:
    bridge = _bridge()
    wizard = DeployWizard(bridge, RecordingWindow())
    for _ in range(20):
        await asyncio.sleep(0)
    for step in WizardStep:
        if step is not WizardStep.FIREWALL:
            wizard._step(step)
    assert lookout.seen == []
    await close(bridge, wizard)
