"""At which accounts a key lies: a line for each account of the team, and what puts it there or takes it away."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import MachinaError
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.key_account_row import KeyAccountRow
from machina_desktop.views.apps.key_errands import errands_of
from machina_desktop.views.apps.key_places import OF_RIGHTS, Place, Places, counted
from machina_desktop.views.apps.key_taking import TakeAwayDialog
from machina_desktop.views.callout import Callout
from machina_desktop.views.commands import Command
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.rights import why_not
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.flow import FlowBox
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import IconLabel, Label


class KeyAccounts(QWidget):
    """Follows the accounts by itself, and what it is told of the key and the team's machines.

    Signals:
        counted(int): At so many accounts it lies now.
    """

    counted = Signal(int)

    def __init__(self, bridge: Bridge, window: Window, *, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window_door = window
        self._key: SSHKey | None = None
        self._machines: tuple[Machine, ...] = ()
        self._rows: dict[str, KeyAccountRow] = {}
        self._errands = errands_of(bridge)
        self._errands.changed.connect(self._on_errand)
        self._places = Places(bridge, self)
        self._places.changed.connect(self._render)
        self._places.failed.connect(self._on_failed)
        bridge.changed.connect(self._on_changed)
        servers_of(bridge).changed.connect(self._render)
        self._build()

    def show_key(self, key: SSHKey) -> None:
        """Show where this key lies."""
        if self._key is None:
            self._errands.forget(key.ssh_key_id)
        self._key = key
        self._render()

    def show_machines(self, machines: tuple[Machine, ...]) -> None:
        """Learn which machines rely on the key: it is not taken from under them without a question."""
        self._machines = machines

    def places(self) -> tuple[Place, ...]:
        """The accounts at which the key lies, whether or not they can be asked now."""
        return tuple(place for place in self._places.all() if self._key is not None and place.knows(self._key))

    def commands(self) -> Iterable[Command]:
        """Putting it there and taking it away, for each account and for all."""
        key = self._key
        if key is None or not self._places.is_known:
            return
        yield Command(
            name="key.put_everywhere",
            title=self.tr("Put the key {0} in all accounts").format(key.name),
            group=self.tr("Keys"),
            icon="cloud",
            words=self.tr("sync accounts upload"),
            run=self._on_all,
            is_available=lambda: self._may_change() and bool(self._missing()),
        )
        for place in self._places.all():
            if place.is_ready:
                yield self._command(key, place)

    def _command(self, key: SSHKey, place: Place) -> Command:
        title, act = self.tr("Put the key {0} in {1}"), self._on_put
        if place.knows(key):
            title, act = self.tr("Take the key {0} away from {1}…"), self._on_take
        return Command(
            name=f"key.account.{place.account_id}",
            title=title.format(key.name, place.account.label),
            group=self.tr("Keys"),
            icon=PROVIDER_ICONS[place.account.provider_type],
            words=self.tr("sync account"),
            run=partial(act, place.account_id),
            is_available=lambda: self._may_change() and not self._is_busy(place),
        )

    def _build(self) -> None:
        self._loading = Skeleton(rows=2)
        self._failure = Callout("error")
        self._failure.setObjectName("key.accounts.failure")
        again = Button(self.tr("Try again"), icon_name="refresh-cw")
        again.setObjectName("key.accounts.retry")
        again.clicked.connect(self._on_retry)
        self._failure.add_button(again)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(Space.XS)
        self._all = Button("", icon_name="cloud")
        self._all.setObjectName("key.accounts.put_all")
        self._all.clicked.connect(self._on_all)
        self._foot = FlowBox()
        self._foot.row.addWidget(self._all)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._build_refusal())
        column.addWidget(self._loading)
        column.addWidget(self._failure)
        column.addWidget(self._build_empty())
        column.addLayout(self._lines)
        column.addWidget(self._foot)
        for widget in (self._refusal, self._empty, self._foot):
            widget.hide()

    def _build_refusal(self) -> QWidget:
        self._refusal = QWidget()
        self._refusal.setObjectName("key.accounts.refusal")
        self._refusal_words = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        row = QHBoxLayout(self._refusal)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(IconLabel("lock"))
        row.addWidget(self._refusal_words, 1)
        return self._refusal

    def _build_empty(self) -> Card:
        self._empty = Card(name=self.tr("No account can take keys"))
        self._empty.setObjectName("key.accounts.empty")
        self._empty_words = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        lead = Button(self.tr("Open Providers"), icon_name="plug")
        lead.setObjectName("key.accounts.providers")
        lead.clicked.connect(lambda: self._window_door.open_app("providers"))
        ways = FlowBox()
        ways.row.addWidget(lead)
        self._empty.column.addWidget(self._empty_words)
        self._empty.column.addWidget(ways)
        return self._empty

    def _render(self) -> None:
        key = self._key
        if key is None or not self._places.is_known:
            return
        self._loading.hide()
        self._failure.clear()
        places = self._places.all()
        refusal = self._why_not()
        self._refusal.setVisible(bool(refusal))
        self._refusal_words.setText(refusal)
        self._lay_rows(places)
        for place in places:
            self._render_row(key, place)
        self._render_empty(places)
        self._render_all(refusal)
        self.counted.emit(counted(key, places)[0])

    def _render_row(self, key: SSHKey, place: Place) -> None:
        errand = self._errands.errand(key.ssh_key_id, place.account_id)
        row = self._rows[place.account_id]
        row.show_place(place, place.knows(key), errand, may_change=self._may_change())

    def _render_empty(self, places: tuple[Place, ...]) -> None:
        is_bare = all(place.rank > 1 for place in places)
        self._empty.setVisible(is_bare)
        self._empty_words.setText(
            self.tr("None of the accounts holds keys. An account at a cloud gives them to new machines by itself.")
            if places
            else self.tr("There is no account yet. A key lies at a cloud's account to be given to new machines.")
        )

    def _render_all(self, refusal: str) -> None:
        missing = self._missing()
        # For a single one its own button does.
        self._foot.setVisible(not refusal and len(missing) > 1)
        is_rest = len(missing) < sum(place.is_ready for place in self._places.all())
        words = self.tr("Put in the other {0}") if is_rest else self.tr("Put in all {0} accounts")
        self._all.setText(words.format(QLocale().toString(len(missing))))
        self._all.set_busy(bool(missing) and all(self._is_busy(place) for place in missing))

    def _lay_rows(self, places: tuple[Place, ...]) -> None:
        """A row for each place, in their order; rows that stay are moved only where the order is another."""
        for gone in self._rows.keys() - {place.account_id for place in places}:
            row = self._rows.pop(gone)
            row.hide()
            row.deleteLater()
        for at, place in enumerate(places):
            row = self._rows.get(place.account_id) or self._made(place)
            if self._lines.indexOf(row) != at:
                self._lines.insertWidget(at, row)

    def _made(self, place: Place) -> KeyAccountRow:
        row = self._rows[place.account_id] = KeyAccountRow(place, parent=self)
        row.put.connect(partial(self._on_put, place.account_id))
        row.taken.connect(partial(self._on_take, place.account_id))
        row.opened.connect(partial(self._window_door.inspect, "provider_account", place.account_id))
        return row

    def _missing(self) -> tuple[Place, ...]:
        """Where the key could be and is not."""
        key = self._key
        if key is None:
            return ()
        return tuple(place for place in self._places.all() if place.is_ready and not place.knows(key))

    def _is_busy(self, place: Place) -> bool:
        return self._key is not None and self._errands.is_busy(self._key.ssh_key_id, (place.account_id,))

    def _may_change(self) -> bool:
        return not self._why_not()

    def _why_not(self) -> str:
        key = self._key
        if key is None or not self._bridge.is_settled:
            return ""
        return why_not(self._bridge, "ssh_key.sync", key.team_id)

    def _on_put(self, account_id: str) -> None:
        if self._key is not None:
            self._errands.put(self._key.ssh_key_id, account_id)

    def _on_all(self) -> None:
        for place in self._missing():
            self._on_put(place.account_id)

    def _on_take(self, account_id: str) -> None:
        key = self._key
        place = next((each for each in self._places.all() if each.account_id == account_id), None)
        if key is None or place is None:
            return
        users = tuple(
            each
            for each in self._machines
            if each.provider_account_id == account_id and key.ssh_key_id in each.ssh_key_ids
        )
        if not users:
            self._take(key, place)
            return
        question = TakeAwayDialog(key, place.account, users, parent=self)
        question.accepted.connect(partial(self._take, key, place))
        question.open()

    def _take(self, key: SSHKey, place: Place) -> None:
        """With a way back, told in a notice."""
        errands, window = self._errands, self._window_door
        text = self.tr("{0} is taken away from {1}").format(key.name, place.account.label)
        back = self.tr("Put it back")

        def put_back() -> None:
            errands.put(key.ssh_key_id, place.account_id)

        def told() -> None:
            window.notify(text, kind="success", action=back, on_action=put_back)

        errands.take(key.ssh_key_id, place.account_id, done=told)

    def _on_errand(self, key_id: str, account_id: str) -> None:
        if self._key is None or key_id != self._key.ssh_key_id:
            return
        errand = self._errands.errand(key_id, account_id)
        if errand is not None and errand.key is not None and errand.key.updated_at >= self._key.updated_at:
            # A moment before the feed tells it: the button would offer once more what has just been done.
            self._key = errand.key
        self._render()

    def _on_changed(self, entities: frozenset[str]) -> None:
        if entities & OF_RIGHTS:
            self._render()

    def _on_failed(self, error: MachinaError) -> None:
        if not self._places.is_known:
            self._loading.hide()
            self._failure.say_error(error)

    def _on_retry(self) -> None:
        self._failure.clear()
        self._loading.show()
        self._places.refresh()
