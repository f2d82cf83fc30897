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
        self._plain: dict[tuple[str, int], Shape] = {}

    def shape(self, text: str, style: int, clusters: Mapping[int, str] = _NO_CLUSTERS, first: int = 0) -> Shape:
        """What to paint for a run; ``clusters`` by column of the row, in which the run begins at ``first``."""
        if not text.isascii():
            within = tuple((column - first, cluster) for column, cluster in clusters.items())
            return self._mixed(text, style, tuple(each for each in within if 0 <= each[0] < len(text)))
        known = self._plain.get((text, style))
        if known is None:
            if len(self._plain) >= _SHAPES_AT_MOST:
                self._plain.clear()
            known = self._plain[text, style] = self._of_ascii(text, style)
        return known

    def font(self, style: int) -> QFont:
        """The font of a style, a sum of `BOLD` and `ITALIC`."""
        return self.fonts[style]

    def advance(self, text: str, style: int) -> float:
        """How wide Qt would write ``text``, in device pixels."""
        return _advance(self.fonts[style], text)

    def _of_ascii(self, text: str, style: int) -> Shape:
        raw = self._raws[style]
        glyphs = QGlyphRun()
        glyphs.setRawFont(raw)
        glyphs.setGlyphIndexes(raw.glyphIndexesForString(text))
        glyphs.setPositions(self._places(len(text)))
        return Shape(glyphs, ())

    def _places(self, count: int) -> list[QPointF]:
        while len(self._positions) < count:
            self._positions.append(QPointF(len(self._positions) * self.width, 0))
        return self._positions[:count]

    def _mixed(self, text: str, style: int, clusters: tuple[tuple[int, str], ...]) -> Shape:
        """As `shape`, of a run with characters beyond ASCII: each is looked at."""
        raw, of_cluster = self._raws[style], dict(clusters)
        indexes, places, signs = [], [], []
        end = len(text)
        for column, sign in enumerate(text):
            if sign in "\0 ":
                continue
            cells = 2 if column + 1 < end and text[column + 1] == "\0" else 1
            if column in of_cluster:
                signs.append(Sign(column, of_cluster[column], cells, is_drawn=False))
            elif boxes.is_drawn(sign):
                signs.append(Sign(column, sign, cells, is_drawn=True))
            elif cells == 1 and (index := self._index(raw, sign)):
                indexes.append(index)
                places.append(self._places(column + 1)[column])
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
