"""The card over a terminal that asks what a login needs: whether a host key is right, a passphrase, a password."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.terminal import NO, Answer, Prompt, Question, QuestionKind
from machina_desktop.core.secret import Secret
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.inputs import Input, PasswordInput
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import CopyLabel, IconLabel, Label

WIDTH = 480


class AskingCard(Card):
    """One question. What is typed is forgotten when it is answered.

    Signals:
        answered(object): An `Answer`.
    """

    answered = Signal(object)

    def __init__(self, question: Question, parent: QWidget | None = None) -> None:
        super().__init__(name=_title(self, question), parent=parent)
        self.question = question
        self.setObjectName("terminal.question")
        self.setMaximumWidth(WIDTH)
        self.fields: list[Input] = []
        self.yes = Button(_yes(self, question), kind=ButtonKind.PRIMARY)
        self.yes.setObjectName("terminal.question.yes")
        self.no = Button(self.tr("Cancel"))
        self.no.setObjectName("terminal.question.no")
        self._build()
        self.yes.clicked.connect(self._on_yes)
        self.no.clicked.connect(lambda: self.answered.emit(NO))

    def take_focus(self) -> None:
        """Put the keyboard where the answer begins; an Enter that was meant elsewhere never trusts a host key."""
        first = self.fields[0].control if self.fields else self.no
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def wanted_height(self) -> int:
        """How high it has to be at its width."""
        column = self.column
        return column.totalHeightForWidth(self.width()) if column.hasHeightForWidth() else self.sizeHint().height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.answered.emit(NO)
            return
        super().keyPressEvent(event)

    def _build(self) -> None:
        question, column = self.question, self.column
        column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        column.setSpacing(Space.M)
        is_key = question.kind is QuestionKind.HOST_KEY
        head = QHBoxLayout()
        head.setSpacing(Space.M)
        sign = IconLabel(
            "shield-alert" if is_key else "key-round", token="accent-warning" if is_key else "text-secondary"
        )
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label(_title(self, question), style=Type.STRONG, wraps=True))
        who = f"{question.user}@{question.name} · {question.address}" if question.user else question.address
        words.addWidget(Label(who, style=Type.SECONDARY, tone="secondary", wraps=True, is_selectable=True))
        head.addLayout(words, 1)
        column.addLayout(head)
        if question.text:
            column.addWidget(Label(question.text, wraps=True))
        if question.host_key is not None:
            key = question.host_key
            print_ = QVBoxLayout()
            print_.setSpacing(2)
            kind = self.tr("{0} key, {1} bits").format(key.key_type, self.locale().toString(key.bits))
            print_.addWidget(Label(kind, style=Type.SECONDARY, tone="secondary"))
            print_.addWidget(CopyLabel(key.fingerprint, name=self.tr("Fingerprint")))
            column.addLayout(print_)
        if question.known:
            column.addWidget(Label(question.known, style=Type.SECONDARY, tone="secondary", wraps=True))
        for prompt in question.prompts:
            column.addWidget(self._field(prompt))
        if question.is_retry and self.fields:
            self.fields[0].set_error(self.tr("That was not right."))
        column.addLayout(self._build_buttons())

    def _field(self, prompt: Prompt) -> Input:
        label = prompt.text.strip().rstrip(":") or self.tr("Answer")
        field = Input(label, is_mono=True) if prompt.is_shown else PasswordInput(label)
        field.setObjectName(f"terminal.question.field.{len(self.fields)}")
        field.submitted.connect(self._on_yes)
        self.fields.append(field)
        return field

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addStretch()
        row.addWidget(self.no)
        row.addWidget(self.yes)
        return row

    def _on_yes(self) -> None:
        texts = tuple(Secret(field.control.text()) for field in self.fields)
        for field in self.fields:
            field.control.clear()
        self.answered.emit(Answer(is_yes=True, texts=texts))


def _title(owner: QWidget, question: Question) -> str:
    match question.kind:
        case QuestionKind.HOST_KEY:
            return owner.tr("Is this {0}?").format(question.name)
        case QuestionKind.PASSPHRASE:
            return owner.tr("Passphrase of {0}").format(question.file or question.name)
        case QuestionKind.PASSWORD:
            return owner.tr("Password for {0}").format(question.name)
        case _:
            return owner.tr("{0} asks").format(question.name)


def _yes(owner: QWidget, question: Question) -> str:
    return owner.tr("Trust") if question.kind is QuestionKind.HOST_KEY else owner.tr("Continue")
