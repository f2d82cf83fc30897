"""What several view tests stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.services import device
from machina_desktop.views import theme
from machina_desktop.views.apps import APPS
from machina_desktop.views.desk import Desk
from machina_desktop.views.main_window import MainWindow
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import FakeGateway, bridge_with, turn
from tests.fakes.rows import team_rows
from tests.fakes.shell import Open, Opened


@pytest.fixture
def calm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    """A data folder of the test's own, the dark theme, and nothing that moves by itself."""
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    if theme.current().name != "dark" or not qapp.styleSheet():
        theme.apply_theme(qapp, "dark")
    theme.set_motion_reduced(True)
    yield
    theme.set_motion_reduced(False)


@pytest_asyncio.fixture
async def open_window(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens windows on fake rows in a data folder of their own; a second one finds what the first remembered."""
    opened: list[Opened] = []
    if theme.current().name != "dark" or not qapp.styleSheet():
        theme.apply_theme(qapp, "dark")

    def open_(
        vault: device.VaultStatus | None = None,
        *,
        prepare: Callable[[FakeGateway], object] = lambda _gateway: None,
        **kwargs: int,
    ) -> Opened:
        gateway = FakeGateway(team_rows(**kwargs))
        fake = FakeDevice(gateway)
        prepare(gateway)
        if vault is not None:
            fake.vault = vault
        bridge = bridge_with(gateway)
        window = MainWindow(apps=APPS, paths=Paths(tmp_path))
        window.show()
        settings = Settings(tmp_path / "settings.json")
        desk = Desk(window, bridge, settings, lambda text: text.replace("hunter22", "•••"))
        window.furnish(bridge)
        made = Opened(window, desk, bridge, gateway, fake, settings)
        opened.append(made)
        return made

    yield open_
    for made in opened:
        await turn()
        made.window.close_for_good()
        await made.bridge.finish()
        made.window.deleteLater()
    # Outside of a running Qt loop nobody else does; windows left over would be restyled with every change of theme.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
