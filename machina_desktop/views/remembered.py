"""What a page remembers over restarts: filters and choices, in the window's own file."""

from __future__ import annotations

from PySide6.QtCore import QSettings

from machina_desktop.core.config import Paths


def recall(page: str) -> dict[str, str]:
    """What the page of that name last remembered; empty at first."""
    stored = settings()
    stored.beginGroup(f"pages/{page}")
    return {key: str(stored.value(key, "")) for key in stored.childKeys()}


def remember(page: str, state: dict[str, str]) -> None:
    """Keep ``state`` for the page instead of what was there. Written to disk by Qt, soon."""
    stored = settings()
    stored.beginGroup(f"pages/{page}")
    stored.remove("")
    for key, value in state.items():
        stored.setValue(key, value)


def settings() -> QSettings:
    """The file itself, for widgets that keep their own state, such as column widths."""
    return QSettings(str(Paths.default().window_state), QSettings.Format.IniFormat)
