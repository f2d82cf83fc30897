"""From a line that Terraform prints to its being painted, and how Qt's loop bears ten thousand lines a second."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["MACHINA_VAULT"] = "key-file"

import qasync
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from bench import _chatty_terraform
from machina_desktop.bridge import Bridge
from machina_desktop.core.config import ENGINE, Paths, Settings
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.services.deployments import GetDeployment
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.views import theme
from machina_desktop.views.apps.deployment_log import LogFollower
from machina_desktop.views.widgets.log_view import LogView
from tests.fakes import provider, terraform_shim

BAR_S = 0.016


class PaintWatch(QObject):
    """Notes when the newest line known to the view was painted."""

    def __init__(self, view: LogView) -> None:
        super().__init__(view)
        self.latencies: list[float] = []
        self._unpainted: list[float] = []
        view.canvas.viewport().installEventFilter(self)

    def arrived(self, lines: tuple[object, ...]) -> None:
        """Lines were handed to the view."""
        self._unpainted += [
            float(line.text.split()[2])
            for line in lines
            if line.text.startswith("printed ")  # type: ignore[attr-defined]
        ]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        del watched
        if event.type() is QEvent.Type.Paint and self._unpainted:
            now = time.time()
            self.latencies += [now - printed for printed in self._unpainted]
            self._unpainted.clear()
        return False


class GapWatch:
    """Ticks as fast as the loop lets it; the longest gaps tell how long it was blocked."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(interval=0)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin."""
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """Look no longer."""
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now


async def stream(home: Path, *, lines: int, rate: int, burst: int, watch_gaps: bool) -> tuple[PaintWatch, GapWatch]:
    """Run one deployment whose apply prints the lines, with its log open."""
    inner = terraform_shim.install(home / "inner")
    program = _chatty_terraform.install(home, inner, lines=lines, rate=rate, burst=burst)
    paths = Paths(home / "data")
    paths.create()
    settings = Settings(paths.settings)
    settings.set(ENGINE, str(program))
    bus = EventBus()
    host = Host(paths, settings, bus)
    bridge = Bridge(bus)
    await host.start()
    host.start_deployer()
    bridge.settle(host.gateway)
    account = await bridge.call(AddAccount(team_id=bridge.team_id, type=ProviderType.SANDBOX, label="here"))
    view, gaps = LogView(), GapWatch()
    view.resize(700, 600)
    view.show()
    paints = PaintWatch(view)
    ask = CreateMachine(
        team_id=bridge.team_id, account_id=account.provider_account_id, name="chatty", auto_approve=True
    )
    await bridge.call(ask)
    follower = LogFollower(bridge, ask.deployment_id, view)
    follower.arrived.connect(paints.arrived)
    follower.arrived.connect(view.append_lines)
    if watch_gaps:
        # As the application does once it has started.
        gc.freeze()
        gaps.start()
    await _until_ended(bridge, ask.deployment_id, lambda: len(paints.latencies) >= lines)
    gaps.stop()
    await bridge.finish()
    await host.stop()
    view.close()
    return paints, gaps


async def _until_ended(bridge: Bridge, deployment_id: str, is_all_seen: Callable[[], bool]) -> None:
    while True:
        deployment = await bridge.call(GetDeployment(deployment_id=deployment_id))
        if deployment.state is DeploymentState.FAILED:
            raise SystemExit(deployment.error_message)
        if deployment.state is DeploymentState.SUCCEEDED and is_all_seen():
            return
        await asyncio.sleep(0.1)


async def measure(folder: Path) -> None:
    """Print both figures."""
    calm, _ = await stream(folder / "calm", lines=60, rate=12, burst=1, watch_gaps=False)
    ordered = sorted(calm.latencies)
    p95 = ordered[int(len(ordered) * 0.95)] * 1000
    print(f"line printed to painted, median    {statistics.median(ordered) * 1000:7.0f} ms   (bar: 200 ms)")
    print(f"line printed to painted, p95       {p95:7.0f} ms")
    flood, gaps = await stream(folder / "flood", lines=50_000, rate=10_000, burst=100, watch_gaps=True)
    worst = sorted(gaps.gaps)
    print(f"lines painted in the flood         {len(flood.latencies):7,}      of 50,000 at 10,000 a second")
    over = [gap for gap in worst if gap > BAR_S]
    print(f"loop blocked in the flood, longest {worst[-1] * 1000:7.1f} ms   (bar: 16 ms)")
    print(f"times it was blocked over the bar  {len(over):7}      in {sum(worst):.1f} s")
    print(f"last line printed to painted       {flood.latencies[-1] * 1000:7.0f} ms")


def main() -> None:
    """Run on Qt's loop, as the application does."""
    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    theme.apply_theme(app, "dark")
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    provider.install(provider.RecordProvider())
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as folder, loop:
        loop.run_until_complete(measure(Path(folder)))


if __name__ == "__main__":
    main()
