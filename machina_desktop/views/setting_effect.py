"""What a changed setting does to the window at once, whoever changed it."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from machina_desktop.core.config import REDUCED_MOTION, THEME
from machina_desktop.core.services.device import SettingValue
from machina_desktop.views import theme


def take_effect(setting: SettingValue) -> None:
    """Put a setting that was stored in force, where it is one of the window's own."""
    app = QApplication.instance()
    if setting.key == THEME.key and isinstance(app, QApplication):
        theme.apply_theme(app, str(setting.value))
    elif setting.key == REDUCED_MOTION.key:
        theme.set_motion(str(setting.value))
