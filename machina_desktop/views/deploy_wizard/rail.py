"""The wizard's left edge: nine steps, which are done, which one is open, which are skipped and why."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_paragraph, draw_text, fill_rounded

WIDTH = 224
_ROW = 40
_ROW_WITH_NOTE = 60
_LINE = 16
_DISC = 22
_CENTER = Qt.AlignmentFlag.AlignCenter


class StepState(Enum):
    """How far a step is."""

    AHEAD = auto()
    CURRENT = auto()
    DONE = auto()
    ERROR = auto()
    SKIPPED = auto()


_INK = {
    StepState.AHEAD: "text-secondary",
    StepState.CURRENT: "text-primary",
    StepState.DONE: "text-primary",
    StepState.ERROR: "accent-error",
    StepState.SKIPPED: "text-secondary",
}
_DISCS = {
    StepState.AHEAD: ("tint-neutral", "text-secondary", ""),
    StepState.CURRENT: ("accent-primary", "on-accent", ""),
    StepState.DONE: ("tint-success", "accent-success", "check"),
    StepState.ERROR: ("tint-error", "accent-error", "triangle-alert"),
    StepState.SKIPPED: ("tint-neutral", "text-secondary", "minus"),
}


class RailEntry(QAbstractButton):
    """One step: a disc with its number or sign, its title, and under it why it is skipped or what is missing."""

    def __init__(self, number: int, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self._state = StepState.AHEAD
        self._note = ""
        self.setText(title)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def show_state(self, title: str, state: StepState, *, note: str = "", can_open: bool) -> None:
        """Show how far the step is; ``note`` is why it is skipped, or what is missing."""
        self.setText(title)
        if bool(note) != bool(self._note):
            self.updateGeometry()
        self._state, self._note = state, note
        self.setEnabled(can_open)
        self.setToolTip(note)
        words = {
            StepState.AHEAD: self.tr("to do"),
            StepState.CURRENT: self.tr("open"),
            StepState.DONE: self.tr("done"),
            StepState.ERROR: self.tr("not finished"),
            StepState.SKIPPED: self.tr("skipped"),
        }
        self.setAccessibleName(f"{self._number}. {title}, {words[state]}")
        self.setAccessibleDescription(note)
        self.update()

    def state(self) -> StepState:
        """How far it is."""
        return self._state

    def note(self) -> str:
        """Why it is skipped, or what is missing."""
        return self._note

    def sizeHint(self) -> QSize:
        return QSize(WIDTH - 2 * Space.S, _ROW_WITH_NOTE if self._note else _ROW)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint() - QSize(0, _LINE if self._note else Space.XS)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        is_current = self._state is StepState.CURRENT
        if is_current or (self.isEnabled() and self.underMouse()):
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("surface-hover"))
        if is_current:
            fill_rounded(painter, QRectF(0, 10, 3, rect.height() - 20), 1.5, theme.color("accent-primary"))
        self._paint_disc(painter, QRectF(Space.M, (_ROW - _DISC) / 2, _DISC, _DISC))
        room = QRectF(Space.M + _DISC + Space.M, 0, rect.width() - 2 * Space.M - _DISC - Space.S, _ROW)
        font = theme.font(Type.MEDIUM if is_current else Type.BODY)
        title = QRectF(room.left(), 5, room.width(), 2 * _LINE - 10) if self._note else room
        draw_text(painter, title, self.text(), font, theme.color(_INK[self._state]))
        if self._note:
            # Two lines, or one where the window is low; what does not fit even so is in the tooltip.
            note = QRectF(room.left(), title.bottom(), room.width(), min(2 * _LINE, rect.height() - title.bottom()))
            draw_paragraph(painter, note, self._note, theme.font(Type.SECONDARY), theme.color("text-secondary"))
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON)

    def _paint_disc(self, painter: QPainter, box: QRectF) -> None:
        fill, ink, sign = _DISCS[self._state]
        fill_rounded(painter, box, _DISC / 2, theme.color(fill))
        if sign:
            draw_icon(painter, box.adjusted(4, 4, -4, -4), sign, ink)
        else:
            font = theme.tabular_font(Type.SECONDARY)
            draw_text(painter, box, str(self._number), font, theme.color(ink), align=_CENTER)


class StepRail(QWidget):
    """The nine entries.

    Signals:
        chosen(WizardStep): A step that may be opened was pressed.
    """

    chosen = Signal(object)

    def __init__(self, titles: dict[WizardStep, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "base")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(self.tr("Steps"))
        self._entries: dict[WizardStep, RailEntry] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, Space.L, Space.S, Space.S)
        column.setSpacing(2)
        for number, (step, title) in enumerate(titles.items(), 1):
            entry = RailEntry(number, title)
            entry.setObjectName(f"wizard.rail.{step}")
            entry.clicked.connect(lambda _checked=False, step=step: self.chosen.emit(step))
            self._entries[step] = entry
            column.addWidget(entry)
        column.addStretch()

    def entry(self, step: WizardStep) -> RailEntry:
        """The entry of a step."""
        return self._entries[step]
