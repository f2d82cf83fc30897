"""The lines of the palette as a list: what a row says, paints, and is called."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetricsF, QMouseEvent, QPainter, QTextCharFormat, QTextLayout, QTextOption
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QStyle, QStyleOptionViewItem

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.palette_entries import Entry, Line
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.delegate import TellingDelegate
from machina_desktop.views.widgets.key_caps import key_caps, keys_width, paint_keys
from machina_desktop.views.widgets.painting import draw_text, fill_rounded
from machina_desktop.views.widgets.status import paint_status, status_width

ROW_HEIGHT = 40
CAPTION_HEIGHT = 30
_ICON = 18
# Titles come before what stands at the right.
_LEAST_TITLE = 160
Index = QModelIndex | QPersistentModelIndex


class PaletteModel(QAbstractListModel):
    """The lines shown."""

    def __init__(self, *, parent: QObject) -> None:
        super().__init__(parent)
        self._lines: tuple[Line, ...] = ()

    def set_lines(self, lines: tuple[Line, ...]) -> None:
        """Show another result: none of its rows need be one of the last."""
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    def line(self, row: int) -> Line:
        """The line in a row, 0..n-1."""
        return self._lines[row]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry = self._lines[index.row()].entry
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        return name_of(entry) if role == Qt.ItemDataRole.AccessibleTextRole else None


def name_of(entry: Entry) -> str:
    """An entry in words, for those who hear it."""
    keys = ", ".join("+".join(press) for press in key_caps(entry.keys))
    status = entry.status.words() if entry.status is not None else ""
    return ", ".join(part for part in (entry.title, entry.detail, status, entry.kind, keys) if part)


class PaletteList(QListView):
    """The rows. The focus stays in the line above, which moves them.

    Signals:
        chosen(int): A row was clicked.
    """

    chosen = Signal(int)

    def __init__(self, model: PaletteModel, *, name: str) -> None:
        super().__init__()
        self._was_at = QPointF()
        self.setObjectName("palette.list")
        self.setAccessibleName(name)
        self.setModel(model)
        self.setItemDelegate(_PaletteDelegate(self))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setViewportMargins(0, Space.XS, 0, Space.XS)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(lambda index: self.chosen.emit(index.row()))

    def go_to(self, row: int) -> None:
        """Make a row the current one, as far as there are rows, and bring it into view with its caption."""
        count = self.model().rowCount()
        if count:
            index = self.model().index(max(0, min(count - 1, row)), 0)
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def rows_in_view(self) -> int:
        """How many rows a page has."""
        return max(1, self.viewport().height() // ROW_HEIGHT - 1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        # Rows that appear under a mouse at rest are not pointed at.
        if not self._was_at.isNull() and event.globalPosition() != self._was_at:
            index = self.indexAt(event.position().toPoint())
            if index.isValid():
                self.setCurrentIndex(index)
        self._was_at = event.globalPosition()


class _PaletteDelegate(TellingDelegate):
    """Paints one line: caption, icon, title with the typed letters, detail, and shortcut, status or kind."""

    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        model = index.model()
        caption = isinstance(model, PaletteModel) and model.line(index.row()).caption
        return QSize(200, ROW_HEIGHT + CAPTION_HEIGHT if caption else ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        if not isinstance(model, PaletteModel):
            return
        line = model.line(index.row())
        painter.save()
        rect = QRectF(option.rect)
        if line.caption:
            inset = Space.S + Space.M
            head = QRectF(rect.left() + inset, rect.top() + 6, rect.width() - 2 * inset, CAPTION_HEIGHT - 6)
            draw_text(painter, head, line.caption, theme.font(Type.LABEL), theme.color("text-secondary"))
            rect.setTop(rect.top() + CAPTION_HEIGHT)
        row = rect.adjusted(Space.S, 0, -Space.S, 0)
        if option.state & QStyle.StateFlag.State_Selected:
            fill_rounded(painter, row, Radius.BUTTON, theme.color("selection"))
            bar = QRectF(row.left(), row.top() + 10, 3, row.height() - 20)
            fill_rounded(painter, bar, 1.5, theme.color("accent-primary"))
        _paint_line(painter, row.adjusted(Space.M, 0, -Space.M, 0), line)
        painter.restore()


def _paint_line(painter: QPainter, room: QRectF, line: Line) -> None:
    entry = line.entry
    draw_icon(painter, QRectF(room.left(), room.top(), _ICON, room.height()), entry.icon, "text-secondary")
    room = room.adjusted(_ICON + Space.M, 0, 0, 0)
    room.setWidth(room.width() - _paint_right_end(painter, room, entry))
    used = _paint_title(painter, room, entry.title, line.positions)
    rest = room.adjusted(used + Space.M, 0, 0, 0)
    if entry.detail and rest.width() > Space.XXL:
        draw_text(painter, rest, entry.detail, theme.font(Type.SECONDARY), theme.color("text-secondary"))


def _paint_right_end(painter: QPainter, room: QRectF, entry: Entry) -> float:
    """Shortcut, status or kind; answers the width it took with the gap before it."""
    spare = room.width() - _LEAST_TITLE
    if entry.keys and keys_width(entry.keys) <= spare:
        return paint_keys(painter, room, entry.keys) + Space.M
    if entry.status is not None:
        width = min(spare, status_width(entry.status))
        paint_status(painter, QRectF(room.right() - width, room.top(), width, room.height()), entry.status)
        return width + Space.M
    font, ink = theme.font(Type.SECONDARY), theme.color("text-secondary")
    width = min(spare, QFontMetricsF(font).horizontalAdvance(entry.kind) + 1)
    draw_text(painter, QRectF(room.right() - width, room.top(), width, room.height()), entry.kind, font, ink)
    return width + Space.M


def _paint_title(painter: QPainter, room: QRectF, title: str, positions: tuple[int, ...]) -> float:
    """The title with the typed letters in weight and colour; answers its width."""
    font = theme.font(Type.BODY)
    shown = QFontMetricsF(font).elidedText(title, Qt.TextElideMode.ElideRight, room.width())
    # A layout, because letters that are drawn one by one lose their joins and their direction.
    layout = QTextLayout(shown, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.NoWrap)
    layout.setTextOption(option)
    layout.setFormats([_emphasis(title, first, last) for first, last in _runs(positions, shown, title)])
    layout.beginLayout()
    line = layout.createLine()
    line.setLineWidth(room.width() + Space.XXL)
    layout.endLayout()
    painter.setPen(theme.color("text-primary"))
    layout.draw(painter, QPointF(room.left(), room.center().y() - line.height() / 2))
    return line.naturalTextWidth()


def _runs(positions: tuple[int, ...], shown: str, title: str) -> list[tuple[int, int]]:
    """The typed letters as ranges of the title, first and one past the last, without what is cut off."""
    runs: list[tuple[int, int]] = []
    for place in positions:
        if shown != title and place >= len(shown) - 1:
            break
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _emphasis(title: str, first: int, last: int) -> QTextLayout.FormatRange:
    made = QTextLayout.FormatRange()
    # Qt counts UTF-16 units.
    made.start = len(title[:first].encode("utf-16-le")) // 2
    made.length = len(title[first:last].encode("utf-16-le")) // 2
    look = QTextCharFormat()
    look.setFontWeight(QFont.Weight.DemiBold)
    look.setForeground(theme.color("accent-primary"))
    made.format = look
    return made
