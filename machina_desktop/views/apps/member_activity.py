"""What a person did last, from the audit trail, a line each."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome
from machina_desktop.views import wording
from machina_desktop.views.apps.member_words import tr
from machina_desktop.views.audit_words import deed_icon, deed_words, thing_of
from machina_desktop.views.models.status import word_of
from machina_desktop.views.thing_names import ThingNames
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.text import Label


class MemberActivity(QWidget):
    """The newest events of one person; a click or Enter opens one.

    Signals:
        chosen: An event's id (str).
    """

    chosen = Signal(str)

    def __init__(self, names: ThingNames, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = names
        self._events: tuple[AuditEvent, ...] = ()
        self._nothing = Label(tr("Nothing so far."), tone="secondary")
        self._list = List(name=tr("Activity"))
        self._list.setObjectName("member.events")
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.clicked.connect(lambda _index: self.chosen.emit(self._list.current()))
        self._list.activated_key.connect(self.chosen)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._nothing)
        column.addWidget(self._list)
        names.changed.connect(lambda: self.show_events(self._events))
        self.show_events(())

    def show_events(self, events: tuple[AuditEvent, ...]) -> None:
        """Show exactly these."""
        self._events = events
        self._nothing.setVisible(not events)
        self._list.setVisible(bool(events))
        self._list.set_items(tuple(map(self._line, events)))
        # All of them, so that the wheel scrolls the panel.
        self._list.setFixedHeight(len(events) * self._list.row_height() + 2)

    def _line(self, event: AuditEvent) -> ListItem:
        _kind, key = thing_of(event)
        name = self._names.name(key)
        ended = "" if event.outcome is AuditOutcome.SUCCEEDED else word_of(event.outcome)
        return ListItem(
            key=event.audit_event_id,
            title=deed_words(event.action),
            detail=" · ".join(part for part in (name or key, ended) if part) or "–",
            icon_name=deed_icon(event.action),
            trailing=wording.ago(event.at),
        )
