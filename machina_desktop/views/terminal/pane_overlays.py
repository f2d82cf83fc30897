"""What lies over a pane's screen, and where: the frame of a broadcast, the search, a question of the machine."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.core.domain.terminal import Question
from machina_desktop.views.terminal.asking import AskingCard
from machina_desktop.views.terminal.broadcast_frame import BroadcastFrame
from machina_desktop.views.terminal.search_bar import SearchBar
from machina_desktop.views.terminal.view import TerminalView
from machina_desktop.views.theme import Space


class PaneOverlays(QObject):
    """Places them over ``view``, in which none of them takes up room.

    Attributes:
        asking: The question that is shown; ``None`` while there is none.

    Signals:
        answered(object): What the person says to the question, an `Answer`.
    """

    answered = Signal(object)

    def __init__(self, view: TerminalView, *, frame: BroadcastFrame, search: SearchBar, pane: QWidget) -> None:
        super().__init__(pane)
        self.asking: AskingCard | None = None
        self._view, self._frame, self._search, self._pane = view, frame, search, pane

    def ask(self, question: Question | None) -> None:
        """Show that question instead of another one, or none; one that is shown already stays as it is."""
        if self.asking is not None and self.asking.question is not question:
            self.asking.hide()
            self.asking.deleteLater()
            self.asking = None
        if question is None or self.asking is not None:
            return
        has_focus = self._pane.isAncestorOf(QApplication.focusWidget() or self._pane.window())
        self.asking = AskingCard(question, self._pane)
        self.asking.answered.connect(self.answered)
        self.place()
        self.asking.show()
        if has_focus or self._view.hasFocus():
            self.asking.take_focus()

    def place(self) -> None:
        """Put each where it belongs; to be called whenever the view has another size or place."""
        inner = self._view.geometry()
        self._frame.setGeometry(inner)
        self._search.adjustSize()
        hint = self._search.sizeHint()
        width = min(hint.width(), inner.width() - 2 * Space.M)
        bar = self._view.verticalScrollBar().width()
        self._search.setGeometry(inner.right() - width - bar - Space.S, inner.top() + Space.S, width, hint.height())
        if self.asking is not None:
            room = inner.width() - 2 * Space.M
            self.asking.setFixedWidth(min(self.asking.maximumWidth(), room))
            self.asking.resize(self.asking.width(), self.asking.wanted_height())
            self.asking.move(inner.center() - self.asking.rect().center())
