"""What is done in a terminal beside typing: copying and pasting, going to places, opening links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QClipboard, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.core.terminal.marks import Place as Cell
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.terminal import links, pasting
from machina_desktop.views.terminal.entry import Pasted
from machina_desktop.views.terminal.paste_dialog import PasteDialog
from machina_desktop.views.terminal.place import Place
from machina_desktop.views.terminal.search_bar import SearchBar
from machina_desktop.views.terminal.selection import Selection, Spot
from machina_desktop.views.terminal.view import TerminalView
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.reading_order import move_focus
from machina_desktop.views.widgets.text import copy_text

# Screen readers hear of the screen when it has come to rest, not of each line of a flood.
_REST_MS = 300


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of a pane that actions act on; ``owner`` is the pane, over which dialogs open."""

    place: Place
    terminal: Terminal
    view: TerminalView
    search: SearchBar
    owner: QWidget


class PaneDeeds(QObject):
    """What can be done in one pane.

    Attributes:
        place: Where the shell runs, as it is known now.
        audience: Answers where else what is pasted here goes.

    Signals:
        entered(object): What was pasted, an `Entry`, after it was sent.
    """

    entered = Signal(object)

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.owner)
        self._pane = parts
        self.place = parts.place
        self.audience: Callable[[], tuple[Place, ...]] = tuple
        self._told = QTimer(self, interval=_REST_MS, singleShot=True)
        self._told.timeout.connect(self._tell_now)

    # Text

    def has_selection(self) -> bool:
        """Whether anything is selected."""
        selection = self._pane.view.pointer.selection
        return selection is not None and not selection.is_empty

    def selected_text(self) -> str:
        """What is selected, with wrapped lines joined."""
        selection = self._pane.view.pointer.selection
        if selection is None or selection.is_empty:
            return ""
        first, last = _cells(selection, self._pane.terminal.columns)
        return self._pane.terminal.text(first, last, is_block=selection.is_block)

    def copy(self) -> None:
        """Put what is selected on the clipboard."""
        if text := self.selected_text():
            copy_text(text)

    def offer_selected(self) -> None:
        """Let the middle button of other programs find what is selected, where the system knows such a thing."""
        clipboard = QGuiApplication.clipboard()
        if clipboard.supportsSelection() and self.has_selection():
            clipboard.setText(self.selected_text(), QClipboard.Mode.Selection)

    def paste(self) -> None:
        """Paste from the clipboard."""
        self.paste_text(QGuiApplication.clipboard().text())

    def paste_selected(self) -> None:
        """Paste what was selected last, in whatever program; nothing where the system knows no such thing."""
        clipboard = QGuiApplication.clipboard()
        if clipboard.supportsSelection():
            self.paste_text(clipboard.text(QClipboard.Mode.Selection))

    def paste_text(self, text: str) -> None:
        """Paste a text, here and wherever broadcast input goes, after it was shown where that matters."""
        text = pasting.cleaned(text)
        if not text:
            return
        places = (self.place, *self.audience())
        is_production = any(place.is_production for place in places)
        if len(places) == 1 and not pasting.is_shown_first(text, is_production=is_production):
            self._paste(text)
            return
        dialog = PasteDialog(text, places=places, parent=self._pane.owner)
        dialog.agreed.connect(self._paste)
        dialog.finished.connect(lambda _result: self._pane.view.setFocus())
        dialog.open()

    def write_text(self, text: str) -> None:
        """Write a text that a person has seen into the line, here only."""
        if text := pasting.cleaned(text).rstrip("\n"):
            self._send(Pasted(text))

    def run_text(self, text: str) -> None:
        """Type commands that a person has seen, here only, and press Enter."""
        if pasting.cleaned(text).rstrip("\n"):
            self.write_text(text)
            self._pane.view.type(b"\r")

    def _paste(self, text: str) -> None:
        entry = Pasted(text)
        self._send(entry)
        self.entered.emit(entry)

    def _send(self, entry: Pasted) -> None:
        self._pane.view.type(entry.encoded(self._pane.terminal.modes))

    def select_all(self) -> None:
        """Select the screen and everything that has scrolled away."""
        sight = self._pane.view.sight
        sight.terminal.count_all()
        first, last = sight.base - sight.terminal.scrolled, sight.base + sight.terminal.lines - 1
        self._select(Spot(first, 0), Spot(last, sight.terminal.columns))

    def select_output(self) -> None:
        """Select what the command put out that is in sight, else the last one."""
        sight = self._pane.view.sight
        last = sight.top + sight.terminal.lines
        commands = [each for each in sight.terminal.marks() if each.output is not None and each.output.row < last]
        if not commands:
            return
        found = commands[-1]
        if found.output is not None:
            end = found.end or sight.terminal.marks()[-1].prompt
            until = Spot(end.row, end.x) if end is not None and end > found.output else Spot(last, 0)
            self._select(Spot(found.output.row, found.output.x), until)
            self._pane.view.reveal(found.output.row)

    def _select(self, first: Spot, last: Spot) -> None:
        self._pane.view.pointer.select(Selection(anchor=(first, first), head=(last, last)))
        self.offer_selected()

    # Places

    def jump(self, direction: int) -> None:
        """Bring the prompt before (-1) or after (1) the uppermost row to the top."""
        view, sight = self._pane.view, self._pane.view.sight
        rows = [each.prompt.row for each in sight.terminal.marks() if each.prompt is not None]
        ahead = [row for row in rows if row > sight.top] if direction > 0 else [row for row in rows if row < sight.top]
        if ahead:
            view.scroll_to(sight.base - (min(ahead) if direction > 0 else max(ahead)))
        elif direction > 0:
            view.scroll_to(0)

    def open_search(self) -> None:
        """Look for something; what is selected in one line is suggested."""
        text = self.selected_text()
        self._pane.search.open("" if "\n" in text else text)

    def close_search(self) -> None:
        """Look for nothing, and go back to typing."""
        self._pane.search.hide()
        self._pane.search.stop()
        self._pane.view.setFocus()

    def leave(self, *, is_forwards: bool) -> None:
        """Give the keyboard to the control after the terminal, or before it."""
        move_focus(self._pane.owner.window(), forwards=is_forwards)

    def clear_scrollback(self) -> None:
        """Forget what has scrolled away."""
        self._pane.terminal.clear_scrollback()
        self._pane.view.pointer.clear()
        self._pane.view.scroll_to(0)
        self._pane.view.refresh()
        self._pane.view.viewport().update()

    def reset(self) -> None:
        """Begin with a clean screen and modes as at the start, such as after binary output."""
        self._pane.terminal.reset()
        self._pane.view.refresh()
        self._pane.view.viewport().update()

    # Links

    def open_link(self, address: str) -> None:
        """Open a web page; ask before anything else."""
        if links.is_usual(address):
            QDesktopServices.openUrl(QUrl(address))
            return
        dialog = ConfirmDialog(
            self.tr("Open this link?"),
            text=self.tr("It is no web page. Another program of this computer will open it:"),
            losses=(links.shown(address),),
            confirm=self.tr("Open"),
            is_danger=False,
            parent=self._pane.owner,
        )
        dialog.setObjectName("terminal.link")
        dialog.accepted.connect(partial(QDesktopServices.openUrl, QUrl(address)))
        dialog.open()

    # Screen readers

    def tell_screen_readers(self) -> None:
        """Something on the screen is another; told once it has come to rest."""
        if QAccessible.isActive() and not self._told.isActive():
            self._told.start()

    def _tell_now(self) -> None:
        QAccessible.updateAccessibility(QAccessibleEvent(self._pane.view, QAccessible.Event.TextUpdated))


def _cells(selection: Selection, columns: int) -> tuple[Cell, Cell]:
    """The first and the last cell of a selection."""
    start, end = selection.start, selection.end
    last = Cell(end.row, end.column - 1) if end.column or selection.is_block else Cell(end.row - 1, columns - 1)
    return Cell(start.row, start.column), last
