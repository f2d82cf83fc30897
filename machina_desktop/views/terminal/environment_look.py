"""The colours of environments and of tabs. A colour is never the only sign: the environment's name stands beside it."""

from __future__ import annotations

import zlib
from typing import Final

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.environment import PRODUCTION, STAGING

_CERTAIN: Final = {PRODUCTION: "accent-error", STAGING: "accent-warning"}
# Of the others none looks like production or staging.
_OTHERS: Final = ("ansi-4", "ansi-5", "ansi-6", "ansi-2")
# What a person may choose for a tab, by the name that is remembered.
_CHOICES: Final = {
    "blue": "ansi-4",
    "green": "ansi-2",
    "cyan": "ansi-6",
    "purple": "ansi-5",
    "amber": "accent-warning",
    "red": "accent-error",
}


def environment_token(name: str) -> str:
    """The token of an environment's colour, the same at every start; empty for no environment."""
    if not name:
        return ""
    return _CERTAIN.get(name) or _OTHERS[zlib.crc32(name.encode()) % len(_OTHERS)]


def tab_token(colour: str) -> str:
    """The token of a colour that a person chose; empty for none or one that is not known."""
    return _CHOICES.get(colour, "")


def colour_titles() -> dict[str, str]:
    """How the colours for tabs are called, by the names that are remembered."""
    return {
        "blue": QCoreApplication.translate("TabColour", "Blue"),
        "green": QCoreApplication.translate("TabColour", "Green"),
        "cyan": QCoreApplication.translate("TabColour", "Cyan"),
        "purple": QCoreApplication.translate("TabColour", "Purple"),
        "amber": QCoreApplication.translate("TabColour", "Amber"),
        "red": QCoreApplication.translate("TabColour", "Red"),
    }


def environment_title(name: str) -> str:
    """The environment as people read it."""
    if name == PRODUCTION:
        return QCoreApplication.translate("Environment", "production")
    if name == STAGING:
        return QCoreApplication.translate("Environment", "staging")
    return name
