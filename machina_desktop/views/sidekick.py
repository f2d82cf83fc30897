"""The inspector at the right: one entity at a time, with a history, and one that can be pinned beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QMouseEvent, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QDockWidget, QVBoxLayout, QWidget

from machina_desktop.views import theme
from machina_desktop.views.apps.base import Detail
from machina_desktop.views.commands import Command, KeyHint
from machina_desktop.views.icons import icon
from machina_desktop.views.links import Link
from machina_desktop.views.sidekick_bar import TitleBar
from machina_desktop.views.sidekick_history import History, Subject
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.reading_order import first_control, move_focus
from machina_desktop.views.widgets.text import COPIED_MS, copy_text

WIDTH = 360
MINIMUM_WIDTH = 300
LISTED = 15
_MOUSE_STEPS = {Qt.MouseButton.BackButton: -1, Qt.MouseButton.ForwardButton: 1}
_SIDES = Qt.DockWidgetArea.LeftDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea


DetailMaker = Callable[[Subject], Detail | None]
IconOf = Callable[[str], str]


def key_hints() -> tuple[KeyHint, ...]:
    """The keys of a panel while the focus is in it."""
    return (
        KeyHint("Esc", _tr("Close the inspector")),
        KeyHint("Alt+Left", _tr("Back to what it showed before")),
        KeyHint("Alt+Right", _tr("Forward again")),
    )


class Sidekick(QDockWidget):
    """One inspector panel.

    Signals:
        closing(): The person closes it; it still has its size.
        pinned(bool): It was pinned, or let go.
        shown(object): Another `Subject` is shown.
    """

    closing = Signal()
    pinned = Signal(bool)
    shown = Signal(object)

    def __init__(self, make: DetailMaker, icon_of: IconOf, *, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._make = make
        self._icon_of = icon_of
        self._history = History()
        self._detail: Detail | None = None
        self.setObjectName(name)
        self.setWindowTitle(self.tr("Inspector"))
        self.setAllowedAreas(_SIDES)
        self.setMinimumWidth(MINIMUM_WIDTH)
        self._bar = TitleBar(self)
        self.setTitleBarWidget(self._bar)
        self._frame = QWidget(self)
        self._frame.setProperty("surface", "base")
        self._frame.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        # Stated, so that wide content is squeezed or scrolls instead of pushing the panel out of the window.
        self._frame.setMinimumWidth(MINIMUM_WIDTH)
        self._body = QVBoxLayout(self._frame)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.setSpacing(0)
        self._body.addWidget(Divider())
        self.setWidget(self._frame)
        self._connect()
        self._refresh()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 400)

    def inspect(self, subject: Subject) -> None:
        """Show ``subject`` and remember the way back."""
        if subject == self._history.current and self._detail is not None:
            return
        self._history.visit(subject)
        self._show(subject)

    @property
    def subject(self) -> Subject | None:
        """What is shown."""
        return self._history.current

    @property
    def detail(self) -> Detail | None:
        """The widget that shows it."""
        return self._detail

    @property
    def is_pinned(self) -> bool:
        """Whether it stays with what it shows."""
        return self._bar.pin.isChecked()

    def set_pinned(self, is_pinned: bool) -> None:
        """Pin it, or let it go."""
        self._bar.pin.setChecked(is_pinned)

    def step(self, by: int) -> None:
        """Go back (negative) or forward so many steps, where there is somewhere to go."""
        if not self.is_pinned and self._history.can_step(by):
            self._show(self._history.step(by))

    def clear(self) -> None:
        """Forget what is shown, so that nothing hidden keeps asking."""
        if self._detail is not None:
            self._body.removeWidget(self._detail)
            self._detail.hide()
            self._detail.deleteLater()
            self._detail = None

    def forget(self) -> None:
        """Close it and forget where it was: what it showed is of no concern any more."""
        self._bar.pin.setChecked(False)
        self.clear()
        self._history = History()
        self.hide()
        self._refresh()

    def take_focus(self) -> None:
        """Put the keyboard onto what is shown: onto what goes on with it, where there is such a thing."""
        if self._detail is None:
            return
        first = self._detail.first_focus() or first_control(self._detail) or self
        first.setFocus(Qt.FocusReason.TabFocusReason)

    def dismiss(self) -> None:
        """Close it as the person does."""
        self.closing.emit()
        self.clear()
        self.hide()

    def commands(self) -> Iterable[Command]:
        """What can be done with the panel and what it shows, whatever that is."""
        title = self._detail.title if self._detail is not None else ""
        for name, words, icon_name, run in (
            ("inspector.copy_link", self.tr("Copy the link to {0}").format(title), "link", self._on_copy_link),
            ("inspector.copy_id", self.tr("Copy the id of {0}").format(title), "hash", self._on_copy),
            ("inspector.pin", self.tr("Pin {0} beside the next one").format(title), "pin", self._bar.pin.toggle),
            ("inspector.close", self.tr("Close the inspector"), "x", self.dismiss),
        ):
            yield Command(name=name, title=words, group=self.tr("Inspector"), icon=icon_name, run=run)

    def resume(self) -> None:
        """Show again what was shown before it was closed."""
        current = self._history.current
        if current is not None and self._detail is None:
            self._show(current)

    def focusNextPrevChild(self, next_: bool) -> bool:
        return move_focus(self, forwards=next_) if self.isFloating() else super().focusNextPrevChild(next_)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.isFloating():
            # It has no frame of the system's, and would melt into the window under it.
            painter = QPainter(self)
            painter.setPen(theme.color("outline"))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self._step_by_mouse(event):
            super().mousePressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Lists and texts take every press for themselves.
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonPress:
            return self._step_by_mouse(event)
        return super().eventFilter(watched, event)

    def _step_by_mouse(self, event: QMouseEvent) -> bool:
        """Go where the mouse's own buttons for back and forward lead; whether it was one of them."""
        by = _MOUSE_STEPS.get(event.button(), 0)
        if by:
            self.step(by)
        return bool(by)

    def _open_history(self, direction: int, anchor: QWidget) -> None:
        visits = self._history.ahead(direction)
        if self.is_pinned or not visits:
            return
        menu = Menu(parent=self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for by, visit in visits[:LISTED]:
            # An ampersand of a name is not a key of the menu.
            title = (visit.title or visit.subject.key).replace("&", "&&")
            menu.addAction(icon(self._icon_of(visit.subject.entity)), title, lambda by=by: self.step(by))
        menu.popup(anchor.mapToGlobal(anchor.rect().bottomLeft()))

    def _connect(self) -> None:
        self._bar.back.list_wanted.connect(lambda: self._open_history(-1, self._bar.back))
        self._bar.forward.list_wanted.connect(lambda: self._open_history(1, self._bar.forward))
        self._bar.back.clicked.connect(lambda: self.step(-1))
        self._bar.forward.clicked.connect(lambda: self.step(1))
        self._bar.close_.clicked.connect(self.dismiss)
        self._bar.float.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        self._bar.copy.clicked.connect(self._on_copy)
        self._bar.copy_link.clicked.connect(self._on_copy_link)
        self._bar.pin.toggled.connect(self._on_pinned)
        self.topLevelChanged.connect(self._on_top_level_changed)
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        acts = (self.dismiss, lambda: self.step(-1), lambda: self.step(1))
        for hint, act in zip(key_hints(), acts, strict=True):
            QShortcut(QKeySequence(hint.keys), self, context=within).activated.connect(act)

    def _show(self, subject: Subject) -> None:
        focus = QApplication.focusWidget()
        had_focus = focus is not None and (focus is self or self.isAncestorOf(focus))
        self.clear()
        detail = self._make(subject)
        if detail is None:
            return
        self._detail = detail
        detail.windowTitleChanged.connect(self._refresh)
        self._body.addWidget(detail, 1)
        for area in detail.findChildren(QAbstractScrollArea):
            area.viewport().installEventFilter(self)
        self._refresh()
        if had_focus:
            # The control that had it is gone; the panel's keys go on from here.
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.shown.emit(subject)

    def _refresh(self) -> None:
        subject = self.subject
        title = self._detail.title if self._detail is not None else ""
        self._bar.title.setText(title)
        if title:
            self._history.name_current(title)
        self.setWindowTitle(title or self.tr("Inspector"))
        self._bar.plate.set_icon_name(self._icon_of(subject.entity) if subject else "box")
        self._bar.back.setEnabled(not self.is_pinned and self._history.can_step(-1))
        self._bar.forward.setEnabled(not self.is_pinned and self._history.can_step(1))

    def _on_copy(self) -> None:
        if self.subject is not None:
            copy_text(self.subject.key)
            self._confirm(self._bar.copy, self.tr("Copy id"))

    def _on_copy_link(self) -> None:
        if self.subject is not None:
            copy_text(str(Link(self.subject.entity, self.subject.key)))
            self._confirm(self._bar.copy_link, self.tr("Copy link"))

    def _confirm(self, button: IconButton, name: str) -> None:
        """Let a button say for a moment that it has copied."""
        button.set_name(self.tr("Copied"))
        button.set_icon_name("check")
        icon_name = "hash" if button is self._bar.copy else "link"

        def undo() -> None:
            button.set_name(name)
            button.set_icon_name(icon_name)

        QTimer.singleShot(COPIED_MS, button, undo)

    def _on_pinned(self, is_pinned: bool) -> None:
        self._bar.pin.set_icon_name("pin-off" if is_pinned else "pin")
        self._bar.pin.set_name(
            self.tr("Let it go") if is_pinned else self.tr("Pin to keep it open beside the next one")
        )
        self._refresh()
        self.pinned.emit(is_pinned)

    def _on_top_level_changed(self, is_floating: bool) -> None:
        self._bar.float.set_icon_name("minimize-2" if is_floating else "maximize-2")
        self._bar.float.set_name(
            self.tr("Put back into the window") if is_floating else self.tr("Take out into a window")
        )


def _tr(text: str) -> str:
    return QCoreApplication.translate("Sidekick", text)
