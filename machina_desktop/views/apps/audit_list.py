"""The list of events: newest first, further pages as one scrolls, new events on top as they happen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QModelIndex, QTimer
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks, wording
from machina_desktop.views.audit_words import deed_icon, deed_words, groups
from machina_desktop.views.list_panel import ListPanel, ListShape
from machina_desktop.views.models.status import Status, word_of
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.widgets.filter_bar import Filter
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.table_view import ROW_HEIGHT

PAGE, OLDER = 500, 1000
RANGE = "range"
# What is refused is written to the trail without a word to anybody.
_LOOK_MS = 5000
# So much of what is above the end is left when the next page is asked for, in pages of the view.
_AHEAD = 3


def _tr(text: str) -> str:
    return QCoreApplication.translate("AuditPage", text)


def shape(picture: Callable[[str], str], named: Callable[[AuditEvent], str]) -> ListShape[AuditEvent]:
    """What the list shows; ``picture`` of a person by their id, ``named`` what an event was about."""
    return ListShape(
        name="audit",
        title=_tr("Audit"),
        search=_tr("Search the trail…"),
        key=lambda event: event.audit_event_id,
        # Whatever is written leaves an event.
        depends=frozenset(
            {"machine", "deployment", "provider_account", "ssh_key", "team", "team_member", "team_invite", "grant"}
            | {"user"}
        ),
        filters=_filters(),
        columns=(
            Column(
                key="when",
                title=_tr("When"),
                text=lambda event: wording.moment(event.at),
                is_quiet=True,
                width=140,
                least=120,
            ),
            Column(
                key="who",
                title=_tr("Who"),
                text=lambda event: event.actor_name or event.actor_id,
                face=lambda event: (event.actor_name, picture(event.actor_id)),
                width=170,
                grows=1,
            ),
            Column(
                key="deed",
                title=_tr("What"),
                text=lambda event: deed_words(event.action),
                icon=lambda event: deed_icon(event.action),
                width=210,
                least=150,
                grows=2,
            ),
            Column(key="target", title=_tr("On"), text=named, width=170, rank=1, grows=2),
            Column(
                key="outcome", title=_tr("Outcome"), status=lambda event: Status(event.outcome), width=120, least=110
            ),
            Column(
                key="detail", title=_tr("Code"), text=lambda e: e.detail or "–", is_mono=True, is_quiet=True, rank=3
            ),
        ),
    )


def _filters() -> tuple[Filter, ...]:
    return (
        Filter(key="actor", any_title=_tr("Anybody")),
        Filter(key="action", any_title=_tr("Any action"), choices=groups()),
        Filter(
            key="outcome",
            any_title=_tr("Any outcome"),
            choices=tuple((outcome.value, word_of(outcome)) for outcome in AuditOutcome),
        ),
        Filter(
            key="period",
            any_title=_tr("Any time"),
            choices=(
                ("day", _tr("Last 24 hours")),
                ("week", _tr("Last 7 days")),
                ("month", _tr("Last 30 days")),
                (RANGE, _tr("Between two days…")),
            ),
        ),
    )


class EventModel(RecordTableModel[AuditEvent]):
    """Events by falling numbers, of which any count may follow; nothing is sorted, for not all are here."""

    def start_anew(self, events: Sequence[AuditEvent]) -> None:
        """Other events altogether, for another question."""
        self.beginResetModel()
        self._records = list(events)
        self._rows = None
        self.endResetModel()

    def put_before(self, events: Sequence[AuditEvent]) -> None:
        """Events newer than the first."""
        self.beginInsertRows(QModelIndex(), 0, len(events) - 1)
        self._records[0:0] = events
        self._rows = None
        self.endInsertRows()

    def put_after(self, events: Sequence[AuditEvent]) -> None:
        """Events older than the last."""
        first, rows = len(self._records), self._index()
        self.beginInsertRows(QModelIndex(), first, first + len(events) - 1)
        self._records.extend(events)
        rows.update((event.audit_event_id, first + place) for place, event in enumerate(events))
        self.endInsertRows()


class AuditList(ListPanel[AuditEvent]):
    """The panel over an `EventModel`: its live question is for the newest page, and older ones are added to it."""

    def __init__(
        self,
        bridge: Bridge,
        shape: ListShape[AuditEvent],
        *,
        ask: Callable[[str, dict[str, str]], ListAuditEvents],
        empty: EmptyState,
        parent: QWidget,
    ) -> None:
        self._events = EventModel(shape.columns, key=shape.key)
        self._asked_for: ListAuditEvents | None = None
        self._shown_for: ListAuditEvents | None = None
        self._has_older = False
        self._is_asking = False
        self._wanted = ask
        super().__init__(bridge, shape, ask=ask, empty=empty, parent=parent)
        self._events.setParent(self)
        # Only a part of it is here; the newest are on top.
        self.table.setSortingEnabled(False)
        self.table.horizontalHeader().setSortIndicatorShown(False)
        bar = self.table.verticalScrollBar()
        bar.valueChanged.connect(self._look_for_older)
        bar.rangeChanged.connect(self._look_for_older)
        self._looking = QTimer(self, interval=_LOOK_MS)
        self._looking.timeout.connect(self._on_look)
        self._looking.start()

    def wanted(self) -> ListAuditEvents:
        """What search and filters ask for now."""
        return self._wanted(self._search.text().strip(), self.filters.state())

    def newest(self) -> int:
        """The number of the newest event shown; 0 for none."""
        return self._events.record(0).seq if self._events.rowCount() else 0

    def has_older(self) -> bool:
        """Whether there are older events than those shown."""
        return self._has_older

    def pause(self) -> None:
        super().pause()
        self._looking.stop()

    def resume(self) -> None:
        super().resume()
        self._looking.start()

    def _make_model(self, shape: ListShape[AuditEvent]) -> RecordTableModel[AuditEvent]:
        return self._events

    def _request(self) -> Request[tuple[AuditEvent, ...]]:
        self._asked_for = self.wanted()
        return self._asked_for

    def _take(self, records: tuple[AuditEvent, ...]) -> None:
        newest = self.newest()
        is_same = self._asked_for is self._shown_for and self._events.rowCount() > 0
        if is_same and records and records[-1].seq <= newest:
            self._add_newer([event for event in records if event.seq > newest])
            return
        self._shown_for = self._asked_for
        self._has_older = len(records) == PAGE
        self._events.start_anew(records)
        self.table.scrollToTop()

    def _count(self) -> int | None:
        # Numbers have no gaps, so the newest one counts them all.
        if not self.is_narrowed():
            return self.newest() or None
        return None if self._has_older else self._events.rowCount()

    def _add_newer(self, events: Sequence[AuditEvent]) -> None:
        if not events:
            return
        bar = self.table.verticalScrollBar()
        before = bar.value()
        self._events.put_before(events)
        if before:
            # What the person looks at stays where it is.
            bar.setValue(before + len(events) * ROW_HEIGHT)

    def _look_for_older(self) -> None:
        bar, asked = self.table.verticalScrollBar(), self._shown_for
        is_far = bar.value() + _AHEAD * bar.pageStep() < bar.maximum()
        if is_far or asked is None or not self._has_older or self._is_asking or not self.table.isVisible():
            return
        self._is_asking = True
        last = self._events.record(self._events.rowCount() - 1).seq
        tasks.ask(
            self._bridge,
            replace(asked, before=last, limit=OLDER),
            owner=self,
            done=lambda events: self._on_older(asked, events),
            failed=self._on_older_failed,
        )

    def _on_older(self, asked: ListAuditEvents, events: tuple[AuditEvent, ...]) -> None:
        self._is_asking = False
        if asked is not self._shown_for:
            return
        self._has_older = len(events) == OLDER
        if events:
            self._events.put_after(events)
        self.header.set_count(self._count())

    def _on_older_failed(self, error: MachinaError) -> None:
        # Scrolling on asks again.
        self._is_asking = False
        tasks.PRESENTER.show(error)

    def _on_look(self) -> None:
        if self.isVisible() and self._query is not None:
            self._query.refresh()
