"""The setting of the theme, as small pictures of the window in the colours of each."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from machina_desktop.core.services.device import SettingValue
from machina_desktop.views.setting_row import Control, SettingRow
from machina_desktop.views.theme import Space
from machina_desktop.views.theme_tiles import ThemeTiles

_TILE_HEIGHT = 132


class ThemeRow(SettingRow):
    """A tile per theme below the words."""

    def _build_control(self, setting: SettingValue) -> Control:
        titles = tuple(zip(setting.choices, setting.choice_titles or setting.choices, strict=True))
        tiles = ThemeTiles(titles, height=_TILE_HEIGHT)
        tiles.chosen.connect(self._store)
        return tiles, lambda value: tiles.set_chosen(str(value))

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addLayout(self._words, 1)
        head.addWidget(self._reset, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, Space.S, Space.S, Space.S)
        column.setSpacing(Space.M)
        column.addLayout(head)
        column.addWidget(self.control)
