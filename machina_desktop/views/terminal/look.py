"""How a terminal looks and behaves, as a person has set it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from machina_desktop.core.terminal_settings import (
    TERMINAL_BELL,
    TERMINAL_BLINK,
    TERMINAL_CURSOR,
    TERMINAL_FONT,
    TERMINAL_GUARD,
    TERMINAL_GUARDED,
    TERMINAL_SCHEME,
    TERMINAL_SCROLLBACK,
    TERMINAL_SIZE,
)

SMALLEST, LARGEST = 6, 48


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the settings say.

    Attributes:
        family: Of the font; empty for the one that comes with Machina.
        size: Of the font, in design pixels.
        scheme: A theme's name, or ``window`` for the one in force.
        cursor: ``block``, ``underline`` or ``bar``, where the program asks for none.
        is_cursor_blinking: Whether it blinks, where the program says nothing of it.
        bell: ``off``, ``flash`` or ``sound``.
        scrollback: Lines kept of what has scrolled away.
        guarded: Patterns of commands that are asked about in production; empty for none.
    """

    family: str = TERMINAL_FONT.default
    size: int = TERMINAL_SIZE.default
    scheme: str = TERMINAL_SCHEME.default
    cursor: str = TERMINAL_CURSOR.default
    is_cursor_blinking: bool = TERMINAL_BLINK.default
    bell: str = TERMINAL_BELL.default
    scrollback: int = TERMINAL_SCROLLBACK.default
    guarded: str = TERMINAL_GUARDED.default


def look_of(values: Mapping[str, str | int | bool]) -> Look:
    """The look that settings by key describe; what is missing is as it comes."""
    is_guarding = bool(values.get(TERMINAL_GUARD.key, TERMINAL_GUARD.default))
    guarded = str(values.get(TERMINAL_GUARDED.key, TERMINAL_GUARDED.default))
    return Look(
        family=str(values.get(TERMINAL_FONT.key, TERMINAL_FONT.default)),
        size=int(values.get(TERMINAL_SIZE.key, TERMINAL_SIZE.default)),
        scheme=str(values.get(TERMINAL_SCHEME.key, TERMINAL_SCHEME.default)),
        cursor=str(values.get(TERMINAL_CURSOR.key, TERMINAL_CURSOR.default)),
        is_cursor_blinking=bool(values.get(TERMINAL_BLINK.key, TERMINAL_BLINK.default)),
        bell=str(values.get(TERMINAL_BELL.key, TERMINAL_BELL.default)),
        scrollback=int(values.get(TERMINAL_SCROLLBACK.key, TERMINAL_SCROLLBACK.default)),
        guarded=guarded if is_guarding else "",
    )
