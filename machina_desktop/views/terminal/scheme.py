"""The colours of a terminal: a theme's tokens as the 256 colours that programs ask for by number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from PySide6.QtGui import QColor

from machina_desktop.views import theme

# Below this, text on a colour that a program chose by number is moved towards black or white until it can be read.
READABLE: Final = 4.5
_CUBE: Final = (0, 95, 135, 175, 215, 255)


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Colours as ``0xrrggbb``.

    Attributes:
        name: The theme they come from.
        numbered: Colours 0 to 255: the sixteen of the theme, the cube of 216, the 24 greys.
    """

    name: str
    foreground: int
    background: int
    cursor: int
    numbered: tuple[int, ...]


def scheme(name: str) -> Scheme:
    """The scheme of a theme's name; ``window`` and unknown names give the one of the theme in force."""
    return _scheme(name if name in theme.THEME_NAMES else theme.current().name)


@cache
def _scheme(name: str) -> Scheme:
    chosen = theme.themes()[name]

    def rgb(token: str) -> int:
        return chosen.color(token).rgb() & 0xFFFFFF

    cube = (red << 16 | green << 8 | blue for red in _CUBE for green in _CUBE for blue in _CUBE)
    greys = (0x10101 * (8 + 10 * step) for step in range(24))
    return Scheme(
        name=name,
        foreground=rgb("terminal-foreground"),
        background=rgb("terminal-background"),
        cursor=rgb("terminal-cursor"),
        numbered=(*(rgb(f"ansi-{number}") for number in range(16)), *cube, *greys),
    )


def overlay(scheme_name: str, token: str) -> QColor:
    """A colour that is laid over the screen, such as the selection's, of the theme a scheme comes from."""
    return theme.themes()[scheme_name].color(token)


def colored(rgb: int) -> QColor:
    """``0xrrggbb`` as Qt's colour."""
    return QColor(rgb | 0xFF000000)


def readable(ink: int, ground: int) -> int:
    """``ink``, or the nearest to it on the way to black or white that has a contrast of 4.5 to ``ground``."""
    if _contrast(ink, ground) >= READABLE:
        return ink
    end = max(0, 0xFFFFFF, key=lambda each: _contrast(each, ground))
    mixes = (mixed(ink, end, step / 10) for step in range(1, 11))
    return next((mix for mix in mixes if _contrast(mix, ground) >= READABLE), end)


def _contrast(one: int, other: int) -> float:
    """As `theme.contrast`, which is the ratio of what both have to black."""
    darker, lighter = sorted((_to_black(one), _to_black(other)))
    return lighter / darker


@lru_cache(maxsize=8192)
def _to_black(rgb: int) -> float:
    return theme.contrast(colored(rgb), colored(0))


def mixed(one: int, other: int, share: float) -> int:
    """A colour between two; ``share`` 0..1 is how much there is of the other."""
    made = 0
    for shift in (16, 8, 0):
        from_, to = one >> shift & 0xFF, other >> shift & 0xFF
        made |= round(from_ + (to - from_) * share) << shift
    return made
