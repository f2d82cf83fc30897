"""The words of a setting in the person's language; the core, which declares settings, speaks English only."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.services.device import SettingValue


def in_words(setting: SettingValue) -> SettingValue:
    """The setting with everything that people read of it translated; what has no translation stays as it is."""
    return replace(
        setting,
        title=_tr(setting.title),
        help=_tr(setting.help),
        choice_titles=tuple(_tr(title) for title in setting.choice_titles),
        unit=_tr(setting.unit),
        zero=_tr(setting.zero),
        empty=_tr(setting.empty),
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("Setting", text) if text else ""
