"""Two values of one field side by side, line by line; what only one of them has is marked by a sign and a plate."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from PySide6.QtCore import QCoreApplication, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.text import Label

# More of a text is told by copying it.
SHOWN_LINES = 40


def differing(one: Sequence[str], other: Sequence[str]) -> frozenset[int]:
    """The numbers of the lines of ``one`` that ``other`` does not have at that place."""
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    same = {block.a + step for block in blocks for step in range(block.size)}
    return frozenset(range(len(one))) - same


class _Line(QWidget):
    """One line, marked where it differs."""

    def __init__(self, text: str, *, is_marked: bool, tone: str) -> None:
        super().__init__()
        self._is_marked = is_marked
        self._tint = "tint-accent" if tone == "ours" else "tint-warning"
        sign = Label(("+" if tone == "ours" else "~") if is_marked else " ", style=Type.MONO)
        sign.setFixedWidth(14)
        words = Label(text, style=Type.MONO, wraps=True, is_selectable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.S, 1, Space.S, 1)
        row.setSpacing(Space.XS)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(words, 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._is_marked:
            fill_rounded(QPainter(self), QRectF(self.rect()), Radius.INPUT, theme.color(self._tint))


class ValuePane(QWidget):
    """One value under its heading, on a plate.

    Attributes:
        marked: The lines that the other value does not have.
    """

    def __init__(self, heading: str, value: str, other: str | None, *, tone: str) -> None:
        """``tone`` is ``ours`` or ``theirs``; ``other`` is what to compare with, ``None`` for nothing."""
        super().__init__()
        lines = value.splitlines() or [""]
        differs = differing(lines, other.splitlines() or [""]) if other is not None else frozenset()
        self.marked = tuple(lines[number] for number in sorted(differs))
        self.setAccessibleName(heading)
        self.setAccessibleDescription(value)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, Space.S, 1, Space.S)
        column.setSpacing(0)
        caption = Label(heading, style=Type.LABEL, tone="secondary")
        caption.setContentsMargins(Space.M, 0, Space.M, Space.XS)
        column.addWidget(caption)
        for number, line in enumerate(lines[:SHOWN_LINES]):
            column.addWidget(_Line(line, is_marked=number in differs, tone=tone))
        if len(lines) > SHOWN_LINES:
            more = _tr("… and {0} more lines").format(len(lines) - SHOWN_LINES)
            column.addWidget(Label(more, tone="secondary"))
        column.addStretch()

    def paintEvent(self, _event: QPaintEvent) -> None:
        rect = QRectF(self.rect())
        fill_rounded(QPainter(self), rect, Radius.BUTTON, theme.color("surface"), theme.color("border"))


class FieldCompare(QWidget):
    """A field by its name, and its values: yours, and what the home has where that is known."""

    def __init__(self, name: str, ours: tuple[str, str], theirs: tuple[str, str] | None, *, before: str = "") -> None:
        """``ours`` and ``theirs`` are pairs of heading and value; ``before`` says what it was, in one line."""
        super().__init__()
        other = theirs[1] if theirs is not None else None
        self.ours = ValuePane(*ours, other, tone="ours")
        self.theirs = ValuePane(*theirs, ours[1], tone="theirs") if theirs is not None else None
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(self.ours, 1)
        if self.theirs is not None:
            row.addWidget(self.theirs, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(Label(name, style=Type.MEDIUM))
        column.addLayout(row)
        if before:
            column.addWidget(Label(before, style=Type.SECONDARY, tone="secondary", wraps=True))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Outbox", text)
