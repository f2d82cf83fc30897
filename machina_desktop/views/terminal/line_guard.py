"""The line that is about to be run, as far as it is known, and the question before a dangerous one in production."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.dangerous import dangerous_part
from machina_desktop.core.terminal.marks import Place as Cell
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.terminal.entry import Entry, Pasted
from machina_desktop.views.terminal.place import Place
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.text import Label

# Enter as it may be sent, and Ctrl+O, with which shells run a line and fetch the next one.
ENTERS: Final = frozenset({b"\r", b"\n", b"\r\n", b"\x1bOM", b"\x0f"})
# Ctrl+C, Ctrl+D, Ctrl+G and Ctrl+U leave nothing of the line.
_CLEARING: Final = frozenset({b"\x03", b"\x04", b"\x07", b"\x15"})
_BACKSPACES: Final = frozenset({b"\x7f", b"\x08"})


class LineGuard:
    """Follows what a person types at a prompt.

    A shell that marks its prompts (OSC 133) says where the line begins. Of others it is where the cursor stood when the
    first key was typed, which is wrong where somebody types ahead; what was typed is known beside that, until a key
    such as Tab or an arrow changes the line in ways only the shell knows. A full-screen program has no such line,
    but what keeps a shell shows one on the whole screen.

    Attributes:
        is_in_keeper: The shell runs in tmux or screen.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.is_in_keeper = False
        self._terminal = terminal
        self._typed = ""
        self._is_certain = True
        self._start: Cell | None = None

    def before(self) -> None:
        """A key is about to be sent."""
        if self._start is None:
            self._start = self._cursor()

    def after(self, entry: Entry) -> None:
        """Something was sent."""
        if isinstance(entry, Pasted):
            ran, _end, rest = entry.text.rpartition("\n")
            self._typed = rest if ran else self._typed + rest
            return
        data = entry.encoded(self._terminal.modes)
        if data in ENTERS or data in _CLEARING:
            self._typed, self._is_certain, self._start = "", True, None
        elif data in _BACKSPACES:
            self._typed = self._typed[:-1]
        elif data.startswith(b"\x1b") or data < b" ":
            self._is_certain = False
        else:
            self._typed += data.decode("utf-8", "replace")

    def dangerous(self, entry: Entry, patterns: str) -> str:
        """The command that a pattern names, if ``entry`` would run it now; else empty."""
        if not patterns or entry.encoded(self._terminal.modes) not in ENTERS:
            return ""
        return next((part for line in self.lines() if (part := dangerous_part(line, patterns))), "")

    def lines(self) -> tuple[str, ...]:
        """What the line may be; none on the alternate screen."""
        if self._terminal.screen.is_alternate and not self.is_in_keeper:
            return ()
        found = [self._typed] if self._is_certain else []
        start = self._marked() or self._start
        end = self._cursor()
        if start is not None and start <= end:
            last = Cell(end.row, self._terminal.columns - 1)
            found.append(self._terminal.text(start, last))
        return tuple(line for line in found if line.strip())

    def _marked(self) -> Cell | None:
        """Where the shell says that the line begins; ``None`` while a command runs or where it says nothing."""
        marks = self._terminal.marks()
        return marks[-1].command if marks and marks[-1].output is None else None

    def _cursor(self) -> Cell:
        cursor = self._terminal.cursor
        return Cell(self._terminal.top + cursor.y, cursor.x)


def guard_dialog(command: str, places: tuple[Place, ...], parent: QWidget) -> ConfirmDialog:
    """Asks whether to run a command; Enter says no. Show it with ``open()``."""
    guarded = ", ".join(dict.fromkeys(place.name for place in places if place.is_production))
    further = sum(not place.is_production for place in places)
    words = _tr("It runs on {0}, which is production.").format(guarded)
    if further:
        words = f"{words} {_tr('Broadcast sends it to {0} others too.').format(further)}"
    dialog = ConfirmDialog(_tr("Run this in production?"), text=words, confirm=_tr("Run it"), parent=parent)
    dialog.column.addWidget(Label(command, style=Type.MONO, wraps=True))
    dialog.setObjectName("terminal.guard")
    return dialog


def _tr(text: str) -> str:
    return QCoreApplication.translate("LineGuard", text)
