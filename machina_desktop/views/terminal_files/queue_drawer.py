"""The transfers of a machine: what is under way, what asks, what failed, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.core.domain.terminal import Question
from machina_desktop.core.domain.transfer import Direction, Transfer, TransferState, shown_name
from machina_desktop.views.terminal_files.file_words import route_words, size_words, transfer_words
from machina_desktop.views.terminal_files.login_questions import QuestionRoom
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.feedback import Badge, Progress
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, Label

SHOWN = 200
_HEIGHT = 176
# One row that is done, and one under way.
_LEAST, _ROW = 52, 58
_MARKS = {
    TransferState.DONE: ("circle-check", "accent-success"),
    TransferState.FAILED: ("triangle-alert", "accent-error"),
    TransferState.ASKING: ("circle-question-mark", "accent-warning"),
    TransferState.CANCELLED: ("ban", "text-secondary"),
    TransferState.PAUSED: ("pause", "text-secondary"),
    TransferState.WAITING: ("clock", "text-secondary"),
}
_TONES = {TransferState.FAILED: "error", TransferState.ASKING: "warning"}


class _Row(QWidget):
    """One transfer.

    Signals:
        wanted(str): ``pause``, ``resume``, ``cancel`` or ``answer``.
    """

    wanted = Signal(str)

    def __init__(self, transfer: Transfer, parent: QWidget) -> None:
        super().__init__(parent)
        self._transfer = transfer
        self._is_asked = False
        self._icon = IconLabel("upload", parent=self)
        self._name = ElidedLabel(style=Type.MEDIUM, parent=self)
        self._route = ElidedLabel(style=Type.SECONDARY, tone="secondary", parent=self)
        self._words = ElidedLabel(style=Type.SECONDARY, tone="secondary", parent=self)
        self._bar = Progress(name=self.tr("Progress"), parent=self)
        self._bar.setFixedHeight(4)
        self._answer = Button(self.tr("Decide…"), parent=self)
        self._pause = self._button("pause", self.tr("Pause"), "pause")
        self._resume = self._button("play", self.tr("Go on"), "resume")
        self._retry = self._button("rotate-cw", self.tr("Try again"), "resume")
        self._cancel = self._button("x", self.tr("Cancel"), "cancel")
        self._answer.clicked.connect(partial(self.wanted.emit, "answer"))
        texts = QVBoxLayout()
        texts.setSpacing(2)
        first = QHBoxLayout()
        first.setSpacing(Space.M)
        # The name has what room it needs, and no more than half of it.
        self._name.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        first.addWidget(self._name)
        first.addWidget(self._route, 1)
        texts.addLayout(first)
        texts.addWidget(self._words)
        texts.addWidget(self._bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.M, 6, Space.S, 6)
        row.setSpacing(Space.M)
        row.addWidget(self._icon)
        row.addLayout(texts, 1)
        for button in (self._answer, self._pause, self._resume, self._retry, self._cancel):
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.show_transfer(transfer)

    def show_transfer(self, transfer: Transfer) -> None:
        """Show how it stands now."""
        self._transfer = transfer
        state = transfer.state
        waits = self._is_asked and state is TransferState.RUNNING and not transfer.files
        is_up = transfer.direction is Direction.UPLOAD
        name = shown_name(transfer.name)
        self._icon.set_icon(*_MARKS.get(state, ("upload" if is_up else "download", "accent-primary")))
        self._name.setText(name)
        self._route.setText(route_words(transfer))
        self._words.setText(self.tr("Waits for your answer") if waits else transfer_words(transfer))
        self._words.set_tone(_TONES.get(state, "secondary"))
        is_begun = state in (TransferState.RUNNING, TransferState.PAUSED) or (transfer.done and not state.is_final)
        self._bar.setVisible(bool(is_begun) and not waits)
        # In thousandths: files are larger than what the bar counts with.
        self._bar.set_progress(
            int(1000 * transfer.done / transfer.size) if transfer.size else 0, 1000 if transfer.size else 0
        )
        self._answer.setVisible(state is TransferState.ASKING)
        self._pause.setVisible(state in (TransferState.RUNNING, TransferState.WAITING))
        self._resume.setVisible(state is TransferState.PAUSED)
        self._retry.setVisible(state in (TransferState.FAILED, TransferState.CANCELLED))
        self._cancel.setVisible(not state.is_final)
        self.setAccessibleName(f"{name}: {self._words.text()}")

    def show_asked(self, *, is_asked: bool) -> None:
        """Whether the machine asks something before those go on that have not begun."""
        if is_asked != self._is_asked:
            self._is_asked = is_asked
            self.show_transfer(self._transfer)

    def _button(self, icon_name: str, name: str, wish: str) -> IconButton:
        button = IconButton(icon_name, name, parent=self)
        button.clicked.connect(partial(self.wanted.emit, wish))
        return button


class QueueDrawer(QFrame):
    """The list of transfers, folded away while there are none.

    Attributes:
        room: Where questions of the machine are shown, above the transfers.

    Signals:
        wanted(str, str): A transfer's id, and ``pause``, ``resume``, ``cancel`` or ``answer``.
        clear_wanted(): Finished ones shall go from the list.
    """

    wanted = Signal(str, str)
    clear_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: dict[str, _Row] = {}
        self._badge = Badge()
        self._summary = Label("", style=Type.SECONDARY, tone="secondary", parent=self)
        self._clear = Button(self.tr("Clear finished"), kind=ButtonKind.GHOST, parent=self)
        self._clear.clicked.connect(self.clear_wanted)
        self._fold = IconButton("chevron-down", self.tr("Fold the list of transfers"), parent=self)
        self._fold.clicked.connect(self._on_fold)
        head = QHBoxLayout()
        head.setContentsMargins(Space.M, Space.XS, Space.XS, Space.XS)
        head.setSpacing(Space.S)
        head.addWidget(Label(self.tr("Transfers"), style=Type.MEDIUM, parent=self))
        head.addWidget(self._badge)
        head.addWidget(self._summary)
        head.addStretch(1)
        head.addWidget(self._clear)
        head.addWidget(self._fold)
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        self.room = QuestionRoom(parent, self, margin=Space.M)
        self._area = QScrollArea(self)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(self._list)
        self._area.setAccessibleName(self.tr("Transfers"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(Divider(self))
        column.addWidget(self.room)
        column.addWidget(self._area)
        self.setProperty("role", "framed")
        self.setObjectName("files.queue")
        self.hide()

    def show_transfers(self, transfers: tuple[Transfer, ...]) -> None:
        """Show these, the newest below; rows that stay are kept."""
        shown = transfers[-SHOWN:]
        wanted = {each.transfer_id for each in shown}
        for key in [key for key in self._rows if key not in wanted]:
            gone = self._rows.pop(key)
            self._column.removeWidget(gone)
            gone.deleteLater()
        for transfer in shown:
            if transfer.transfer_id in self._rows:
                self._rows[transfer.transfer_id].show_transfer(transfer)
            else:
                self._add(transfer)
            self._rows[transfer.transfer_id].show_asked(is_asked=self.room.card is not None)
        self._tell(transfers)
        self.setVisible(bool(transfers) or self.room.card is not None)

    def show_question(self, question: Question | None) -> None:
        """Show what the machine asks before the transfers can go on."""
        self.room.show_question(question)
        for row in self._rows.values():
            row.show_asked(is_asked=question is not None)
        self.setVisible(bool(self._rows) or question is not None)

    def _add(self, transfer: Transfer) -> None:
        row = _Row(transfer, self._list)
        row.wanted.connect(_with(self.wanted.emit, transfer.transfer_id))
        self._rows[transfer.transfer_id] = row
        self._column.insertWidget(self._column.count() - 1, row)

    def _tell(self, transfers: tuple[Transfer, ...]) -> None:
        open_ones = [each for each in transfers if not each.state.is_final]
        self._badge.set_text(self.locale().toString(len(open_ones)))
        self._badge.setVisible(bool(open_ones))
        rate = sum(each.rate for each in open_ones)
        left = sum(max(0, each.size - each.done) for each in open_ones)
        parts = [f"{size_words(rate)}/s"] if rate else []
        if left:
            parts.append(self.tr("{0} to go").format(size_words(left)))
        failed = sum(each.state is TransferState.FAILED for each in transfers)
        if failed:
            parts.append(self.tr("{0} failed").format(failed))
        if not open_ones and not failed:
            parts.append(self.tr("all done"))
        self._summary.setText("  ·  ".join(parts))
        self._clear.setVisible(len(open_ones) < len(transfers))
        rows = min(len(transfers), 3)
        self._area.setMinimumHeight(_LEAST)
        self._area.setMaximumHeight(min(_HEIGHT, rows * _ROW + 4))

    def _on_fold(self) -> None:
        is_folded = self._area.isVisible()
        self._area.setVisible(not is_folded)
        self._fold.set_icon_name("chevron-up" if is_folded else "chevron-down")
        self._fold.set_name(
            self.tr("Show the list of transfers") if is_folded else self.tr("Fold the list of transfers")
        )


def _with(emit: Callable[[str, str], None], key: str) -> Callable[[str], None]:
    return lambda wish: emit(key, wish)
