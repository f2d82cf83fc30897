"""The look follows the desktop: contrast, motion, dark or light, over a real settings portal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from machina_desktop.views import theme
from machina_desktop.views.bus import Bus
from machina_desktop.views.bus_probe import BusKind
from machina_desktop.views.system_look import (
    COLOR_SCHEME,
    CONTRAST,
    GNOME_ANIMATIONS,
    GNOME_CONTRAST,
    KDE_ANIMATIONS,
    MOTION,
    SystemLook,
)
from tests.fakes.system_bus import DesktopBus, desktop_bus


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        QApplication.processEvents()
        time.sleep(0.002)


@pytest.fixture
def portal(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DesktopBus]:
    with desktop_bus(tmp_path) as found:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", found.address)
        yield found
    theme.set_system_look(theme.SystemLook())
    theme.set_motion("off")
    theme.apply_theme(qapp, "dark")


@pytest.fixture
def parent(portal: DesktopBus) -> Iterator[QObject]:
    owner = QObject()
    yield owner
    owner.deleteLater()
    QApplication.processEvents()


def follow(qapp: QApplication, parent: QObject, *, choice: str = "system", motion: str = "system") -> None:
    theme.set_motion(motion)
    theme.apply_theme(qapp, choice)
    bus = Bus(BusKind.SESSION, parent=parent)
    SystemLook(bus, parent=parent)
    bus.open()


@pytest.mark.parametrize(
    ("key", "value"), [(CONTRAST, ("u", 1)), (GNOME_CONTRAST, ("b", True))], ids=["portal", "gnome"]
)
def test_high_contrast_is_taken_from_the_desktop(
    qapp: QApplication, portal: DesktopBus, parent: QObject, key: tuple[str, str], value: tuple[str, object]
) -> None:
    portal.look[key] = value
    follow(qapp, parent)
    until(lambda: theme.current().name == "high-contrast")


def test_dark_and_light_follow_the_desktop_at_run_time(qapp: QApplication, portal: DesktopBus, parent: QObject) -> None:
    portal.look[COLOR_SCHEME] = ("u", 2)
    follow(qapp, parent)
    until(lambda: theme.current().name == "light")
    portal.set_look(*COLOR_SCHEME, ("u", 1))
    until(lambda: theme.current().name == "dark")
    portal.set_look(*CONTRAST, ("u", 1))
    until(lambda: theme.current().name == "high-contrast")
    portal.set_look(*CONTRAST, ("u", 0))
    until(lambda: theme.current().name == "dark")


def test_a_theme_that_was_chosen_stays_whatever_the_desktop_says(
    qapp: QApplication, portal: DesktopBus, parent: QObject
) -> None:
    portal.look[CONTRAST] = ("u", 1)
    portal.look[MOTION] = ("u", 1)
    follow(qapp, parent, choice="light")
    until(theme.is_motion_reduced)
    assert theme.current().name == "light"


@pytest.mark.parametrize(
    ("key", "still", "moving"),
    [
        (MOTION, ("u", 1), ("u", 0)),
        (GNOME_ANIMATIONS, ("b", False), ("b", True)),
        (KDE_ANIMATIONS, ("s", "0"), ("s", "1.5")),
        (KDE_ANIMATIONS, ("d", 0.0), ("d", 1.0)),
    ],
    ids=["portal", "gnome", "kde", "kde-number"],
)
def test_nothing_moves_while_the_desktop_asks_for_stillness(
    qapp: QApplication,
    portal: DesktopBus,
    parent: QObject,
    *,
    key: tuple[str, str],
    still: tuple[str, object],
    moving: tuple[str, object],
) -> None:
    portal.look[key] = still
    follow(qapp, parent)
    until(theme.is_motion_reduced)
    portal.set_look(*key, moving)
    until(lambda: not theme.is_motion_reduced())


@pytest.mark.parametrize(("choice", "expected"), [("on", True), ("off", False)])
def test_a_choice_of_motion_counts_more_than_the_desktop(
    qapp: QApplication, portal: DesktopBus, parent: QObject, choice: str, *, expected: bool
) -> None:
    portal.look[MOTION] = ("u", int(not expected))
    portal.look[COLOR_SCHEME] = ("u", 2)
    follow(qapp, parent, motion=choice)
    until(lambda: theme.current().name == "light" and portal.asked.count("ReadOne") == 6)
    assert theme.is_motion_reduced() is expected


def test_an_older_portal_is_asked_in_its_own_way(qapp: QApplication, portal: DesktopBus, parent: QObject) -> None:
    portal.knows_read_one = False
    portal.look[MOTION] = ("u", 1)
    follow(qapp, parent)
    until(theme.is_motion_reduced)


def test_strange_values_change_nothing(qapp: QApplication, portal: DesktopBus, parent: QObject) -> None:
    for key in (COLOR_SCHEME, CONTRAST, MOTION, GNOME_ANIMATIONS, KDE_ANIMATIONS):
        portal.look[key] = ("s", "nonsense")
    follow(qapp, parent)
    until(lambda: portal.asked.count("ReadOne") == 6)
    portal.set_look(*MOTION, ("u", 1))
    until(theme.is_motion_reduced)
    assert theme.current().name == "dark"
