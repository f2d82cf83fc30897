"""The font of a terminal on a grid of cells, in pixels of the device: glyph runs that no kerning can shift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont, QFontMetricsF, QGlyphRun, QRawFont

from machina_desktop.views import theme
from machina_desktop.views.terminal import boxes
from machina_desktop.views.theme import Type

SHIPPED: Final = "JetBrains Mono"
# Tried for what the chosen font lacks, before Qt looks by itself.
_FALLBACKS: Final = ("DejaVu Sans Mono", "Noto Sans Mono", "monospace", "Noto Color Emoji")
_SHAPES_AT_MOST: Final = 8192
_NO_CLUSTERS: Final[Mapping[int, str]] = {}
BOLD, ITALIC = 1, 2


@dataclass(frozen=True, slots=True)
class Sign:
    """A character that the glyph run leaves out.

    Attributes:
        column: From the start of the run.
        text: One character or a whole cluster.
        cells: How many columns it takes.
        is_drawn: Whether it is a box or a block, which are drawn and not written.
    """

    column: int
    text: str
    cells: int
    is_drawn: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """What is painted for a run of text: the glyphs of the font, and what it lacks or we draw."""

    glyphs: QGlyphRun | None
    signs: tuple[Sign, ...]


class Typeface:
    """One font at one size, in four styles.

    Attributes:
        width: Of a cell, in device pixels.
        height: Of a cell, in device pixels.
        ascent: From the top of a cell to the line the letters stand on.
        light: Thickness of an underline.
    """

    def __init__(self, family: str, size: float) -> None:
        """``size`` is in pixels of the device."""
        # Makes the shipped font known to Qt.
        theme.font(Type.MONO)
        families = [family or SHIPPED, SHIPPED, *_FALLBACKS]
        self.fonts = tuple(_font(families, size, number) for number in range(4))
        metrics = QFontMetricsF(self.fonts[0])
        self.width = max(1, round(metrics.horizontalAdvance("M" * 32) / 32))
        self.height = max(1, round(metrics.ascent() + metrics.descent()))
        self.ascent = round(metrics.ascent() + (self.height - metrics.ascent() - metrics.descent()) / 2)
        self.light = max(1, round(self.height / 16))
        self._raws = tuple(QRawFont.fromFont(font) for font in self.fonts)
        self._positions = [QPointF(column * self.width, 0) for column in range(256)]
        self._blank = tuple(self._blank_run(raw) for raw in self._raws)
        self._shapes: dict[tuple[str, int, tuple[tuple[int, str], ...]], Shape] = {}

    def shape(self, text: str, style: int, clusters: Mapping[int, str] = _NO_CLUSTERS, first: int = 0) -> Shape:
        """What to paint for a run; ``clusters`` by column of the row, in which the run begins at ``first``."""
        within: tuple[tuple[int, str], ...] = ()
        if clusters and not text.isascii():
            end = first + len(text)
            within = tuple((column - first, each) for column, each in clusters.items() if first <= column < end)
        key = (text, style, within)
        known = self._shapes.get(key)
        if known is None:
            if len(self._shapes) >= _SHAPES_AT_MOST:
                self._shapes.clear()
            known = self._of_ascii(text, style) if text.isascii() else self._mixed(text, style, dict(within))
            self._shapes[key] = known
        return known

    def font(self, style: int) -> QFont:
        """The font of a style, a sum of `BOLD` and `ITALIC`."""
        return self.fonts[style]

    def advance(self, text: str, style: int) -> float:
        """How wide Qt would write ``text``, in device pixels."""
        return _advance(self.fonts[style], text)

    def _of_ascii(self, text: str, style: int) -> Shape:
        if len(text) > len(self._positions):
            self._reach(len(text))
        glyphs = QGlyphRun(self._blank[style])
        glyphs.setGlyphIndexes(self._raws[style].glyphIndexesForString(text))
        return Shape(glyphs, ())

    def _blank_run(self, raw: QRawFont) -> QGlyphRun:
        """A run that has places and no glyphs yet: Qt paints as many as there are of both, and copies share places."""
        glyphs = QGlyphRun()
        glyphs.setRawFont(raw)
        glyphs.setPositions(self._positions)
        return glyphs

    def _reach(self, count: int) -> None:
        """Have places for so many columns."""
        self._positions += [QPointF(column * self.width, 0) for column in range(len(self._positions), count)]
        self._blank = tuple(self._blank_run(raw) for raw in self._raws)

    def _mixed(self, text: str, style: int, clusters: Mapping[int, str]) -> Shape:
        """As `shape`, of a run with characters beyond ASCII: each is looked at."""
        raw = self._raws[style]
        indexes, places, signs = [], [], []
        end = len(text)
        if end > len(self._positions):
            self._reach(end)
        for column, sign in enumerate(text):
            if sign in "\0 ":
                continue
            cells = 2 if column + 1 < end and text[column + 1] == "\0" else 1
            if column in clusters:
                signs.append(Sign(column, clusters[column], cells, is_drawn=False))
            elif boxes.is_drawn(sign):
                signs.append(Sign(column, sign, cells, is_drawn=True))
            elif cells == 1 and (index := self._index(raw, sign)):
                indexes.append(index)
                places.append(self._positions[column])
            else:
                signs.append(Sign(column, sign, cells, is_drawn=False))
        if not indexes:
            return Shape(None, tuple(signs))
        glyphs = QGlyphRun()
        glyphs.setRawFont(raw)
        glyphs.setGlyphIndexes(indexes)
        glyphs.setPositions(places)
        return Shape(glyphs, tuple(signs))

    @staticmethod
    @lru_cache(maxsize=16_384)
    def _index(raw: QRawFont, sign: str) -> int:
        found = raw.glyphIndexesForString(sign)
        return found[0] if len(found) == 1 else 0


@lru_cache(maxsize=4096)
def _advance(font: QFont, text: str) -> float:
    return QFontMetricsF(font).horizontalAdvance(text)


def _font(families: list[str], size: float, style: int) -> QFont:
    made = QFont(families)
    made.setPixelSize(max(1, round(size)))
    made.setStyleHint(QFont.StyleHint.Monospace)
    made.setFixedPitch(True)
    made.setKerning(False)
    made.setBold(bool(style & BOLD))
    made.setItalic(bool(style & ITALIC))
    return made
