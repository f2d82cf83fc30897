"""Shows what a link names: after a look whether it exists, for whoever wrote the link cannot be trusted."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError, NotFound
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import App
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.links import APP, JOIN, Link
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.palette_sources import PaletteSources
from machina_desktop.views.server_watch import servers_of


class LinkOpener(QObject):
    """Opens pages and inspectors of one window."""

    def __init__(self, apps: tuple[App, ...], sources: PaletteSources, *, bridge: Bridge, window: MainWindow) -> None:
        super().__init__(window)
        self._apps, self._sources, self._bridge, self._window = apps, sources, bridge, window

    def open_text(self, text: str) -> None:
        """Show what a link that came from outside names; a toast says why it cannot be shown."""
        try:
            link = Link.parse(text)
        except MachinaError as error:
            self._refuse(error)
            return
        self.open(link)

    def open(self, link: Link) -> None:
        """Show what ``link`` names, if it exists. Waits for the core to have started."""
        if not self._bridge.is_settled:
            self._bridge.settled.connect(lambda: self.open(link), Qt.ConnectionType.SingleShotConnection)
            return
        tasks.run(
            self._bridge,
            self._look_up(link),
            owner=self,
            name="look up a link",
            done=lambda _none: self.show(link),
            failed=self._refuse,
        )

    def show(self, link: Link) -> None:
        """Show what is known to exist: an app's page, or a thing in the inspector beside the page of its app."""
        if link.entity == APP:
            self._window.open_app(link.key, link.place)
            return
        if link.entity == JOIN:
            self._join(link)
            return
        app = next((app for app in self._apps if link.entity in app.details), None)
        if app is not None:
            self._window.open_app(app.name)
            self._window.inspect(link.entity, link.key)

    def _join(self, link: Link) -> None:
        """At the server that the link names; without one, at one that this computer is connected to."""
        if link.server or not servers_of(self._bridge).statuses:
            dialog = ConnectDialog(self._bridge, text=str(link), parent=self._window)
            dialog.team_chosen.connect(self._window.choose_team)
            dialog.open()
        else:
            self._window.open_app("teams", f"join-{link.key}")

    async def _look_up(self, link: Link) -> None:
        if link.entity == APP:
            if all(app.name != link.key for app in self._apps):
                raise NotFound("This Machina has no such page.", hint="It may be newer than this version.")
            return
        if link.entity == JOIN:
            # Whether the code lets anybody in is learnt by using it.
            return
        search = await self._sources.search_for(link.entity)
        if search is None:
            raise NotFound("This Machina cannot show what the link names.", hint="It may be newer than this version.")
        try:
            await search.look_up(self._bridge, link.key)
        except NotFound as error:
            raise NotFound(
                "What the link names does not exist here.",
                hint="It may be gone, or belong to another team or computer.",
            ) from error

    def _refuse(self, error: MachinaError) -> None:
        self._window.notify(
            f"{error.message} {error.hint}".strip(),
            kind="error",
            action=self.tr("Search"),
            on_action=self._search,
            about="link",
        )

    def _search(self) -> None:
        self._window.commands.run("palette.open")
