"""The strip that says where typed input goes, with who takes part to tick, and the way out."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.terminal.broadcast import Broadcast, Standing
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.flow import FlowBox
from machina_desktop.views.widgets.text import IconLabel, Label

STOP_KEYS = "Ctrl+Shift+B"
_EDGE = 3


class BroadcastBar(QWidget):
    """Hidden while the broadcast is off.

    Signals:
        stop_wanted(): The person wants no more of it.
    """

    stop_wanted = Signal()

    def __init__(self, broadcast: Broadcast, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("terminal.broadcast_bar")
        self._broadcast = broadcast
        self._boxes: dict[TerminalPane, Checkbox] = {}
        self.words = Label(style=Type.STRONG)
        self.note = Label(style=Type.SECONDARY, wraps=True)
        self._note_sign = IconLabel("triangle-alert", token="accent-warning")
        self.stop = Button(self.tr("Stop broadcast"), kind=ButtonKind.DANGER, icon_name="circle-stop")
        self.stop.setObjectName("terminal.broadcast_stop")
        self.stop.setToolTip(STOP_KEYS)
        self.stop.clicked.connect(self.stop_wanted)
        self._members = FlowBox()
        self._build()
        broadcast.changed.connect(self.show_broadcast)
        self.hide()

    def _build(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(Space.S)
        first.addWidget(IconLabel("radio", token="accent-error"), 0, Qt.AlignmentFlag.AlignVCenter)
        first.addWidget(self.words, 0, Qt.AlignmentFlag.AlignVCenter)
        first.addSpacing(Space.S)
        self._members.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        first.addWidget(self._members, 1, Qt.AlignmentFlag.AlignVCenter)
        first.addWidget(self.stop, 0, Qt.AlignmentFlag.AlignTop)
        second = QHBoxLayout()
        second.setSpacing(Space.S)
        second.addWidget(self._note_sign, 0, Qt.AlignmentFlag.AlignTop)
        second.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.M + _EDGE, Space.S, Space.M, Space.S)
        column.setSpacing(Space.XS)
        column.addLayout(first)
        column.addLayout(second)

    def show_broadcast(self) -> None:
        """Say how it stands now."""
        standings = self._broadcast.standings()
        self._show_boxes(standings)
        shown = self.locale().toString
        included = sum(standing is Standing.IN for standing in standings.values())
        self.words.setText(
            self.tr("Broadcasting to {0} of {1} terminals").format(shown(included), shown(len(standings)))
        )
        note = self._noted(standings)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self._note_sign.setVisible(bool(note))
        self.setAccessibleName(self.words.text())
        self.setAccessibleDescription(note)
        self.setVisible(self._broadcast.is_on)

    def box(self, pane: TerminalPane) -> Checkbox:
        """What includes or excludes a terminal."""
        return self._boxes[pane]

    def _show_boxes(self, standings: Mapping[TerminalPane, Standing]) -> None:
        for pane in self._boxes.keys() - standings.keys():
            gone = self._boxes.pop(pane)
            gone.hide()
            gone.setParent(None)
            gone.deleteLater()
        names = _names(tuple(standings))
        for pane, standing in standings.items():
            if pane not in self._boxes:
                self._boxes[pane] = box = Checkbox(names[pane], self)
                box.setObjectName("terminal.broadcast_member")
                box.clicked.connect(lambda is_checked, pane=pane: self._on_clicked(pane, is_checked=is_checked))
                self._members.row.addWidget(box)
            box = self._boxes[pane]
            words = self._words(standing)
            box.setText(f"{names[pane]} ({words})" if words else names[pane])
            box.setAccessibleName(box.text())
            box.setChecked(standing is Standing.IN)
            box.setEnabled(standing is not Standing.AWAY)

    def _words(self, standing: Standing) -> str:
        return {Standing.AWAY: self.tr("not connected"), Standing.NEW: self.tr("not included yet")}.get(standing, "")

    def _noted(self, standings: Mapping[TerminalPane, Standing]) -> str:
        names = _names(tuple(standings))

        def of(standing: Standing) -> str:
            return ", ".join(names[pane] for pane, each in standings.items() if each is standing)

        told = []
        if self._broadcast.is_mixed:
            editors = ", ".join(names[pane] for pane in self._broadcast.included() if pane.terminal.screen.is_alternate)
            told.append(self.tr("A full-screen program runs on {0}, the others show a shell.").format(editors))
        if away := of(Standing.AWAY):
            told.append(self.tr("Left out without a connection: {0}.").format(away))
        if new := of(Standing.NEW):
            told.append(self.tr("Tick what has come or come back to include it: {0}.").format(new))
        return " ".join(told)

    def _on_clicked(self, pane: TerminalPane, *, is_checked: bool) -> None:
        if is_checked:
            self._broadcast.include(pane)
        else:
            self._broadcast.exclude(pane)
        # What was not agreed to is not shown as if it were.
        self.show_broadcast()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("tint-error"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.color("accent-error"))
        left = self.width() - _EDGE if self.isRightToLeft() else 0
        painter.fillRect(QRectF(left, 0, _EDGE, self.height()), theme.color("accent-error"))


def _names(panes: tuple[TerminalPane, ...]) -> dict[TerminalPane, str]:
    """What each is called; several on one machine are numbered."""
    names: dict[TerminalPane, str] = {}
    for pane in panes:
        twins = sum(other.place.machine_id == pane.place.machine_id for other in names)
        names[pane] = f"{pane.place.name} {twins + 1}" if twins else pane.place.name
    return names
