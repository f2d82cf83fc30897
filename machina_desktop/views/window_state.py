"""What the window remembers of its looks: geometry, docks, the page shown. A broken file is as good as none."""

from __future__ import annotations

import contextlib
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow, QWidget

DEFAULT_SIZE = QSize(1280, 820)
# So much of the window must lie on some screen, or it is brought back.
VISIBLE_WIDTH = 160
VISIBLE_HEIGHT = 80
# Raised when docks get other names, so that old layouts are not forced on them.
VERSION = 1
# The file has some kilobytes; reading one that was filled by accident would hold up the start.
GREATEST_BYTES = 1_000_000


class WindowState:
    """Reads and writes the window's ini file. One far too large is put aside as ``window.ini.broken``."""

    def __init__(self, file: Path) -> None:
        with contextlib.suppress(OSError):
            if file.stat().st_size > GREATEST_BYTES:
                file.replace(file.with_name(f"{file.name}.broken"))
        self._settings = QSettings(str(file), QSettings.Format.IniFormat)

    def restore_geometry(self, window: QWidget) -> None:
        """Put ``window`` where it was, corrected to lie on a screen; at first in the middle."""
        geometry = self._settings.value("window/geometry")
        if not isinstance(geometry, QByteArray) or not window.restoreGeometry(geometry):
            window.resize(_fitting(DEFAULT_SIZE))
            _center(window)
        elif not is_reachable(window.frameGeometry()):
            bring_back(window)

    def restore_docks(self, area: QMainWindow) -> None:
        """Put the docks of ``area`` where they were."""
        docks = self._settings.value("window/docks")
        if isinstance(docks, QByteArray):
            area.restoreState(docks, VERSION)

    def save_geometry(self, window: QWidget) -> None:
        """Remember where ``window`` is."""
        self._settings.setValue("window/geometry", window.saveGeometry())

    def save_docks(self, area: QMainWindow) -> None:
        """Remember where the docks of ``area`` are."""
        self._settings.setValue("window/docks", area.saveState(VERSION))

    def write(self) -> None:
        """Bring what is remembered to the disk."""
        self._settings.sync()

    def text(self, key: str, default: str = "") -> str:
        """A remembered word, such as the page's name."""
        value = self._settings.value(f"window/{key}", default)
        return value if isinstance(value, str) else default

    def set_text(self, key: str, value: str) -> None:
        """Remember a word."""
        self._settings.setValue(f"window/{key}", value)


def is_reachable(frame: QRect) -> bool:
    """Whether enough of a window's frame, its top included, lies on a screen to be grabbed."""
    for screen in QGuiApplication.screens():
        seen = screen.availableGeometry().intersected(frame)
        if (
            seen.width() >= VISIBLE_WIDTH
            and seen.height() >= VISIBLE_HEIGHT
            and seen.top() - frame.top() < VISIBLE_HEIGHT
        ):
            return True
    return False


def bring_back(window: QWidget) -> None:
    """Put ``window`` into the middle of the first screen, no larger than that."""
    window.resize(_fitting(window.size()))
    _center(window)


def _fitting(size: QSize) -> QSize:
    screen = QGuiApplication.primaryScreen()
    return size if screen is None else size.boundedTo(screen.availableGeometry().size())


def _center(window: QWidget) -> None:
    screen = QGuiApplication.primaryScreen()
    if screen is not None:
        area = screen.availableGeometry()
        place = area.center() - window.rect().center()
        # Of one that is too large, the top left corner is what is needed.
        window.move(max(area.left(), place.x()), max(area.top(), place.y()))
