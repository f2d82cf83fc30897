"""Scenes of shared servers: connecting, the settings, the line at the bottom, a team that is away, edits."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QApplication, QDialog, QWidget

from machina_desktop.core.domain.intent import IntentState
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.team import Team
from machina_desktop.core.services import teams
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.outbox_dialog import OutboxDialog
from machina_desktop.views.popup import Popup
from machina_desktop.views.server_sign_out import ask_to_sign_out
from tests.fakes.gateway import until
from tests.fakes.house import House, Scene
from tests.fakes.people_rows import HOME, team
from tests.fakes.rows import TEAM_ID
from tests.fakes.server_answers import EMAIL, PASSWORD, intent, server, status

SECOND = "https://lab.example.net:8443"
# What comes from servers, or is an example of it.
TEXTS = (
    *("machina.example.org", "lab.example.net:8443", "old.example.com", "ada@example.org", "acme", "ada-laptop"),
    *("There is no server at this address.", "Check how it is spelled.", "Nordlicht"),
    *("Runs the shop.", "Ask Linus first.", "Restart at night.", "Ask Grace or Ken first.", "Ask Grace first."),
)


def share(house: House, connection: Connection = Connection.LIVE, **fields: object) -> None:
    """Let the team in view live on a server, and the line to it be as it is named."""
    shared = team(home=HOME)
    house.gateway.rows[Team][TEAM_ID] = shared
    house.gateway.answers[teams.ListTeams] = lambda _ask: (shared,)
    house.gateway.servers.statuses = (status(connection, **fields),)


def fill_outbox(house: House) -> None:
    """One edit waits, one was refused, one lost."""
    house.gateway.servers.put(
        intent(1),
        intent(2, IntentState.REFUSED, title="db-primary"),
        intent(3, IntentState.LOST, title="cache-1"),
    )


def connecting(screen: str) -> Scene:
    """The dialog that connects, on one of its screens."""

    async def scene(house: House) -> QWidget:
        await house.open()
        text = {"address": "", "exposed": "http://nas.local:8000", "nowhere": "nowhere.example.org"}.get(screen, HOME)
        dialog = ConnectDialog(house.bridge, text=text, parent=house.window)
        dialog.open()
        await house.rest()
        if screen == "register":
            dialog._identity._modes.set_current("register")
        elif screen in {"team", "found", "copy"}:
            dialog._identity.email.set_text(EMAIL)
            dialog._identity.password.set_text(PASSWORD)
            dialog.primary.click()
            await house.rest()
        if screen == "found":
            dialog._team.choose("found")
        elif screen == "copy":
            dialog._copying("Nordlicht")
        return await house.dialog()

    return scene


async def _again(house: House) -> QWidget:
    await house.open()
    ConnectDialog(house.bridge, again=server(), parent=house.window).open()
    return await house.dialog()


async def _edits(house: House) -> QWidget:
    share(house)
    fill_outbox(house)
    await house.open()
    OutboxDialog(house.bridge, parent=house.window).open()
    return await house.dialog()


def _dialog(make: Callable[[House], QDialog], connection: Connection = Connection.LIVE) -> Scene:
    async def scene(house: House) -> QWidget:
        share(house, connection)
        await house.open()
        await until(lambda: house.desk is not None and house.desk.servers.banner.window() is house.window)
        await house.rest()
        make(house).open()
        return await house.dialog()

    return scene


async def _settings(house: House) -> QWidget:
    share(house)
    house.gateway.servers.statuses = (
        status(),
        status(Connection.OFFLINE, server=server(server_id="server-02lab", url=SECOND), waiting=2, refused=1),
        status(
            Connection.SIGNED_OUT,
            server=server(server_id="server-03old", url="https://old.example.com", session_id=""),
            reason="The session has ended.",
        ),
    )
    page = await house.page("settings")
    house.window.open_app("settings", "servers")
    await house.front()
    for card in page.servers.cards()[:1]:  # type: ignore[attr-defined]
        card.details.set_open(True)
    await house.rest()
    return page


async def _no_server(house: House) -> QWidget:
    page = await house.page("settings")
    house.window.open_app("settings", "servers")
    await house.front()
    return page


def _away(connection: Connection, app: str = "machines") -> Scene:
    async def scene(house: House) -> QWidget:
        share(house, connection, waiting=2)
        house.gateway.servers.put(intent(1), intent(2))
        await house.open(app=app)
        await house.rest()
        return house.window

    return scene


async def _list(house: House) -> QWidget:
    share(house, Connection.OFFLINE)
    fill_outbox(house)
    await house.open()
    await until(house.window.status.servers.isVisible)
    house.window.status.servers.click()
    await until(QApplication.activePopupWidget)
    await house.rest()
    card = QApplication.activePopupWidget()
    assert card is not None
    return card


async def _teams(house: House) -> QWidget:
    share(house)
    fill_outbox(house)
    return await house.page("teams")


def _sign_out(house: House) -> QDialog:
    return ask_to_sign_out(house.bridge, server(), tell=house.window.notify, parent=house.window)


_SCREENS = ("address", "exposed", "nowhere", "sign in", "register", "team", "found", "copy")
SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    **{f"server connect {screen}": (ConnectDialog, connecting(screen)) for screen in _SCREENS},
    "server sign in again": (ConnectDialog, _again),
    "server edits": (OutboxDialog, _edits),
    "server edits none": (OutboxDialog, _dialog(lambda h: OutboxDialog(h.bridge, parent=h.window))),
    "server list": (Popup, _list),
}
SCENES: dict[str, Scene] = {
    "server settings": _settings,
    "server settings none": _no_server,
    "server sign out": _dialog(_sign_out),
    "server teams": _teams,
    **{f"server team {each.value}": _away(each) for each in Connection},
}
