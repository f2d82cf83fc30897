"""Every widget of every app: named, reached by Tab, whole at every size, at rest when motion is reduced."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMargins, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QWidget

import machina_desktop
from machina_desktop.core.config import Paths
from machina_desktop.core.domain.machine import name_problem
from machina_desktop.core.domain.team import User
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.views import theme
from machina_desktop.views.apps import settings_about
from machina_desktop.views.deploy_wizard import setup_steps
from machina_desktop.views.widgets.modal import Modal
from tests.architecture.source import ROOT
from tests.fakes import walk
from tests.fakes.awkward import awkward_rows
from tests.fakes.dialog_scenes import SHOWN, shapes
from tests.fakes.file_scenes import TEXTS as FILE_TEXTS
from tests.fakes.house import SIZES, House, house_with
from tests.fakes.people_answers import CODE
from tests.fakes.pseudo import pseudo_language, texts_in, untranslated
from tests.fakes.rows import CATALOGUES, PROVIDER_INFOS
from tests.fakes.scenes import scenes
from tests.fakes.server_scenes import TEXTS as SERVER_TEXTS
from tests.fakes.tab_order import tab_order
from tests.fakes.terminal_broadcast_scenes import TEXTS as BROADCAST_TEXTS
from tests.fakes.terminal_scenes import TEXTS as TERMINAL_TEXTS
from tests.fakes.terminal_split_scenes import TEXTS as SPLIT_TEXTS
from tests.fakes.walk import Finding

SCENES = scenes()
SMALL_SCREEN = QSize(1024, 640)
SCALED = (
    "window",
    "machines filled",
    "deployments filled",
    "settings filled",
    "detail machine",
    "run failed",
    "wizard host",
    "wizard review",
    "first run 2",
    "palette",
)


@pytest.fixture(autouse=True)
def _still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    if theme.current().name != "dark" or not qapp.styleSheet():
        theme.apply_theme(qapp, "dark")
    theme.set_motion_reduced(True)
    # What a small screen leaves to a dialog; the screen of the tests has other measures.
    room = QRect(QPoint(0, 0), SMALL_SCREEN).marginsRemoved(QMargins(16, 16, 16, 16))
    monkeypatch.setattr(Modal, "_room", lambda dialog: room.marginsAdded(dialog._shadow()))
    yield
    theme.set_motion_reduced(False)


def test_every_dialog_and_card_is_among_the_scenes() -> None:
    shown = {shape for shape, _ in SHOWN.values()}
    missing = sorted(f"{each.__module__}.{each.__name__}" for each in shapes() - shown)
    assert not missing, f"tests/fakes/dialog_scenes.py opens no {', '.join(missing)}: add a scene"


async def at_each_size(house: House, root: QWidget) -> list[Finding]:
    """What is cut or lies over something else, with the size at which it does."""
    found: list[Finding] = []
    for size in SIZES[:1] if isinstance(root, QDialog) else SIZES:
        await house.resize(size)
        at = f" (at {size.width()} × {size.height()})"
        found += [Finding(each.where, each.what + at) for each in _misplaced(root)]
    await house.resize(SIZES[0])
    return found


def _misplaced(root: QWidget) -> Iterator[Finding]:
    yield from walk.cuts(root)
    yield from walk.overlaps(root)
    yield from walk.overpainted(root)
    yield from walk.sideways(root)
    yield from _too_large(root)


def _too_large(root: QWidget) -> Iterator[Finding]:
    screen = SMALL_SCREEN
    size = root.panel().size() if isinstance(root, Modal) else root.size()
    if isinstance(root, QDialog) and size != size.boundedTo(screen):
        yield Finding(type(root).__name__, f"is {size.width()} × {size.height()} px, more than a small screen has")


@pytest.mark.parametrize("name", SCENES)
async def test_every_widget_of(name: str, tmp_path: Path) -> None:
    async with house_with(tmp_path) as house:
        root = await SCENES[name](house)
        assert isinstance(root, SHOWN[name][0] if name in SHOWN else QWidget)
        found = [*walk.names(root), *walk.movements(root)]
        if not isinstance(root, QMenu):
            found += await at_each_size(house, root)
            found += tab_order(root)
        assert not found, walk.report(found)


@pytest.mark.parametrize("name", SCENES)
async def test_every_text_is_translated_in(name: str, tmp_path: Path) -> None:
    with pseudo_language():
        async with house_with(tmp_path) as house:
            root = await SCENES[name](house)
            data = data_of(house)
            found = [
                Finding(where, f"is not translated: {left!r} in {text[:80]!r}")
                for where, text in dict.fromkeys(walk.said(root))
                if (left := untranslated(text, data))
            ]
            if not isinstance(root, QMenu):
                found += await at_each_size(house, root)
            assert not found, walk.report(found)


@pytest.mark.parametrize("name", SCENES)
async def test_nothing_is_cut_by_awkward_names_in_a_small_window_in(name: str, tmp_path: Path) -> None:
    async with house_with(tmp_path, awkward_rows(), SIZES[-1]) as house:
        root = await SCENES[name](house)
        found = [] if isinstance(root, QMenu) else list(_misplaced(root))
        assert not found, walk.report(found)


@pytest.mark.parametrize("name", SCENES)
async def test_nothing_overlaps_from_right_to_left_in(name: str, tmp_path: Path, qapp: QApplication) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        async with house_with(tmp_path, size=SIZES[1]) as house:
            root = await SCENES[name](house)
            found = (
                [] if isinstance(root, QMenu) else [*walk.overlaps(root), *walk.overpainted(root), *walk.sideways(root)]
            )
            root.grab()
            assert not found, walk.report(found)
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


@pytest.mark.parametrize("factor", ["1.5", "2"])
def test_nothing_is_cut_at_a_display_scale_of(factor: str) -> None:
    # The scale is read when Qt starts.
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"]
    scenes_ = [f"{__file__}::test_every_widget_of[{name}]" for name in SCALED]
    environment = {**os.environ, "QT_SCALE_FACTOR": factor}
    ended = subprocess.run(
        [*command, *scenes_], env=environment, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stdout[-4000:]


def data_of(house: House) -> frozenset[str]:
    """What comes from the core, as it is: rows, log lines, what providers and this computer say of themselves.

    The wizard's review shows the request's own names, and its examples are commands.
    """
    rows = [row for each in house.gateway.rows.values() for row in each.values()]
    return texts_in(
        (
            rows,
            list(house.gateway.logs.values()),
            PROVIDER_INFOS,
            list(CATALOGUES.values()),
            house.device.engine,
            house.gateway.servers.statuses,
            house.gateway.servers.intents,
            house.gateway.servers.found,
            SERVER_TEXTS,
            TERMINAL_TEXTS,
            SPLIT_TEXTS,
            BROADCAST_TEXTS,
            FILE_TEXTS,
            house.bridge.actor.display_name,
            [str(each) for each in (Paths.default().home, Paths.default().logs)],
            "Personal",
            settings_about.SHIPPED,
            settings_about.LICENCE,
            machina_desktop.__version__,
            list(CreateMachine.__dataclass_fields__),
            setup_steps.EXAMPLE,
            name_problem(""),
            "server-1",
            "acme",
            "personal",
            CODE,
            "7k3m9-2qhx4-…",
            "machina://join",
            ["".join(word[0] for word in user.display_name.split()) for user in house.gateway.all(User)],
        )
    )
