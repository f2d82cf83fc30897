"""The palette of a window that has commands and nothing else to find."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.views.commands import Command, Commands
from machina_desktop.views.links import Link
from machina_desktop.views.palette import Palette
from machina_desktop.views.palette_entries import ACTIONS_ONLY
from machina_desktop.views.palette_sources import PaletteSources


def offer(bridge: Bridge, commands: Commands, window: QWidget) -> Palette:
    """Let ``window`` have a palette of ``commands``, and a command that opens it."""
    palette = Palette(
        apps=(),
        commands=commands,
        sources=PaletteSources((), bridge, parent=window),
        show_found=_nowhere,
        show_link=_nowhere,
        window=window,
    )
    commands.add(
        Command(
            name="palette.actions",
            title=QCoreApplication.translate("GeneralCommands", "Find an action"),
            group=QCoreApplication.translate("GeneralCommands", "General"),
            icon="command",
            keys="Ctrl+Shift+P",
            run=partial(palette.open, ACTIONS_ONLY),
            is_available=palette.isHidden,
        )
    )
    return palette


def _nowhere(_link: Link) -> None:
    """Links lead to pages of the main window."""
