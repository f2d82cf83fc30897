"""When the cursor and blinking text of a terminal are seen, and when not."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme
from machina_desktop.views.terminal.sight import Sight

CURSOR_MS: Final = 530
# A cursor that nobody has moved for so many turns stands still, and lets the processor sleep.
_TURNS: Final = 40


class Blinking(QObject):
    """Turns them on and off in step, but only while somebody may see it move, and wants things to move.

    Attributes:
        is_cursor_on: Whether the cursor is seen now.
        is_text_off: Whether blinking text is hidden now.

    Signals:
        turned(): Either is the other way round.
    """

    turned = Signal()

    def __init__(self, sight: Sight, view: QWidget) -> None:
        """``view`` shows what is in ``sight``, and has the keyboard or not."""
        super().__init__(view)
        self.is_cursor_on = True
        self.is_text_off = False
        self._sight, self._view = sight, view
        self._turns = 0
        self._timer = QTimer(self, interval=CURSOR_MS)
        self._timer.timeout.connect(self._on_turn)

    def begin_anew(self) -> None:
        """Somebody types: the cursor is seen from now on, and blinks for a while."""
        self.is_cursor_on, self._turns = True, 0
        self.keep_time()

    def keep_time(self) -> None:
        """Go on, begin or stop, by what is in sight and how the view stands now."""
        is_followed = self._is_cursor_blinking() and self._view.hasFocus() and self._turns < _TURNS
        wanted = is_followed or self._sight.has_blinking
        if not wanted or theme.is_motion_reduced() or not self._view.isVisible():
            self._timer.stop()
            self.is_cursor_on = True
            if self.is_text_off:
                self.is_text_off = False
                self._sight.repaint_blinking()
        elif not self._timer.isActive():
            self._timer.start()

    def stop(self) -> None:
        """Nobody sees it."""
        self._timer.stop()

    def _is_cursor_blinking(self) -> bool:
        """Whether the cursor is to blink: never against the person's will, else as the program says."""
        terminal = self._sight.terminal
        is_asked = terminal.is_cursor_blinking or terminal.screen.cursor_style == 0
        return is_asked and self._sight.look.is_cursor_blinking

    def _on_turn(self) -> None:
        self._turns += 1
        is_followed = self._is_cursor_blinking() and self._turns < _TURNS
        self.is_cursor_on = not self.is_cursor_on if is_followed else True
        if self._sight.has_blinking:
            self.is_text_off = not self.is_text_off
        self.turned.emit()
