"""A searchable table that stays current: header, filters, and the states a list can be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import remembered
from machina_desktop.views.commands import Command
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.filter_bar import Filter, FilterBar
from machina_desktop.views.widgets.layout import PageHeader
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.table_view import TableView

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ListShape(Generic[T]):
    """What a `ListPanel` shows.

    Attributes:
        name: Prefix of every control's object name, and what the filters are remembered under.
        search: Placeholder of the search line.
        key: The identifier of a record.
        depends: Entities whose changes make the list ask again.
    """

    name: str
    title: str
    search: str
    key: Callable[[T], str]
    columns: tuple[Column[T], ...]
    depends: frozenset[str]
    filters: tuple[Filter, ...] = ()


class ListPanel(QWidget, Generic[T]):
    """The list of one kind of thing. It begins to ask once the core has started.

    Attributes:
        header: Title, count, search, and room for the page's actions.
        filters: The filter bar; hidden when there is nothing to filter by.
        table: The rows.
        states: Which of loading, empty, failed and filled is shown.
        unmatched: What stands there when search and filters leave nothing.

    Signals:
        chosen: A row was selected or activated; its key (str).
        answered: A new answer is shown (tuple of records).
    """

    chosen = Signal(str)
    answered = Signal(object)

    def __init__(
        self,
        bridge: Bridge,
        shape: ListShape[T],
        *,
        ask: Callable[[str, dict[str, str]], Request[tuple[T, ...]]],
        empty: EmptyState,
        parent: QWidget,
    ) -> None:
        """``ask`` makes the request from the search text and the filters in force."""
        super().__init__(parent)
        self._bridge = bridge
        self._shape = shape
        self._ask = ask
        self._query: LiveQuery[tuple[T, ...]] | None = None
        self.header = PageHeader(shape.title, search_placeholder=shape.search, parent=self)
        self.filters = FilterBar(shape.filters, parent=self)
        self.model = self._make_model(shape)
        self.table = TableView(
            self.model, name=shape.title, settings=remembered.settings(), settings_key=shape.name, parent=self
        )
        self.states = ListStates(self.table, empty=empty)
        self.unmatched = EmptyState(
            icon_name="search",
            title=self.tr("Nothing matches"),
            text=self.tr("No entry fits this search and these filters."),
            action=self.tr("Show all"),
        )
        self._build()
        self._connect()
        self.states.show_loading()
        bridge.when_settled(self._start)

    def refresh(self) -> None:
        """Ask again, with the search and the filters as they are now."""
        if self._query is not None:
            self._query.ask(self._request())

    def add_below_filters(self, widget: QWidget) -> None:
        """Put a further control between the filters and the rows."""
        self._column.insertWidget(self._column.indexOf(self.states), widget)

    def focus_search(self) -> None:
        """Put the cursor into the search."""
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def commands(self) -> tuple[Command, ...]:
        """Undoing what narrows the list, while something does."""
        return (
            Command(
                name=f"{self._shape.name}.show_all",
                title=self.tr("Clear search and filters"),
                group=self._shape.title,
                icon="list-filter",
                run=self._on_show_all,
                is_available=self.is_narrowed,
            ),
        )

    def pause(self) -> None:
        """The list is hidden: stop asking."""
        if self._query is not None:
            self._query.pause()

    def resume(self) -> None:
        """The list is shown again: ask if anything has changed meanwhile."""
        if self._query is not None:
            self._query.resume()

    def _make_model(self, shape: ListShape[T]) -> RecordTableModel[T]:
        """The rows, empty at first; for a list that keeps them otherwise."""
        return RecordTableModel(shape.columns, key=shape.key, parent=self)

    def _build(self) -> None:
        name = self._shape.name
        search = self.header.search
        if search is None:
            raise TypeError("the header was made with a search line")
        self._search = search
        self._search.setObjectName(f"{name}.search")
        self.table.setObjectName(f"{name}.table")
        self.filters.setObjectName(f"{name}.filters")
        self.filters.setVisible(bool(self._shape.filters))
        self.unmatched.setObjectName(f"{name}.unmatched")
        self.states.addWidget(self.unmatched)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        column.setSpacing(Space.M)
        column.addWidget(self.header)
        column.addWidget(self.filters)
        column.addWidget(self.states, 1)
        for entry in self._shape.filters:
            for combo in self.filters.findChildren(QComboBox):
                if combo.accessibleName() == entry.any_title:
                    combo.setObjectName(f"{name}.filter.{entry.key}")

    def _connect(self) -> None:
        self.filters.restore(remembered.recall(self._shape.name))
        self.filters.changed.connect(self._on_filtered)
        self._search.searched.connect(lambda _text: self.refresh())
        self.table.selected.connect(self._on_chosen)
        self.table.activated_key.connect(self._on_chosen)
        self.states.error.retried.connect(self.refresh)
        self.unmatched.activated.connect(self._on_show_all)

    def _start(self) -> None:
        self._query = LiveQuery(
            self._bridge,
            self._request(),
            depends=self._shape.depends,
            on_answer=self._on_answer,
            on_error=self._on_error,
            parent=self,
        )

    def _request(self) -> Request[tuple[T, ...]]:
        return self._ask(self._search.text().strip(), self.filters.state())

    def is_narrowed(self) -> bool:
        """Whether search or filters leave something out."""
        return bool(self._search.text().strip() or self.filters.state())

    def _take(self, records: tuple[T, ...]) -> None:
        """Show an answer as rows."""
        self.model.set_records(records)

    def _count(self) -> int | None:
        """What the header counts; ``None`` for nothing."""
        return self.model.rowCount() if self.model.rowCount() or self.is_narrowed() else None

    def _on_answer(self, records: tuple[T, ...]) -> None:
        self._take(records)
        self.header.set_count(self._count())
        if self.model.rowCount():
            self.states.show_content()
        elif self.is_narrowed():
            self.states.setCurrentWidget(self.unmatched)
        else:
            self.states.show_empty()
        self.answered.emit(records)

    def _on_error(self, error: MachinaError) -> None:
        self.header.set_count(None)
        self.states.show_error(error)

    def _on_filtered(self, state: dict[str, str]) -> None:
        remembered.remember(self._shape.name, state)
        self.refresh()

    def _on_show_all(self) -> None:
        self.filters.restore({})
        self._search.clear()
        self.refresh()

    def _on_chosen(self, key: str) -> None:
        if key:
            self.chosen.emit(key)
