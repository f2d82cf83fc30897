"""Sizes as a table: what they have, what they cost in one region, and whether one is to be had there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import Catalogue, Size
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.prices import (
    amount,
    fine_amount,
    is_to_be_had,
    memory,
    months_difference,
    signed_amount,
    stock,
)
from machina_desktop.views.size_elsewhere import SizeElsewhere
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.filter_bar import Filter, FilterBar
from machina_desktop.views.widgets.search import SearchInput
from machina_desktop.views.widgets.table_view import ROW_HEIGHT, TableView
from machina_desktop.views.widgets.text import Label

# Above this many a search line and filters help.
_MANY = 8
_LEAST_ROWS = 5


def _tr(text: str) -> str:
    return QCoreApplication.translate("SizePicker", text)


class SizePicker(QWidget):
    """One size of many. What cannot be had in the region stands there in grey and says where it can.

    Arrow keys and a click choose, Enter and a double click choose and are done. Below the table stands what other
    accounts have that is most like the chosen one.

    Attributes:
        elsewhere: What other accounts have.

    Signals:
        chosen(str): The size's slug.
        refused(str): One was pressed that is not to be had; its slug.
        confirmed(): Done with choosing.
    """

    chosen = Signal(str)
    refused = Signal(str)
    confirmed = Signal()

    def __init__(
        self,
        bridge: Bridge,
        *,
        name: str,
        replaces: bool = False,
        can_take: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """``name`` is the object name of the table; its search line is ``NAME.search``.

        With ``replaces`` a size takes the place of the present one, and the table tells what it costs more or less;
        with ``can_take`` what another account has can be taken instead.
        """
        super().__init__(parent)
        self._replaces = replaces
        self._least_disk_gb = 0
        self._account_id = ""
        self._present: Size | None = None
        self._catalogue = Catalogue()
        self._region = ""
        self._chosen = ""
        self._is_filling = False
        self._model = RecordTableModel(self._columns(), key=lambda size: size.slug, is_dim=self._is_dim, parent=self)
        self.table = self._build_table(name)
        self._search = SearchInput(_tr("Search"))
        self._search.setObjectName(f"{name}.search")
        self._search.searched.connect(lambda _text: self._fill())
        self._filters = FilterBar(
            (Filter(key="kind", any_title=_tr("Any kind")), Filter(key="architecture", any_title=_tr("Any processor")))
        )
        self._filters.setObjectName(f"{name}.filters")
        self._filters.changed.connect(lambda _state: self._fill())
        self._elsewhere = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._elsewhere.setObjectName(f"{name}.elsewhere")
        self.elsewhere = SizeElsewhere(bridge, name=f"{name}.others", can_take=can_take)
        self._narrowing = QWidget()
        self._lay_out()

    def _build_table(self, name: str) -> TableView:
        table = TableView(self._model, name=_tr("Sizes"))
        table.setObjectName(name)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        # Its columns fit; a bar below rows that just fit would bring the other one, and that narrows them without end.
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.selected.connect(self._on_selected)
        table.activated_key.connect(self._on_activated)
        table.selection.refused.connect(self._on_refused)
        return table

    def _lay_out(self) -> None:
        row = QHBoxLayout(self._narrowing)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self._search)
        row.addWidget(self._filters, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self._narrowing)
        column.addWidget(self.table, 1)
        column.addWidget(self._elsewhere)
        column.addWidget(self.elsewhere)
        column.addStretch()

    def set_present(self, present: Size | None, *, least_disk_gb: int = 0) -> None:
        """Whose place another size is to take; none with a disk below ``least_disk_gb`` can, 0 for any."""
        self._present, self._least_disk_gb = present, least_disk_gb

    def show_sizes(self, catalogue: Catalogue, region: str, chosen: str, *, account_id: str) -> None:
        """Show what the account has in the region, cheapest first, and which of them is chosen."""
        if catalogue is not self._catalogue:
            self._filters.set_choices("kind", _choices(each.kind for each in catalogue.sizes))
            self._filters.set_choices("architecture", _choices(each.architecture for each in catalogue.sizes))
        self._catalogue, self._region, self._chosen, self._account_id = catalogue, region, chosen, account_id
        self._narrowing.setVisible(len(catalogue.sizes) > _MANY)
        self._fill()

    def shown(self) -> tuple[Size, ...]:
        """The sizes in the table, from the top."""
        return self._model.records()

    def focus_choice(self) -> bool:
        """Put the keyboard onto the table; whether there is anything in it."""
        if self._model.rowCount():
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        return bool(self._model.rowCount())

    def _fill(self) -> None:
        here = [each for each in self._catalogue.sizes if each.is_offered(self._region) or each.slug == self._chosen]
        here.sort(key=lambda each: (_or_last(each.price_in(self._region).monthly), each.memory_mb, each.title))
        elsewhere = len(self._catalogue.sizes) - len(here)
        self._is_filling = True
        self._model.set_records([each for each in here if self._passes(each)])
        # A layout gives no more than the most a widget takes: a least above it would lie over what comes next.
        self.table.setMinimumHeight(min(36 + _LEAST_ROWS * ROW_HEIGHT, self.table.maximumHeight()))
        if not self.table.select_key(self._chosen):
            self.table.selection.clear()
        self._is_filling = False
        words = _tr("1 more size is offered in other regions only.")
        if elsewhere != 1:
            words = _tr("{0} more sizes are offered in other regions only.").format(elsewhere)
        nothing = "" if self._model.rowCount() or not here else _tr("No size passes the search and the filters.")
        self._elsewhere.setText(" ".join(part for part in (nothing, words if elsewhere else "") if part))
        self._elsewhere.setVisible(bool(self._elsewhere.text()))
        self._compare()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._compare()

    def _compare(self) -> None:
        # Other accounts are asked for whoever looks at sizes, not on the way past them.
        if not self.isVisible():
            return
        chosen = next((each for each in self._catalogue.sizes if each.slug == self._chosen), None)
        self.elsewhere.compare(self._account_id, self._region, chosen)

    def _passes(self, size: Size) -> bool:
        wanted = self._filters.state()
        haystack = f"{size.title} {size.slug} {size.kind}".casefold()
        return (
            wanted.get("kind", size.kind) == size.kind
            and wanted.get("architecture", size.architecture) == size.architecture
            and all(word in haystack for word in self._search.text().casefold().split())
        )

    def _is_dim(self, size: Size) -> bool:
        return not is_to_be_had(size, self._region) or self._is_too_small(size)

    def _is_too_small(self, size: Size) -> bool:
        return 0 < size.disk_gb < self._least_disk_gb

    def _on_selected(self, key: str) -> None:
        if self._is_filling or not key or key == self._chosen:
            return
        if self._is_dim(self._model.record(self._model.row_of(key))):
            self._fill()
            return
        self._chosen = key
        self._compare()
        self.chosen.emit(key)

    def _on_refused(self, key: str) -> None:
        if not is_to_be_had(self._model.record(self._model.row_of(key)), self._region):
            self.refused.emit(key)

    def _on_activated(self, key: str) -> None:
        self._on_selected(key)
        if key == self._chosen:
            self.confirmed.emit()

    def _columns(self) -> tuple[Column[Size], ...]:
        def price(size: Size) -> tuple[float | None, float | None]:
            found = size.price_in(self._region)
            return found.hourly, found.monthly

        def per_hour(size: Size) -> str:
            hour = price(size)[0]
            return fine_amount(hour, size.currency) if hour else "–"

        def per_month(size: Size) -> str:
            month = price(size)[1]
            return "–" if month is None else amount(month, size.currency) if month else _tr("free")

        return (
            Column(key="size", title=_tr("Size"), text=lambda each: each.title, width=128, least=112, grows=2),
            _number(
                "vcpus", _tr("vCPU"), lambda each: each.vcpus, lambda each: str(each.vcpus or "–"), width=66, least=62
            ),
            _number("memory", _tr("Memory"), lambda each: each.memory_mb, _memory, width=80, least=78),
            _number("disk", _tr("Disk"), lambda each: each.disk_gb, _disk, width=74, least=70),
            Column(
                key="architecture",
                title=_tr("CPU"),
                text=lambda each: each.architecture or "–",
                is_quiet=True,
                width=72,
                least=70,
                rank=3,
            ),
            self._difference_column()
            if self._replaces
            else _number(
                "hour", _tr("An hour"), lambda each: _or_last(price(each)[0]), per_hour, width=100, least=96, rank=2
            ),
            _number("month", _tr("A month"), lambda each: _or_last(price(each)[1]), per_month, width=96, least=92),
            Column(
                key="stock",
                title=_tr("Stock"),
                text=self._stock_words,
                is_quiet=True,
                width=178,
                least=150,
                rank=1,
                grows=3,
            ),
        )

    def _difference_column(self) -> Column[Size]:
        def more(size: Size) -> float | None:
            return months_difference(self._present, size, self._region)

        def words(size: Size) -> str:
            if self._present is not None and size.slug == self._present.slug:
                return _tr("as it is")
            known = more(size)
            return "–" if known is None else signed_amount(known, size.currency)

        return _number("more", _tr("Than now"), lambda each: _or_last(more(each)), words, width=100, rank=2)

    def _stock_words(self, size: Size) -> str:
        if is_to_be_had(size, self._region) and self._is_too_small(size):
            return _tr("Disk below {0} GB").format(self._least_disk_gb)
        return stock(size, self._region, self._catalogue)


def _number(
    key: str,
    title: str,
    by: Callable[[Size], float],
    text: Callable[[Size], str],
    *,
    width: int,
    least: int = 0,
    rank: int = 0,
) -> Column[Size]:
    return Column(
        key=key,
        title=title,
        text=text,
        sort_key=by,
        is_right=True,
        width=width,
        least=least,
        rank=rank,
    )


def _memory(size: Size) -> str:
    return memory(size.memory_mb) if size.memory_mb else "–"


def _disk(size: Size) -> str:
    return f"{size.disk_gb} GB" if size.disk_gb else "–"


def _or_last(price: float | None) -> float:
    return math.inf if price is None else price


def _choices(values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((each, each) for each in sorted({value for value in values if value}))
