"""The command palette: one line, one ranked list over all that can be done, opened and found."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.core.errors import MachinaError
from machina_desktop.views import theme
from machina_desktop.views.apps.base import App
from machina_desktop.views.commands import Commands
from machina_desktop.views.links import SCHEME, Link, of_id
from machina_desktop.views.models.ranking import prepare
from machina_desktop.views.palette_entries import ACTIONS_ONLY, Entries, Entry, Line
from machina_desktop.views.palette_line import PAGE, PaletteLine
from machina_desktop.views.palette_list import PaletteList, PaletteModel, name_of
from machina_desktop.views.palette_sources import PaletteSources
from machina_desktop.views.remembered import recall, remember
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.feedback import Spinner
from machina_desktop.views.widgets.key_caps import Keys
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.painting import fill_rounded
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, Label

WIDTH = 660
HEIGHT = 476
REMEMBERED = 20
_MEMORY = "palette"
_SHADOW = 24


class Palette(QWidget):
    """Lies over the window while it is open, on a shade that closes it when pressed.

    It is opaque, so that no key repaints the page below; the shade paints the round corners around it.

    Attributes:
        line: Where to type.
        list: The rows.

    Signals:
        closed(): It is not shown any more.
    """

    closed = Signal()

    def __init__(
        self,
        *,
        apps: tuple[App, ...],
        commands: Commands,
        sources: PaletteSources,
        show_found: Callable[[Link], None],
        show_link: Callable[[Link], None],
        window: QWidget,
    ) -> None:
        """``show_found`` shows what is known to exist, ``show_link`` what a link or an id names."""
        super().__init__(window)
        self._window = window
        self._shade = _Shade(window)
        self._apps, self._commands, self._sources = apps, commands, sources
        self._show_found, self._show_link = show_found, show_link
        self._entries: Entries | None = None
        self._before: QWidget | None = None
        self.setObjectName("palette")
        self.setAccessibleName(self.tr("Command palette"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.hide()
        self._model = PaletteModel(parent=self)
        self.line = PaletteLine(
            self.tr("Search or do anything…"),
            name=self.tr("Search machines, apps, actions, deployments, keys and settings"),
            parent=self,
        )
        self.line.setObjectName("palette.line")
        self.list = PaletteList(self._model, name=self.tr("Results"))
        self._nothing = EmptyState(icon_name="search", title=self.tr("Nothing matches"))
        self._busy = Spinner(name=self.tr("Looking for more"))
        self._problem = ElidedLabel("", style=Type.SECONDARY, tone="warning")
        self._build()
        self.line.textChanged.connect(self._on_typed)
        self.line.moved.connect(self._on_moved)
        self.line.entered.connect(self._on_entered)
        self.line.left.connect(self.dismiss)
        self.list.chosen.connect(self._on_chosen)
        self._shade.pressed.connect(self.dismiss)
        sources.changed.connect(self._on_changed)
        commands.changed.connect(self._on_changed)
        window.installEventFilter(self)

    def open(self, typed: str = "") -> None:
        """Show it with the line empty, or with ``typed`` in it."""
        if self.isHidden():
            self._before = QApplication.focusWidget()
            self._place()
            for layer in (self._shade, self):
                layer.show()
                layer.raise_()
        self._sources.wake()
        self._gather()
        if self.line.text() == typed:
            self._on_typed(typed)
        else:
            self.line.setText(typed)
        self.line.setFocus(Qt.FocusReason.PopupFocusReason)

    def dismiss(self) -> None:
        """Close it; the keyboard goes back to where it was."""
        if self.isHidden():
            return
        self.hide()
        self._shade.hide()
        self._sources.rest()
        self._entries = None
        before, self._before = self._before, None
        if before is not None and shiboken6.isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.closed.emit()

    def lines(self) -> tuple[Line, ...]:
        """What is listed now, from the top."""
        return tuple(self._model.line(row) for row in range(self._model.rowCount()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self._window and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(event.rect(), theme.color("surface-elevated"))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        # Nor must a press reach what lies below.
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # What the line leaves over must not reach the page below.
        event.accept()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._build_head())
        column.addWidget(Divider())
        self._body = QStackedWidget()
        self._body.addWidget(self.list)
        self._body.addWidget(self._nothing)
        column.addWidget(self._body, 1)
        column.addWidget(Divider())
        column.addLayout(self._build_foot())

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(Space.L + Space.XS, Space.XS, Space.L, Space.M)
        row.setSpacing(Space.M)
        row.addWidget(IconLabel("search", size=18))
        row.addWidget(self.line, 1)
        row.addWidget(self._busy)
        self._busy.hide()
        return row

    def _build_foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        foot.setContentsMargins(Space.L, 6, Space.L, 0)
        foot.setSpacing(6)
        foot.addWidget(self._problem, 1)
        for keys, words in (
            ("Return", self.tr("Choose")),
            (ACTIONS_ONLY, self.tr("Actions only")),
            ("Esc", self.tr("Close")),
        ):
            foot.addSpacing(Space.S)
            foot.addWidget(Keys(keys))
            foot.addWidget(Label(words, style=Type.SECONDARY, tone="secondary"))
        return foot

    def _place(self) -> None:
        """Over the whole window, the panel in its upper middle."""
        window = self._window
        width = min(WIDTH, window.width() - 2 * Space.XL)
        height = min(HEIGHT, window.height() - 2 * Space.XL)
        top = max(Space.XL, min(window.height() // 8, window.height() - height - Space.XL))
        panel = QRect((window.width() - width) // 2, top, width, height)
        self._shade.place(window.rect(), panel)
        # Between the corners and inside of the border.
        self.setGeometry(panel.adjusted(1, Radius.CARD, -1, -Radius.CARD))

    def _gather(self) -> None:
        self._entries = Entries(
            apps=self._apps,
            commands=self._commands,
            found=self._sources.found(),
            recent=tuple(recall(_MEMORY).get("recent", "").split("\n")),
            show=self._show_found,
        )
        self._busy.setVisible(self._sources.is_loading)
        problem = self._sources.problem
        self._problem.setText(self.tr("Some things are missing: {0}").format(problem) if problem else "")

    def _on_changed(self) -> None:
        """Show what has come, without moving the person's place."""
        if self.isHidden():
            return
        current = self.list.currentIndex()
        name = self._model.line(current.row()).entry.name if current.isValid() else ""
        self._gather()
        self._on_typed(self.line.text())
        row = next((row for row, line in enumerate(self.lines()) if line.entry.name == name), 0)
        self.list.go_to(row)

    def _on_typed(self, typed: str) -> None:
        if self._entries is None:
            return
        lines, problem = self._linked(typed.strip())
        lines = lines or self._entries.lines(typed)
        self._model.set_lines(lines)
        if lines:
            self._body.setCurrentWidget(self.list)
            self.list.scrollToTop()
            self.list.go_to(0)
        else:
            self._say_nothing(typed.strip(), problem)
        self._announce()

    def _linked(self, text: str) -> tuple[tuple[Line, ...], str]:
        """What a pasted id or link names, known or not; else why the link is none."""
        try:
            link = Link.parse(text) if text.startswith(SCHEME) else of_id(text)
        except MachinaError as error:
            return (), str(error)
        if link is None or self._entries is None:
            return (), ""
        known = self._entries.named(str(link))
        title = self.tr("Show {0}").format(link.key)
        unknown = Entry(
            name=str(link),
            title=title,
            kind=self.tr("Link"),
            icon="link",
            candidate=prepare(title),
            run=lambda: self._show_link(link),
        )
        return (Line(known or unknown),), ""

    def _say_nothing(self, text: str, problem: str) -> None:
        if problem:
            self._nothing.set_message(self.tr("No such link"), problem)
        elif self._sources.is_loading:
            self._nothing.set_message(self.tr("Still looking…"), self.tr("Machines, runs and keys are being read."))
        else:
            hint = self.tr("Try fewer letters: a name, an address, a tag, or what you want to do.")
            self._nothing.set_message(self.tr("Nothing matches “{0}”").format(text), hint)
        self._body.setCurrentWidget(self._nothing)

    def _on_moved(self, by: int) -> None:
        row = self.list.currentIndex().row()
        if abs(by) == PAGE:
            by = self.list.rows_in_view() * (1 if by > 0 else -1)
        if abs(by) == 1 and self._model.rowCount():
            # A step beyond the end begins at the other end.
            self.list.go_to((row + by) % self._model.rowCount())
        else:
            self.list.go_to(max(0, row + by))
        self._announce()

    def _on_entered(self) -> None:
        current = self.list.currentIndex()
        if current.isValid() and self._body.currentWidget() is self.list:
            self._on_chosen(current.row())

    def _on_chosen(self, row: int) -> None:
        entry = self._model.line(row).entry
        recent = [name for name in recall(_MEMORY).get("recent", "").split("\n") if name not in ("", entry.name)]
        remember(_MEMORY, {"recent": "\n".join([entry.name, *recent][:REMEMBERED])})
        self.dismiss()
        entry.run()

    def _announce(self) -> None:
        """Tell those who hear the window which row is current; the focus itself never leaves the line."""
        if not QAccessible.isActive():
            return
        current = self.list.currentIndex()
        is_listed = current.isValid() and self._body.currentWidget() is self.list
        words = name_of(self._model.line(current.row()).entry) if is_listed else self._nothing.accessibleName()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.line, words))


class _Shade(QWidget):
    """Dims the window and paints the panel's frame and shadow; the palette lies on it.

    Signals:
        pressed(): Somebody pressed beside the panel.
    """

    pressed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._panel = QRect()
        self.setObjectName("palette.shade")
        self.hide()

    def place(self, area: QRect, panel: QRect) -> None:
        """Cover ``area``, with the panel there."""
        self._panel = panel
        self.setGeometry(area)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("scrim"))
        panel = QRectF(self._panel)
        shadow = QColor(theme.color("shadow"))
        shadow.setAlphaF(shadow.alphaF() / _SHADOW)
        for spread in range(_SHADOW, 0, -2):
            around = panel.adjusted(-spread, 4 - spread, spread, 8 + spread)
            fill_rounded(painter, around, Radius.CARD + spread, shadow)
        fill_rounded(painter, panel, Radius.CARD, theme.color("surface-elevated"), theme.color("border"))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()
        if not self._panel.contains(event.position().toPoint()):
            self.pressed.emit()
