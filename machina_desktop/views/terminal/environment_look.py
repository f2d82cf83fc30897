"""The colours of environments and of tabs. A colour is never the only sign: the environment's name stands beside it."""

from __future__ import annotations

import zlib
from typing import Final

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from machina_desktop.core.domain.environment import PRODUCTION, STAGING

_CERTAIN: Final = {PRODUCTION: "accent-error", STAGING: "accent-warning"}
# Of the others none looks like production or staging.
_OTHERS: Final = ("ansi-4", "ansi-5", "ansi-6", "ansi-2")
# What a person may choose for a tab, by the name that is remembered: its token and how it is called.
TAB_COLOURS: Final = {
    "blue": ("ansi-4", QT_TRANSLATE_NOOP("TabColour", "Blue")),
    "green": ("ansi-2", QT_TRANSLATE_NOOP("TabColour", "Green")),
    "cyan": ("ansi-6", QT_TRANSLATE_NOOP("TabColour", "Cyan")),
    "purple": ("ansi-5", QT_TRANSLATE_NOOP("TabColour", "Purple")),
    "amber": ("accent-warning", QT_TRANSLATE_NOOP("TabColour", "Amber")),
    "red": ("accent-error", QT_TRANSLATE_NOOP("TabColour", "Red")),
}


def environment_token(name: str) -> str:
    """The token of an environment's colour, the same at every start; empty for no environment."""
    if not name:
        return ""
    return _CERTAIN.get(name) or _OTHERS[zlib.crc32(name.encode()) % len(_OTHERS)]


def tab_token(colour: str) -> str:
    """The token of a colour that a person chose; empty for none or one that is not known."""
    return TAB_COLOURS.get(colour, ("", ""))[0]


def environment_title(name: str) -> str:
    """The environment as people read it."""
    if name == PRODUCTION:
        return QCoreApplication.translate("Environment", "production")
    if name == STAGING:
        return QCoreApplication.translate("Environment", "staging")
    return name
