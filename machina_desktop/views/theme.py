"""How the application looks: colour tokens, fonts, spacing, and the one style sheet made from them."""

from __future__ import annotations

import json
import logging
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from machina_desktop.core.config import bundle_folder
from machina_desktop.core.errors import Bug, Unavailable

LOG = logging.getLogger(__name__)

RESOURCES: Final = bundle_folder() / "resources"
SYSTEM: Final = "system"
THEME_NAMES: Final = ("dark", "light", "high-contrast")


class Space:
    """The 4-pixel grid, in design pixels."""

    XS: Final = 4
    S: Final = 8
    M: Final = 12
    L: Final = 16
    XL: Final = 24
    XXL: Final = 32


class Radius:
    """Corner radii, in design pixels."""

    INPUT: Final = 4
    BUTTON: Final = 6
    CARD: Final = 8
    PANEL: Final = 12


CONTROL_HEIGHT: Final = 32
FOCUS_WIDTH: Final = 2


class Type(StrEnum):
    """The text styles of the interface."""

    BODY = "body"
    MEDIUM = "medium"
    STRONG = "strong"
    SECONDARY = "secondary"
    LABEL = "label"
    KEY = "key"
    SECTION = "section"
    TITLE = "title"
    MONO = "mono"
    MONO_STRONG = "mono-strong"


_SANS = "DM Sans"
_MONO = "JetBrains Mono"
_SIZES: Mapping[Type, tuple[str, float, int]] = {
    Type.BODY: (_SANS, 13, 400),
    Type.MEDIUM: (_SANS, 13, 500),
    Type.STRONG: (_SANS, 13, 600),
    Type.SECONDARY: (_SANS, 12, 400),
    Type.LABEL: (_SANS, 11, 500),
    Type.KEY: (_SANS, 11, 500),
    Type.SECTION: (_SANS, 16, 600),
    Type.TITLE: (_SANS, 20, 600),
    Type.MONO: (_MONO, 12.5, 400),
    Type.MONO_STRONG: (_MONO, 12.5, 700),
}


@dataclass(frozen=True, kw_only=True)
class Theme:
    """One set of colours.

    Attributes:
        name: ``dark``, ``light`` or ``high-contrast``.
        is_dark: Whether text is lighter than what lies under it.
        colors: Colour by token name, as in ``resources/theme/tokens.json``.
    """

    name: str
    is_dark: bool
    colors: Mapping[str, QColor]

    def color(self, token: str) -> QColor:
        """The colour of ``token``; raises `Bug` when the theme has no such token."""
        found = self.colors.get(token)
        if found is None:
            raise Bug(f"The theme {self.name} has no colour named {token}.", code="E-BUG-TOKEN")
        return found


class ThemeEvents(QObject):
    """Tells that another theme is in force.

    Signals:
        theme_changed: The palette, the style sheet and `current` are already the new ones.
    """

    theme_changed = Signal()


@dataclass(frozen=True, kw_only=True)
class SystemLook:
    """What the desktop asks of every program, as far as Qt does not know it.

    Attributes:
        is_dark: Dark or light; ``None``: no preference.
        wants_contrast: High contrast.
        wants_stillness: No motion.
    """

    is_dark: bool | None = None
    wants_contrast: bool = False
    wants_stillness: bool = False


class _State:
    """What is in force now; written by `apply_theme` only, on the Qt thread."""

    name: str = "dark"
    is_fusion: bool = False
    motion: str = SYSTEM
    system: SystemLook = SystemLook()
    follows_system: bool = False
    events: ThemeEvents | None = None
    images: tempfile.TemporaryDirectory[str] | None = None


@cache
def themes() -> Mapping[str, Theme]:
    """All themes by name; the token file is read once.

    Raises:
        Unavailable: E-THEME, the file is missing or is not what was shipped.
    """
    file = RESOURCES / "theme" / "tokens.json"
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        found = {
            name: Theme(
                name=name,
                is_dark=stored[name]["scheme"] == "dark",
                colors={token: QColor(value) for token, value in stored[name]["colors"].items()},
            )
            for name in THEME_NAMES
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(file) from error
    return found


def current() -> Theme:
    """The theme in force; ``dark`` before any was applied."""
    return themes()[_State.name]


def color(token: str) -> QColor:
    """The colour of ``token`` in the theme in force."""
    return current().color(token)


def contrast(one: QColor, other: QColor) -> float:
    """The contrast ratio of WCAG 2.2, 1..21; transparency is not looked at."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: QColor) -> float:
    shades = (color.redF(), color.greenF(), color.blueF())
    parts = [shade / 12.92 if shade <= 0.04045 else math.pow((shade + 0.055) / 1.055, 2.4) for shade in shades]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def events() -> ThemeEvents:
    """The object whose ``theme_changed`` tells of a switch."""
    if _State.events is None:
        _State.events = ThemeEvents()
    return _State.events


def is_motion_reduced() -> bool:
    """Whether nothing should move by itself."""
    return _State.motion == "on" or (_State.motion == SYSTEM and _State.system.wants_stillness)


def set_motion_reduced(is_reduced: bool) -> None:
    """Stop (or allow again) every animation of ours."""
    set_motion("on" if is_reduced else "off")


def set_motion(choice: str) -> None:
    """Whether motion is reduced: ``on``, ``off``, or ``system`` to do as the desktop asks."""
    _State.motion = choice


def set_system_look(look: SystemLook) -> None:
    """The desktop asks for this from now on; takes effect where a person chose to follow it."""
    _State.system = look
    if _State.follows_system:
        _on_system_changed()


@cache
def _load_fonts(family: str) -> None:
    """Make a shipped font known to Qt. Where a file is missing or broken, the system's fonts serve."""
    files = sorted((RESOURCES / "fonts").glob(f"{family.replace(' ', '')}_*.ttf"))
    numbers = {file.name: QFontDatabase.addApplicationFont(str(file)) for file in files}
    known = {name for number in numbers.values() for name in QFontDatabase.applicationFontFamilies(number)}
    problems = {family} - known | {name for name, number in numbers.items() if number < 0}
    if problems:
        LOG.warning("shipped fonts cannot be used: %s", ", ".join(sorted(problems)))


@cache
def font(style: Type = Type.BODY) -> QFont:
    """The font of ``style``. Treat it as read-only: it is shared."""
    family, size_px, weight = _SIZES[style]
    _load_fonts(family)
    made = QFont([family, "monospace"] if family == _MONO else [family])
    screen = QGuiApplication.primaryScreen()
    made.setPointSizeF(size_px * 72 / (screen.logicalDotsPerInch() if screen is not None else 96))
    made.setWeight(QFont.Weight(weight))
    if family == _MONO:
        made.setStyleHint(QFont.StyleHint.Monospace)
    if style is Type.LABEL:
        made.setCapitalization(QFont.Capitalization.AllUppercase)
        made.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 104)
    return made


@cache
def tabular_font(style: Type = Type.BODY) -> QFont:
    """As `font`, with figures of one width, for columns of numbers."""
    made = QFont(font(style))
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def style_arguments() -> tuple[str, ...]:
    """What an application is to be made with to have its style from the start.

    To set the style later is to load Python's face of all that styles can do, which nothing else needs at the start.
    """
    _State.is_fusion = True
    return "-style", "fusion"


def apply_theme(app: QApplication, name: str) -> Theme:
    """Dress ``app``: Fusion, palette, font and style sheet; then tell `events`.

    Args:
        app: The running application.
        name: One of `THEME_NAMES`, or ``system`` to follow the desktop's light or dark.

    Returns:
        The theme now in force. An unknown name means ``system``.
    """
    _follow_system(app, name not in THEME_NAMES)
    chosen = name if name in THEME_NAMES else _system_theme(app)
    _State.name = chosen
    theme = current()
    if not _State.follows_system:
        # The window frames of macOS and Windows follow this.
        app.styleHints().setColorScheme(Qt.ColorScheme.Dark if theme.is_dark else Qt.ColorScheme.Light)
    if not app.styleSheet():
        if not _State.is_fusion:
            app.setStyle("Fusion")
        app.setFont(font())
    app.setPalette(_palette(theme))
    # WORKAROUND: replacing a style sheet makes Qt ask it anew for each widget once per ancestor of that widget
    # (QStyleSheetStyle::repolish of an application). Taken off and put on again, it is asked once: 4 times as fast.
    app.setStyleSheet("")
    app.setStyleSheet(_style_sheet(theme))
    events().theme_changed.emit()
    return theme


def _system_theme(app: QApplication) -> str:
    hints = app.styleHints()
    accessibility = hints.accessibility()
    if _State.system.wants_contrast or accessibility.contrastPreference() == Qt.ContrastPreference.HighContrast:
        return "high-contrast"
    if hints.colorScheme() == Qt.ColorScheme.Unknown:
        return "light" if _State.system.is_dark is False else "dark"
    return "light" if hints.colorScheme() == Qt.ColorScheme.Light else "dark"


def _follow_system(app: QApplication, follows: bool) -> None:
    if follows == _State.follows_system:
        return
    _State.follows_system = follows
    hints = app.styleHints()
    accessibility = hints.accessibility()
    if follows:
        hints.unsetColorScheme()
    for signal in (hints.colorSchemeChanged, accessibility.contrastPreferenceChanged):
        if follows:
            signal.connect(_on_system_changed)
        else:
            signal.disconnect(_on_system_changed)


def _on_system_changed() -> None:
    app = QApplication.instance()
    if isinstance(app, QApplication) and _system_theme(app) != _State.name:
        apply_theme(app, SYSTEM)


def _palette(theme: Theme) -> QPalette:
    """The palette Fusion draws what the style sheet does not name with."""
    roles = QPalette.ColorRole
    made = QPalette()
    for role, token in (
        (roles.Window, "background"),
        (roles.WindowText, "text-primary"),
        (roles.Base, "surface"),
        (roles.AlternateBase, "surface-elevated"),
        (roles.ToolTipBase, "surface-elevated"),
        (roles.ToolTipText, "text-primary"),
        (roles.Text, "text-primary"),
        (roles.Button, "surface-elevated"),
        (roles.ButtonText, "text-primary"),
        (roles.BrightText, "accent-error"),
        (roles.Highlight, "text-selection"),
        (roles.HighlightedText, "text-primary"),
        (roles.PlaceholderText, "text-secondary"),
        (roles.Link, "accent-primary"),
        (roles.LinkVisited, "accent-primary"),
        (roles.Accent, "accent-primary"),
        (roles.Light, "border"),
        (roles.Midlight, "border"),
        (roles.Mid, "border"),
        (roles.Dark, "border"),
        (roles.Shadow, "background"),
    ):
        made.setColor(role, theme.color(token))
    for role in (roles.WindowText, roles.Text, roles.ButtonText, roles.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, role, theme.color("text-disabled"))
    return made


_REFERENCE = re.compile(r"@image\(([a-z0-9-]+),([a-z-]+)\)|@([a-z0-9-]+)")


@cache
def _style_template() -> str:
    file = RESOURCES / "theme" / "style.qss"
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> Unavailable:
    return Unavailable(
        f"The file {file.name} in {file.parent}, which came with Machina, cannot be used.",
        hint="Install Machina again.",
        code="E-THEME",
    )


def _style_sheet(theme: Theme) -> str:
    """The template with each ``@token`` as a colour and each ``@image(icon,token)`` as a tinted file's path."""

    def replaced(match: re.Match[str]) -> str:
        if match[3]:
            return theme.color(match[3]).name()
        return _image_file(theme, match[1], match[2]).as_posix()

    return _REFERENCE.sub(replaced, _style_template())


def _image_file(theme: Theme, icon: str, token: str) -> Path:
    """A tinted copy of an icon; style sheets can name images by file only. Gone when the process ends."""
    if _State.images is None:
        _State.images = tempfile.TemporaryDirectory(prefix="machina-theme-")
    file = Path(_State.images.name) / f"{icon}-{theme.color(token).name()[1:]}.svg"
    if not file.exists():
        file.write_text(tinted_svg(icon, theme.color(token).name()), encoding="utf-8")
    return file


_BOX: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" '
    'stroke="currentColor" stroke-width="1.5"><rect x="5" y="5" width="14" height="14" rx="2"/></svg>'
)


@cache
def svg_source(icon: str) -> str:
    """The SVG text of an icon with ``currentColor`` strokes of 1.5 pixels; a box where its file is missing."""
    file = RESOURCES / "icons" / f"{icon}.svg"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        # Raised from here it would be raised at each painting, for want of a picture.
        LOG.exception("the icon %s cannot be read", icon)
        return _BOX
    return text.replace('stroke-width="2"', 'stroke-width="1.5"')


def tinted_svg(icon: str, color_name: str) -> str:
    """The SVG text of an icon in ``color_name`` (``#rrggbb``)."""
    return svg_source(icon).replace("currentColor", color_name)
