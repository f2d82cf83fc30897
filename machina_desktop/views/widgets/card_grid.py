"""Records as a grid of cards, painted by one delegate; no widget per card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyleOptionViewItem, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.models.status import StatusMark
from machina_desktop.views.models.table_model import RecordTableModel
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.delegate import TellingDelegate
from machina_desktop.views.widgets.motion import FRAME_MS
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.selection import RecordSelection
from machina_desktop.views.widgets.status import Status, paint_glyph, paint_status

R = TypeVar("R")
CARD_HEIGHT = 124
CARD_MIN_WIDTH = 288
ASIDE_GLYPH = 8
_GUTTER = Space.M
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)


@dataclass(frozen=True, kw_only=True)
class CardContent:
    """What one card says.

    Attributes:
        icon_name: The icon before the title, such as the provider's.
        mono: One monospaced line, such as the address.
        facts: One quiet line, such as ``fra1 · 2 vCPU · 4 GB``.
        dot: The colour token of a dot before ``facts``; empty for none.
        mark: A short word at the upper right, such as ``practice``.
        aside: What was done last or waits, at the right of the status.
        aside_mark: The glyph before ``aside``, which has its colour; ``None`` for neither.
        measure: How large it is, at the right of ``mono``.
    """

    title: str
    status: Status | None = None
    aside: str = ""
    aside_mark: StatusMark | None = None
    measure: str = ""
    icon_name: str = ""
    mono: str = ""
    facts: str = ""
    dot: str = ""
    tags: tuple[str, ...] = ()
    mark: str = ""


class CardGrid(QListView, Generic[R]):
    """A grid of cards over a `RecordTableModel`; as many columns as fit, all of one width.

    Attributes:
        selection: Selection by key, with the signals; the most used are also here, as on `TableView`.
        column_count: How many cards stand side by side.
    """

    def __init__(
        self,
        model: RecordTableModel[R],
        *,
        card: Callable[[R], CardContent],
        name: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.shows_ring = False
        self.column_count = 1
        self._moving: list[QRect] = []
        self._clock = QTimer(self, interval=2 * FRAME_MS)
        self._clock.timeout.connect(self._on_clock)
        self.setAccessibleName(name)
        self.setModel(model)
        self.setItemDelegate(CardDelegate(self, model, card))
        self._set_up_look()
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_columns(event.size().width())
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.shows_ring = False
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.shows_ring = event.reason() in _KEYBOARD
        self.viewport().update()

    def _set_up_look(self) -> None:
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(200)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # "As needed" would make Qt keep the bar's width free even without a bar.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().rangeChanged.connect(self._on_range_changed, Qt.ConnectionType.QueuedConnection)
        self._fit_columns(self.viewport().width())

    def _fit_columns(self, width: int) -> None:
        # Counted as if the scroll bar were there, so that its coming and going never changes the number of columns.
        room = self.width() - self.verticalScrollBar().sizeHint().width()
        self.column_count = max(1, (room + _GUTTER) // (CARD_MIN_WIDTH + _GUTTER))
        # One pixel less: Qt puts a card that ends exactly at the edge into the next row.
        size = QSize(max(1, (width - 1) // self.column_count), CARD_HEIGHT + _GUTTER)
        if size != self.gridSize():
            self.setGridSize(size)

    def card_rect(self, cell: QRect) -> QRectF:
        """Where the card stands in its cell: the first column begins at the left edge, the last ends at the right."""
        count, width = self.column_count, self.gridSize().width()
        column = min(count - 1, max(0, cell.left()) // width)
        shift = _GUTTER / count
        return QRectF(cell.left() + column * shift, cell.top(), width - _GUTTER + shift, CARD_HEIGHT)

    def _on_range_changed(self, _minimum: int, maximum: int) -> None:
        policies = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policies.ScrollBarAlwaysOn if maximum > 0 else policies.ScrollBarAlwaysOff)

    def _on_clock(self) -> None:
        moving, self._moving = self._moving, []
        if not moving or not self.isVisible():
            self._clock.stop()
        for rect in moving:
            self.viewport().update(rect)


class CardDelegate(TellingDelegate, Generic[R]):
    """Paints one card."""

    def __init__(self, view: CardGrid[R], model: RecordTableModel[R], card: Callable[[R], CardContent]) -> None:
        super().__init__(view)
        self._view = view
        self._model = model
        self._card = card

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return self._view.gridSize()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        content = self._card(self._model.record(index.row()))
        rect = self._view.card_rect(option.rect)
        painter.save()
        self._paint_plate(painter, rect, option.state, index)
        self._paint_content(painter, rect.adjusted(Space.L, Space.M, -Space.L, -Space.M), content)
        painter.restore()

    def _paint_plate(
        self,
        painter: QPainter,
        rect: QRectF,
        state: QStyle.StateFlag,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        is_hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        fill = "selection" if is_selected else "surface-hover" if is_hovered else "surface-elevated"
        fill_rounded(painter, rect, Radius.CARD, theme.color(fill), theme.color("border"))
        if is_selected:
            edge = QRectF(rect.left(), rect.top() + Radius.CARD, 3, rect.height() - 2 * Radius.CARD)
            fill_rounded(painter, edge, 1.5, theme.color("accent-primary"))
        if self._view.shows_ring and self._view.hasFocus() and self._view.currentIndex() == index:
            draw_focus_ring(painter, rect, Radius.CARD)

    def _paint_content(self, painter: QPainter, room: QRectF, content: CardContent) -> None:
        self._paint_title(painter, QRectF(room.left(), room.top(), room.width(), 22), content)
        line = QRectF(room.left(), room.top() + 30, room.width(), 20)
        used = 0.0
        if content.status is not None:
            used = paint_status(painter, line, content.status)
            if content.status.mark.is_moving:
                self._view.note_moving(line.toAlignedRect())
        self._paint_aside(painter, line.adjusted(used + Space.M, 0, 0, 0), content)
        secondary = theme.color("text-secondary")
        mono = line.translated(0, 24)
        used = draw_text(
            painter,
            mono,
            content.mono or QCoreApplication.translate("machine", "no address yet"),
            theme.font(Type.MONO),
            theme.color("text-primary" if content.mono else "text-secondary"),
        )
        room_left = mono.adjusted(used + Space.M, 0, 0, 0)
        draw_text(painter, room_left, content.measure, theme.font(Type.SECONDARY), secondary, align=_RIGHT)
        facts = mono.translated(0, 24)
        if content.dot:
            fill_rounded(painter, QRectF(facts.left(), facts.center().y() - 4, 8, 8), 4, theme.color(content.dot))
            facts.adjust(8 + Space.S, 0, 0, 0)
        used = draw_text(painter, facts, content.facts, theme.font(Type.SECONDARY), secondary)
        self._paint_tags(painter, facts.adjusted(used + Space.M, 0, 0, 0), content.tags)

    def _paint_aside(self, painter: QPainter, room: QRectF, content: CardContent) -> None:
        """Right-aligned, with its glyph right before the text."""
        mark, font = content.aside_mark, theme.font(Type.SECONDARY)
        glyph = ASIDE_GLYPH + Space.XS if mark is not None else 0
        width = min(QFontMetricsF(font).horizontalAdvance(content.aside) + 1, room.width() - glyph)
        if not content.aside or width <= 0:
            return
        text = QRectF(room.right() - width, room.top(), width, room.height())
        draw_text(painter, text, content.aside, font, theme.color(mark.token if mark is not None else "text-secondary"))
        if mark is not None:
            top = room.center().y() - ASIDE_GLYPH / 2
            paint_glyph(painter, QRectF(text.left() - glyph, top, ASIDE_GLYPH, ASIDE_GLYPH), mark)

    def _paint_title(self, painter: QPainter, room: QRectF, content: CardContent) -> None:
        if content.icon_name:
            draw_icon(painter, QRectF(room.left(), room.top() + 3, 16, 16), content.icon_name, "text-secondary")
            room = room.adjusted(16 + Space.S, 0, 0, 0)
        if content.mark:
            width = QFontMetricsF(theme.font(Type.SECONDARY)).horizontalAdvance(content.mark) + 2 * Space.S
            self._paint_plaque(painter, QRectF(room.right() - width, room.top() + 1, width, 20), content.mark)
            room = room.adjusted(0, 0, -width - Space.S, 0)
        draw_text(painter, room, content.title, theme.font(Type.STRONG), theme.color("text-primary"))

    def _paint_tags(self, painter: QPainter, room: QRectF, tags: tuple[str, ...]) -> None:
        """As many tags as fit, from the right end of the line."""
        metrics = QFontMetricsF(theme.font(Type.SECONDARY))
        right = room.right()
        for tag in tags:
            width = metrics.horizontalAdvance(tag) + 2 * Space.S
            if right - width < room.left():
                return
            self._paint_plaque(painter, QRectF(right - width, room.top(), width, 20), tag)
            right -= width + Space.XS

    def _paint_plaque(self, painter: QPainter, rect: QRectF, text: str) -> None:
        fill_rounded(painter, rect, Space.XS, theme.color("tint-neutral"))
        center = Qt.AlignmentFlag.AlignCenter
        draw_text(painter, rect, text, theme.font(Type.SECONDARY), theme.color("text-secondary"), align=center)
