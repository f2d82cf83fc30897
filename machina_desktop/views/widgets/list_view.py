"""A simple list to choose from: icon, title, a quieter line, and something at the end of each row."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyleOptionViewItem, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.delegate import TellingDelegate
from machina_desktop.views.widgets.key_caps import keys_width, paint_keys
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded

_ROW = 36
_TALL_ROW = 52
_ICON = 16
_EDGE = 2
_Index = QModelIndex | QPersistentModelIndex
_KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)


@dataclass(frozen=True, kw_only=True)
class ListItem:
    """One row of a `List`.

    Attributes:
        key: Under which it is chosen; unique in its list.
        title: The first line.
        detail: The quieter line below; any row that has one makes all rows taller.
        icon_name: The icon before both; empty for none.
        token: Its colour; empty for the usual one.
        trailing: A quiet text at the end, such as a time or a count.
        keys: A shortcut at the end, as portable text.
        is_enabled: Whether it can be chosen.
    """

    key: str
    title: str
    detail: str = ""
    icon_name: str = ""
    trailing: str = ""
    keys: str = ""
    is_enabled: bool = True
    token: str = ""


class _Items(QAbstractListModel):
    """The rows, in order."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.items: tuple[ListItem, ...] = ()

    def replace(self, items: tuple[ListItem, ...]) -> bool:
        """Show other rows; answers whether they are the same keys, of which only what changed is told."""
        before, after = [item.key for item in self.items], [item.key for item in items]
        if before != after:
            self.beginResetModel()
            self.items = items
            self.endResetModel()
            return False
        old, self.items = self.items, items
        for row, (one, other) in enumerate(zip(old, items, strict=True)):
            if one != other:
                self.dataChanged.emit(self.index(row), self.index(row))
        return True

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.items)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if not index.isValid() or not self.items[index.row()].is_enabled:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        if not index.isValid():
            return None
        item = self.items[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return item.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (item.title, item.detail, item.trailing, item.keys) if part)
        return None


class List(QListView):
    """A list of which one row is chosen, by mouse, arrows, Home and End, or the first letters of its title.

    Signals:
        selected: The key of the row now chosen (str; empty for none).
        activated_key: Enter or a double click (str key).
    """

    selected = Signal(str)
    activated_key = Signal(str)

    def __init__(self, items: tuple[ListItem, ...] = (), *, name: str, parent: QWidget | None = None) -> None:
        """``name`` says to screen readers what is listed."""
        super().__init__(parent)
        self.shows_ring = False
        self._rows = _Items(self)
        self.setModel(self._rows)
        self.setAccessibleName(name)
        self.setItemDelegate(_ItemDelegate(self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.selectionModel().currentChanged.connect(self._on_current_changed)
        self.doubleClicked.connect(self._on_activated)
        self.set_items(items)

    def set_items(self, items: tuple[ListItem, ...]) -> None:
        """Show other rows; the chosen one stays chosen where it is still there."""
        chosen = self.current()
        if not self._rows.replace(items):
            self.scheduleDelayedItemsLayout()
            self.select(chosen)

    def items(self) -> tuple[ListItem, ...]:
        """The rows, from the top."""
        return self._rows.items

    def current(self) -> str:
        """The key of the chosen row; empty when none is."""
        row = self.currentIndex().row()
        return self._rows.items[row].key if 0 <= row < len(self._rows.items) else ""

    def select(self, key: str) -> None:
        """Choose a row and bring it into view; an unknown key changes nothing."""
        for row, item in enumerate(self._rows.items):
            if item.key == key and item.is_enabled:
                self.setCurrentIndex(self._rows.index(row))
                return

    def sizeHint(self) -> QSize:
        return QSize(280, min(8, max(1, len(self._rows.items))) * self.row_height() + 2)

    def row_height(self) -> int:
        """The height of every row, in pixels."""
        return _TALL_ROW if any(item.detail for item in self._rows.items) else _ROW

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current():
            self.activated_key.emit(self.current())
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.shows_ring = False
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.shows_ring = event.reason() in _KEYBOARD
        if self.shows_ring and not self.current():
            self.select(next((item.key for item in self._rows.items if item.is_enabled), ""))
        self.viewport().update()

    def _on_current_changed(self, _index: QModelIndex, _before: QModelIndex) -> None:
        self.selected.emit(self.current())

    def _on_activated(self, _index: QModelIndex) -> None:
        if key := self.current():
            self.activated_key.emit(key)


class _ItemDelegate(TellingDelegate):
    """Paints one row."""

    def __init__(self, view: List) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(80, self._view.row_height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        item = self._view.items()[index.row()]
        plate = QRectF(option.rect).adjusted(2, 1, -2, -1)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setLayoutDirection(self._view.layoutDirection())
        if is_selected:
            fill_rounded(painter, plate, Radius.BUTTON, theme.color("selection"))
            edge = self._side(plate, QRectF(0, Space.S, _EDGE, plate.height() - 2 * Space.S))
            fill_rounded(painter, edge, 1, theme.color("accent-primary"))
        elif item.is_enabled and option.state & QStyle.StateFlag.State_MouseOver:
            fill_rounded(painter, plate, Radius.BUTTON, theme.color("surface-hover"))
        self._paint_item(painter, plate, item)
        if self._view.shows_ring and self._view.hasFocus() and self._view.currentIndex() == index:
            draw_focus_ring(painter, plate, Radius.BUTTON)
        painter.restore()

    def _paint_item(self, painter: QPainter, plate: QRectF, item: ListItem) -> None:
        strong = theme.color("text-primary" if item.is_enabled else "text-disabled")
        quiet = theme.color("text-secondary" if item.is_enabled else "text-disabled")
        left, right = float(Space.M), plate.width() - Space.M
        if item.icon_name:
            box = QRectF(left, (plate.height() - _ICON) / 2, _ICON, _ICON)
            token = (item.token or "text-secondary") if item.is_enabled else "text-disabled"
            draw_icon(painter, self._side(plate, box), item.icon_name, token)
            left += _ICON + Space.M
        if width := keys_width(item.keys):
            paint_keys(painter, self._side(plate, QRectF(right - width, 0, width, plate.height())), item.keys)
            right -= width + Space.S
        if item.trailing:
            font = theme.tabular_font(Type.SECONDARY)
            width = min(round(QFontMetricsF(font).horizontalAdvance(item.trailing)) + 2, round((right - left) / 2))
            draw_text(
                painter, self._side(plate, QRectF(right - width, 0, width, plate.height())), item.trailing, font, quiet
            )
            right -= width + Space.M
        title = QRectF(left, 0, right - left, plate.height())
        if self._view.row_height() == _TALL_ROW and item.detail:
            title = QRectF(left, 7, right - left, 18)
            line = self._side(plate, QRectF(left, 26, right - left, 17))
            draw_text(painter, line, item.detail, theme.font(Type.SECONDARY), quiet)
        draw_text(painter, self._side(plate, title), item.title, theme.font(Type.MEDIUM), strong)

    def _side(self, plate: QRectF, part: QRectF) -> QRectF:
        """``part``, measured from where reading begins on ``plate``, in the view's own pixels."""
        is_mirrored = self._view.isRightToLeft()
        left = plate.right() - part.left() - part.width() if is_mirrored else plate.left() + part.left()
        return QRectF(left, plate.top() + part.top(), part.width(), part.height())
