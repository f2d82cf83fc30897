"""The tabs of terminals: closed by a cross or the middle button, renamed by a double click, dragged about and out."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.tabs import TAB_HEIGHT, TabBar

_CROSS = 16
_MARK = 3
# A tab leaves the strip when the mouse is so far from it, in pixels.
_REACH = 28


class TabStrip(TabBar):
    """Tabs of terminals.

    Signals:
        close_wanted(str): The key of the tab that shall go.
        renamed(str, str): Key and title; an empty title means the one it has by itself.
        menu_wanted(str, QPoint): The key of a tab and where on the screen its menu shall open.
        dragged_out(str, QPoint): A tab was let go of outside of the strip, there on the screen.
    """

    close_wanted = Signal(str)
    renamed = Signal(str, str)
    menu_wanted = Signal(str, QPoint)
    dragged_out = Signal(str, QPoint)

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name=name, parent=parent)
        self.tail = _CROSS + Space.S
        self.setMovable(True)
        self.setMouseTracking(True)
        self._edit: QLineEdit | None = None
        self._held = ""
        self._ghost: _Ghost | None = None

    def begin_rename(self, key: str) -> None:
        """Let the person type another title over a tab."""
        index = self._index_of(key)
        if index < 0 or self._edit is not None:
            return
        edit = QLineEdit(self._tabs[key].title, self)
        edit.setAccessibleName(self.tr("Name of the tab"))
        edit.setGeometry(self.tabRect(index).adjusted(4, 5, -4, -6))
        edit.editingFinished.connect(lambda: self._end_rename(key, is_kept=True))
        edit.installEventFilter(self)
        edit.selectAll()
        edit.show()
        edit.setFocus(Qt.FocusReason.OtherFocusReason)
        self._edit = edit

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_key = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if watched is self._edit and is_key and cast("QKeyEvent", event).key() == Qt.Key.Key_Escape:
            self._end_rename("", is_kept=False)
            return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.current():
            self.close_wanted.emit(self.current())
        elif event.key() == Qt.Key.Key_F2 and self.current():
            self.begin_rename(self.current())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        key = self._key_at(event.position())
        is_cross = event.button() == Qt.MouseButton.LeftButton and self._is_on_cross(event.position())
        if key and (is_cross or event.button() == Qt.MouseButton.MiddleButton):
            self.close_wanted.emit(key)
            return
        self._held = key if event.button() == Qt.MouseButton.LeftButton else ""
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if (key := self._key_at(event.position())) and event.button() == Qt.MouseButton.LeftButton:
            self.begin_rename(key)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if (
            self._ghost is None
            and self._held
            and not self.rect().adjusted(-_REACH, -_REACH, _REACH, _REACH).contains(at)
        ):
            self._take_out(event)
        if self._ghost is not None:
            self._ghost.follow(event.globalPosition().toPoint())
            return
        super().mouseMoveEvent(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        key, self._held = self._held, ""
        ghost, self._ghost = self._ghost, None
        if ghost is None:
            super().mouseReleaseEvent(event)
            return
        ghost.close()
        if not self.rect().contains(event.position().toPoint()):
            self.dragged_out.emit(key, event.globalPosition().toPoint())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        is_by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if is_by_key else self.tabAt(event.pos())
        if index >= 0:
            at = self.mapToGlobal(self.tabRect(index).bottomLeft()) if is_by_key else event.globalPos()
            self.menu_wanted.emit(str(self.tabData(index)), at)

    def _take_out(self, event: QMouseEvent) -> None:
        """The tab follows the mouse from now on; within the strip it goes back to where it stands."""
        let_go = QMouseEvent(
            QEvent.Type.MouseButtonRelease,
            event.position(),
            event.globalPosition(),
            Qt.MouseButton.LeftButton,
            Qt.MouseButton.NoButton,
            event.modifiers(),
        )
        super().mouseReleaseEvent(let_go)
        self._ghost = _Ghost(self._tabs[self._held].title)
        self._ghost.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        mouse = self.mapFromGlobal(self.cursor().pos()) if self.underMouse() else QPoint(-1, -1)
        for index in range(self.count()):
            rect = self.tabRect(index)
            if token := self._tab_at(index).token:
                painter.fillRect(QRectF(rect.left() + 4, 0, rect.width() - 8, _MARK), theme.color(token))
            if index != self.currentIndex() and not rect.contains(mouse):
                continue
            cross = self._cross(rect)
            is_hot = cross.contains(mouse)
            if is_hot:
                fill_rounded(
                    painter, QRectF(cross).adjusted(-2, -2, 2, 2), Radius.INPUT, theme.color("surface-pressed")
                )
            draw_icon(
                painter, QRectF(cross).adjusted(2, 2, -2, -2), "x", "text-primary" if is_hot else "text-secondary"
            )

    def _cross(self, rect: QRect) -> QRect:
        is_mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        left = rect.left() + Space.S if is_mirrored else rect.right() - Space.S - _CROSS
        return QRect(left, (TAB_HEIGHT - _CROSS) // 2, _CROSS, _CROSS)

    def _is_on_cross(self, at: QPointF) -> bool:
        index = self.tabAt(at.toPoint())
        return index >= 0 and self._cross(self.tabRect(index)).contains(at.toPoint())

    def _key_at(self, at: QPointF) -> str:
        return str(self.tabData(self.tabAt(at.toPoint())) or "")

    def _end_rename(self, key: str, *, is_kept: bool) -> None:
        edit, self._edit = self._edit, None
        if edit is None:
            return
        edit.hide()
        edit.deleteLater()
        if is_kept:
            self.renamed.emit(key, edit.text().strip())


class _Ghost(QLabel):
    """What follows the mouse while a tab is dragged out of its strip."""

    def __init__(self, title: str) -> None:
        super().__init__(title, None, Qt.WindowType.ToolTip | Qt.WindowType.WindowTransparentForInput)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName("terminal.ghost")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFont(theme.font(Type.MEDIUM))
        self.setContentsMargins(Space.M, Space.S, Space.M, Space.S)

    def follow(self, at: QPoint) -> None:
        """Be beside the mouse."""
        self.move(at + QPoint(Space.M, Space.M))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        plate = QRectF(self.rect())
        fill_rounded(painter, plate, 0, theme.color("surface-elevated"), theme.color("accent-primary"))
        painter.end()
        super().paintEvent(event)
