"""One row of the screen: text and attribute runs while it is written in order, single cells once it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from machina_desktop.core.terminal.rows import NO_CLUSTERS, Row, canonical, collected, expanded
from machina_desktop.core.terminal.sequences import read_raw
from machina_desktop.core.terminal.widths import HALF

if TYPE_CHECKING:
    from machina_desktop.core.terminal.marks import Mark


class Line:
    """A row that is written to.

    Either compact (``cells`` is None): ``text``, ``runs`` and ``fill`` as in ``Row``, though blanks at the end may be
    there and neighbouring runs may be equal; ``runs`` is empty exactly when ``text`` is. Or cells: ``cells`` and
    ``attributes`` hold ``columns`` entries each, and the other three mean nothing.

    Attributes:
        clusters: As in ``Row``, of a compact line; None for none. In ``cells`` a cluster stands in its cell.
        is_wrapped: Whether the next row continues this one.
        has_gap: Whether a wide character left the last column of a wrapped row free.
        marks: Shell marks that were set on this row (OSC 133).
        unread: Text with SGR sequences and the attribute of its beginning, from which ``read`` makes the ``runs`` of a
            compact line when somebody asks for them; ``text`` is there already.
    """

    __slots__ = ("attributes", "cells", "clusters", "fill", "has_gap", "is_wrapped", "marks", "runs", "text", "unread")

    def __init__(self, text: str = "", runs: list[int] | None = None, fill: int = 0, *, is_wrapped: bool = False):
        self.text = text
        self.runs: list[int] = [] if runs is None else runs
        self.fill = fill
        self.clusters: dict[int, str] | None = None
        self.cells: list[str] | None = None
        self.attributes: list[int] = []
        self.is_wrapped = is_wrapped
        self.has_gap = False
        self.marks: tuple[Mark, ...] = ()
        self.unread: tuple[str, int] | None = None

    def read(self) -> None:
        """Work out ``runs`` if that was put off."""
        if self.unread is not None:
            self.runs = [*read_raw(*self.unread).runs] or [0, 0]
            self.unread = None

    @classmethod
    def from_row(cls, row: Row) -> Line:
        """A line that shows what ``row`` shows."""
        runs = list(row.runs) or ([0, 0] if row.text else [])
        line = cls(row.text, runs, row.fill, is_wrapped=row.is_wrapped)
        line.clusters = dict(row.clusters) or None
        return line

    def to_row(self, columns: int) -> Row:
        """What the line shows now."""
        if self.unread is not None:
            self.read()
        text, runs, fill, clusters = self.text, self.runs, self.fill, self.clusters
        if self.cells is not None:
            text, runs, clusters = _packed(self.cells, self.attributes)
            fill = 0
        at_least = columns - self.has_gap if self.is_wrapped else max(clusters) + 1 if clusters else 0
        short, own, fill = canonical(text, runs, fill, columns, at_least=at_least)
        return Row(short, own, fill, dict(clusters) if clusters else NO_CLUSTERS, self.is_wrapped)

    def blank(self, attribute: int) -> None:
        """Make the whole line blank with this background."""
        self.text = ""
        self.runs = []
        self.fill = attribute
        self.cells = self.clusters = self.unread = None
        self.is_wrapped = False

    def whole_look(self, columns: int) -> int | None:
        """The attribute of a row full of narrow characters that all look the same, and go on in the next row.

        None for any other row.
        """
        is_plain = self.is_wrapped and self.cells is None and not (self.unread or self.clusters or self.marks)
        if not is_plain or len(self.text) != columns or len(self.runs) != 2 or HALF in self.text:
            return None
        attribute = self.runs[1]
        # Coloured blanks at the end may be what is behind the line.
        return attribute if self.text[-1] != " " or not attribute else None

    def wrap(self, columns: int, *, has_gap: bool = False) -> None:
        """Have the next row continue this one, which is full but for the column a wide character left free."""
        if self.cells is None and len(self.text) < columns - has_gap:
            length = len(self.text)
            self._append(length, " " * (columns - has_gap - length), [length, self.fill])
        self.is_wrapped = True
        self.has_gap = has_gap

    def to_cells(self, columns: int) -> tuple[list[str], list[int]]:
        """Turn the line into cells, unless it is that already; answers cells and attributes."""
        cells = self.cells
        if cells is None:
            self.read()
            length = len(self.text)
            blanks = columns - length
            self.has_gap = self.is_wrapped and blanks == 1
            cells = self.cells = list(self.text) + [" "] * blanks
            self.attributes = expanded(self.runs, length) + [self.fill] * blanks
            if self.clusters:
                for column, cluster in self.clusters.items():
                    cells[column] = cluster
                self.clusters = None
        return cells, self.attributes

    def truncate(self, column: int, fill: int) -> None:
        """Cut a compact line at a column inside its text; what is right of it becomes blank with ``fill``."""
        self.read()
        if self.text[column] == HALF:
            self.text = self.text[: column - 1] + " "
        else:
            self.text = self.text[:column]
        runs = self.runs
        while runs and runs[-2] >= column:
            del runs[-2:]
        self.fill = fill
        if self.clusters:
            self.clusters = {at: cluster for at, cluster in self.clusters.items() if at < len(self.text)} or None

    def write(self, x: int, text: str, runs: list[int], columns: int) -> None:
        """Put aligned text at column ``x``; ``runs`` holds absolute columns, begins at ``x``, and may be kept."""
        end = x + len(text)
        if end >= columns:
            self.is_wrapped = False
        if self.cells is None:
            length = len(self.text)
            if x == 0 and end >= length:
                self.text = text
                self.runs = runs
                self.clusters = self.unread = None
                return
            if x >= length:
                self._append(x, text, runs)
                return
        elif x == 0 and end >= columns:
            self.text = text
            self.runs = runs
            self.cells = self.clusters = None
            return
        self._overwrite(x, text, runs, columns)

    def write_cells(self, x: int, text: str, attributes: list[int], columns: int) -> None:
        """Put aligned text with an attribute for each of its columns at column ``x``; ``attributes`` may be kept."""
        end = x + len(text)
        if end >= columns:
            self.is_wrapped = False
        if x == 0 and end >= columns:
            self.cells = [*text]
            self.attributes = attributes
            self.clusters = self.unread = None
            return
        cells, own = self.to_cells(columns)
        _put(cells, x, text)
        own[x:end] = attributes

    def _append(self, x: int, text: str, runs: list[int]) -> None:
        self.read()
        length = len(self.text)
        own = self.runs
        if x > length:
            if not own or own[-1] != self.fill:
                own += (length, self.fill)
            self.text += " " * (x - length)
        self.text += text
        if own and own[-1] == runs[1]:
            own += runs[2:]
        else:
            own += runs

    def _overwrite(self, x: int, text: str, runs: list[int], columns: int) -> None:
        cells, attributes = self.to_cells(columns)
        end = x + len(text)
        _put(cells, x, text)
        for index in range(0, len(runs), 2):
            stop = runs[index + 2] if index + 2 < len(runs) else end
            start = runs[index]
            attributes[start:stop] = [runs[index + 1]] * (stop - start)


def _put(cells: list[str], x: int, text: str) -> None:
    """Put aligned text at column ``x``; of a wide character that it covers by half a blank stays."""
    end = x + len(text)
    if cells[x] == HALF:
        cells[x - 1] = " "
    if end < len(cells) and cells[end] == HALF:
        cells[end] = " "
    cells[x:end] = text


def _packed(cells: list[str], attributes: list[int]) -> tuple[str, list[int], dict[int, str] | None]:
    """Cells as text, runs and clusters."""
    text = "".join(cells)
    clusters = None
    if len(text) != len(cells):
        clusters = {column: cell for column, cell in enumerate(cells) if len(cell) > 1}
        text = "".join([cell[0] for cell in cells])
    return text, collected(attributes), clusters
