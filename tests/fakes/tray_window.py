"""The window on fake rows beside a real tray, to be run on a virtual display; says in lines what becomes of it.

Lines: ``tray|there|…``, ``icon|X|Y`` once the icon lies in the tray, ``menu|TITLE=X,Y|…`` when its menu opens,
``window|shown`` and ``window|hidden``, ``run|ID`` when a run is asked for, ``agreed`` when the program may end. What
comes in by standard input is done: ``close`` closes the window as the person does, ``quit`` ends the program.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from pathlib import Path

import qasync
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from machina_desktop.core.config import CLOSE_TO_TRAY, Paths, Settings
from machina_desktop.views import theme
from machina_desktop.views.apps import APPS
from machina_desktop.views.desk import Desk
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.tray import Tray
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import FakeGateway, bridge_with
from tests.fakes.rows import team_rows


class Orders(QObject):
    """Lines of standard input, on the Qt thread."""

    came = Signal(str)

    def read(self) -> None:
        for line in sys.stdin:
            self.came.emit(line.strip())


def say(*words: object) -> None:
    print(*words, sep="|", flush=True)


class Watched:
    """Tells what the tray's icon and the window do."""

    def __init__(self, window: MainWindow, desk: Desk, tray: Tray) -> None:
        self._tray = tray
        self._icon_said = False
        window.visibility_changed.connect(lambda is_shown: say("window", "shown" if is_shown else "hidden"))
        window.quit_agreed.connect(lambda: say("agreed"))
        tray.run_requested.connect(lambda key: say("run", key))
        # Its place is known only once it is shown.
        tray.menu().aboutToShow.connect(lambda: QTimer.singleShot(200, self._tell_menu))
        self._timer = QTimer(desk, interval=50)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        place = self._tray.icon.geometry()
        if self._tray.is_there() and place.width() > 1 and not self._icon_said:
            self._icon_said = True
            say("icon", place.center().x(), place.center().y())

    def _tell_menu(self) -> None:
        menu = self._tray.menu()
        entries = []
        for action in menu.actions():
            if action.text():
                place = menu.mapToGlobal(menu.actionGeometry(action).center())
                entries.append(f"{action.text()}={place.x()},{place.y()}")
        say("menu", *entries)


async def live(window: MainWindow, settings: Settings) -> None:
    gateway = FakeGateway(team_rows())
    FakeDevice(gateway)
    bridge = bridge_with(gateway)
    desk = Desk(window, bridge, settings, lambda text: text)
    window.furnish(bridge)
    known = asyncio.Event()
    desk.runs.open_changed.connect(lambda _runs: known.set())
    await known.wait()
    assert desk.tray is not None
    run = desk.runs.running[0]
    gateway.progress(run.deployment_id, "apply", 3, 7)
    await asyncio.sleep(0.1)
    say("tray", "there" if desk.tray.is_there() else "none", len(desk.runs.waiting), run.deployment_id)
    _watched = Watched(window, desk, desk.tray)
    over = asyncio.Event()
    orders = Orders()
    does = {"close": window.close, "quit": over.set, "show": window.come_to_front}
    orders.came.connect(lambda order: does[order]())
    threading.Thread(target=orders.read, daemon=True).start()
    await over.wait()
    window.close_for_good()
    await bridge.finish()


def main() -> None:
    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    theme.apply_theme(app, "dark")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "settings.json")
        settings.set(CLOSE_TO_TRAY, sys.argv[1:] == ["hide"])
        window = MainWindow(apps=APPS, paths=Paths(Path(folder)))
        window.show()
        loop = qasync.QEventLoop(app)
        asyncio.set_event_loop(loop)
        with loop:
            loop.run_until_complete(live(window, settings))


if __name__ == "__main__":
    main()
