"""The inspector panels of a window: one that follows the selection, and one that may be pinned beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QMainWindow

from machina_desktop.views.apps.base import App, Detail, Window
from machina_desktop.views.commands import Command
from machina_desktop.views.sidekick import MINIMUM_WIDTH, WIDTH, Sidekick
from machina_desktop.views.sidekick_history import Subject
from machina_desktop.views.window_state import is_reachable

if TYPE_CHECKING:
    from machina_desktop.bridge import Bridge
    from machina_desktop.views.window_state import WindowState

# Two panels stand side by side where the page keeps this much, else one above the other.
PAGE_WIDTH = 560
# A remembered width beyond any screen is a broken one.
WIDEST = 4000
_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea


class Inspectors(QObject):
    """Two docks: a subject goes to the one that is not pinned. Both exist early, so their places are restored.

    Signals:
        shown(object): A `Subject` came to be shown in one of them.
    """

    shown = Signal(object)

    def __init__(self, apps: tuple[App, ...], door: Window, *, window: QMainWindow) -> None:
        super().__init__(window)
        self._bridge: Bridge | None = None
        self._door = door
        self._window = window
        self._makers = {entity: maker for app in apps for entity, maker in app.details.items()}
        self._icons = {entity: app.icon for app in apps for entity in app.details}
        self._widths: dict[str, int] = {}
        self._docks = (self._make_dock("sidekick"), self._make_dock("sidekick-second"))

    def attach(self, bridge: Bridge) -> None:
        """Details ask through ``bridge``. They close when another team comes into view."""
        self._bridge = bridge
        bridge.team_changed.connect(lambda _team_id: self.forget())

    def inspect(self, entity: str, key: str) -> None:
        """Show an entity in the panel that is free for it."""
        subject = Subject(entity, key)
        shown = next((dock for dock in self._docks if dock.isVisible() and dock.subject == subject), None)
        dock = shown or self._free()
        dock.inspect(subject)
        if not dock.isVisible():
            self._show(dock)
        elif dock.isFloating():
            dock.raise_()

    def is_shown(self, entity: str, key: str) -> bool:
        """Whether a panel shows that entity now."""
        subject = Subject(entity, key)
        return any(dock.isVisible() and dock.subject == subject for dock in self._docks)

    def is_cramped(self) -> bool:
        """Whether a panel leaves the page less than it needs."""
        return self._window.width() < WIDTH + PAGE_WIDTH

    def take_focus(self) -> bool:
        """Put the keyboard onto a panel that does not have it; whether there was one."""
        for dock in self._docks:
            focus = QApplication.focusWidget()
            has_it = focus is not None and dock.isAncestorOf(focus)
            if dock.isVisible() and dock.detail is not None and not has_it:
                dock.take_focus()
                return True
        return False

    def dismiss(self) -> bool:
        """Close the panel that follows the selection; whether there was one to close."""
        for dock in self._docks:
            if dock.isVisible() and not dock.is_pinned:
                dock.dismiss()
                return True
        return False

    def forget(self) -> None:
        """Close both panels and forget where they were."""
        for dock in self._docks:
            dock.forget()

    def commands(self) -> Iterable[Command]:
        """What can be done with what the panel that follows the selection shows."""
        for dock in self._docks:
            if dock.isVisible() and not dock.is_pinned and dock.detail is not None:
                yield from dock.detail.commands()
                yield from dock.commands()

    def restore(self, state: WindowState) -> None:
        """Put the panels where they were at the last end. They stay closed: there is nothing to show in them yet."""
        state.restore_docks(self._window)
        for dock in self._docks:
            dock.hide()
            remembered = f"{dock.objectName()}-width"
            width = state.text(remembered)
            if width.isascii() and width.isdigit():
                self._widths[dock.objectName()] = max(MINIMUM_WIDTH, min(int(width[:5]), WIDEST))

    def remember(self, state: WindowState) -> None:
        """Keep where the panels are for the next start."""
        state.save_docks(self._window)
        for dock in self._docks:
            if dock.isVisible():
                self._keep_width(dock)
            if dock.objectName() in self._widths:
                state.set_text(f"{dock.objectName()}-width", str(self._widths[dock.objectName()]))

    def docks(self) -> tuple[Sidekick, Sidekick]:
        """Both panels."""
        return self._docks

    def _show(self, dock: Sidekick) -> None:
        other = self._other(dock)
        dock.show()
        if dock.isFloating():
            if not is_reachable(dock.frameGeometry()):
                # The screen it was on is gone.
                dock.move(self._window.mapToGlobal(self._window.rect().center()) - dock.rect().center())
            dock.raise_()
            return
        if other.isVisible() and not other.isFloating():
            is_wide = self._window.width() >= 2 * WIDTH + PAGE_WIDTH
            direction = Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical
            self._window.splitDockWidget(other, dock, direction)
        self._window.resizeDocks([dock], [self._widths.get(dock.objectName(), WIDTH)], Qt.Orientation.Horizontal)

    def _other(self, dock: Sidekick) -> Sidekick:
        first, second = self._docks
        return second if dock is first else first

    def _make_dock(self, name: str) -> Sidekick:
        dock = Sidekick(self._make_detail, self._icon_of, name=name, parent=self._window)
        self._window.addDockWidget(_RIGHT, dock)
        dock.closing.connect(lambda: self._keep_width(dock))
        dock.topLevelChanged.connect(self._on_top_level_changed)
        dock.shown.connect(self.shown)
        dock.pinned.connect(lambda is_pinned: self._on_pinned(dock, is_pinned))
        dock.hide()
        return dock

    def _keep_width(self, dock: Sidekick) -> None:
        # A floating panel keeps its size by itself; beside the page it has another.
        if not dock.isFloating():
            self._widths[dock.objectName()] = dock.width()

    def _free(self) -> Sidekick:
        first, second = self._docks
        return second if first.is_pinned else first

    def _on_pinned(self, dock: Sidekick, is_pinned: bool) -> None:
        other = self._other(dock)
        if is_pinned:
            # One keeps its subject, the other must be free to follow.
            other.set_pinned(False)
        elif dock.isVisible() and other.isVisible():
            dock.dismiss()

    def _on_top_level_changed(self, is_floating: bool) -> None:
        layout = self._window.layout()
        if not is_floating and layout is not None:
            # WORKAROUND: Qt 6.11 makes room for a dock that was put back, but leaves the dock where it floated until
            # the layout gets another size.
            whole = layout.geometry()
            layout.setGeometry(whole.adjusted(0, 0, -1, 0))
            layout.setGeometry(whole)

    def _icon_of(self, entity: str) -> str:
        return self._icons.get(entity, "box")

    def _make_detail(self, subject: Subject) -> Detail | None:
        maker = self._makers.get(subject.entity)
        return None if maker is None or self._bridge is None else maker(self._bridge, self._door, subject.key)
