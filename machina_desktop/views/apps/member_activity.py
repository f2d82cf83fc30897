"""What a person did last, from the audit trail, a line each."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome
from machina_desktop.views import wording
from machina_desktop.views.apps.member_words import tr
from machina_desktop.views.audit_words import deed_icon, deed_words, thing_of
from machina_desktop.views.detail_panel import EntityLink, WidgetList
from machina_desktop.views.models.status import word_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.thing_names import ThingNames
from machina_desktop.views.widgets.text import Label


class MemberActivity(WidgetList):
    """The newest events of one person.

    Signals:
        chosen: An event's id (str).
    """

    chosen = Signal(str)

    def __init__(self, names: ThingNames, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = names
        self._events: tuple[AuditEvent, ...] = ()
        names.changed.connect(lambda: self.show_events(self._events))

    def show_events(self, events: tuple[AuditEvent, ...]) -> None:
        """Show exactly these."""
        self._events = events
        if not events:
            self.fill(Label(tr("Nothing so far."), tone="secondary"))
            return
        self.fill(*(self._line(event) for event in events))

    def _line(self, event: AuditEvent) -> QWidget:
        _kind, key = thing_of(event)
        ended = "" if event.outcome is AuditOutcome.SUCCEEDED else word_of(event.outcome)
        words = " · ".join(part for part in (deed_words(event.action), self._names.name(key), ended) if part)
        link = EntityLink(words, deed_icon(event.action))
        link.setObjectName(f"member.event.{event.audit_event_id}")
        link.clicked.connect(lambda key=event.audit_event_id: self.chosen.emit(key))
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(link, 1)
        row.addWidget(Label(wording.ago(event.at), style=Type.SECONDARY, tone="secondary"))
        return line
