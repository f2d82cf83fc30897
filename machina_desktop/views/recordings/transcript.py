"""The text of a recording beside its replay: searched by words or patterns, and a way to every line's moment."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.recording import RecordedLine
from machina_desktop.views.recordings.timeline import clock
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.text import Label

MOST_SHOWN: Final = 2000
SLICE: Final = 20_000
# Characters of a line that are shown before what was found in it.
BEFORE: Final = 10


class Transcript(QWidget):
    """Lines with their time; only those that match while something is looked for.

    Signals:
        wanted(int, str): The person wants the moment of a line: in ms of the recording, and its text.
        found(object): When the lines that match were seen, in ms of the recording (tuple of int).
    """

    wanted = Signal(int, str)
    found = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[RecordedLine, ...] = ()
        self._matches: list[int] = []
        self._next = 0
        self._pattern: re.Pattern[str] | None = None
        self._first: re.Pattern[str] | None = None
        self.search = SearchInput(self.tr("Find in this recording…"), parent=self)
        self.search.setObjectName("replay.search")
        self.search.setAccessibleName(self.tr("Find in this recording"))
        self.case = IconButton("case-sensitive", self.tr("Match case"), is_checkable=True)
        self.regex = IconButton("regex", self.tr("Regular expression"), is_checkable=True)
        self.count = Label(style=Type.SECONDARY, tone="secondary")
        self.list = List(name=self.tr("Lines of the recording"), parent=self)
        self.list.setObjectName("replay.lines")
        self._turn = QTimer(self, interval=0)
        self._turn.timeout.connect(self._look_on)
        self._build()
        self._connect()

    def _build(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(2)
        line.addWidget(self.search, 1)
        line.addWidget(self.case)
        line.addWidget(self.regex)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(line)
        column.addWidget(self.count)
        column.addWidget(self.list, 1)

    def _connect(self) -> None:
        self.search.searched.connect(lambda _text: self.look())
        self.case.toggled.connect(lambda _on: self.look())
        self.regex.toggled.connect(lambda _on: self.look())
        self.list.activated_key.connect(self._on_wanted)
        self.list.clicked.connect(lambda _index: self._on_wanted(self.list.current()))

    def set_lines(self, lines: tuple[RecordedLine, ...]) -> None:
        """Show the text of a recording."""
        self._lines = lines
        self.look()

    def show_match(self, text: str, line: int) -> None:
        """Look for words, and stand on that line."""
        self.search.setText(text)
        self.look()
        while self._turn.isActive():
            self._look_on()
        self.list.select(str(line))

    def look(self) -> None:
        """Look for what is typed, from the first line on."""
        self._turn.stop()
        self._matches, self._next, self._pattern, self._first = [], 0, None, None
        text = self.search.text().strip()
        try:
            self._pattern = self._compiled(text) if text else None
        except re.error as error:
            self.count.setText(self.tr("Not a pattern: {0}").format(error))
            self._show()
            return
        self._look_on()

    def _compiled(self, text: str) -> re.Pattern[str]:
        flags = 0 if self.case.isChecked() else re.IGNORECASE
        if self.regex.isChecked():
            self._first = re.compile(text, flags)
            return self._first
        self._first = re.compile("|".join(re.escape(word) for word in text.split()), flags)
        # As the search through all recordings does: every word, in any order.
        return re.compile("".join(f"(?=.*?{re.escape(word)})" for word in text.split()), flags)

    def _look_on(self) -> None:
        until = min(self._next + SLICE, len(self._lines))
        pattern = self._pattern
        for index in range(self._next, until):
            if self._lines[index].text and (pattern is None or pattern.search(self._lines[index].text)):
                self._matches.append(index)
        self._next = until
        if until < len(self._lines):
            self._turn.start()
            return
        self._turn.stop()
        self._tell()
        self._show()

    def _tell(self) -> None:
        shown = self.locale().toString
        count = len(self._matches)
        if self._pattern is None:
            text = self.tr("{0} lines").format(shown(count))
        else:
            text = self.tr("{0} lines match").format(shown(count)) if count != 1 else self.tr("1 line matches")
        if count > MOST_SHOWN:
            text = self.tr("{0}, the first {1} are shown").format(text, shown(MOST_SHOWN))
        self.count.setText(text)

    def _show(self) -> None:
        lines = self._lines
        self.list.set_items(
            tuple(
                ListItem(key=str(index), title=self._cut(lines[index].text), trailing=clock(lines[index].at_ms))
                for index in self._matches[:MOST_SHOWN]
            )
        )
        found = self._matches[:MOST_SHOWN] if self._pattern is not None else []
        self.found.emit(tuple(dict.fromkeys(lines[index].at_ms for index in found)))

    def _cut(self, text: str) -> str:
        """A line from shortly before what was found in it."""
        first = self._first
        match = first.search(text) if first is not None else None
        start = match.start() - BEFORE if match is not None else 0
        return f"…{text[start:].strip()}" if start > 0 else text.strip()

    def _on_wanted(self, key: str) -> None:
        if key:
            line = self._lines[int(key)]
            self.wanted.emit(line.at_ms, line.text)
