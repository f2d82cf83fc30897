"""The table every list page shows: rows painted by one delegate, driven by mouse and keyboard alike."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import (
    QByteArray,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSettings,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QFocusEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.models.table_model import Column, RecordTableModel
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.column_fit import ColumnFit
from machina_desktop.views.widgets.delegate import TellingDelegate
from machina_desktop.views.widgets.feedback import paint_avatar
from machina_desktop.views.widgets.motion import FRAME_MS
from machina_desktop.views.widgets.painting import draw_text, fill_rounded
from machina_desktop.views.widgets.pictures import picture_of
from machina_desktop.views.widgets.selection import RecordSelection
from machina_desktop.views.widgets.status import paint_status

R = TypeVar("R")
ROW_HEIGHT = 40
_EDGE = 3
_ICON = 16
_FACE = 24
_DOT = 8
_KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)


class TableView(QTableView):
    """A table over a `RecordTableModel`.

    Attributes:
        selection: Selection by key, with the signals; the most used are also here as ``selected``, ``activated_key``,
            ``peeked`` and ``menu_requested``.
    """

    def __init__(
        self,
        model: RecordTableModel[R],
        *,
        name: str,
        settings: QSettings | None = None,
        settings_key: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """``name`` is for screen readers. Column widths are kept in ``settings`` under ``settings_key``."""
        super().__init__(parent)
        self.hovered_row = -1
        self.shows_ring = False
        self._settings = settings
        self._settings_key = f"columns/{settings_key}" if settings_key else ""
        self._moving: list[QRect] = []
        self._clock = QTimer(self, interval=2 * FRAME_MS)
        self._clock.timeout.connect(self._on_clock)
        self.setAccessibleName(name)
        self.setModel(model)
        self.setItemDelegate(RowDelegate(self))
        self._set_up_look()
        self._set_up_header(model)
        model.rowsInserted.connect(self._end_at_last_row)
        model.rowsRemoved.connect(self._end_at_last_row)
        model.modelReset.connect(self._end_at_last_row)
        self.selection = RecordSelection(self)
        self.selected = self.selection.selected
        self.activated_key = self.selection.activated
        self.peeked = self.selection.peeked
        self.menu_requested = self.selection.menu_requested

    def select_key(self, key: str) -> bool:
        """See `RecordSelection.select_key`."""
        return self.selection.select_key(key)

    def selected_keys(self) -> tuple[str, ...]:
        """See `RecordSelection.selected_keys`."""
        return self.selection.selected_keys()

    def note_moving(self, rect: QRect) -> None:
        """For the delegate: what was painted in ``rect`` moves, so paint it again soon."""
        if theme.is_motion_reduced():
            return
        self._moving.append(QRect(rect))
        if not self._clock.isActive():
            self._clock.start()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._set_hovered(self.rowAt(event.position().toPoint().y()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.shows_ring = False
        super().mousePressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._set_hovered(-1)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.shows_ring = event.reason() in _KEYBOARD
        if self.shows_ring and not self.currentIndex().isValid() and self.model().rowCount() > 0:
            self.setCurrentIndex(self.model().index(0, 0))
        self.viewport().update()

    def _set_up_look(self) -> None:
        self.setProperty("role", "framed")
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)

    def _set_up_header(self, model: RecordTableModel[R]) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(56)
        header.setFixedHeight(36)
        header.setSectionsMovable(True)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for index, column in enumerate(model.columns):
            header.resizeSection(index, column.width)
        self._fit = ColumnFit(self, model.columns)
        if self._settings is not None and self._settings_key:
            stored = self._settings.value(self._settings_key)
            if isinstance(stored, QByteArray):
                header.restoreState(stored)
                self._fit.take_widths()
            self._fit.resized.connect(self._remember)
            header.sectionMoved.connect(self._remember)
            header.sortIndicatorChanged.connect(self._remember)
        self.setSortingEnabled(True)

    def _end_at_last_row(self) -> None:
        """A frame round the rows there are, not round the room left under them."""
        rows = self.model().rowCount() * self.verticalHeader().defaultSectionSize()
        self.setMaximumHeight(self.horizontalHeader().height() + rows + 2 * max(1, self.frameWidth()))

    def _remember(self) -> None:
        if self._settings is not None:
            self._settings.setValue(self._settings_key, self.horizontalHeader().saveState())

    def _set_hovered(self, row: int) -> None:
        if row != self.hovered_row:
            self.hovered_row = row
            self.viewport().update()

    def _on_clock(self) -> None:
        moving, self._moving = self._moving, []
        if not moving or not self.isVisible():
            self._clock.stop()
        for rect in moving:
            self.viewport().update(rect)


class RowDelegate(TellingDelegate):
    """Paints one cell of a row: plate, accent edge, icon, text or status. Asks the record, not the roles."""

    def __init__(self, view: TableView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model = self._view.model()
        if not isinstance(model, RecordTableModel):
            return
        rect = QRect(option.rect)
        painter.save()
        self._paint_plate(painter, rect, index)
        column: Column[object] = model.columns[index.column()]
        is_dim = model.is_dim(index.row()) or not self._view.isEnabled()
        self._paint_cell(painter, rect, column, model.record(index.row()), is_dim=is_dim)
        painter.restore()

    def _paint_plate(self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex) -> None:
        is_selected = self._view.selectionModel().isRowSelected(index.row())
        if is_selected:
            painter.fillRect(rect, theme.color("selection"))
        elif index.row() == self._view.hovered_row:
            painter.fillRect(rect, theme.color("surface-hover"))
        line = QRect(rect.left(), rect.bottom(), rect.width(), 1)
        painter.fillRect(line, theme.color("surface-hover"))
        is_first = self._view.horizontalHeader().visualIndex(index.column()) == 0
        if is_selected and is_first:
            painter.fillRect(QRect(rect.left(), rect.top(), _EDGE, rect.height()), theme.color("accent-primary"))
        if self._view.shows_ring and self._view.hasFocus() and self._view.currentIndex().row() == index.row():
            width, accent = theme.FOCUS_WIDTH, theme.color("accent-primary")
            painter.fillRect(QRect(rect.left(), rect.top(), rect.width(), width), accent)
            painter.fillRect(QRect(rect.left(), rect.bottom() + 1 - width, rect.width(), width), accent)

    def _paint_cell(
        self, painter: QPainter, rect: QRect, column: Column[object], record: object, *, is_dim: bool
    ) -> None:
        room = QRectF(rect).adjusted(Space.M, 0, -Space.S, 0)
        status = column.status(record) if column.status is not None else None
        if status is not None:
            painter.setClipRect(rect)
            paint_status(painter, room, status)
            if status.mark.is_moving:
                self._view.note_moving(rect)
            return
        icon_name = column.icon(record) if column.icon is not None else ""
        if icon_name:
            draw_icon(
                painter, QRectF(room.left(), room.center().y() - _ICON / 2, _ICON, _ICON), icon_name, "text-secondary"
            )
            room.adjust(_ICON + Space.S, 0, 0, 0)
        dot = column.dot(record) if column.dot is not None else ""
        if dot:
            box = QRectF(room.left(), room.center().y() - _DOT / 2, _DOT, _DOT)
            fill_rounded(painter, box, _DOT / 2, theme.color(dot))
            room.adjust(_DOT + Space.S, 0, 0, 0)
        if column.face is not None:
            name, url = column.face(record)
            paint_avatar(
                painter, QRectF(room.left(), room.center().y() - _FACE / 2, _FACE, _FACE), name, picture_of(url)
            )
            room.adjust(_FACE + Space.S, 0, 0, 0)
        style = Type.MONO if column.is_mono else Type.BODY
        font = theme.tabular_font(style) if column.is_right else theme.font(style)
        color = theme.color("text-secondary" if column.is_quiet else "text-primary")
        if is_dim:
            color = theme.color("text-disabled")
        side = Qt.AlignmentFlag.AlignRight if column.is_right else Qt.AlignmentFlag.AlignLeft
        draw_text(painter, room, column.text(record), font, color, align=side | Qt.AlignmentFlag.AlignVCenter)
