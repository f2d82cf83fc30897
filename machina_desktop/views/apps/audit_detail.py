"""What the sidekick shows of an event of the audit trail: everything that was written down of it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.services.audit import GetAuditEvent
from machina_desktop.core.services.members import ListMembers, Membership
from machina_desktop.views import links, wording
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.audit_words import deed_icon, deed_words, outcome_words, thing_of
from machina_desktop.views.commands import Command
from machina_desktop.views.detail_panel import DetailPanel, EntityLink, Sections
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.theme import Space
from machina_desktop.views.thing_names import ThingNames
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import KeyValueList, Label

RECORDING, RECORDINGS = "recording", "recordings"


class AuditDetail(Detail):
    """One event, which never changes; the names of whom and what it is about may."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("audit_event")
        self._event: AuditEvent | None = None
        self._places: dict[str, str] = {}
        self._outcome = StatusBadge()
        self._meaning = Label("", tone="secondary", wraps=True)
        self._thing = EntityLink("", "box")
        self._who = EntityLink("", "user")
        self._deed, self._origin, self._chain = KeyValueList(), KeyValueList(), KeyValueList()
        self._sections = Sections()
        self._panel = DetailPanel(self._sections, parent=self)
        self._build()
        self._names = ThingNames(bridge, parent=self)
        self._names.changed.connect(self._show_names)
        query = LiveQuery(
            bridge,
            GetAuditEvent(audit_event_id=key),
            depends=frozenset(),
            on_answer=self._on_event,
            on_error=self._panel.show_error,
            parent=self,
        )
        self._panel.retried.connect(query.refresh)
        LiveQuery(
            bridge,
            ListMembers(team_id=bridge.team_id),
            depends=frozenset({"team_member"}),
            on_answer=self._on_members,
            on_error=lambda _error: None,
            parent=self,
        )

    @property
    def title(self) -> str:
        return deed_words(self._event.action) if self._event is not None else self.tr("Event")

    def commands(self) -> Iterable[Command]:
        if self._event is not None:
            yield Command(
                name="audit.of_person",
                title=self.tr("Show all that {0} did").format(self._event.actor_name),
                group=self.tr("Audit"),
                icon="list-filter",
                run=self._on_all,
            )

    def _build(self) -> None:
        self._panel.add_to_header(self._outcome)
        self._thing.setObjectName("audit_event.thing")
        self._thing.clicked.connect(self._on_thing)
        self._who.setObjectName("audit_event.who")
        self._who.clicked.connect(self._on_who)
        happened = QWidget()
        column = QVBoxLayout(happened)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._meaning)
        column.addWidget(self._deed)
        column.addWidget(self._thing)
        self._deed.add_text("when", self.tr("When"))
        self._deed.add_text("action", self.tr("Action"), is_mono=True)
        self._deed.add_text("target", self.tr("On"))
        self._deed.add_text("code", self.tr("Code"), is_mono=True)
        person = QWidget()
        column = QVBoxLayout(person)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._who)
        column.addWidget(self._origin)
        self._origin.add_text("name", self.tr("Name then"))
        self._origin.add_copyable("actor", self.tr("Person id"))
        self._origin.add_copyable("address", self.tr("Address"))
        self._origin.add_text("agent", self.tr("Program"))
        for key, name in (("number", self.tr("Number")), ("moment", self.tr("Moment (UTC)"))):
            self._chain.add_text(key, name)
        self._chain.add_copyable("previous", self.tr("Previous digest"))
        self._chain.add_copyable("digest", self.tr("Digest"))
        self._chain.add_copyable("id", self.tr("Event id"))
        self._sections.add(self.tr("What happened"), happened)
        self._sections.add(self.tr("Who"), person)
        self._sections.add(self.tr("In the chain"), self._chain)
        everything = Button(self.tr("Show all by this person"), icon_name="list-filter")
        everything.setObjectName("audit_event.all")
        everything.clicked.connect(self._on_all)
        self._panel.add_actions(everything)

    def _on_event(self, event: AuditEvent) -> None:
        self._event = event
        self._outcome.set_status(event.outcome)
        self._meaning.setText(outcome_words(event))
        self._deed.set_values({"when": wording.full_moment(event.at), "action": event.action, "code": event.detail})
        self._deed.set_row_visible("code", bool(event.detail))
        self._origin.set_values(
            {
                "name": event.actor_name,
                "actor": event.actor_id,
                "address": event.ip_address,
                "agent": event.user_agent or self.tr("this computer"),
            }
        )
        self._origin.set_row_visible("address", bool(event.ip_address))
        self._chain.set_values(
            {
                "number": self.locale().toString(event.seq),
                "moment": f"{event.at:%Y-%m-%d %H:%M:%S.%f}",
                "previous": event.previous,
                "digest": event.digest,
                "id": event.audit_event_id,
            }
        )
        self._show_names()
        self._panel.show_content()
        self.setWindowTitle(self.title)

    def _on_members(self, members: tuple[Membership, ...]) -> None:
        self._places = {each.user.user_id: each.member.team_member_id for each in members}
        self._show_names()

    def _show_names(self) -> None:
        event = self._event
        if event is None:
            return
        kind, key = thing_of(event)
        name = self._names.name(key)
        link = links.of_id(key) or (links.Link("member", self._places[key]) if key in self._places else None)
        if kind == RECORDING:
            # It may be on another computer, or gone; the page of recordings knows.
            name, link = self.tr("Recording"), links.Link.to_app(RECORDINGS, key)
        self._thing.setVisible(link is not None)
        self._thing.set_text(name or key)
        self._thing.set_icon(deed_icon(link.entity if link is not None and kind != RECORDING else event.action))
        self._deed.set_values({"target": name or key})
        self._deed.set_row_visible("target", link is None)
        self._who.setVisible(event.actor_id in self._places)
        self._who.set_text(self._names.name(event.actor_id) or event.actor_name)
        self._origin.set_row_visible("name", event.actor_id not in self._places)

    def _on_thing(self) -> None:
        if self._event is None:
            return
        kind, key = thing_of(self._event)
        link = links.of_id(key)
        if kind == RECORDING:
            self.window_door.open_app(RECORDINGS, key)
        elif link is not None:
            self.window_door.inspect(link.entity, link.key)
        elif key in self._places:
            self.window_door.inspect("member", self._places[key])

    def _on_who(self) -> None:
        if self._event is not None and self._event.actor_id in self._places:
            self.window_door.inspect("member", self._places[self._event.actor_id])

    def _on_all(self) -> None:
        if self._event is not None:
            self.window_door.open_app("audit", self._event.actor_id)
