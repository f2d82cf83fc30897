"""The left edge of the window: the team, one entry per app with its badge, the vault and the person."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.apps.base import App
from machina_desktop.views.brand import Mark
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.feedback import Avatar
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.painting import draw_focus_ring, draw_text, fill_rounded
from machina_desktop.views.widgets.text import ElidedLabel

WIDTH = 220
COLLAPSED_WIDTH = 56
_ENTRY_HEIGHT = 36
_CENTER = Qt.AlignmentFlag.AlignCenter


class SidebarEntry(QAbstractButton):
    """One line of the sidebar: icon, title, badge. Collapsed it is the icon, with a dot for the badge."""

    def __init__(self, title: str, icon_name: str, *, shortcut: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._shortcut = shortcut
        self._badge = 0
        self._token = ""
        self._is_collapsed = False
        self.setText(title)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._name()

    def set_badge(self, count: int) -> None:
        """Show that ``count`` things need the person; 0 shows nothing."""
        if count != self._badge:
            self._badge = count
            self._name()
            self.update()

    def badge(self) -> int:
        """How many things need the person."""
        return self._badge

    def set_state(self, title: str, icon_name: str, token: str = "") -> None:
        """Say something else; ``token`` colours the icon."""
        self._icon_name, self._token = icon_name, token
        self.setText(title)
        self._name()
        self.update()

    def set_collapsed(self, is_collapsed: bool) -> None:
        """Show the icon only."""
        self._is_collapsed = is_collapsed
        self._name()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(COLLAPSED_WIDTH - 2 * Space.S, _ENTRY_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked() or self.underMouse() or self.isDown():
            fill_rounded(painter, rect, Radius.BUTTON, theme.color("surface-hover"))
        if self.isChecked():
            fill_rounded(painter, QRectF(0, 9, 3, rect.height() - 18), 1.5, theme.color("accent-primary"))
        token = "text-primary" if self.isChecked() or self.underMouse() else "text-secondary"
        left = (rect.width() - 18) / 2 if self._is_collapsed else Space.M
        draw_icon(painter, QRectF(left, (rect.height() - 18) / 2, 18, 18), self._icon_name, self._token or token)
        if self._is_collapsed:
            self._paint_dot(painter, left + 18)
        else:
            self._paint_words(painter, rect, token)
        if self.hasFocus():
            draw_focus_ring(painter, rect, Radius.BUTTON - 1)

    def _paint_dot(self, painter: QPainter, right: float) -> None:
        if self._badge:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent-warning"))
            painter.drawEllipse(QRectF(right - 4, 7, 8, 8))

    def _paint_words(self, painter: QPainter, rect: QRectF, token: str) -> None:
        right = rect.right() - Space.S
        if self._badge:
            number = str(self._badge) if self._badge < 100 else "99+"
            width = max(20.0, 8.0 * len(number) + 10)
            plate = QRectF(right - width, (rect.height() - 20) / 2, width, 20)
            fill_rounded(painter, plate, 10, theme.color("tint-warning"))
            font = theme.tabular_font(Type.SECONDARY)
            draw_text(painter, plate, number, font, theme.color("accent-warning"), align=_CENTER)
            right = plate.left() - Space.XS
        text = QRectF(Space.M + 18 + Space.M, 0, right - (Space.M + 18 + Space.M), rect.height())
        font = theme.font(Type.MEDIUM if self.isChecked() else Type.BODY)
        draw_text(painter, text, self.text(), font, theme.color(token))

    def _name(self) -> None:
        needs = self.tr("{0} need attention").format(self._badge) if self._badge else ""
        self.setAccessibleName(", ".join(part for part in (self.text(), needs) if part))
        shown = self.text() if self._is_collapsed else ""
        self.setToolTip("  ".join(part for part in (shown, self._shortcut, needs) if part))


class Sidebar(QWidget):
    """The team on top, the apps below it, vault and person at the foot.

    Attributes:
        vault: The line that tells how the vault stands.

    Signals:
        chosen(str): The name of the app to show.
        vault_clicked(): The vault's line was pressed.
        collapsed_changed(bool): It was made narrow or wide.
    """

    chosen = Signal(str)
    vault_clicked = Signal()
    collapsed_changed = Signal(bool)

    def __init__(self, apps: tuple[App, ...], *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "base")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Apps"))
        self._entries: dict[str, SidebarEntry] = {}
        self._group = QButtonGroup(self)
        self._is_collapsed = False
        self._team = ElidedLabel("", style=Type.STRONG)
        self._avatar = Avatar("", size=28)
        self._person = ElidedLabel("", style=Type.BODY)
        self.vault = SidebarEntry(self.tr("Vault"), "lock", parent=self)
        self.vault.clicked.connect(self.vault_clicked)
        self._fold = IconButton("panel-left", self.tr("Collapse sidebar"), shortcut="Ctrl+B", parent=self)
        self._fold.clicked.connect(lambda: self.set_collapsed(not self._is_collapsed))
        self._build(apps)
        self.setFixedWidth(WIDTH)

    def set_team(self, name: str) -> None:
        """Show the team in view."""
        self._team.setText(name)
        self._mark.setToolTip(name)

    def set_person(self, name: str) -> None:
        """Show who is signed in to this computer."""
        self._avatar.set_name(name)
        self._person.setText(name)

    def set_badge(self, name: str, count: int) -> None:
        """Show how many things of an app need the person."""
        if name in self._entries:
            self._entries[name].set_badge(count)

    def entry(self, name: str) -> SidebarEntry:
        """The line of an app."""
        return self._entries[name]

    def select(self, name: str) -> None:
        """Mark an app as the one shown; sends no signal."""
        self._entries[name].setChecked(True)

    def is_collapsed(self) -> bool:
        """Whether only icons show."""
        return self._is_collapsed

    def set_collapsed(self, is_collapsed: bool) -> None:
        """Make it narrow or wide."""
        if is_collapsed == self._is_collapsed:
            return
        self._is_collapsed = is_collapsed
        self.setFixedWidth(COLLAPSED_WIDTH if is_collapsed else WIDTH)
        for entry in (*self._entries.values(), self.vault):
            entry.set_collapsed(is_collapsed)
        for widget in (self._team, self._person):
            widget.setVisible(not is_collapsed)
        self._fold.set_name(self.tr("Expand sidebar") if is_collapsed else self.tr("Collapse sidebar"), "Ctrl+B")
        self._place_fold()
        self.collapsed_changed.emit(is_collapsed)

    def _build(self, apps: tuple[App, ...]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.S, Space.M, Space.S, Space.S)
        column.setSpacing(2)
        column.addLayout(self._build_head())
        column.addSpacing(Space.M)
        for index, app in enumerate(apps, 1):
            entry = SidebarEntry(app.title, app.icon, shortcut=f"Ctrl+{index}", parent=self)
            entry.setCheckable(True)
            entry.clicked.connect(lambda _checked=False, name=app.name: self.chosen.emit(name))
            self._group.addButton(entry)
            self._entries[app.name] = entry
            column.addWidget(entry)
        for first, second in pairwise((*self._entries.values(), self.vault, self._fold)):
            self.setTabOrder(first, second)
        column.addStretch()
        column.addWidget(self.vault)
        column.addWidget(Divider())
        column.addSpacing(Space.XS)
        self._foot = QVBoxLayout()
        self._foot.setSpacing(Space.S)
        self._foot_row = QHBoxLayout()
        self._foot_row.setContentsMargins(6, 0, 0, 0)
        self._foot_row.setSpacing(Space.S)
        self._foot_row.addWidget(self._avatar)
        self._foot_row.addWidget(self._person, 1)
        self._foot.addLayout(self._foot_row)
        column.addLayout(self._foot)
        self._place_fold()

    def _build_head(self) -> QHBoxLayout:
        self._mark = Mark(size=24, parent=self)
        head = QHBoxLayout()
        head.setContentsMargins(Space.S, 0, Space.S, 0)
        head.setSpacing(10)
        head.addWidget(self._mark)
        head.addWidget(self._team, 1)
        return head

    def _place_fold(self) -> None:
        self._foot.removeWidget(self._fold)
        self._foot_row.removeWidget(self._fold)
        if self._is_collapsed:
            self._foot.insertWidget(0, self._fold, 0, _CENTER)
        else:
            self._foot_row.addWidget(self._fold)
