"""How a cell's attribute looks: the colours and lines it is painted with, worked out once for each attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtGui import QColor

from machina_desktop.core.terminal import attributes
from machina_desktop.core.terminal.attributes import Colour, ColourKind, Underline
from machina_desktop.views.terminal.scheme import Scheme, colored, mixed, readable
from machina_desktop.views.terminal.typeface import BOLD, ITALIC

__all__ = ["Style", "Styles", "Underline"]

_STYLES_AT_MOST = 20_000
_DIM_SHARE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a run of cells is painted with.

    Attributes:
        ink: Of characters.
        bare_ink: Of boxes and blocks, which are areas of colour and need not be readable.
        ground: Behind them; ``None`` where it is the screen's.
        face: Sum of `BOLD` and `ITALIC`.
        line_ink: Of the underline.
        has_lines: Whether there is an underline, a strike or an overline.
        is_invisible: Whether the characters are not shown, for good or while they blink.
    """

    ink: QColor
    bare_ink: QColor
    ground: QColor | None
    face: int
    underline: Underline
    line_ink: QColor
    is_struck: bool
    is_overlined: bool
    has_lines: bool
    is_invisible: bool
    is_blinking: bool


class Styles:
    """Styles by attribute, for one scheme, what the program changed of it, and reverse screen (DECSCNM).

    Attributes:
        foreground: Of the screen, ``0xrrggbb``.
        background: Of the screen, ``0xrrggbb``.
        cursor: ``0xrrggbb``.
        ground: The background as a colour.
    """

    def __init__(self, scheme: Scheme) -> None:
        self._key: object = None
        self._known: dict[int, Style] = {}
        self._overrides: Mapping[int, int] = {}
        self._is_blink_off = False
        self.scheme = scheme
        self.foreground = scheme.foreground
        self.background = scheme.background
        self.cursor = scheme.cursor
        self.ground = colored(scheme.background)

    def adopt(
        self,
        scheme: Scheme,
        overrides: Mapping[int, int],
        screen: tuple[int | None, int | None, int | None],
        *,
        is_reverse: bool,
        is_blink_off: bool,
    ) -> bool:
        """Take over what holds now; answers whether anything changed, so that every row must be painted anew.

        ``screen`` is the foreground, the background and the cursor's colour that the program has set.
        """
        key = (scheme.name, tuple(sorted(overrides.items())), screen, is_reverse, is_blink_off)
        if key == self._key:
            return False
        self._key, self.scheme, self._overrides = key, scheme, dict(overrides)
        foreground, background, cursor = screen
        self.foreground = scheme.foreground if foreground is None else foreground
        self.background = scheme.background if background is None else background
        self.cursor = scheme.cursor if cursor is None else cursor
        if is_reverse:
            self.foreground, self.background = self.background, self.foreground
        self.ground = colored(self.background)
        self._is_blink_off = is_blink_off
        self._known.clear()
        return True

    def style(self, attribute: int) -> Style:
        """The style of an attribute."""
        found = self._known.get(attribute)
        if found is None:
            if len(self._known) >= _STYLES_AT_MOST:
                self._known.clear()
            found = self._known[attribute] = self._made(attribute)
        return found

    def _made(self, attribute: int) -> Style:
        fore, back = attributes.foreground(attribute), attributes.background(attribute)
        is_bold = bool(attribute & attributes.BOLD)
        ink, ground = self._rgb(fore, self.foreground), self._rgb(back, self.background)
        if attribute & attributes.REVERSE:
            ink, ground = ground, ink
        if attribute & attributes.DIM:
            ink = mixed(ink, ground, _DIM_SHARE)
        bare = ink
        is_chosen = ColourKind.RGB in {fore.kind, back.kind} or attribute & attributes.DIM
        if not is_chosen and ink != ground:
            ink = readable(ink, ground)
        line = attributes.underline(attribute)
        if attributes.link_id(attribute) and line is Underline.NONE:
            line = Underline.DOTTED
        line_colour = attributes.underline_colour(attribute)
        is_blinking = bool(attribute & attributes.BLINK)
        is_struck, is_overlined = bool(attribute & attributes.STRIKE), bool(attribute & attributes.OVERLINE)
        return Style(
            ink=colored(ink),
            bare_ink=colored(bare),
            ground=None if ground == self.background else colored(ground),
            face=(BOLD if is_bold else 0) | (ITALIC if attribute & attributes.ITALIC else 0),
            underline=line,
            line_ink=colored(self._rgb(line_colour, ink)),
            is_struck=is_struck,
            is_overlined=is_overlined,
            has_lines=line is not Underline.NONE or is_struck or is_overlined,
            is_invisible=bool(attribute & attributes.INVISIBLE) or (is_blinking and self._is_blink_off),
            is_blinking=is_blinking,
        )

    def _rgb(self, colour: Colour, default: int) -> int:
        """A colour as the program named it, as ``0xrrggbb``."""
        if colour.kind is ColourKind.RGB:
            return colour.value
        if colour.kind is ColourKind.DEFAULT:
            return default
        return self._overrides.get(colour.value, self.scheme.numbered[colour.value])
