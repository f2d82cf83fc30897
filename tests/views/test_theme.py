"""Every theme has every token, and what is written can be read."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton

from machina_desktop.core.errors import Bug
from machina_desktop.views import theme
from machina_desktop.views.icons import icon
from machina_desktop.views.theme import RESOURCES, Type

GROUNDS = ("background", "surface", "surface-elevated", "surface-hover", "selection")
INKS = ("text-primary", "text-secondary", "accent-primary", "accent-success", "accent-warning", "accent-error")
TINTS = (
    ("tint-accent", "accent-primary"),
    ("tint-success", "accent-success"),
    ("tint-warning", "accent-warning"),
    ("tint-error", "accent-error"),
    ("tint-neutral", "text-secondary"),
)
TEXT_PAIRS = (
    *((ink, ground) for ink in INKS for ground in GROUNDS),
    *((ink, tint) for tint, ink in TINTS),
    *(("text-primary", tint) for tint, _ink in TINTS),
    ("on-accent", "accent-primary"),
    ("on-accent", "accent-primary-hover"),
    ("text-primary", "text-selection"),
    ("text-primary", "match"),
    ("text-primary", "match-current"),
    ("accent-error", "tint-error"),
    ("terminal-foreground", "terminal-background"),
)
GLYPH_PAIRS = (
    *(("outline", ground) for ground in ("background", "surface", "surface-elevated")),
    *(("text-disabled", ground) for ground in ("background", "surface", "surface-elevated")),
    *(("accent-primary", ground) for ground in GROUNDS),
    *(("scrollbar-hover", ground) for ground in ("background", "surface")),
    ("accent-error", "match"),
    ("accent-warning", "match"),
    *((f"ansi-{number}", "terminal-background") for number in range(1, 16)),
)


def _luminance(color: QColor) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    """The contrast ratio of WCAG 2.2, 1..21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", theme.THEME_NAMES)
def test_text_reads_at_four_and_a_half_to_one(name: str) -> None:
    chosen = theme.themes()[name]
    poor = {
        pair: round(ratio, 2)
        for pair in TEXT_PAIRS
        if (ratio := contrast(chosen.color(pair[0]), chosen.color(pair[1]))) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("name", theme.THEME_NAMES)
def test_outlines_and_glyphs_stand_out_at_three_to_one(name: str) -> None:
    chosen = theme.themes()[name]
    poor = {
        pair: round(ratio, 2)
        for pair in GLYPH_PAIRS
        if (ratio := contrast(chosen.color(pair[0]), chosen.color(pair[1]))) < 3
    }
    assert poor == {}


def test_all_themes_name_the_same_tokens() -> None:
    names = [set(chosen.colors) for chosen in theme.themes().values()]
    assert names[0] == names[1] == names[2]


def test_the_dark_theme_is_the_palette_of_the_specification() -> None:
    dark = theme.themes()["dark"]
    assert dark.color("background").name() == "#0a0e14"
    assert dark.color("accent-primary").name() == "#00ffff"
    assert dark.color("accent-error").name() == "#ff3366"


def test_an_unknown_token_is_our_own_mistake() -> None:
    with pytest.raises(Bug, match="no colour named"):
        theme.color("mauve")


def test_no_colour_is_written_outside_of_the_token_file() -> None:
    raw = re.compile(r"#[0-9a-fA-F]{6}\b|QColor\(\s*\d")
    views = theme.RESOURCES.parent / "machina_desktop" / "views"
    files = [*views.rglob("*.py"), RESOURCES / "theme" / "style.qss"]
    assert [file.name for file in files if raw.search(file.read_text(encoding="utf-8"))] == []


def test_the_style_sheet_names_only_what_exists(qapp: QApplication) -> None:
    for name in theme.THEME_NAMES:
        theme.apply_theme(qapp, name)
        assert "@" not in qapp.styleSheet()


def test_a_switch_recolours_palette_and_icons_at_run_time(qapp: QApplication) -> None:
    theme.apply_theme(qapp, "dark")
    glyph = icon("square", "text-primary")
    before = glyph.pixmap(QSize(16, 16)).toImage()
    told: list[str] = []
    theme.events().theme_changed.connect(lambda: told.append(theme.current().name))
    theme.apply_theme(qapp, "light")
    assert told == ["light"]
    assert qapp.palette().window().color().name() == theme.themes()["light"].color("background").name()
    assert glyph.pixmap(QSize(16, 16)).toImage() != before
    theme.apply_theme(qapp, "dark")


def test_an_icon_is_drawn_in_the_pixels_of_a_double_resolution_display(qapp: QApplication) -> None:
    picture = icon("server").pixmap(QSize(16, 16), 2.0)
    assert picture.size() == QSize(32, 32)
    assert picture.devicePixelRatio() == 2.0


def test_every_shipped_icon_can_be_drawn(qapp: QApplication) -> None:
    blank = []
    for file in sorted((RESOURCES / "icons").glob("*.svg")):
        image = icon(file.stem, "text-primary").pixmap(QSize(16, 16)).toImage()
        if not any(image.pixelColor(x, y).alpha() for x in range(16) for y in range(16)):
            blank.append(file.stem)
    assert blank == []


def test_the_shipped_fonts_are_the_ones_used(qapp: QApplication) -> None:
    assert QFontInfo(theme.font()).family() == "DM Sans"
    assert QFontInfo(theme.font(Type.MONO)).family() == "JetBrains Mono"
    metrics = QFontMetricsF(theme.font(Type.MONO))
    assert metrics.horizontalAdvance("iiii") == metrics.horizontalAdvance("WWWW")


def test_system_follows_the_desktop(qapp: QApplication) -> None:
    theme.apply_theme(qapp, theme.SYSTEM)
    is_light = qapp.styleHints().colorScheme() == Qt.ColorScheme.Light
    assert theme.current().name == ("light" if is_light else "dark")
    theme.apply_theme(qapp, "dark")


def test_raw_qt_widgets_are_dressed_too(qapp: QApplication) -> None:
    theme.apply_theme(qapp, "dark")
    window = QMainWindow()
    window.setCentralWidget(QPushButton("Plain"))
    window.resize(200, 100)
    image = window.grab().toImage()
    assert image.pixelColor(12, 50).name() == theme.color("surface-elevated").name()
