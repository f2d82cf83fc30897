"""A table's columns always fit its width: they give way, and the least important step back, before anything is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QTableView

from machina_desktop.views.models.table_model import Column

R = TypeVar("R")
# A column gives away so much of its width before another has to go.
_GIVES = 0.25


@dataclass(frozen=True)
class _Wish:
    """What one column wants: its width, the least it can be told in, how readily it goes, what spare room it takes."""

    width: int
    least: int
    rank: int
    grows: int


class ColumnFit(QObject):
    """Watches a table and fits its columns whenever its width changes.

    Signals:
        resized(): The person has given a column another width.
    """

    resized = Signal()

    def __init__(self, view: QTableView, columns: Sequence[Column[R]]) -> None:
        super().__init__(view)
        self._view = view
        self._header = view.horizontalHeader()
        self._is_fitting = False
        self._wishes = [_wish(column, column.width) for column in columns]
        self._columns = columns
        view.viewport().installEventFilter(self)
        self._header.sectionResized.connect(self._on_resized)

    def take_widths(self) -> None:
        """Take the widths the header has now, such as restored ones, for what is wanted."""
        for index, column in enumerate(self._columns):
            is_shown = not self._header.isSectionHidden(index)
            self._wishes[index] = _wish(column, self._header.sectionSize(index) if is_shown else column.width)

    def fit(self) -> None:
        """Give every column its part of the room there is."""
        room = self._view.viewport().width()
        if room <= 0:
            return
        shown = _shown(self._wishes, room)
        widths = _widths([self._wishes[index] for index in shown], room)
        self._is_fitting = True
        for index in range(len(self._wishes)):
            self._header.setSectionHidden(index, index not in shown)
        for index, width in zip(shown, widths, strict=True):
            self._header.resizeSection(index, width)
        self._is_fitting = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.fit()
        return super().eventFilter(watched, event)

    def _on_resized(self, index: int, _before: int, width: int) -> None:
        # The last one takes the rest by itself, whatever the person does.
        if self._is_fitting or width == 0 or index == self._last():
            return
        self._wishes[index] = _wish(self._columns[index], width)
        self.resized.emit()

    def _last(self) -> int:
        shown = [index for index in range(self._header.count()) if not self._header.isSectionHidden(index)]
        return max(shown, key=self._header.visualIndex, default=-1)


def _wish(column: Column[R], width: int) -> _Wish:
    least = min(width, column.least) if column.least else round(width * (1 - _GIVES))
    return _Wish(width, least, column.rank, column.grows)


def _shown(wishes: list[_Wish], room: int) -> list[int]:
    shown = list(range(len(wishes)))
    while sum(wishes[index].least for index in shown) > room:
        worst = max(shown, key=lambda index: (wishes[index].rank, index))
        if wishes[worst].rank == 0:
            break
        shown.remove(worst)
    return shown


def _widths(wishes: list[_Wish], room: int) -> list[int]:
    wanted, least = sum(each.width for each in wishes), sum(each.least for each in wishes)
    if wanted > room:
        part = max(0.0, (room - least) / max(1, wanted - least))
        return [int(each.least + (each.width - each.least) * part) for each in wishes]
    growth = sum(each.grows for each in wishes)
    return [each.width + (room - wanted) * each.grows // growth if growth else each.width for each in wishes]
