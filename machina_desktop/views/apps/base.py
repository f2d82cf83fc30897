"""What an app is: a sidebar entry with a page, and the inspector details it registers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Never, Protocol, overload

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.views.commands import Command, Commands

# The window is painted before the bridge is loaded.
if TYPE_CHECKING:
    from machina_desktop.bridge import Bridge
    from machina_desktop.core.domain.machine import Machine
    from machina_desktop.views.searches import Search


class Window(Protocol):
    """What a page may ask of the window it is in."""

    def inspect(self, entity: str, key: str) -> None:
        """Open the sidekick on an entity that an app registers details for, such as ``machine`` or ``member``."""
        ...

    def is_inspecting(self, entity: str, key: str) -> bool:
        """Whether the sidekick shows that entity now."""
        ...

    def open_app(self, name: str, place: str = "") -> None:
        """Show another app's page; ``place`` is somewhere on it, as `Page.go_to` knows it."""
        ...

    def do(self, app: str, command: str) -> None:
        """Show another app's page and do the command of that name there, as its button would."""
        ...

    def choose_team(self, team_id: str) -> None:
        """Put another team into view, and begin with it at the next start."""
        ...

    def notify(
        self,
        text: str,
        *,
        kind: str = "info",
        action: str = "",
        on_action: Callable[[], None] | None = None,
        about: str = "",
    ) -> None:
        """Show a toast; ``kind`` is ``info``, ``success``, ``warning`` or ``error``.

        It takes the place of an earlier one about the same thing, and goes when the sidekick shows that thing.
        """
        ...

    def open_deploy_wizard(self, *, like: Machine | None = None) -> None:
        """Start, or go on with, deploying a machine; ``like`` another one, everything but the name is chosen."""
        ...

    def offer_commands(self, bridge: Bridge, commands: Commands, window: QWidget) -> None:
        """Give another window a palette of its own commands."""
        ...


class Page(QWidget):
    """One app's page in the centre of the window."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__()
        self.bridge = bridge
        self.window_door = window

    def shown(self) -> None:
        """The page came to the front."""

    def hidden(self) -> None:
        """The page went to the back."""

    def leaving(self) -> None:
        """The program is about to end: remember what matters, and close windows of one's own."""

    def live_shells(self) -> int:
        """How many shells of terminals end with the page."""
        return 0

    def go_to(self, place: str) -> None:
        """Show a place on the page, such as a tab or a row; a place it does not know changes nothing."""

    def commands(self) -> Iterable[Command]:
        """What can be done here now, with the selection where there is one; asked each time."""
        return ()

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        """``Ctrl+F``: put the cursor into the page's search."""


class Detail(QWidget):
    """What the sidekick shows of one entity: header, sections, actions at the foot. Made anew for each entity."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__()
        self.bridge = bridge
        self.window_door = window
        self.key = key

    def commands(self) -> Iterable[Command]:
        """What can be done with this entity now; asked each time."""
        return ()

    def first_focus(self) -> QWidget | None:
        """Where the keyboard begins; ``None`` for the first control there is."""
        return None

    @property
    @abstractmethod
    def title(self) -> str:
        """What the sidekick's header says; it may change, then ``windowTitleChanged`` is emitted."""


class _Title:
    """A text that is given in English and read in the person's language, which is not known when apps are listed."""

    @overload
    def __get__(self, app: None, kind: type[App]) -> Never: ...
    @overload
    def __get__(self, app: App, kind: type[App]) -> str: ...
    def __get__(self, app: App | None, kind: type[App]) -> str:
        if app is None:
            raise AttributeError("title")
        return QCoreApplication.translate("App", app.__dict__["title"])

    def __set__(self, app: App, title: str) -> None:
        app.__dict__["title"] = title


@dataclass(frozen=True, kw_only=True)
class App:
    """One line in :data:`machina_desktop.views.apps.APPS`.

    Attributes:
        name: Identifier, such as ``machines``.
        title: Given in English, read in the language in force.
        icon: Name of a Lucide icon under ``resources/icons``.
        page: Builds the page when it is first opened.
        keys: The shortcut to the page; empty for ``Ctrl`` and its number in the sidebar.
        details: Builds the inspector detail per entity.
        searches: Says what the palette finds of it. May load the app's code, so it is asked late and on a thread.
        commands: Says what can be begun with it from anywhere in the window; asked after ``searches``.
    """

    name: str
    title: _Title = _Title()
    icon: str
    keys: str = ""
    page: Callable[[Bridge, Window], Page]
    details: dict[str, Callable[[Bridge, Window, str], Detail]] = field(default_factory=dict)
    searches: Callable[[], tuple[Search, ...]] = tuple
    commands: Callable[[Window], tuple[Command, ...]] = lambda _window: ()
