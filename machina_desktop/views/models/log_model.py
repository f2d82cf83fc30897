"""A run's log in memory: a million lines as bytes and numbers, divided into phases that fold."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from machina_desktop.core.domain.log_line import LogLevel, LogLine

_LEVELS = tuple(LogLevel)
_LEVEL_NUMBERS = {level: number for number, level in enumerate(_LEVELS)}
_ERROR = _LEVEL_NUMBERS[LogLevel.ERROR]


@dataclass
class Section:
    """A stretch of lines of one phase, with a heading that folds it.

    Attributes:
        first: Its first line, 0..n-1 over the whole log.
        count: How many lines it has so far.
        errors: How many of them are errors.
        top: The row of its heading, counting what is folded as absent.
    """

    phase: str
    first: int
    count: int = 0
    errors: int = 0
    is_folded: bool = False
    top: int = 0

    @property
    def row_count(self) -> int:
        """Rows it takes: the heading and, unfolded, its lines."""
        return 1 if self.is_folded else self.count + 1


@dataclass(frozen=True)
class Row:
    """What stands in one row of the view: a line, or with ``line`` -1 the heading of ``section``."""

    section: Section
    line: int


class LogModel(QObject):
    """Lines and their phases. Appending is cheap; nothing is told per line.

    The `LogLine` objects are not kept: 1,000,000 lines of 70 characters take about 100 MB.

    Attributes:
        sections: The phases, from the top.
        longest: Characters in the longest line.

    Signals:
        appended: Lines were added; sent once per batch.
        changed: Everything may be different: cleared, folded or unfolded.
    """

    appended = Signal()
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.sections: list[Section] = []
        self.longest = 0
        self._text = bytearray()
        self._ends = array("Q")
        self._levels = bytearray()
        self._times = array("d")
        self._errors = array("Q")

    def append_lines(self, lines: Sequence[LogLine]) -> None:
        """Add lines at the end. A line whose phase differs from the last one's begins a section."""
        if not lines:
            return
        for line in lines:
            section = self.sections[-1] if self.sections else None
            if section is None or section.phase != line.phase:
                section = Section(line.phase, len(self._ends), top=self.row_count())
                self.sections.append(section)
            section.count += 1
            level = _LEVEL_NUMBERS[line.level]
            if level == _ERROR:
                section.errors += 1
                self._errors.append(len(self._ends))
            self._levels.append(level)
            self._times.append(line.at.timestamp())
            self._text += line.text.encode("utf-8", "replace")
            self._text += b"\n"
            self._ends.append(len(self._text))
            self.longest = max(self.longest, len(line.text))
        self.appended.emit()

    def clear(self) -> None:
        """Forget every line."""
        for part in (self.sections, self._text, self._levels):
            part.clear()
        for numbers in (self._ends, self._times, self._errors):
            del numbers[:]
        self.longest = 0
        self.changed.emit()

    def line_count(self) -> int:
        """How many lines there are."""
        return len(self._ends)

    def text(self, line: int) -> str:
        """The text of ``line``, 0..n-1."""
        start = self._ends[line - 1] if line else 0
        return self._text[start : self._ends[line] - 1].decode("utf-8")

    def texts(self, first: int, last: int) -> list[str]:
        """The texts of lines ``first`` to ``last``, both included."""
        start = self._ends[first - 1] if first else 0
        return self._text[start : self._ends[last] - 1].decode("utf-8").split("\n")

    def content(self) -> bytes:
        """The whole log as UTF-8, each line ended by a line feed."""
        return bytes(self._text)

    def level(self, line: int) -> LogLevel:
        """The level of ``line``."""
        return _LEVELS[self._levels[line]]

    def time(self, line: int) -> float:
        """When ``line`` was written, in seconds since the epoch."""
        return self._times[line]

    def error_lines(self) -> Sequence[int]:
        """The lines at error level, from the top."""
        return self._errors

    def row_count(self) -> int:
        """How many rows the view has, headings counted and folded lines not."""
        return self.sections[-1].top + self.sections[-1].row_count if self.sections else 0

    def row(self, row: int) -> Row:
        """What stands in ``row``, 0..row_count-1."""
        section = self.sections[bisect_right(self.sections, row, key=lambda each: each.top) - 1]
        offset = row - section.top
        return Row(section, -1 if offset == 0 else section.first + offset - 1)

    def section_of(self, line: int) -> Section:
        """The section ``line`` belongs to."""
        return self.sections[bisect_right(self.sections, line, key=lambda each: each.first) - 1]

    def row_of_line(self, line: int) -> int:
        """The row of ``line``; the heading's row when it is folded away."""
        section = self.section_of(line)
        return section.top if section.is_folded else section.top + 1 + line - section.first

    def seconds(self, section: Section) -> float:
        """How long the section took from its first line to its last."""
        return self._times[section.first + section.count - 1] - self._times[section.first]

    def set_folded(self, section: Section, is_folded: bool) -> None:
        """Fold a section away or show it."""
        if section.is_folded != is_folded:
            section.is_folded = is_folded
            self._stack_sections()

    def fold_all(self, is_folded: bool) -> None:
        """Fold all sections away or show them."""
        for section in self.sections:
            section.is_folded = is_folded
        self._stack_sections()

    def _stack_sections(self) -> None:
        top = 0
        for section in self.sections:
            section.top = top
            top += section.row_count
        self.changed.emit()


class LogSearch(QObject):
    """Finds the lines that contain a text, ignoring case, in slices short enough for one frame.

    Call `step` until it answers ``False``; lines added later are found by stepping again.
    """

    SLICE = 10_000

    def __init__(self, model: LogModel) -> None:
        super().__init__(model)
        self._model = model
        self.needle = ""
        self.matches = array("Q")
        self._next = 0

    def start(self, needle: str) -> None:
        """Search for another text; empty finds nothing."""
        self.needle = needle.lower()
        self.matches = array("Q")
        self._next = 0

    def step(self) -> bool:
        """Search the next slice; whether more is left."""
        count = self._model.line_count()
        if not self.needle or self._next >= count:
            return False
        last = min(self._next + self.SLICE, count) - 1
        for offset, text in enumerate(self._model.texts(self._next, last)):
            if self.needle in text.lower():
                self.matches.append(self._next + offset)
        self._next = last + 1
        return self._next < count
