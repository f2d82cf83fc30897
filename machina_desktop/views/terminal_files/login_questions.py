"""What a machine asks before it lets files and tunnels through, shown where these are."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.terminal import Answer, Question
from machina_desktop.views.terminal.asking import WIDTH, AskingCard
from machina_desktop.views.theme import Space


class LoginWatch(QObject):
    """Attends to the questions of one machine for as long as its owner lives.

    Attributes:
        question: What is asked now, and by this owner to be shown; ``None`` for nothing.

    Signals:
        asked(object): :attr:`question` is another.
    """

    asked = Signal(object)

    def __init__(self, bridge: Bridge, machine_id: str, owner: QObject) -> None:
        """Nothing is attended to before :meth:`begin`."""
        super().__init__(owner)
        self._bridge = bridge
        self._machine_id = machine_id
        self._viewer = object()
        self._has_begun = False
        self.question: Question | None = None

    def begin(self) -> None:
        """Attend from now on; the core has settled."""
        if self._has_begun:
            return
        self._has_begun = True
        questions = self._bridge.files.questions
        self._bridge.login_asked.connect(self._on_asked)
        self.destroyed.connect(partial(questions.leave, self._machine_id, self._viewer))
        questions.attend(self._machine_id, self._viewer)

    def answer(self, answer: Answer) -> None:
        """Say what the person says."""
        self._bridge.files.questions.answer(self._machine_id, answer)

    def _on_asked(self, machine_id: str) -> None:
        if machine_id != self._machine_id:
            return
        found = self._bridge.files.questions.shown_by(machine_id, self._viewer)
        if found is not self.question:
            self.question = found
            self.asked.emit(found)


class QuestionRoom(QWidget):
    """Room for one question, hidden while there is none.

    Signals:
        answered(object): An `Answer`.
    """

    answered = Signal(object)

    def __init__(self, owner: QWidget, parent: QWidget, *, margin: int = 0, is_centred: bool = False) -> None:
        """``is_centred`` puts the card into the middle of the room, at the width it has over a terminal."""
        super().__init__(parent)
        self.card: AskingCard | None = None
        self._owner = owner
        self._is_centred = is_centred
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(margin, Space.S, margin, Space.S)
        self.hide()

    def show_question(self, question: Question | None) -> None:
        """Show a question; none leaves the room empty.

        It takes the keyboard only from what belongs to the same owner: who types into the terminal beside it goes on.
        """
        if self.card is not None:
            if self.card.question is question:
                return
            while self._column.count():
                self._column.takeAt(0)
            self.card.hide()
            self.card.deleteLater()
            self.card = None
        self.setVisible(question is not None)
        if question is None:
            return
        self.card = AskingCard(question, self)
        self.card.answered.connect(self.answered)
        if self._is_centred:
            self._column.addStretch(2)
            self._column.addWidget(self.card, 0, Qt.AlignmentFlag.AlignHCenter)
            self._column.addStretch(3)
        else:
            self.card.setMaximumWidth(16_777_215)
            self._column.addWidget(self.card)
        self._fit()
        self.card.show()
        focused = QApplication.focusWidget()
        if focused is None or self._owner.isAncestorOf(focused):
            self.card.take_focus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Give the card the height that its words need at its width; a layout that centres it would not ask for it."""
        if self.card is not None and self._is_centred:
            self.card.setFixedWidth(min(WIDTH, self.width()))
            self.card.setFixedHeight(self.card.wanted_height())
