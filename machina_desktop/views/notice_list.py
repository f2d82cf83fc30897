"""Everything told lately, newest first: to read again, to act on after all, to copy."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeySequence, QPainter, QShortcut, QTextLayout
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

from machina_desktop.views import theme, wording
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.notices import Notices, Told
from machina_desktop.views.popup import PopupCard
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.toast import LOOKS, Notice
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.delegate import TellingDelegate
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.text import Label, copy_text

WIDTH = 440
HEIGHT = 460
_ROW = 56
_TIME = 96
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ToldRole = Qt.ItemDataRole.UserRole


class _Model(QAbstractListModel):
    """The notices as rows; read once, for what comes while the list is open can wait until it is opened again."""

    def __init__(self, told: tuple[Told, ...], parent: QObject) -> None:
        super().__init__(parent)
        self._told = told

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._told)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        told = self._told[index.row()]
        if role == _ToldRole:
            return told
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return text_of(told)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(part for part in (told.notice.text, told.notice.detail) if part)
        return None


class _Delegate(TellingDelegate):
    """Sign, text, time; under them the next step, and what a press does."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(WIDTH - 4 * Space.S, _ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        told: Told = index.data(_ToldRole)
        rect = QRectF(option.rect).adjusted(0, 1, 0, -1)
        state: QStyle.StateFlag = option.state
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("surface-hover"))
        icon, token = LOOKS[told.notice.kind]
        draw_icon(painter, QRectF(rect.left() + Space.S, rect.center().y() - 8, 16, 16), icon, token)
        self._paint_words(painter, rect.adjusted(Space.S + 16 + 10, 7, -Space.M, -7), told)
        by_keyboard = QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_KeyboardFocusChange
        if state & by_keyboard == by_keyboard:
            draw_focus_ring(painter, rect, Radius.BUTTON - 1)

    def _paint_words(self, painter: QPainter, rect: QRectF, told: Told) -> None:
        notice = told.notice
        half = rect.height() / 2
        quiet = theme.color("text-secondary")
        time = QRectF(rect.right() - _TIME, rect.top(), _TIME, half)
        text = QRectF(rect.left(), rect.top(), rect.width() - _TIME - Space.S, half)
        detail = text.translated(0, half)
        times = f"  ×{notice.count}" if notice.count > 1 else ""
        small = theme.tabular_font(Type.SECONDARY)
        draw_text(painter, time, wording.moment(told.at), small, quiet, align=_RIGHT)
        first, second = (notice.text + times, notice.detail)
        body, ink = theme.font(Type.BODY), theme.color("text-primary")
        if not second:
            first, second = _two_lines(first, text.width())
        if second:
            is_detail = second == notice.detail
            draw_text(painter, text, first, body, ink)
            draw_text(painter, detail, second, small if is_detail else body, quiet if is_detail else ink)
        else:
            draw_text(painter, text.adjusted(0, 0, 0, half), first, body, ink)
        if notice.on_action is not None:
            draw_text(
                painter, time.translated(0, half), notice.action, small, theme.color("accent-primary"), align=_RIGHT
            )


class NoticeList(PopupCard):
    """A press or Enter on a row does what its toast offered; Ctrl+C copies it."""

    def __init__(self, notices: Notices, *, parent: QWidget) -> None:
        super().__init__(_tr("Notices"), width=WIDTH, parent=parent)
        self._notices = notices
        self._told = notices.told()
        self.view = QListView()
        self.view.setModel(_Model(self._told, self))
        self.view.setItemDelegate(_Delegate(self))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setMouseTracking(True)
        self.view.setUniformItemSizes(True)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName(_tr("Notices"))
        self.view.clicked.connect(self._on_chosen)
        self.view.activated.connect(self._on_chosen)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.view)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self._on_copy)
        self.column.addLayout(self._build_head())
        self.column.addWidget(self.view if self._told else self._build_empty(), 1)
        notices.mark_read()

    def open_at(self, anchor: QWidget) -> None:
        """As a card, with the keyboard on the newest."""
        super().open_at(anchor)
        if self._told:
            self.view.setFocus(Qt.FocusReason.PopupFocusReason)

    def wanted_height(self) -> int:
        """Room for all rows, within reason; more of them scroll."""
        head = 28 + 2 * Space.S + Space.XS
        return min(HEIGHT, head + max(3, len(self._told)) * _ROW)

    def _build_head(self) -> QHBoxLayout:
        copy = IconButton("copy", _tr("Copy"), shortcut="Ctrl+C", parent=self)
        copy.setObjectName("notices.copy")
        copy.clicked.connect(self._on_copy)
        clear = IconButton("trash-2", _tr("Clear"), parent=self)
        clear.setObjectName("notices.clear")
        clear.clicked.connect(self._on_clear)
        head = QHBoxLayout()
        head.setContentsMargins(Space.S, 0, 0, 0)
        head.setSpacing(0)
        head.addWidget(Label(_tr("Notices"), style=Type.STRONG), 1)
        for button in (copy, clear):
            button.setEnabled(bool(self._told))
            head.addWidget(button)
        return head

    def _build_empty(self) -> QWidget:
        return EmptyState(icon_name="bell", title=_tr("Nothing was told yet"))

    def _on_chosen(self, index: QModelIndex) -> None:
        notice: Notice = self._told[index.row()].notice
        if notice.on_action is not None:
            self.close()
            notice.on_action()

    def _on_copy(self) -> None:
        chosen = [self._told[index.row()] for index in self.view.selectedIndexes()]
        copy_text("\n".join(text_of(told) for told in chosen or self._told))

    def _on_clear(self) -> None:
        self._notices.forget_told()
        self.close()


def _two_lines(text: str, width: float) -> tuple[str, str]:
    """``text`` as a line of at most ``width`` design pixels, and the rest."""
    layout = QTextLayout(text, theme.font(Type.BODY))
    layout.beginLayout()
    line = layout.createLine()
    line.setLineWidth(width)
    layout.endLayout()
    end = line.textLength()
    return text[:end].rstrip(), text[end:].lstrip()


def text_of(told: Told) -> str:
    """A notice as a line of text: when, how bad, what, and the next step."""
    notice = told.notice
    times = f" (×{notice.count})" if notice.count > 1 else ""
    kinds = {"info": _tr("info"), "success": _tr("success"), "warning": _tr("warning"), "error": _tr("error")}
    return f"{wording.full_moment(told.at)}  {kinds[notice.kind]}  {notice.text}{times} {notice.detail}".rstrip()


def _tr(text: str) -> str:
    return QCoreApplication.translate("NoticeList", text)
