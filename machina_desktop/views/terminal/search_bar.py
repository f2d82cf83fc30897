"""The search of a terminal: a bar over its upper right corner, and the matches it finds, newest first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.terminal.search import Match, Pattern
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views import theme
from machina_desktop.views.terminal.overlay import Span
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label

SLICE_S: Final = 0.006
MATCHES_AT_MOST: Final = 20_000
# New output is looked through again after this.
AGAIN_MS: Final = 250


class Finder:
    """Looks for a pattern in slices, so that nothing waits for it.

    Attributes:
        matches: What was found so far, newest first.
        current: Which of them one stands on; -1 for none.
        is_done: Whether everything was looked through.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._rest: Iterator[Match | None] = iter(())
        self.pattern: Pattern | None = None
        self.matches: list[Match] = []
        self.current = -1
        self.is_done = True
        self._wanted: Match | None = None

    def begin(self, pattern: Pattern | None) -> None:
        """Look for something else, from the newest row on; ``None`` looks for nothing."""
        stood_on = self.match() if pattern == self.pattern else None
        self.pattern = pattern
        self.matches, self.current = [], -1
        self._wanted = stood_on
        self.is_done = pattern is None
        self._rest = iter(()) if pattern is None else self._terminal.search(pattern)

    def step(self) -> bool:
        """Go on for a moment; answers whether something is left."""
        until = time.perf_counter() + SLICE_S
        for found in self._rest:
            if found is not None:
                self.matches.append(found)
                if self._wanted == found:
                    self.current = len(self.matches) - 1
            if len(self.matches) >= MATCHES_AT_MOST:
                self.is_done = True
                break
            if time.perf_counter() > until:
                break
        else:
            self.is_done = True
        if self.current < 0 and self.matches:
            self.current = 0
        return not self.is_done

    def match(self) -> Match | None:
        """The match one stands on."""
        return self.matches[self.current] if 0 <= self.current < len(self.matches) else None

    def go(self, step: int) -> None:
        """To the next older match (1) or the next newer one (-1), round the end."""
        if self.matches:
            self.current = (self.current + step) % len(self.matches)

    def spans(self, top: int, lines: int, columns: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """What is in sight of all matches, and of the one that one stands on."""
        now = self.match()
        every: list[Span] = []
        for match in self.matches:
            if match.first.row < top + lines and match.last.row >= top:
                every += _spans(match, top, lines, columns)
            elif match.last.row < top:
                # Newest first: the rest is older still.
                break
        return tuple(every), tuple(_spans(now, top, lines, columns)) if now is not None else ()


def _spans(match: Match, top: int, lines: int, columns: int) -> Iterator[Span]:
    for row in range(max(match.first.row, top), min(match.last.row, top + lines - 1) + 1):
        first = match.first.x if row == match.first.row else 0
        last = match.last.x + 1 if row == match.last.row else columns
        if first < last:
            yield Span(line=row - top, first=first, last=last)


class _Line(SearchInput):
    """As any search line, but Esc leaves it and Enter goes on.

    Signals:
        left(): Esc was pressed.
        stepped(int): Enter: 1 to older matches, with Shift -1 to newer ones.
    """

    left = Signal()
    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.stepped.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        else:
            super().keyPressEvent(event)


class SearchBar(QWidget):
    """A line, switches for case and patterns, a count, the way to the next and the former match.

    Signals:
        found(): Other matches, or another current one.
        closed(): The person is done.
    """

    found = Signal()
    closed = Signal()

    def __init__(self, terminal: Terminal, parent: QWidget) -> None:
        super().__init__(parent)
        self.finder = Finder(terminal)
        self.line = _Line(self.tr("Find"), width=200, parent=self)
        self.line.setAccessibleName(self.tr("Find in the terminal"))
        self.line.setToolTip(self.tr("Find in the terminal  Ctrl+Shift+F"))
        self.case = IconButton("case-sensitive", self.tr("Match case"), is_checkable=True)
        self.regex = IconButton("regex", self.tr("Regular expression"), is_checkable=True)
        self.older = IconButton("arrow-up", self.tr("Older match"), shortcut="Enter")
        self.newer = IconButton("arrow-down", self.tr("Newer match"), shortcut="Shift+Enter")
        self.close_button = IconButton("x", self.tr("Close the search"), shortcut="Esc")
        self.count = Label(style=Type.SECONDARY, tone="secondary")
        self.count.setMinimumWidth(76)
        self._turn = QTimer(self, interval=0)
        self._turn.timeout.connect(self._on_turn)
        self._again = QTimer(self, interval=AGAIN_MS, singleShot=True)
        self._again.timeout.connect(self._search)
        self._build()
        self.hide()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.S, Space.XS, Space.XS, Space.XS)
        row.setSpacing(2)
        for widget in (self.line, self.case, self.regex, self.count, self.older, self.newer, self.close_button):
            row.addWidget(widget)
        self.line.searched.connect(lambda _text: self._search())
        self.line.stepped.connect(self.go)
        self.line.left.connect(self.closed)
        self.case.toggled.connect(lambda _on: self._search())
        self.regex.toggled.connect(lambda _on: self._search())
        self.older.clicked.connect(lambda: self.go(1))
        self.newer.clicked.connect(lambda: self.go(-1))
        self.close_button.clicked.connect(self.closed)

    def open(self, text: str = "") -> None:
        """Come up with the cursor in the line; ``text`` is what to look for, such as what is selected."""
        if text:
            self.line.setText(text)
        self.show()
        self.raise_()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()
        self._search()

    def go(self, step: int) -> None:
        """To an older match (1) or a newer one (-1)."""
        if self.finder.pattern is None:
            self._search()
        self.finder.go(step)
        self._tell()

    def look_again(self) -> None:
        """Something has come, or the size is another: the matches may have moved."""
        if self.isVisible() and self.finder.pattern is not None and not self._again.isActive():
            self._again.start()

    def stop(self) -> None:
        """Look for nothing any more."""
        self._turn.stop()
        self._again.stop()
        self.finder.begin(None)
        self.found.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
            return
        super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        fill_rounded(painter, box, Radius.CARD, theme.color("surface-elevated"), theme.color("border"))

    def _search(self) -> None:
        text = self.line.text()
        try:
            pattern = Pattern(text, is_regex=self.regex.isChecked(), is_cased=self.case.isChecked()) if text else None
        except InvalidInput as error:
            self.finder.begin(None)
            self.count.setText(self.tr("Not a pattern"))
            self.count.setToolTip(str(error))
            self.found.emit()
            return
        self.finder.begin(pattern)
        self.count.setToolTip("")
        self.finder.step()
        if not self.finder.is_done:
            self._turn.start()
        self._tell()

    def _on_turn(self) -> None:
        if not self.finder.step():
            self._turn.stop()
        self._tell()

    def _tell(self) -> None:
        finder, shown = self.finder, self.locale().toString
        if finder.pattern is None:
            self.count.setText("")
        elif not finder.matches:
            self.count.setText(self.tr("No match") if finder.is_done else "…")
        else:
            more = "" if finder.is_done and len(finder.matches) < MATCHES_AT_MOST else "+"
            total = shown(len(finder.matches)) + more
            self.count.setText(self.tr("{0} of {1}").format(shown(finder.current + 1), total))
        for button in (self.older, self.newer):
            button.setEnabled(bool(finder.matches))
        self.found.emit()
