"""The Audit app: who did what to which thing, with what outcome; found, taken along, and verified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome
from machina_desktop.core.ids import now
from machina_desktop.core.services.audit import GetAuditEvent, ListAuditEvents
from machina_desktop.core.services.members import ListMembers, Membership
from machina_desktop.views import remembered
from machina_desktop.views.apps.audit_check import AuditCheck
from machina_desktop.views.apps.audit_detail import AuditDetail
from machina_desktop.views.apps.audit_export import ExportAuditDialog
from machina_desktop.views.apps.audit_list import PAGE, RANGE, AuditList, shape
from machina_desktop.views.apps.base import App, Window
from machina_desktop.views.apps.list_page import ListPage
from machina_desktop.views.audit_words import thing_of
from machina_desktop.views.commands import Command
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.searches import Search, unlisted_search
from machina_desktop.views.thing_names import ThingNames
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.day_edit import DayRange
from machina_desktop.views.widgets.states import EmptyState

_PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def _tr(text: str) -> str:
    return QCoreApplication.translate("AuditPage", text)


class AuditPage(ListPage[AuditEvent]):
    """Events, newest first, with *Verify* and *Export*; a place on it is a person's id: what they did."""

    list: AuditList

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("audit")
        self._names: ThingNames | None = None
        self._people: dict[str, tuple[str, str]] = {}
        self._wanted_person = remembered.recall("audit").get("actor", "")
        empty = EmptyState(
            icon_name="scroll-text",
            title=self.tr("Nothing has happened yet"),
            text=self.tr("Whatever is changed in this team, or was refused, is written down here for good."),
        )
        empty.setObjectName("audit.empty")
        self.days = DayRange("audit", parent=self)
        self.check = AuditCheck(bridge, window, parent=self)
        events = shape(self._picture_of, self._name_of)
        self.show_list(AuditList(bridge, events, ask=self._request, empty=empty, parent=self))
        self.list.add_below_filters(self.days)
        self.list.add_below_filters(self.check)
        self.days.setVisible(self.list.filters.state().get("period") == RANGE)
        self.verify = Button(self.tr("Verify"), icon_name="shield-check", parent=self)
        self.verify.setObjectName("audit.verify")
        self.export = Button(self.tr("Export…"), icon_name="download", parent=self)
        self.export.setObjectName("audit.export")
        self.list.header.add_action(self.verify)
        self.list.header.add_action(self.export)
        self._connect()

    def go_to(self, place: str) -> None:
        if place.startswith("user-"):
            self._wanted_person = place
            self._people.setdefault(place, (place, ""))
            self._offer_people({"actor": place})
            self.list.refresh()

    def commands(self) -> Iterable[Command]:
        yield from _beginnings(self._on_verify, self._on_export)
        yield from self.list.commands()

    def _connect(self) -> None:
        self.list.chosen.connect(lambda key: self.window_door.inspect("audit_event", key))
        self.list.answered.connect(self._on_answered)
        self.list.filters.changed.connect(self._on_filtered)
        self.days.changed.connect(self.list.refresh)
        self.verify.clicked.connect(self._on_verify)
        self.export.clicked.connect(self._on_export)
        self.bridge.when_settled(self._start)

    def _start(self) -> None:
        self._names = ThingNames(self.bridge, parent=self)
        self._names.changed.connect(self.list.table.viewport().update)
        LiveQuery(
            self.bridge,
            ListMembers(team_id=self.bridge.team_id),
            depends=frozenset({"team_member", "user"}),
            on_answer=self._on_members,
            on_error=lambda _error: None,
            parent=self,
        )

    def _request(self, search: str, filters: dict[str, str]) -> ListAuditEvents:
        period = filters.get("period", "")
        since, until = self.days.bounds() if period == RANGE else (None, None)
        if period in _PERIODS:
            since = now() - _PERIODS[period]
        # The trail knows things by their ids; people know them by their names.
        thing = self._names.find(search) if self._names is not None else ""
        return ListAuditEvents(
            team_id=self.bridge.team_id,
            actor_id=filters.get("actor", ""),
            action=filters.get("action", ""),
            outcome=AuditOutcome(filters["outcome"]) if "outcome" in filters else None,
            since=since,
            until=until,
            entity=thing,
            search="" if thing else search,
            limit=PAGE,
        )

    def _name_of(self, event: AuditEvent) -> str:
        _kind, key = thing_of(event)
        return (self._names.name(key) if self._names is not None else "") or key or "–"

    def _picture_of(self, user_id: str) -> str:
        return self._people.get(user_id, ("", ""))[1]

    def _on_members(self, members: tuple[Membership, ...]) -> None:
        self._people |= {each.user.user_id: _shown(each) for each in members}
        self._offer_people(self.list.filters.state())

    def _on_answered(self, events: tuple[AuditEvent, ...]) -> None:
        # Who has left, and the runner, are in no list of members.
        known = len(self._people)
        for event in events:
            self._people.setdefault(event.actor_id, (event.actor_name, ""))
        if len(self._people) != known:
            self._offer_people(self.list.filters.state())

    def _offer_people(self, state: dict[str, str]) -> None:
        offered = sorted(((name or key, key) for key, (name, _picture) in self._people.items()), key=_by_name)
        self.list.filters.set_choices("actor", tuple((key, name) for name, key in offered))
        if self._wanted_person and "actor" not in self.list.filters.state():
            self.list.filters.restore({**state, "actor": self._wanted_person})
        if self._wanted_person in self._people:
            self._wanted_person = ""

    def _on_filtered(self, filters: dict[str, str]) -> None:
        self.days.setVisible(filters.get("period") == RANGE)

    def _on_verify(self) -> None:
        self.check.begin(busy=self.verify)

    def _on_export(self) -> None:
        dialog = ExportAuditDialog(
            self.bridge,
            self.list.wanted(),
            newest=self.list.newest(),
            is_narrowed=self.list.is_narrowed(),
            parent=self,
        )
        dialog.exported.connect(self._on_exported)
        dialog.open()

    def _on_exported(self, path: str) -> None:
        self.window_door.notify(self.tr("The audit trail is written to {0}").format(Path(path).name), kind="success")


def _shown(each: Membership) -> tuple[str, str]:
    return each.user.display_name, each.user.profile_picture_url or ""


def _by_name(offered: tuple[str, str]) -> str:
    return offered[0].casefold()


def _beginnings(verify: Callable[[], None], export: Callable[[], None]) -> tuple[Command, ...]:
    """What can be begun on the page and, by way of it, from anywhere."""
    return (
        Command(
            name="audit.verify",
            title=_tr("Verify the audit trail"),
            group=_tr("Audit"),
            icon="shield-check",
            words=_tr("chain hash tamper check"),
            run=verify,
        ),
        Command(
            name="audit.export",
            title=_tr("Export the audit trail…"),
            group=_tr("Audit"),
            icon="download",
            words=_tr("csv json save"),
            run=export,
        ),
    )


def _anywhere(window: Window) -> tuple[Command, ...]:
    return _beginnings(lambda: window.do("audit", "audit.verify"), lambda: window.do("audit", "audit.export"))


def _searches() -> tuple[Search, ...]:
    def look_up(bridge: Bridge, key: str) -> Awaitable[object]:
        return bridge.call(GetAuditEvent(audit_event_id=key))

    return (unlisted_search(entity="audit_event", title=_tr("Audit"), look_up=look_up),)


APP = App(
    name="audit",
    title="Audit",
    icon="scroll-text",
    page=AuditPage,
    details={"audit_event": AuditDetail},
    searches=_searches,
    commands=_anywhere,
)
