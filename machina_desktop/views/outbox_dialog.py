"""The edits that wait for their server and those it did not take, with a decision for each of the latter."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QSize
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.intent import Intent
from machina_desktop.core.services.servers import DismissIntent, RetryIntent
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks, wording
from machina_desktop.views.models.status import word_of
from machina_desktop.views.outbox_detail import OutboxDetail
from machina_desktop.views.outbox_words import about, changed_words, icon_of
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.modal import Modal
from machina_desktop.views.widgets.states import EmptyState

T = TypeVar("T")

SIZE = QSize(880, 560)
_LIST_WIDTH = 280


class OutboxDialog(Modal):
    """A list of edits, those that need a decision first, and the chosen one in full. Show it with ``open()``.

    Attributes:
        list: The edits by ``op_id``.
        detail: The chosen one.
        empty: Stands there when nothing waits.
    """

    def __init__(self, bridge: Bridge, *, chosen: str = "", parent: QWidget) -> None:
        """``chosen`` is the edit to begin with; without it, the first one."""
        super().__init__(_tr("Edits for the server"), parent=parent)
        self.setObjectName("outbox")
        self._bridge = bridge
        self._watch = servers_of(bridge)
        self.list = List(name=_tr("Edits"))
        self.list.setObjectName("outbox.list")
        self.list.setFixedWidth(_LIST_WIDTH)
        self.detail = OutboxDetail()
        self.empty = EmptyState(
            icon_name="circle-check",
            title=_tr("Nothing waits"),
            text=_tr("What you edit while a server is away is listed here until the server has it."),
        )
        self._stack = QStackedWidget()
        self._build()
        self.list.selected.connect(lambda _key: self._show_chosen())
        self.detail.kept.connect(lambda op_id: self._decide(RetryIntent(op_id=op_id), self.detail.mine))
        self.detail.dropped.connect(lambda op_id: self._decide(DismissIntent(op_id=op_id), self.detail.theirs))
        self._watch.changed.connect(self._show)
        self._show()
        self.list.select(chosen)
        self.set_panel_size(SIZE)

    def _build(self) -> None:
        filled = QWidget()
        row = QHBoxLayout(filled)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        left = QVBoxLayout()
        left.setContentsMargins(Space.M, Space.XS, Space.M, Space.M)
        left.addWidget(self.list, 1)
        line = Divider()
        line.setFixedWidth(1)
        row.addLayout(left)
        row.addWidget(line)
        row.addWidget(self.detail, 1)
        self._stack.addWidget(filled)
        self._stack.addWidget(self.empty)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, Space.S, 0, 0)
        column.addWidget(self._stack)

    def _show(self) -> None:
        intents = self._ordered()
        self.list.set_items(tuple(_item(each) for each in intents))
        self._stack.setCurrentIndex(0 if intents else 1)
        if intents and not self.list.current():
            self.list.select(intents[0].op_id)
        self._show_chosen()

    def _ordered(self) -> tuple[Intent, ...]:
        return (*self._watch.needing_attention, *self._watch.waiting)

    def _show_chosen(self) -> None:
        intent = next((each for each in self._watch.intents if each.op_id == self.list.current()), None)
        if intent is not None:
            team = self._watch.team(intent.team_id)
            self.detail.show_intent(intent, team.name if team is not None else "")

    def _decide(self, ask: Request[T], busy: Button) -> None:
        self.detail.problem.clear()
        tasks.ask(
            self._bridge,
            ask,
            owner=self,
            done=lambda _answer: self._watch.refresh(),
            failed=self.detail.show_error,
            busy=busy,
        )


def _item(intent: Intent) -> ListItem:
    return ListItem(
        key=intent.op_id,
        title=about(intent),
        detail=f"{word_of(intent.state)} · {changed_words(intent)}",
        icon_name="triangle-alert" if intent.state.wants_attention else icon_of(intent),
        trailing=wording.moment(intent.made_at),
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("Outbox", text)
