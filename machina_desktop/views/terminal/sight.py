"""What is shown of a terminal: which rows are in sight, in which typeface and colours, and where a pixel belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF

from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.terminal.backing import Backing, Painted
from machina_desktop.views.terminal.look import LARGEST, SMALLEST, Look
from machina_desktop.views.terminal.overlay import Overlay, Span
from machina_desktop.views.terminal.scheme import scheme
from machina_desktop.views.terminal.selection import Line, Spot
from machina_desktop.views.terminal.styles import Styles
from machina_desktop.views.terminal.typeface import Typeface

# Around the rows, in design pixels.
INSET: Final = 8
_FEWEST_COLUMNS, _FEWEST_LINES = 4, 2


@dataclass(frozen=True)
class Cell:
    """A cell under the mouse: the line from the top of what is shown, the column, and which half of it."""

    line: int
    column: int
    is_right_half: bool


class Sight:
    """One terminal in one picture; pixels are the device's unless said otherwise.

    Attributes:
        back: How many rows it is scrolled back.
        styles: The colours in force.
        face: The typeface in force.
        overlay: What draws over the rows.
    """

    def __init__(self, terminal: Terminal, look: Look) -> None:
        self.terminal = terminal
        self.back = 0
        self.ratio = 1.0
        self._look = look
        self._zoom = 0
        self._end = 0
        self.styles = Styles(scheme(look.scheme))
        self.face = self._new_face()
        self.overlay = Overlay(self.face, self.styles)
        self._backing = self._new_backing()

    @property
    def look(self) -> Look:
        """What the settings say."""
        return self._look

    @property
    def font_size(self) -> int:
        """In design pixels, zoomed."""
        return max(SMALLEST, min(LARGEST, self._look.size + self._zoom))

    @property
    def top(self) -> int:
        """The absolute number of the row shown uppermost."""
        return self.base - self.back

    @property
    def base(self) -> int:
        """The absolute number of the first row of the screen itself."""
        return self.terminal.top

    @property
    def has_blinking(self) -> bool:
        """Whether anything in sight blinks."""
        return self._backing.has_blinking

    @property
    def painted(self) -> int:
        """How many rows were painted so far."""
        return self._backing.painted

    def dress(self, look: Look, ratio: float) -> None:
        """Take another look, or move to a display of another pixel ratio."""
        self._look, self.ratio = look, ratio
        self.face = self._new_face()
        self.overlay = Overlay(self.face, self.styles)
        self._backing = self._new_backing()

    def zoom(self, step: int) -> None:
        """Make letters larger or smaller by pixels; 0 is back to what is set."""
        self._zoom = max(SMALLEST, min(LARGEST, self.font_size + step)) - self._look.size if step else 0
        self.dress(self._look, self.ratio)

    def fitting(self, size: QSizeF) -> tuple[int, int]:
        """How many columns and lines fit into a size in design pixels."""
        width, height = ((side - 2 * INSET) * self.ratio for side in (size.width(), size.height()))
        return max(_FEWEST_COLUMNS, int(width // self.face.width)), max(_FEWEST_LINES, int(height // self.face.height))

    def size_for(self, columns: int, lines: int) -> QSizeF:
        """The size in design pixels that so many columns and lines need."""
        width, height = columns * self.face.width, lines * self.face.height
        return QSizeF(width / self.ratio + 2 * INSET, height / self.ratio + 2 * INSET)

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size."""
        if (columns, lines) != (self.terminal.columns, self.terminal.lines):
            self.terminal.resize(columns, lines)
            self.back = min(self.back, self.terminal.scrolled)
            self._end = self.base
            self._backing = self._new_backing()

    def scroll_to(self, back: int) -> bool:
        """Show rows further back, at most the oldest ones; answers whether that changed anything."""
        terminal = self.terminal
        if back >= terminal.scrolled:
            # There may be more rows than were known to whoever asks for the oldest.
            terminal.count_all()
            back = terminal.scrolled
        else:
            terminal.settle(terminal.top - back)
        wanted = max(0, min(back, terminal.scrolled))
        is_other, self.back = wanted != self.back, wanted
        return is_other

    def reveal(self, row: int) -> bool:
        """Bring an absolute row into sight, a third from the top if it was out of it."""
        if self.top <= row < self.top + self.terminal.lines:
            return False
        return self.scroll_to(self.base - row + self.terminal.lines // 3)

    def refresh(self, *, is_blink_off: bool = False) -> QRect | None:
        """Paint what changed since the last time; answers the part of the picture that is another, or ``None``.

        Whoever is scrolled back keeps the rows in sight while new ones come.
        """
        terminal = self.terminal
        damage = terminal.take_damage()
        # A region at the top may have scrolled, and the rows below it stayed: all that is in sight has moved then.
        is_moved = damage.scrolled != 0 or self.base != self._end
        if self.back:
            self.back = max(0, min(self.back + self.base - self._end, terminal.scrolled))
        self._end = self.base
        was_blinking = is_blink_off
        is_other = self.styles.adopt(
            scheme(self._look.scheme),
            terminal.palette,
            (terminal.foreground, terminal.background, terminal.cursor_colour),
            is_reverse=terminal.modes.is_reverse_screen,
            is_blink_off=was_blinking,
        )
        if is_other:
            self._backing.forget()
        is_whole = is_other or damage.is_all or is_moved
        changed = None if is_whole else [row + self.back for row in damage.rows]
        painted = self._backing.refresh(terminal, top=self.top, first=-self.back, changed=changed)
        if is_other:
            painted = Painted(0, terminal.lines - 1, terminal.columns)
        if painted.last < painted.first:
            return None
        width, height = self.face.width, self.face.height
        return QRect(0, painted.first * height, painted.columns * width, (painted.last - painted.first + 1) * height)

    def repaint_blinking(self) -> None:
        """Blinking cells are to be painted the other way."""
        self._backing.forget_blinking()

    @property
    def backing(self) -> Backing:
        """The picture."""
        return self._backing

    def cell_at(self, at: QPointF) -> Cell:
        """The cell under a place in design pixels, or the one nearest to it."""
        x = (at.x() - INSET) * self.ratio / self.face.width
        line = int((at.y() - INSET) * self.ratio // self.face.height)
        column = int(x // 1)
        within = max(0, min(column, self.terminal.columns - 1))
        is_right = x - column >= 0.5 if within == column else column > within
        return Cell(max(0, min(line, self.terminal.lines - 1)), within, is_right)

    def spot_at(self, at: QPointF) -> Spot:
        """The place between cells nearest to a place in design pixels."""
        cell = self.cell_at(at)
        return Spot(self.top + cell.line, cell.column + cell.is_right_half)

    def rect_of(self, span: Span) -> QRectF:
        """Where a span is, in design pixels."""
        rect = QRectF(self.overlay.rect(span))
        ratio = self.ratio
        return QRectF(rect.x() / ratio + INSET, rect.y() / ratio + INSET, rect.width() / ratio, rect.height() / ratio)

    def line_at(self, row: int) -> Line:
        """The logical line that an absolute row is part of."""
        terminal, base = self.terminal, self.base
        lowest, highest = base - terminal.scrolled, base + terminal.lines - 1
        first = last = max(lowest, min(row, highest))
        # A program may wrap for ever; nobody selects more than this by a click.
        while first > lowest and row - first < 512 and terminal.row(first - 1 - base).is_wrapped:
            first -= 1
        while last < highest and last - row < 512 and terminal.row(last - base).is_wrapped:
            last += 1
        texts = [terminal.row(each - base).text.ljust(terminal.columns) for each in range(first, last + 1)]
        return Line("".join(texts), first, last)

    def _new_face(self) -> Typeface:
        return Typeface(self._look.family, self.font_size * self.ratio)

    def _new_backing(self) -> Backing:
        return Backing(self.face, self.styles, columns=self.terminal.columns, lines=self.terminal.lines)
