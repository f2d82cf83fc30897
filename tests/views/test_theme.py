"""Every theme has every token, and what is written can be read."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontInfo, QFontMetricsF
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton

from machina_desktop.core.errors import Bug
from machina_desktop.views import theme
from machina_desktop.views.icons import icon
from machina_desktop.views.theme import RESOURCES, Type


def test_all_themes_name_the_same_tokens() -> None:
    names = [set(chosen.colors) for chosen in theme.themes().values()]
    assert names[0] == names[1] == names[2]


def test_the_dark_theme_is_the_palette_of_the_specification() -> None:
    dark = theme.themes()["dark"]
    assert dark.color("background").name() == "#0a0e14"
    assert dark.color("accent-primary").name() == "#00ffff"
    assert dark.color("accent-error").name() == "#ff3366"


def test_contrast_is_that_of_the_guidelines() -> None:
    black, white = theme.themes()["high-contrast"].color("background"), theme.themes()["light"].color("surface")
    assert round(theme.contrast(black, white), 2) == 21
    assert theme.contrast(white, white) == 1


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


@pytest.mark.parametrize("percent", [100, 150, 200])
@pytest.mark.parametrize("name", ["minus", "square", "panel-left", "rows-3", "provider-hetzner"])
def test_straight_strokes_of_icons_lie_on_pixels(qapp: QApplication, name: str, percent: int) -> None:
    image = icon(name, "text-primary").pixmap(QSize(16, 16), percent / 100).toImage()
    assert image.width() == 16 * percent // 100
    middle = image.width() // 2
    column = [image.pixelColor(middle, y).alpha() for y in range(image.height())]
    assert max(column) == 255
    assert [alpha for alpha in column if 32 < alpha < 224] == []


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
