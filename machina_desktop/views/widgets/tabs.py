"""Tabs: a row of titles with a line under the one chosen, and the page that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded

TAB_HEIGHT = 40
_UNDERLINE = 2
_ICON = 16
_COUNT_HEIGHT = 18
_CENTER = Qt.AlignmentFlag.AlignCenter
# A tab with a longer title ends in an ellipsis and has the whole title as its tooltip.
_WIDEST = 240


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One tab of a `TabBar`.

    Attributes:
        key: Under which it is chosen and stored.
        title: What people read.
        icon_name: Name of an icon before the title; empty for none.
        count: Shown behind the title; ``None`` shows nothing.
        tip: Told by the tooltip; empty for the title where that is cut.
        token: Of the colour it is marked with, in bars that mark theirs; empty for none.
    """

    key: str
    title: str
    icon_name: str = ""
    count: int | None = None
    tip: str = ""
    token: str = ""


class TabBar(QTabBar):
    """A row of tabs on a hairline. The arrows, Home and End choose; too many of them scroll.

    Attributes:
        tail: Room at the end of each tab that its words leave free, in pixels.

    Signals:
        changed: The key of the tab now chosen (str).
    """

    changed = Signal(str)

    def __init__(self, tabs: tuple[Tab, ...] = (), *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tabs: dict[str, Tab] = {}
        self.tail = 0
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for tab in tabs:
            self.add(tab)
        self.currentChanged.connect(self._on_current_changed)

    def add(self, tab: Tab, at: int = -1) -> None:
        """Put a further tab at the end, or before the one at ``at``."""
        self._tabs[tab.key] = tab
        index = self.insertTab(at, "")
        self.setTabData(index, tab.key)
        self._show_tab(index, tab)

    def remove(self, key: str) -> None:
        """Take a tab away; an unknown key changes nothing."""
        if (index := self._index_of(key)) >= 0:
            self.removeTab(index)
            del self._tabs[key]

    def rename(self, key: str, title: str, icon_name: str = "") -> None:
        """Give a tab another title, and another icon where one is named."""
        self._put(replace(self._tabs[key], title=title, icon_name=icon_name or self._tabs[key].icon_name))

    def show_tab(self, tab: Tab) -> None:
        """Show a tab otherwise; an unknown key changes nothing."""
        if self._tabs.get(tab.key, tab) != tab:
            self._put(tab)

    def order(self) -> tuple[str, ...]:
        """The keys of all tabs, in the order they stand in."""
        return tuple(str(self.tabData(index)) for index in range(self.count()))

    def current(self) -> str:
        """The key of the chosen tab; empty without tabs."""
        return str(self.tabData(self.currentIndex()) or "")

    def set_current(self, key: str) -> None:
        """Choose a tab; an unknown key changes nothing."""
        if (index := self._index_of(key)) >= 0:
            self.setCurrentIndex(index)

    def set_count(self, key: str, count: int | None) -> None:
        """Show how many are behind a tab; ``None`` shows nothing."""
        self._put(replace(self._tabs[key], count=count))

    def tabSizeHint(self, index: int) -> QSize:
        tab = self._tab_at(index)
        icon = _ICON + Space.S if tab.icon_name else 0
        width = 2 * Space.M + icon + self._title_width(tab) + self._count_width(tab) + self.tail
        return QSize(min(_WIDEST, round(width)), TAB_HEIGHT)

    def minimumTabSizeHint(self, index: int) -> QSize:
        return self.tabSizeHint(index)

    def sizeHint(self) -> QSize:
        return QSize(sum(self.tabSizeHint(index).width() for index in range(self.count())), TAB_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * TAB_HEIGHT, TAB_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End) and self.count():
            self.setCurrentIndex(0 if event.key() == Qt.Key.Key_Home else self.count() - 1)
            return
        super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setLayoutDirection(self.layoutDirection())
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.color("border"))
        under_mouse = self.tabAt(self.mapFromGlobal(self.cursor().pos())) if self.underMouse() else -1
        for index in range(self.count()):
            self._paint_tab(painter, index, is_hot=index == under_mouse)

    def _paint_tab(self, painter: QPainter, index: int, *, is_hot: bool) -> None:
        rect = QRectF(self.tabRect(index))
        tab = self._tab_at(index)
        is_current = index == self.currentIndex()
        is_enabled = self.isEnabled() and self.isTabEnabled(index)
        plate = rect.adjusted(2, 5, -2, -6)
        if is_hot and is_enabled and not is_current:
            fill_rounded(painter, plate, Radius.BUTTON, theme.color("surface-hover"))
        ink = "text-primary" if is_current or is_hot else "text-secondary"
        self._paint_words(painter, self._room(rect), tab, ink if is_enabled else "text-disabled")
        if is_current:
            line = QRectF(rect.left() + Space.S, self.height() - _UNDERLINE, rect.width() - 2 * Space.S, _UNDERLINE)
            painter.fillRect(line, theme.color("accent-primary" if is_enabled else "text-disabled"))
            if self.hasFocus():
                draw_focus_ring(painter, plate, Radius.BUTTON)

    def _room(self, rect: QRectF) -> QRectF:
        """Where the words of a tab go."""
        inner = rect.adjusted(Space.M, 0, -Space.M, -1)
        is_mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        return inner.adjusted(self.tail, 0, 0, 0) if is_mirrored else inner.adjusted(0, 0, -self.tail, 0)

    def _paint_words(self, painter: QPainter, room: QRectF, tab: Tab, ink: str) -> None:
        """Icon, title and count, from the side where reading begins."""
        icon_width = _ICON + Space.S if tab.icon_name else 0
        count_width = self._count_width(tab)
        title_width = min(self._title_width(tab), room.width() - icon_width - count_width)
        is_mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft

        def at(start: float, width: float) -> QRectF:
            left = room.right() - start - width if is_mirrored else room.left() + start
            return QRectF(left, room.top(), width, room.height())

        if tab.icon_name:
            draw_icon(painter, at(0, _ICON), tab.icon_name, ink)
        draw_text(painter, at(icon_width, title_width), tab.title, theme.font(Type.MEDIUM), theme.color(ink))
        if tab.count is not None:
            box = at(icon_width + title_width + 6, count_width - 6)
            box = QRectF(box.left(), round(room.center().y() - _COUNT_HEIGHT / 2), box.width(), _COUNT_HEIGHT)
            fill_rounded(painter, box, _COUNT_HEIGHT / 2, theme.color("tint-neutral"))
            count, font = self.locale().toString(tab.count), theme.tabular_font(Type.KEY)
            draw_text(painter, box, count, font, theme.color("text-secondary"), align=_CENTER)

    def _title_width(self, tab: Tab) -> float:
        return QFontMetricsF(theme.font(Type.MEDIUM)).horizontalAdvance(tab.title) + 1

    def _count_width(self, tab: Tab) -> float:
        """The plate of the count with the gap before it."""
        if tab.count is None:
            return 0
        text = self.locale().toString(tab.count)
        width = QFontMetricsF(theme.tabular_font(Type.KEY)).horizontalAdvance(text) + 11
        return 6 + max(_COUNT_HEIGHT, round(width))

    def _show_tab(self, index: int, tab: Tab) -> None:
        """Tell Qt what screen readers say, and whether the title needs a tooltip; then make room for it."""
        count = "" if tab.count is None else f" {self.locale().toString(tab.count)}"
        # Without a title Qt would take the text's size; with one it asks for ours again.
        self.setTabText(index, f"{tab.title}{count}".replace("&", "&&"))
        is_long = self._title_width(tab) + self._count_width(tab) + self.tail + 2 * Space.M > _WIDEST
        self.setAccessibleTabName(index, ", ".join(tab.tip.splitlines()))
        self.setTabToolTip(index, tab.tip or (tab.title if is_long else ""))

    def _put(self, tab: Tab) -> None:
        self._tabs[tab.key] = tab
        self._show_tab(self._index_of(tab.key), tab)
        self.update()

    def _tab_at(self, index: int) -> Tab:
        return self._tabs.get(str(self.tabData(index))) or Tab(key="", title="")

    def _index_of(self, key: str) -> int:
        return next((index for index in range(self.count()) if self.tabData(index) == key), -1)

    def _on_current_changed(self, _index: int) -> None:
        if key := self.current():
            self.changed.emit(key)


class Tabs(QWidget):
    """A `TabBar` with its pages below.

    Attributes:
        bar: The row of tabs.

    Signals:
        changed: The key of the tab now chosen (str).
    """

    changed = Signal(str)

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        """``name`` says to screen readers what is chosen with the tabs."""
        super().__init__(parent)
        self._pages: dict[str, QWidget] = {}
        self.bar = TabBar(name=name, parent=self)
        self._stack = QStackedWidget(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)
        self.bar.changed.connect(self._on_changed)

    def add_page(self, key: str, title: str, page: QWidget, *, icon_name: str = "", count: int | None = None) -> None:
        """Put a page behind a further tab; the first one is chosen."""
        self._pages[key] = page
        self._stack.addWidget(page)
        self.bar.add(Tab(key=key, title=title, icon_name=icon_name, count=count))

    def page(self, key: str) -> QWidget:
        """The page behind a tab."""
        return self._pages[key]

    def current(self) -> str:
        """The key of the chosen tab; empty without pages."""
        return self.bar.current()

    def set_current(self, key: str) -> None:
        """Choose a tab; an unknown key changes nothing."""
        self.bar.set_current(key)

    def set_count(self, key: str, count: int | None) -> None:
        """Show how many are behind a tab; ``None`` shows nothing."""
        self.bar.set_count(key, count)

    def _on_changed(self, key: str) -> None:
        self._stack.setCurrentWidget(self._pages[key])
        self.changed.emit(key)
