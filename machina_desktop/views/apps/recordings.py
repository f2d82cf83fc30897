"""The Recordings app: terminals that were recorded, searched and played again."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.views.apps.base import App, Window
from machina_desktop.views.commands import Command
from machina_desktop.views.recordings.page import SEARCH, RecordingsPage


def _tr(text: str) -> str:
    return QCoreApplication.translate("RecordingsPage", text)


def _anywhere(window: Window) -> tuple[Command, ...]:
    return (
        Command(
            name="recording.search",
            title=_tr("Search in all recordings"),
            group=_tr("Recordings"),
            icon="search",
            words=_tr("terminal session history text"),
            run=lambda: window.open_app("recordings", SEARCH),
        ),
    )


APP = App(
    name="recordings",
    title="Recordings",
    icon="history",
    page=RecordingsPage,
    commands=_anywhere,
)
