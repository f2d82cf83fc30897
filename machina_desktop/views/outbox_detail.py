"""One edit in full: what has become of it, both values of each field, and the decision."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import wording
from machina_desktop.views.callout import Callout
from machina_desktop.views.detail_panel import WidgetList
from machina_desktop.views.outbox_compare import FieldCompare
from machina_desktop.views.outbox_words import (
    about,
    as_text,
    changed_words,
    field_word,
    fields_of,
    kind_word,
    meaning_of,
    value_words,
)
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import ElidedLabel, copy_text


class OutboxDetail(QWidget):
    """Shows an edit; what is decided is told.

    Attributes:
        mine: Makes the edit anew on what is there now.
        theirs: Lets it go.

    Signals:
        kept(str): *Use mine* of that edit.
        dropped(str): *Keep theirs*, or letting it go.
    """

    kept = Signal(str)
    dropped = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._intent: Intent | None = None
        self._title = ElidedLabel(style=Type.SECTION)
        self._badge = StatusBadge()
        self._about = ElidedLabel(style=Type.SECONDARY, tone="secondary")
        self._remarks = {
            "error": Callout("error"),
            "warning": Callout("warning", icon_name="triangle-alert"),
            "neutral": Callout("neutral", icon_name="clock"),
        }
        self.problem = Callout("error")
        self.problem.setObjectName("outbox.problem")
        self._fields = WidgetList()
        self.mine = self._button("mine", _tr("Use mine"), ButtonKind.PRIMARY)
        self.theirs = self._button("theirs", _tr("Keep theirs"), ButtonKind.SECONDARY)
        self._copy = self._button("copy", _tr("Copy"), ButtonKind.GHOST, "copy")
        self._build()
        self.mine.clicked.connect(lambda: self._tell(self.kept))
        self.theirs.clicked.connect(lambda: self._tell(self.dropped))
        self._copy.clicked.connect(self._on_copy)

    def show_intent(self, intent: Intent, team: str) -> None:
        """Show an edit of the team of that name."""
        if self._intent is None or intent.op_id != self._intent.op_id:
            self.problem.clear()
        self._intent = intent
        self._title.setText(about(intent))
        self._badge.set_status(intent.state)
        words = (kind_word(intent), changed_words(intent), team, wording.moment(intent.made_at))
        self._about.setText(" · ".join(part for part in words if part))
        self._show_meaning(intent)
        self._fields.fill(*(_compare(intent, name) for name in fields_of(intent)))
        can_be_made = intent.state is IntentState.REFUSED
        self.mine.setVisible(can_be_made)
        self.mine.setText(_tr("Use mine") if intent.theirs else _tr("Try again"))
        self.theirs.setText(_tr("Keep theirs") if can_be_made and intent.theirs else _tr("Let go"))

    def show_error(self, error: MachinaError) -> None:
        """A decision could not be carried out."""
        self.problem.say_error(error)

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(self._title, 1)
        head.addWidget(self._badge)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(Space.XL, Space.S, Space.XL, Space.L)
        column.setSpacing(Space.M)
        column.addLayout(head)
        column.addWidget(self._about)
        for remark in (*self._remarks.values(), self.problem):
            column.addWidget(remark)
        column.addWidget(self._fields)
        column.addStretch()
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        foot = QWidget()
        row = Flow(foot)
        row.setContentsMargins(Space.XL, Space.M, Space.XL, Space.L)
        for button in (self.mine, self.theirs):
            row.addWidget(button)
        row.add_apart(self._copy)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(area, 1)
        whole.addWidget(Divider())
        whole.addWidget(foot)

    def _show_meaning(self, intent: Intent) -> None:
        tones = {IntentState.REFUSED: "warning", IntentState.LOST: "error"}
        tone = tones.get(intent.state, "neutral")
        for name, remark in self._remarks.items():
            if name == tone:
                remark.say(*meaning_of(intent), code=intent.error_code)
            else:
                remark.clear()

    def _button(self, name: str, text: str, kind: ButtonKind, icon_name: str = "") -> Button:
        made = Button(text, kind=kind, icon_name=icon_name, parent=self)
        made.setObjectName(f"outbox.{name}")
        return made

    def _tell(self, signal: object) -> None:
        if self._intent is not None:
            signal.emit(self._intent.op_id)  # type: ignore[attr-defined]

    def _on_copy(self) -> None:
        if self._intent is not None:
            copy_text(as_text(self._intent))


def _compare(intent: Intent, name: str) -> QWidget:
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, Space.M)
    ours = value_words(intent.ours.get(name))
    seen = value_words(intent.seen.get(name)) if name in intent.seen else None
    if name in intent.theirs:
        theirs = value_words(intent.theirs[name])
        was = _tr("It was: {0}").format(" ".join(seen.split())) if seen not in {None, theirs, ours} and seen else ""
        column.addWidget(FieldCompare(field_word(name), (_tr("Yours"), ours), (_tr("Theirs"), theirs), before=was))
    elif seen is not None:
        column.addWidget(FieldCompare(field_word(name), (_tr("Yours"), ours), (_tr("Before"), seen)))
    else:
        column.addWidget(FieldCompare(field_word(name), (_tr("Yours"), ours), None))
    return box


def _tr(text: str) -> str:
    return QCoreApplication.translate("Outbox", text)
