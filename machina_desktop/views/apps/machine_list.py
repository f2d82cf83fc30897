"""Machines as cards or as a table, in one list or in groups that fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from PySide6.QtCore import QEvent, QObject, QPoint, QSettings, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.views.apps.machine_looks import account_words, card_of, columns
from machina_desktop.views.apps.machine_text import tr
from machina_desktop.views.models.status import word_of
from machina_desktop.views.models.table_model import RecordTableModel
from machina_desktop.views.provider_words import provider_title
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.card_grid import CardContent, CardGrid
from machina_desktop.views.widgets.layout import CollapsibleGroup
from machina_desktop.views.widgets.table_view import TableView

# Long enough for a grid to lay its cards out anew.
_SETTLED_MS = 60
View = CardGrid[Machine] | TableView


class Grouping(StrEnum):
    """What machines are grouped by."""

    NONE = ""
    ACCOUNT = "account"
    PROVIDER = "provider"
    REGION = "region"
    STATUS = "status"


def group_title(machine: Machine, grouping: Grouping, account: ProviderAccount | None) -> str:
    """The heading the machine stands under."""
    if grouping is Grouping.ACCOUNT:
        return account_words(machine, account)
    if grouping is Grouping.PROVIDER:
        return provider_title(machine.provider)
    if grouping is Grouping.REGION:
        return machine.region or tr("No region")
    return word_of(machine.actual_status).capitalize() if grouping is Grouping.STATUS else ""


@dataclass
class _Part:
    """One list: all machines, or those of one group."""

    model: RecordTableModel[Machine]
    view: View
    group: CollapsibleGroup | None = None


@dataclass
class _Look:
    """How the list is drawn now."""

    is_table: bool = False
    grouping: Grouping = Grouping.NONE
    parts: dict[str, _Part] = field(default_factory=dict)


class MachineList(QStackedWidget):
    """Shows machines; the current and the selected ones are known by machine id over all groups.

    Signals:
        selected(str): Another machine became the current one, by the person's hand.
        selection_changed(): Other machines are selected.
        activated(str): Enter or a double click.
        peeked(str): Space.
        menu_requested(str, QPoint): A context menu is wanted at a global point.
    """

    selected = Signal(str)
    selection_changed = Signal()
    activated = Signal(str)
    peeked = Signal(str)
    menu_requested = Signal(str, QPoint)

    def __init__(self, settings: QSettings, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._look = _Look()
        self._machines: tuple[Machine, ...] = ()
        self._runs: Mapping[str, Deployment] = {}
        self._accounts: Mapping[str, ProviderAccount] = {}
        self._is_updating = False
        self._settled = QTimer(self, singleShot=True, interval=_SETTLED_MS)
        self._settled.timeout.connect(self._reveal)
        self._rebuild()

    def set_machines(self, machines: Sequence[Machine]) -> None:
        """Show exactly these; what stays keeps its selection."""
        self._machines = tuple(machines)
        self._update()

    def set_runs(self, runs: Mapping[str, Deployment]) -> None:
        """Tell of each machine, by its id, the newest run."""
        self._runs = runs
        self.tell_time()

    def set_accounts(self, accounts: Mapping[str, ProviderAccount]) -> None:
        """Say of each machine whose it is: the accounts by their ids."""
        self._accounts = accounts
        if self._look.grouping is Grouping.ACCOUNT:
            self._update()
        self.tell_time()

    def tell_time(self) -> None:
        """Paint anew what was told to be so long ago."""
        for part in self._look.parts.values():
            part.view.viewport().update()

    def set_look(self, *, is_table: bool, grouping: Grouping) -> None:
        """Draw cards or a table, grouped or not; the selection stays."""
        if (is_table, grouping) == (self._look.is_table, self._look.grouping):
            return
        key = self.current_key()
        self._look = _Look(is_table=is_table, grouping=grouping)
        self._rebuild()
        if key:
            self.select(key)

    def current_key(self) -> str:
        """The machine the keyboard stands on; empty for none."""
        return next((key for part in self._look.parts.values() if (key := part.view.selection.current_key())), "")

    def selected_machines(self) -> tuple[Machine, ...]:
        """All selected machines, from the top."""
        return tuple(
            part.model.record(part.model.row_of(key))
            for part in self._look.parts.values()
            for key in part.view.selected_keys()
        )

    def select(self, key: str) -> None:
        """Select one machine without telling anybody."""
        self._is_updating = True
        for part in self._look.parts.values():
            if not part.view.select_key(key):
                part.view.selection.clear()
        self._is_updating = False

    def clear_selection(self) -> None:
        """Select nothing."""
        for part in self._look.parts.values():
            part.view.selection.clear()

    def focus_list(self) -> None:
        """Put the keyboard onto the list."""
        for part in self._look.parts.values():
            part.view.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return

    def group_titles(self) -> tuple[str, ...]:
        """The headings shown, from the top."""
        return tuple(title for title, part in self._look.parts.items() if part.group is not None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._settled.start()
            for part in self._look.parts.values():
                # A view in a group is as high as its rows, whatever its width makes of them.
                if part.group is not None and part.view.viewport() is watched:
                    _fit_height(part)
        return super().eventFilter(watched, event)

    def _rebuild(self) -> None:
        while (old := self.currentWidget()) is not None:
            self.removeWidget(old)
            old.deleteLater()
        if self._look.grouping is Grouping.NONE:
            part = self._new_part()
            self._look.parts[""] = part
            self.addWidget(part.view)
        else:
            self.addWidget(self._new_scroll())
        self._update()

    def _new_scroll(self) -> QScrollArea:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, Space.S, 0)
        self._column.setSpacing(Space.M)
        self._column.addStretch()
        scroll.setWidget(inside)
        # What a group grows by, and what the list itself loses, may come after the views in it have settled.
        scroll.viewport().installEventFilter(self)
        inside.installEventFilter(self)
        return scroll

    def _new_part(self) -> _Part:
        model: RecordTableModel[Machine] = RecordTableModel(
            columns(self._run_of, self._account_of), key=lambda each: each.machine_id
        )
        name = tr("Machines")
        view: View
        if self._look.is_table:
            view = TableView(model, name=name, settings=self._settings, settings_key="machines")
        else:
            view = CardGrid(model, card=self._card_of, name=name)
        model.setParent(view)
        view.viewport().installEventFilter(self)
        view.selected.connect(lambda key: self._on_selected(view, key))
        view.selection.selection_changed.connect(lambda _keys: self.selection_changed.emit())
        view.activated_key.connect(self.activated)
        view.peeked.connect(self.peeked)
        view.menu_requested.connect(self.menu_requested)
        return _Part(model, view)

    def _card_of(self, machine: Machine) -> CardContent:
        return card_of(machine, self._run_of(machine), account=self._account_of(machine))

    def _run_of(self, machine: Machine) -> Deployment | None:
        return self._runs.get(machine.machine_id)

    def _account_of(self, machine: Machine) -> ProviderAccount | None:
        return self._accounts.get(machine.provider_account_id)

    def _update(self) -> None:
        self._is_updating = True
        if self._look.grouping is Grouping.NONE:
            self._look.parts[""].model.set_records(self._machines)
        else:
            self._update_groups()
        self._is_updating = False

    def _update_groups(self) -> None:
        members: dict[str, list[Machine]] = {}
        for machine in self._machines:
            title = group_title(machine, self._look.grouping, self._account_of(machine))
            members.setdefault(title, []).append(machine)
        for title in tuple(self._look.parts):
            if title not in members:
                gone = self._look.parts.pop(title)
                if gone.group is not None:
                    gone.group.hide()
                    gone.group.deleteLater()
        ordered = sorted(members, key=str.casefold)
        for place, title in enumerate(ordered):
            part = self._look.parts.get(title) or self._new_group(title, place)
            part.model.set_records(members[title])
            if part.group is not None:
                part.group.set_count(len(members[title]))
            _fit_height(part)
        self._look.parts = {title: self._look.parts[title] for title in ordered}

    def _new_group(self, title: str, place: int) -> _Part:
        part = self._new_part()
        part.group = CollapsibleGroup(title)
        part.group.column.setContentsMargins(0, 0, 0, 0)
        part.group.column.addWidget(part.view)
        part.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._column.insertWidget(place, part.group)
        self._look.parts[title] = part
        return part

    def _on_selected(self, view: View, key: str) -> None:
        if self._is_updating or not key:
            return
        for part in self._look.parts.values():
            if part.view is not view:
                part.view.selection.clear()
        self._reveal()
        self.selected.emit(key)

    def _reveal(self) -> None:
        """Keep the current machine in view: the inspector that opens beside it must not push it out."""
        for part in self._look.parts.values():
            index = part.view.currentIndex()
            if not index.isValid():
                continue
            part.view.scrollTo(index)
            scroll = self.currentWidget()
            if isinstance(scroll, QScrollArea) and (inside := scroll.widget()) is not None:
                rect = part.view.visualRect(index)
                center = part.view.viewport().mapTo(inside, rect.center())
                scroll.ensureVisible(scroll.horizontalScrollBar().value(), center.y(), 0, rect.height() // 2 + Space.S)


def _fit_height(part: _Part) -> None:
    rows = part.model.rowCount()
    if isinstance(part.view, TableView):
        height = part.view.horizontalHeader().height() + rows * part.view.verticalHeader().defaultSectionSize() + 2
        if part.view.horizontalScrollBar().maximum() > 0:
            height += part.view.horizontalScrollBar().sizeHint().height()
    else:
        grid = part.view.gridSize()
        in_a_row = max(1, part.view.viewport().width() // max(1, grid.width()))
        height = -(-rows // in_a_row) * grid.height() + 2
    if part.view.height() != height:
        part.view.setFixedHeight(height)
