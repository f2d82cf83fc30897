"""What the palette offers of recordings, without loading the page and its replay."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.recording import Recording
from machina_desktop.core.services.recordings import ListRecordings
from machina_desktop.views import wording
from machina_desktop.views.apps.base import Window
from machina_desktop.views.commands import Command
from machina_desktop.views.links import APP as LINKED
from machina_desktop.views.links import Link
from machina_desktop.views.searches import Finding, Search, search

SEARCH = "search"
"""The place of the page where all recordings are searched."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("RecordingsPage", text)


def commands(window: Window) -> tuple[Command, ...]:
    """What can be begun with recordings from anywhere in the window."""
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


def _finding(recording: Recording) -> Finding:
    return Finding(
        link=Link.to_app("recordings", recording.recording_id),
        title=_tr("Recording of {0}").format(recording.machine_name),
        icon="history",
        detail=wording.moment(recording.began_at),
        words=f"{recording.title} {recording.user_name}",
    )


def searches() -> tuple[Search, ...]:
    """What the palette finds of recordings."""
    return (
        search(
            entity=LINKED,
            title=_tr("Recordings"),
            request=lambda team: ListRecordings(team_id=team),
            depends=frozenset({"recording"}),
            finding=_finding,
        ),
    )
