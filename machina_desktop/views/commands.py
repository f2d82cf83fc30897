"""What a person can do, said once: shortcuts, the palette and the shortcuts page are made from commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget


def _always() -> bool:
    return True


@dataclass(frozen=True)
class KeyHint:
    """Keys that a widget takes by itself while the focus is in it: ``Space``, and what they do there."""

    keys: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """Something the person can do now.

    Attributes:
        name: Identifier, such as ``machine.deploy``; one command per name.
        title: What it does, as a verb: ``Deploy a machine``. Commands on a selection name it: ``Reboot web-1``.
        group: Where lists of commands put it: an app's title, or ``General``.
        run: Does it. Qt thread.
        icon: Name of a Lucide icon.
        keys: The shortcut as portable text, ``Ctrl+K``; empty for none.
        words: Further words to find it by.
        is_available: Whether it can be done now; what cannot is not offered.
        owns_keys: Whether a widget takes the keys by itself, so that they are told but not installed.
    """

    name: str
    title: str
    group: str
    run: Callable[[], object]
    icon: str = "chevron-right"
    keys: str = ""
    words: str = ""
    is_available: Callable[[], bool] = _always
    owns_keys: bool = False


def install_keys(widget: QWidget, commands: Callable[[], Iterable[Command]]) -> None:
    """Let the keys of ``commands`` work while the focus is in ``widget``.

    What has them is asked again at each press, so a command may come and go; the keys stay what they are now.
    """

    def run(keys: str) -> None:
        found = next((each for each in commands() if each.keys == keys and each.is_available()), None)
        if found is not None:
            found.run()

    for keys in {command.keys for command in commands() if command.keys and not command.owns_keys}:
        shortcut = QShortcut(QKeySequence(keys), widget)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(lambda keys=keys: run(keys))


Source = Callable[[], Iterable[Command]]


class Commands(QObject):
    """The commands of one window, with their shortcuts. Sources may come and go with what the window shows.

    Signals:
        changed(): Commands were added.
    """

    changed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._standing: dict[str, Command] = {}
        self._sources: list[Source] = []
        self._side_sources: list[Source] = []

    def add(self, *commands: Command) -> None:
        """Offer ``commands`` as long as the window lives, and install their shortcuts."""
        for command in commands:
            self._standing[command.name] = command
            if command.keys and not command.owns_keys:
                shortcut = QShortcut(QKeySequence(command.keys), self._window)
                shortcut.activated.connect(lambda name=command.name: self.run(name))
        self.changed.emit()

    def add_source(self, source: Source, *, is_about_shown: bool = True) -> None:
        """Ask ``source`` each time for what can be done now, with what is shown or otherwise.

        It installs its shortcuts itself.
        """
        (self._sources if is_about_shown else self._side_sources).append(source)

    def run(self, name: str) -> bool:
        """Do the command of that name; whether it exists and could be done."""
        return _run(name, self.listed())

    def run_shown(self, name: str) -> bool:
        """As `run`, only among the commands on what is shown."""
        return _run(name, self.shown())

    def shown(self) -> tuple[Command, ...]:
        """The commands on what is shown now, page and inspector, also those that cannot be done."""
        return _gathered(self._sources)

    def listed(self) -> tuple[Command, ...]:
        """Every command, also those that cannot be done now; what is about what is shown comes first.

        Where two have one name, the first stands for both.
        """
        return _gathered((*self._sources, self._standing.values, *self._side_sources))

    def available(self) -> tuple[Command, ...]:
        """The commands that can be done now, in the order of `listed`."""
        return tuple(command for command in self.listed() if command.is_available())


def _gathered(sources: Iterable[Source]) -> tuple[Command, ...]:
    found: dict[str, Command] = {}
    for source in sources:
        for command in source():
            found.setdefault(command.name, command)
    return tuple(found.values())


def _run(name: str, commands: Iterable[Command]) -> bool:
    for command in commands:
        if command.name == name and command.is_available():
            command.run()
            return True
    return False
