"""The picture behind the screen: rows are painted into it when they change, and scrolling moves none of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage, QPainter

from machina_desktop.views.terminal.row_painter import RowLike, RowPainter
from machina_desktop.views.terminal.styles import Styles
from machina_desktop.views.terminal.typeface import Typeface


class Rows(Protocol):
    """Where rows come from; `machina_desktop.core.terminal.terminal.Terminal` is one."""

    def row(self, y: int) -> RowLike: ...


class Painted(NamedTuple):
    """What is another: rows from 0 at the top of what is shown, and columns from the left. None if ``last < first``."""

    first: int
    last: int
    columns: int


class Backing:
    """Rows of one size in a ring of strips, so that a row that moves up stays where it is in the picture.

    Attributes:
        painted: How many rows were painted so far.
    """

    def __init__(self, typeface: Typeface, styles: Styles, *, columns: int, lines: int) -> None:
        self.painted = 0
        self._face = typeface
        self._columns = columns
        self._lines = lines
        self._painter = RowPainter(typeface, styles)
        self._keys: list[object] = [None] * lines
        # Of each strip, how many columns may differ from the ground.
        self._inked = [0] * lines
        self._blinking: set[int] = set()
        self._origin = 0
        self._top = 0
        size = max(1, columns * typeface.width), max(1, lines * typeface.height)
        self._image = QImage(*size, QImage.Format.Format_RGB32)
        self._image.fill(styles.ground)

    @property
    def has_blinking(self) -> bool:
        """Whether anything shown blinks."""
        return bool(self._blinking)

    def forget(self) -> None:
        """Paint every row anew: colours are others."""
        self._keys = [None] * self._lines
        self._inked = [self._columns] * self._lines

    def forget_blinking(self) -> None:
        """Paint those rows anew in which something blinks."""
        for strip in self._blinking:
            self._keys[strip] = None

    def refresh(self, rows: Rows, *, top: int, first: int, changed: Iterable[int] | None) -> Painted:
        """Paint what changed.

        Args:
            rows: Where they come from.
            top: The absolute number of the row shown uppermost; by it rows are known again after scrolling.
            first: That row's ``y`` for `Rows.row`.
            changed: The rows, from 0 at the top of what is shown, that may have changed; ``None`` for all.
        """
        inked = max(self._inked)
        has_moved = top != self._top
        come = self._move_to(top)
        looked_at: Iterable[int] = range(self._lines) if changed is None else {*changed, *come}
        upper, lower, columns = self._lines, -1, 0
        painter: QPainter | None = None
        for line in looked_at:
            if not 0 <= line < self._lines:
                continue
            row = rows.row(first + line)
            strip = (line + self._origin) % self._lines
            key = (row.text, tuple(row.runs), row.fill, tuple(row.clusters.items()) if row.clusters else None)
            if key == self._keys[strip]:
                continue
            self._keys[strip] = key
            painter = painter or QPainter(self._image)
            columns = max(columns, self._paint(painter, strip, row))
            upper, lower = min(upper, line), max(lower, line)
        if painter is not None:
            painter.end()
        if has_moved:
            return Painted(0, self._lines - 1, max(inked, *self._inked))
        return Painted(upper, lower, columns)

    def _paint(self, painter: QPainter, strip: int, row: RowLike) -> int:
        """Paint a row; answers how many columns may be others."""
        # A slanted letter may reach beyond its cell.
        inked = self._columns if row.fill else min(len(row.text) + 1, self._columns)
        columns = max(inked, self._inked[strip])
        self._inked[strip] = inked
        is_blinking = self._painter.paint(painter, strip * self._face.height, row, columns)
        (self._blinking.add if is_blinking else self._blinking.discard)(strip)
        self.painted += 1
        return columns

    def draw(self, painter: QPainter, area: QRect) -> None:
        """Copy the part ``area``, in device pixels, of what is shown."""
        height = self._face.height
        upper = (self._lines - self._origin) * height
        for shown, source in ((QRect(0, 0, self._image.width(), upper), self._origin * height), (None, 0)):
            strip = shown or QRect(0, upper, self._image.width(), self._origin * height)
            part = strip.intersected(area)
            if not part.isEmpty():
                painter.drawImage(part.topLeft(), self._image, part.translated(QPoint(0, source - strip.y())))

    def _move_to(self, top: int) -> set[int]:
        """Turn the ring so that ``top`` is uppermost; answers the rows that came into sight."""
        step, self._top = top - self._top, top
        if step == 0:
            return set()
        if abs(step) >= self._lines:
            return set(range(self._lines))
        self._origin = (self._origin + step) % self._lines
        return set(range(self._lines - step, self._lines)) if step > 0 else set(range(-step))
