"""Settings as they are without a file, and accounts opened with them."""

from __future__ import annotations

from pathlib import Path

from machina_desktop.core.config import Settings
from machina_desktop.core.providers.base import Access
from machina_desktop.core.secret import Secret

PREFERENCES = Settings(Path("/nonexistent/settings.json"))


def access(settings: dict[str, str] | None = None, **secrets: str) -> Access:
    """An account of these fields."""
    found = {name: Secret(value) for name, value in secrets.items()}
    return Access(settings=settings or {}, secrets=found, preferences=PREFERENCES)
