"""One tab of terminals: panes that share its room, one of them current."""

from __future__ import annotations

from PySide6.QtCore import QMetaObject, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.domain.environment import PRODUCTION
from machina_desktop.core.ids import new_id
from machina_desktop.views.apps.terminal_frame import PaneFrame
from machina_desktop.views.apps.terminal_part import TabPart
from machina_desktop.views.terminal import split_layout
from machina_desktop.views.terminal.environment_look import environment_title, environment_token, tab_token
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.split_layout import Leaf, Node, Path, Side
from machina_desktop.views.terminal.split_view import SplitView
from machina_desktop.views.terminal.workspace import PanePlan, TabPlan, plan_of

# So much of a row or a column one press of a key moves a divider.
_STEP = 0.04
# A pane narrower or lower than twice this is not split further, in pixels.
_NARROWEST, _LOWEST = 120, 64
_SIDES = {
    Qt.Key.Key_Left: Side.LEFT,
    Qt.Key.Key_Right: Side.RIGHT,
    Qt.Key.Key_Up: Side.UP,
    Qt.Key.Key_Down: Side.DOWN,
}
_ALT_SHIFT = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier
_KEYPAD = Qt.KeyboardModifier.KeypadModifier


class TerminalTab(QWidget):
    """Parts in a layout; one or more.

    Attributes:
        key: Of the tab.
        given: The title a person gave it; empty where it has its own.
        colour: The colour a person gave it, by name; empty for none.

    Signals:
        changed(): Its title, state, colour or layout is another.
        panes_changed(): A pane has come or gone.
        part_close_wanted(object): The person is done with a part.
        rang(object): The bell of one of its panes.
        command_ended(object, float, object): The pane, how many seconds its command took, and how it ended.
    """

    changed = Signal()
    panes_changed = Signal()
    part_close_wanted = Signal(object)
    rang = Signal(object)
    command_ended = Signal(object, float, object)

    def __init__(self, first: TabPart) -> None:
        super().__init__()
        self.key = new_id("tab")
        self.given = self.colour = ""
        self._parts: dict[str, TabPart] = {first.key: first}
        self._joined: dict[str, list[QMetaObject.Connection]] = {}
        self._layout: Node = Leaf(first.key)
        self._current = first.key
        self._is_zoomed = False
        self._view = SplitView(self)
        self._view.divider_moved.connect(self._on_divider_moved)
        self._view.divider_evened.connect(self._on_divider_evened)
        self._view.divider_released.connect(self.changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._view)
        self._adopt(first)
        self._show()

    # What it is

    @property
    def title(self) -> str:
        """What the tab says."""
        return self.given or self.current.title

    @property
    def icon_name(self) -> str:
        """How its current part stands, or another one that wants attention."""
        if self.is_broadcasting:
            return "radio"
        icons = [part.icon_name for part in self._parts.values()]
        usual = self.current.icon_name
        return next((name for name in ("wifi-off", "circle-question-mark") if name in icons), usual)

    @property
    def is_broadcasting(self) -> bool:
        """Whether what is typed in one of its terminals goes elsewhere."""
        return any(pane.is_broadcasting for pane in self.panes())

    @property
    def token(self) -> str:
        """The token of its colour, empty for none.

        That of broadcast input, production's wherever there is any of it, the person's, or the environment's.
        """
        if self.is_broadcasting:
            return "accent-error"
        if self.environment == PRODUCTION:
            return environment_token(PRODUCTION)
        return tab_token(self.colour) or environment_token(self.environment)

    @property
    def environment(self) -> str:
        """Production wherever there is any of it, else that of the part which is typed into; empty for none."""
        has_production = any(part.environment == PRODUCTION for part in self._parts.values())
        return PRODUCTION if has_production else self.current.environment

    @property
    def tip(self) -> str:
        """Its machines with their environments, a line each."""
        lines = [self.tr("Broadcast")] if self.is_broadcasting else []
        for part in self.parts():
            words = f"{part.name} · {environment_title(part.environment)}" if part.environment else part.name
            lines.append(words)
        return "\n".join(dict.fromkeys(lines))

    def parts(self) -> tuple[TabPart, ...]:
        """Its parts, in reading order."""
        return tuple(self._parts[key] for key in split_layout.keys(self._layout))

    def frames(self) -> tuple[PaneFrame, ...]:
        """Those of its parts that are terminals, in reading order."""
        return tuple(part for part in self.parts() if isinstance(part, PaneFrame))

    def panes(self) -> tuple[TerminalPane, ...]:
        """Its terminals, in reading order."""
        return tuple(frame.pane for frame in self.frames())

    @property
    def current(self) -> TabPart:
        """The part that is typed into."""
        return self._parts[self._current]

    @property
    def current_frame(self) -> PaneFrame | None:
        """The terminal that is typed into; ``None`` where its machine is gone."""
        return self.current if isinstance(self.current, PaneFrame) else None

    @property
    def is_zoomed(self) -> bool:
        """Whether one part covers the others."""
        return self._is_zoomed

    @property
    def is_shared(self) -> bool:
        """Whether there are several parts."""
        return len(self._parts) > 1

    def frame_of(self, pane: TerminalPane) -> PaneFrame | None:
        """What surrounds a pane of this tab."""
        return next((frame for frame in self.frames() if frame.pane is pane), None)

    def plan(self) -> TabPlan:
        """What to remember of it."""

        def leaf(key: str) -> PanePlan:
            part = self._parts[key]
            return PanePlan(machine_id=part.machine_id, name=part.name, kept=part.kept)

        return TabPlan(
            root=plan_of(self._layout, leaf),
            current=split_layout.keys(self._layout).index(self._current),
            given=self.given,
            colour=self.colour,
        )

    # What is done with it

    def arrange(self, layout: Node, parts: dict[str, TabPart], current: int) -> None:
        """Take a whole layout with its parts, instead of those it was made with, which go."""
        for part in self._parts.values():
            if part.key not in parts:
                self._dismiss(part)
        for part in parts.values():
            if part.key not in self._parts:
                self._adopt(part)
        self._parts, self._layout = parts, layout
        keys = split_layout.keys(layout)
        self._current = keys[current] if 0 <= current < len(keys) else keys[0]
        self._show()
        self.panes_changed.emit()

    def can_split(self, side: Side) -> bool:
        """Whether the current part is large enough to be shared."""
        room = self._view.room_of(self._current)
        is_row = side.axis is split_layout.Axis.ROW
        return room.width() >= 2 * _NARROWEST if is_row else room.height() >= 2 * _LOWEST

    def split(self, part: TabPart, side: Side) -> None:
        """Put a part beside the current one; it becomes the current one."""
        self._layout = split_layout.split(self._layout, self._current, part.key, side)
        self._parts[part.key] = part
        self._current, self._is_zoomed = part.key, False
        self._adopt(part)
        self._show()
        part.show()
        part.take_focus()
        self.panes_changed.emit()

    def remove(self, part: TabPart) -> None:
        """Take a part away with what runs in it; those beside it take its room. There must be others."""
        left = split_layout.without(self._layout, part.key)
        if left is None or part.key not in self._parts:
            return
        self._dismiss(part)
        near = split_layout.keys(self._layout)
        at = near.index(part.key)
        del self._parts[part.key]
        self._layout = left
        if self._current == part.key:
            self._current = near[at - 1] if at else near[1]
        self._is_zoomed = self._is_zoomed and self.is_shared
        self._show()
        self.current.take_focus()
        self.panes_changed.emit()

    def release(self, part: TabPart) -> TabPart:
        """Take a part out, with what runs in it, for a tab of its own; there must be others."""
        before = split_layout.keys(self._layout)
        self._layout = split_layout.without(self._layout, part.key) or self._layout
        del self._parts[part.key]
        at = before.index(part.key)
        self._current = before[at - 1] if at else before[1]
        self._is_zoomed = False
        self._let_go(part)
        self._show()
        return part

    def replace(self, old: TabPart, new: TabPart) -> None:
        """Put a part in the place of another."""
        names = {key: new.key if key == old.key else key for key in self._parts}
        layout = split_layout.renamed(self._layout, names)
        parts = {names[key]: new if key == old.key else part for key, part in self._parts.items()}
        self.arrange(layout, parts, split_layout.keys(layout).index(names[self._current]))

    def go(self, side: Side) -> None:
        """Put the keyboard into the part on that side."""
        if key := split_layout.neighbour(self._layout, self._current, self._seen(side)):
            self._is_zoomed = False
            self._parts[key].take_focus()
            self._choose(key)

    def resize_current(self, side: Side) -> None:
        """Move a divider of the current part to that side."""
        self._layout = split_layout.resized(self._layout, self._current, self._seen(side), _STEP)
        self._show()

    def swap(self, side: Side) -> None:
        """Let the current part change places with the one on that side."""
        if key := split_layout.neighbour(self._layout, self._current, self._seen(side)):
            self._layout = split_layout.swapped(self._layout, self._current, key)
            self._show()

    def even_out(self) -> None:
        """Give the parts of each row and column equal room."""
        self._layout = split_layout.evened(self._layout, is_deep=True)
        self._show()

    def set_zoomed(self, is_zoomed: bool) -> None:
        """Let the current part cover the others, or no longer."""
        self._is_zoomed = is_zoomed and self.is_shared
        self._show()
        self.current.take_focus()

    def reconnect_lost(self) -> None:
        """Open anew whatever was lost or has ended."""
        for frame in self.lost():
            frame.pane.reconnect()
        self.current.take_focus()

    def lost(self) -> tuple[PaneFrame, ...]:
        """The terminals whose connection is lost."""
        return tuple(frame for frame in self.frames() if frame.is_lost)

    def close_sessions(self) -> None:
        """End what runs in all parts."""
        for part in self._parts.values():
            part.close_session()

    def reopen_sessions(self) -> None:
        """Open anew what :meth:`close_sessions` has ended, below what was on the screen."""
        for frame in self.frames():
            frame.reopen_session()

    def choose(self, frame: PaneFrame) -> None:
        """Make a terminal of this tab the current part."""
        self._choose(frame.key)

    def take_focus(self) -> None:
        """Put the keyboard into the current part."""
        self.current.take_focus()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()

    def _seen(self, side: Side) -> Side:
        """The side as the layout has it, which knows no reading direction."""
        mirrored = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
        return mirrored.get(side, side) if self.isRightToLeft() else side

    def _adopt(self, part: TabPart) -> None:
        self._joined[part.key] = [
            part.changed.connect(self.changed),
            part.focused.connect(lambda: self._choose(part.key)),
            part.close_wanted.connect(lambda: self.part_close_wanted.emit(part)),
            part.zoom_wanted.connect(lambda: self._on_zoom_wanted(part.key)),
            part.header.dropped.connect(lambda at: self._on_dropped(part, at)),
        ]
        if isinstance(part, PaneFrame):
            pane = part.pane
            self._joined[part.key] += [
                pane.view.keys_pressed.connect(self._on_keys),
                pane.rang.connect(lambda: self.rang.emit(pane)),
                pane.command_ended.connect(lambda seconds, code: self.command_ended.emit(pane, seconds, code)),
            ]

    def _let_go(self, part: TabPart) -> None:
        for joined in self._joined.pop(part.key, []):
            QObject.disconnect(joined)
        part.hide()
        part.setParent(None)

    def _dismiss(self, part: TabPart) -> None:
        part.close_session()
        self._let_go(part)
        part.deleteLater()

    def _choose(self, key: str) -> None:
        if key in self._parts and key != self._current:
            self._current = key
            self._show()

    def _show(self) -> None:
        self._view.show_layout(self._layout, self._parts, zoomed=self._current if self._is_zoomed else "")
        for key, part in self._parts.items():
            is_current = key == self._current
            part.show_shared(is_shared=self.is_shared, is_current=is_current, is_zoomed=is_current and self._is_zoomed)
        self.changed.emit()

    def _on_keys(self, event: QKeyEvent) -> None:
        """Alone in its tab, a terminal gives these keys to the shell."""
        side = _SIDES.get(Qt.Key(event.key()))
        if self.is_shared and side is not None and event.modifiers() & ~_KEYPAD == _ALT_SHIFT:
            event.accept()
            self.go(side)

    def _on_zoom_wanted(self, key: str) -> None:
        self._choose(key)
        self.set_zoomed(not self._is_zoomed)

    def _on_dropped(self, part: TabPart, at: QPoint) -> None:
        """A part that is dragged by its header onto another one changes places with it."""
        for other in self._parts.values():
            if other is not part and other.isVisible() and other.rect().contains(other.mapFromGlobal(at)):
                self._layout = split_layout.swapped(self._layout, part.key, other.key)
                self._show()
                return

    def _on_divider_moved(self, path: Path, index: int, by: float) -> None:
        self._layout = split_layout.moved(self._layout, path, index, by)
        self._view.show_layout(self._layout, self._parts)

    def _on_divider_evened(self, path: Path) -> None:
        self._layout = split_layout.evened(self._layout, path)
        self._show()
