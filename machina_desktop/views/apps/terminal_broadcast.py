"""Broadcast input on the Terminal page: its button, its bar, its commands, and the questions before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.views.apps.base import Window
from machina_desktop.views.commands import Command
from machina_desktop.views.terminal.broadcast import Around, Broadcast, Consent, Reach
from machina_desktop.views.terminal.broadcast_bar import STOP_KEYS, BroadcastBar
from machina_desktop.views.terminal.broadcast_consent import consent_dialog
from machina_desktop.views.terminal.environment_look import environment_title
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.target_list import Target, TargetsDialog
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.menus import Menu


class TerminalBroadcast(QObject):
    """The one broadcast of all windows with terminals, and the questions before it goes further.

    Attributes:
        around: What there is.
        broadcast: Who gets what.

    Signals:
        looked_again(): There may be others to broadcast to.
    """

    looked_again = Signal()

    def __init__(self, around: Around, door: Window, parent: QObject) -> None:
        super().__init__(parent)
        self.around = around
        self.broadcast = Broadcast(around, self)
        self._door = door
        self.broadcast.consent_wanted.connect(self._ask)
        self.broadcast.stopped.connect(self._tell)

    def look_again(self) -> None:
        """Terminals came or went, or machines have other tags."""
        self.broadcast.look_again()
        self.looked_again.emit()

    def _ask(self, consent: Consent) -> None:
        windows = [pane.window() for pane in self.around.panes()]
        over = next((window for window in windows if window.isActiveWindow()), windows[0])
        before = QApplication.focusWidget()
        dialog = consent_dialog(
            consent.groups,
            text=self.tr("Everything typed or pasted in one of these terminals goes to all of them."),
            confirm=self.tr("Broadcast to all of them"),
            parent=over,
        )
        dialog.accepted.connect(consent.agreed)
        if before is not None:
            dialog.finished.connect(before.setFocus)
        dialog.open()

    def _tell(self, why: str) -> None:
        self._door.notify(why, kind="warning", about="broadcast")


class DeckBroadcast(QObject):
    """What one window with terminals has of the broadcast.

    Attributes:
        bar: Goes over the terminals.
        button: Goes beside the tabs.
    """

    def __init__(self, shared: TerminalBroadcast, current: Callable[[], TerminalPane | None], deck: QWidget) -> None:
        super().__init__(deck)
        self.broadcast = shared.broadcast
        self.bar = BroadcastBar(self.broadcast, deck)
        self.button = IconButton("radio", self.tr("Broadcast input"), shortcut=STOP_KEYS, is_checkable=True)
        self.button.setObjectName("terminal.broadcast")
        self._around = shared.around
        self._current = current
        self._deck = deck
        self.button.clicked.connect(lambda _checked=False: self.toggle())
        self.bar.stop_wanted.connect(self.stop)
        self.broadcast.changed.connect(self.show_button)
        shared.looked_again.connect(self.show_button)
        self.bar.show_broadcast()
        self.show_button()

    def toggle(self) -> None:
        """Stop, or let the person say how far input shall go."""
        if self.broadcast.is_on:
            self.stop()
        else:
            self.show_button()
            self._open_menu()

    def stop(self) -> None:
        """Let input go nowhere else, and go back to typing."""
        self.broadcast.stop()
        if (pane := self._current()) is not None:
            pane.view.setFocus()

    def start(self, reach: Reach) -> None:
        """Let input go that far, from the terminal in front."""
        if reach is Reach.CHOSEN:
            self._choose()
        else:
            self.broadcast.start(reach, self._current())
            self._focus()

    def commands(self) -> Iterable[Command]:
        """What can be done about it."""
        is_on = self.broadcast.is_on
        toggle = self.tr("Stop the broadcast") if is_on else self.tr("Broadcast input…")
        yield self._command("broadcast", toggle, self.toggle, lambda: is_on or self.has_several(), keys=STOP_KEYS)
        for reach, title, is_available in (
            (Reach.TAB, self.tr("Broadcast to the terminals of this tab"), self._has_several_here),
            (Reach.ALL, self.tr("Broadcast to all terminals"), self.has_several),
            (Reach.CHOSEN, self.tr("Broadcast to some terminals…"), self.has_several),
        ):
            yield self._command(f"broadcast_{reach}", title, partial(self.start, reach), is_available)

    def _command(
        self, name: str, title: str, run: Callable[[], object], is_available: Callable[[], bool], *, keys: str = ""
    ) -> Command:
        return Command(
            name=f"terminals.{name}",
            title=title,
            group=self.tr("Terminal"),
            icon="radio",
            keys=keys,
            words=self.tr("multiexec several many synchronise"),
            run=run,
            is_available=is_available,
        )

    def has_several(self) -> bool:
        """Whether there is anybody to broadcast to."""
        return len(tuple(self._around.panes())) > 1

    def _has_several_here(self) -> bool:
        pane = self._current()
        return pane is not None and len(tuple(self._around.beside(pane))) > 1

    def _open_menu(self) -> None:
        menu = Menu(self.tr("Broadcast input"), parent=self._deck)
        menu.setObjectName("terminal.broadcast_menu")
        menu.add_heading(self.tr("What is typed here goes to"))
        for reach, title, is_available in (
            (Reach.TAB, self.tr("The terminals of this tab"), self._has_several_here),
            (Reach.ALL, self.tr("All terminals"), self.has_several),
            (Reach.CHOSEN, self.tr("Some terminals…"), self.has_several),
        ):
            menu.add_item(title, partial(self.start, reach), icon_name="radio", is_enabled=is_available())
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.button)

    def _choose(self) -> None:
        panes = {str(index): pane for index, pane in enumerate(self._around.panes())}
        current = self._current()
        beside = set(self._around.beside(current)) if current is not None else set()
        targets = [
            Target(
                key=key,
                title=pane.title if pane.title == pane.place.name else f"{pane.place.name}, {pane.title}",
                detail=environment_title(self._around.environment(pane.place.machine_id)),
                is_ticked=pane in beside or pane in self.broadcast.standings(),
            )
            for key, pane in panes.items()
        ]
        dialog = TargetsDialog(
            self.tr("Broadcast to some terminals"),
            targets,
            text=self.tr("What is typed or pasted in one of them goes to all of them, until it is stopped."),
            primary=self.tr("Broadcast"),
            least=2,
            parent=self._deck.window(),
        )
        dialog.chosen.connect(lambda keys: self.broadcast.start(Reach.CHOSEN, current, [panes[key] for key in keys]))
        dialog.finished.connect(lambda _result: self._focus())
        dialog.open()

    def _focus(self) -> None:
        if (pane := self._current()) is not None:
            pane.view.setFocus()

    def show_button(self) -> None:
        """Show whether it is on, and whether there is anybody to broadcast to."""
        is_on = self.broadcast.is_on
        self.button.setChecked(is_on)
        self.button.set_name(self.tr("Stop the broadcast") if is_on else self.tr("Broadcast input"), STOP_KEYS)
        self.button.setEnabled(is_on or self.has_several())
