"""Records as table rows: changed by the fewest row operations, so selection and scroll position stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from machina_desktop.views.models.status import Status

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


@dataclass(frozen=True, kw_only=True)
class Column(Generic[R]):
    """How one column is made from a record.

    Attributes:
        key: Unique name of the column.
        title: What stands in the header.
        text: The text of a cell; also what is read aloud and sorted by.
        status: The status of a cell, painted as shape and word; its words replace ``text``.
        icon: The icon before the text, by name; empty for none.
        dot: The colour token of a dot before the text; empty for none.
        face: The name and the picture's address of whom the avatar before the text shows.
        sort_key: What to sort by where the text won't do, such as a time.
        is_mono: Set in JetBrains Mono.
        is_right: Aligned to the right, as numbers are.
        is_quiet: In the secondary colour.
        width: First width, in design pixels.
        least: The width below which it says too little; 0 for three quarters of its width.
        rank: How readily it is left out where room is short: 0 for never, the highest goes first.
        grows: Its part of the room to spare; of columns that all have 0, the last takes it.
    """

    key: str
    title: str
    text: Callable[[R], str] = lambda _record: ""
    status: Callable[[R], Status | None] | None = None
    icon: Callable[[R], str] | None = None
    dot: Callable[[R], str] | None = None
    face: Callable[[R], tuple[str, str]] | None = None
    sort_key: Callable[[R], str | float] | None = None
    is_mono: bool = False
    is_right: bool = False
    is_quiet: bool = False
    width: int = 140
    least: int = 0
    rank: int = 0
    grows: int = 0

    def words(self, record: R) -> str:
        """The cell as plain text."""
        status = self.status(record) if self.status is not None else None
        return status.words() if status is not None else self.text(record)


class RecordTableModel(QAbstractTableModel, Generic[R]):
    """A table over a tuple of frozen records, each known by its key.

    For up to some thousand rows; longer lists are paged by the query that fills it.
    """

    def __init__(
        self,
        columns: tuple[Column[R], ...],
        *,
        key: Callable[[R], str],
        is_dim: Callable[[R], bool] = lambda _record: False,
        parent: QObject | None = None,
    ) -> None:
        """Records that are ``is_dim`` are shown in grey and cannot be chosen."""
        super().__init__(parent)
        self.columns = columns
        self._key = key
        self._is_dim = is_dim
        self._records: list[R] = []
        self._rows: dict[str, int] | None = {}
        self._sorting: tuple[int, Qt.SortOrder] | None = None

    def record(self, row: int) -> R:
        """The record in ``row``, 0..n-1 from the top."""
        return self._records[row]

    def records(self) -> tuple[R, ...]:
        """All records in the order shown."""
        return tuple(self._records)

    def key_of(self, row: int) -> str:
        """The key of the record in ``row``."""
        return self._key(self._records[row])

    def row_of(self, key: str) -> int:
        """The row of the record with ``key``; -1 when there is none."""
        return self._index().get(key, -1)

    def is_dim(self, row: int) -> bool:
        """Whether the record in ``row`` is shown in grey."""
        return self._is_dim(self._records[row])

    def set_records(self, records: Sequence[R]) -> None:
        """Show exactly ``records``, in their order or the order sorted by; rows that stay keep their selection."""
        wanted = self._sorted(records)
        keys = [self._key(record) for record in wanted]
        self._remove_missing(set(keys))
        self._reorder(keys)
        self._insert_new(wanted, keys)
        self._replace_changed(wanted)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._records)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        column = self.columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.words(self._records[index.row()])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.is_right else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and self.is_dim(index.row()):
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation == Qt.Orientation.Vertical or not 0 <= section < len(self.columns):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if self.columns[section].is_right else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column from now on; -1 goes back to the order given."""
        self._sorting = (column, order) if 0 <= column < len(self.columns) else None
        self._reorder([self._key(record) for record in self._sorted(self._records)])

    def _sorted(self, records: Sequence[R]) -> list[R]:
        if self._sorting is None:
            return list(records)
        column = self.columns[self._sorting[0]]
        by = column.sort_key or (lambda record: column.words(record).casefold())
        return sorted(records, key=by, reverse=self._sorting[1] == Qt.SortOrder.DescendingOrder)

    def _remove_missing(self, wanted: set[str]) -> None:
        row = len(self._records) - 1
        while row >= 0:
            if self.key_of(row) in wanted:
                row -= 1
                continue
            first = row
            while first > 0 and self.key_of(first - 1) not in wanted:
                first -= 1
            self.beginRemoveRows(_NOWHERE, first, row)
            del self._records[first : row + 1]
            self._rows = None
            self.endRemoveRows()
            row = first - 1

    def _reorder(self, keys: list[str]) -> None:
        """Bring the rows we have into the order of ``keys``, of which some may not be rows yet."""
        rows = self._index()
        order = [rows[key] for key in keys if key in rows]
        if order == sorted(order):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        self._records = [self._records[row] for row in order]
        moved = {old: new for new, old in enumerate(order)}
        self._rows = None
        self.changePersistentIndexList(before, [self.index(moved[each.row()], each.column()) for each in before])
        self.layoutChanged.emit()

    def _insert_new(self, wanted: list[R], keys: list[str]) -> None:
        row, known = 0, set(self._index())
        while row < len(wanted):
            if keys[row] in known:
                row += 1
                continue
            last = row
            while last + 1 < len(wanted) and keys[last + 1] not in known:
                last += 1
            self.beginInsertRows(_NOWHERE, row, last)
            self._records[row:row] = wanted[row : last + 1]
            self._rows = None
            self.endInsertRows()
            row = last + 1

    def _replace_changed(self, wanted: list[R]) -> None:
        for row, record in enumerate(wanted):
            if self._records[row] is not record and self._records[row] != record:
                self._records[row] = record
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(self.columns) - 1))

    def _index(self) -> dict[str, int]:
        """Rows by key, counted when somebody asks: among thousands, a thousand rows may come or go one by one."""
        if self._rows is None:
            self._rows = {self._key(record): row for row, record in enumerate(self._records)}
        return self._rows
