"""The gallery shows every widget of the design system, in every theme, and all of it is named and reachable."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.views import theme, widgets
from machina_desktop.views.gallery import GalleryWindow
from machina_desktop.views.gallery.window import SECTIONS
from machina_desktop.views.widgets.buttons import Segmented
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.menus import Dropdown, Menu
from machina_desktop.views.widgets.modal import Modal
from machina_desktop.views.widgets.tooltip import Tooltip, hide_tooltip

# Bases that are only ever shown as what is made of them.
_BASES = {"Field"}
_SWITCH_S = 0.5


@pytest.fixture
def gallery(qtbot: QtBot, qapp: QApplication) -> Iterator[GalleryWindow]:
    """The window, still, in the dark theme."""
    theme.set_motion_reduced(True)
    theme.apply_theme(qapp, "dark")
    made = GalleryWindow("dark")
    made.show()
    qtbot.waitExposed(made)
    yield made
    hide_tooltip()
    # At once: some thousand widgets more would be dressed anew at each switch of the next test.
    shiboken6.delete(made)
    theme.apply_theme(qapp, "dark")


def public_widgets() -> set[type[QWidget]]:
    """Every public class of the design system that is a widget."""
    found: set[type[QWidget]] = set()
    for module in pkgutil.iter_modules(widgets.__path__, f"{widgets.__name__}."):
        for name, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            is_own = value.__module__ == module.name and issubclass(value, QWidget)
            if is_own and not name.startswith("_") and name not in _BASES:
                found.add(value)
    return found


def shown_widgets(root: QWidget) -> set[type[QWidget]]:
    """The classes of everything in ``root`` and in the windows open now."""
    every = [root, *root.findChildren(QWidget), *QApplication.topLevelWidgets()]
    return {type(widget) for widget in [*every, *(child for top in every[-9:] for child in top.findChildren(QWidget))]}


def test_every_widget_of_the_design_system_is_shown(gallery: GalleryWindow, qtbot: QtBot) -> None:
    shown: set[type[QWidget]] = set()
    for section in SECTIONS:
        page = gallery.open(section.key)
        shown |= shown_widgets(page)
    overlays = gallery.open("overlay")
    for opener in overlays.findChildren(QAbstractButton):
        if opener.objectName().startswith("gallery.open."):
            opener.click()
            QApplication.processEvents()
            shown |= shown_widgets(gallery)
            _close_overlays()
    assert {kind.__name__ for kind in public_widgets() - shown} == set()


def _close_overlays() -> None:
    hide_tooltip()
    for window in QApplication.topLevelWidgets():
        if isinstance(window, Modal | Menu):
            window.close()
    QApplication.processEvents()


@pytest.mark.parametrize("name", theme.THEME_NAMES)
def test_every_section_paints_in_every_theme(gallery: GalleryWindow, qapp: QApplication, name: str) -> None:
    theme.apply_theme(qapp, name)
    for section in SECTIONS:
        gallery.open(section.key)
        assert not gallery.grab().isNull()


def test_every_section_fits_a_narrow_window(gallery: GalleryWindow) -> None:
    gallery.resize(900, 640)
    wide = []
    for section in SECTIONS:
        page = gallery.open(section.key)
        QApplication.processEvents()
        if page.minimumSizeHint().width() > 900 - 232:
            wide.append((section.key, page.minimumSizeHint().width()))
    assert wide == []


def test_whatever_takes_the_focus_has_a_name(gallery: GalleryWindow) -> None:
    nameless = []
    for section in SECTIONS:
        for widget in gallery.open(section.key).findChildren(QWidget):
            is_ours = type(widget).__module__.startswith("machina_desktop")
            is_ours = is_ours or isinstance(widget, QLineEdit | QPlainTextEdit)
            takes_focus = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not widget.isHidden()
            words = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
            is_inside = widget.objectName().startswith("qt_")
            if (
                takes_focus
                and not is_inside
                and not words
                and (is_ours or isinstance(widget, QLineEdit | QPlainTextEdit))
            ):
                nameless.append((section.key, type(widget).__name__, widget.objectName()))
    assert nameless == []


def test_the_focus_shows_on_everything_that_takes_it(gallery: GalleryWindow, qtbot: QtBot) -> None:
    unseen: set[str] = set()
    seen: set[str] = set()
    for section in SECTIONS:
        for widget in gallery.open(section.key).findChildren(QWidget):
            kind = type(widget).__name__
            can_take = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible() and widget.isEnabled()
            is_inside = widget.objectName().startswith("qt_spinbox")
            if can_take and widget.focusProxy() is None and kind not in seen and not is_inside:
                seen.add(kind)
                if not _shows_focus(widget, qtbot):
                    unseen.add(f"{section.key}: {kind} {widget.objectName()}")
    assert unseen == set()
    assert len(seen) > 20


def _shows_focus(widget: QWidget, qtbot: QtBot) -> bool:
    window = widget.window()
    window.activateWindow()
    window.setFocus()
    without = _picture(widget)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(widget.hasFocus)
    return _picture(widget) != without


def _picture(widget: QWidget) -> QImage:
    QApplication.processEvents()
    return widget.grab().toImage()


def test_a_theme_is_switched_with_everything_built_in_half_a_second(gallery: GalleryWindow, qapp: QApplication) -> None:
    for section in SECTIONS:
        gallery.open(section.key)
    QApplication.processEvents()
    taken = []
    for name in ("light", "dark", "light"):
        start = time.process_time()
        theme.apply_theme(qapp, name)
        QApplication.processEvents()
        taken.append(time.process_time() - start)
    assert min(taken) < _SWITCH_S


def test_the_theme_is_switched_by_its_segments(gallery: GalleryWindow) -> None:
    looks = next(each for each in gallery.findChildren(Segmented) if each.accessibleName() == "Theme")
    looks.set_current("light")
    assert theme.current().name == "light"


def test_sections_are_found_by_name(gallery: GalleryWindow, qtbot: QtBot) -> None:
    search = next(each for each in gallery.findChildren(QLineEdit) if each.placeholderText() == "Find a widget…")
    QTest.keyClicks(search, "badge")
    titles = gallery.section_list.items
    qtbot.waitUntil(lambda: [item.title for item in titles()] == ["Badge", "StatusBadge"])


def test_an_icon_is_found_by_name_and_its_name_copied(gallery: GalleryWindow, qtbot: QtBot) -> None:
    page = gallery.open("icon")
    search = page.findChild(QLineEdit)
    assert search is not None
    QTest.keyClicks(search, "trash")
    qtbot.waitUntil(lambda: [tile.text() for tile in _tiles(page)] == ["trash-2"])
    _tiles(page)[0].click()
    assert QGuiApplication.clipboard().text() == "trash-2"


def _tiles(page: QWidget) -> list[QAbstractButton]:
    tiles = [tile for tile in page.findChildren(QAbstractButton) if tile.isVisible()]
    return [tile for tile in tiles if tile.accessibleName() == f"Copy {tile.text()}"]


def test_an_overlay_opens_from_its_button(gallery: GalleryWindow) -> None:
    page = gallery.open("overlay")
    for name, kind in (("form", Dialog), ("dropdown", Menu), ("tooltip", Tooltip)):
        opener = page.findChild(QAbstractButton, f"gallery.open.{name}")
        assert opener is not None
        if isinstance(opener, Dropdown):
            opener.open()
        else:
            opener.click()
        assert any(isinstance(window, kind) and window.isVisible() for window in QApplication.topLevelWidgets())
        _close_overlays()


def test_the_command_line_refuses_a_theme_that_does_not_exist() -> None:
    command = [sys.executable, "-m", "machina_desktop", "--gallery", "mauve"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "no theme named mauve" in ended.stderr
