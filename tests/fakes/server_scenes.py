"""Scenes of shared servers: connecting, the settings, the line at the bottom, a team that is away, edits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QWidget

from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.intent import IntentState
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType, WizardStep
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.team import Team
from machina_desktop.core.services import teams
from machina_desktop.views.apps.key_dialogs import GenerateKeyDialog
from machina_desktop.views.apps.provider_dialog import AddAccountDialog
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.deploy_wizard import DeployWizard
from machina_desktop.views.outbox_dialog import OutboxDialog
from machina_desktop.views.popup import Popup
from machina_desktop.views.server_move import BringHomeDialog, MoveToServerDialog
from machina_desktop.views.server_sign_out import ask_to_sign_out
from machina_desktop.views.server_trust import TrustKeyDialog
from machina_desktop.views.team_dialog import NewTeamDialog
from tests.fakes.gateway import until
from tests.fakes.house import House, Scene, inspector
from tests.fakes.people_answers import CODE
from tests.fakes.people_rows import HOME, team
from tests.fakes.rows import TEAM_ID
from tests.fakes.server_answers import DEVICE_ID, EMAIL, PASSWORD, intent, server, status

SECOND = "https://lab.example.net:8443"
# What comes from servers, or is an example of it.
TEXTS = (
    *("machina.example.org", "lab.example.net:8443", "old.example.com", "ada@example.org", "acme", "ada-laptop"),
    f"{CODE}?server={HOME}",
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


def keep_here(house: House) -> None:
    """Share the team; this computer keeps every secret and works on every machine."""
    share(house)
    for shape, id_field in ((ProviderAccount, "provider_account_id"), (SSHKey, "ssh_key_id"), (Machine, "machine_id")):
        for each in house.gateway.all(shape):
            kept = {"state_keeper": DEVICE_ID} if isinstance(each, Machine) else {"keeper": DEVICE_ID}
            house.gateway.rows[shape][getattr(each, id_field)] = replace(each, **kept)


def share_all(house: House) -> None:
    """As `keep_here`, with the server's runner able to open everything."""
    keep_here(house)
    for shape, id_field in ((ProviderAccount, "provider_account_id"), (SSHKey, "ssh_key_id")):
        for each in house.gateway.all(shape):
            house.gateway.rows[shape][getattr(each, id_field)] = replace(each, custody=Custody.SERVER)


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


def _kept(entity: str, prepare: Callable[[House], None], button: str = "") -> Scene:
    """The inspector on something this computer keeps; with ``button`` the question it asks."""

    async def scene(house: House) -> QWidget:
        prepare(house)
        if entity == "machine":
            # One that can be handed over.
            row = next(each for each in house.gateway.all(Machine) if each.provider is ProviderType.HETZNER)
            await house.open(app="machines")
            house.window.inspect("machine", row.machine_id)
            await house.rest()
            dock: QWidget = next(dock for dock in house.window.inspectors.docks() if dock.isVisible())
        else:
            dock = await inspector(house, entity)
        if not button:
            return dock
        found = dock.findChild(QAbstractButton, button)
        assert found is not None, f"there is no {button}"
        found.click()
        return await house.dialog()

    return scene


def _asking(app: str, button: str) -> Scene:
    """A dialog that asks who keeps the secret."""

    async def scene(house: House) -> QWidget:
        keep_here(house)
        page = await house.page(app)
        found = page.findChild(QAbstractButton, button)
        assert found is not None, f"there is no {button}"
        found.click()
        return await house.dialog()

    return scene


def _reviewing(account: str, prepare: Callable[[House], None]) -> Scene:
    async def scene(house: House) -> QWidget:
        prepare(house)
        await house.open()
        house.window.open_deploy_wizard()
        wizard = await house.dialog()
        state = wizard._state  # type: ignore[attr-defined]
        await until(lambda: state.is_ready)
        state.change(account_id=account)
        await house.rest()
        visited = tuple(each for each in WizardStep if not state.skip_reason(each))
        state.change(step=WizardStep.REVIEW, visited=visited, host="203.0.113.7", key_ids=("key-laptop",))
        await house.rest()
        return wizard

    return scene


def _nothing(_told: object) -> None:
    """Nobody is told."""


def _sign_out(house: House) -> QDialog:
    return ask_to_sign_out(house.bridge, server(), tell=house.window.notify, parent=house.window)


_SCREENS = ("address", "exposed", "nowhere", "sign in", "register", "team", "found", "copy")
SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    **{f"server connect {screen}": (ConnectDialog, connecting(screen)) for screen in _SCREENS},
    "server sign in again": (ConnectDialog, _again),
    "server edits": (OutboxDialog, _edits),
    "server edits none": (OutboxDialog, _dialog(lambda h: OutboxDialog(h.bridge, parent=h.window))),
    "server move": (
        MoveToServerDialog,
        _dialog(lambda h: MoveToServerDialog(h.bridge, team(home=""), tell=_nothing, parent=h.window)),
    ),
    "server bring home": (
        BringHomeDialog,
        _dialog(lambda h: BringHomeDialog(h.bridge, team(home=HOME), people=5, tell=_nothing, parent=h.window)),
    ),
    "server trust key": (
        TrustKeyDialog,
        _dialog(lambda h: TrustKeyDialog(h.bridge, server(), TEAM_ID, parent=h.window)),
    ),
    "server new team": (NewTeamDialog, _dialog(lambda h: NewTeamDialog(h.bridge, parent=h.window))),
    "server list": (Popup, _list),
    "server add account": (AddAccountDialog, _asking("providers", "providers.add")),
    "server generate key": (GenerateKeyDialog, _asking("keys", "keys.generate")),
    "server review": (DeployWizard, _reviewing("account-hetzner", share_all)),
    "server review here": (DeployWizard, _reviewing("account-hetzner", keep_here)),
}
SCENES: dict[str, Scene] = {
    "server settings": _settings,
    "server settings none": _no_server,
    "server sign out": _dialog(_sign_out),
    "server teams": _teams,
    "server team": _kept("team", share),
    "server account": _kept("provider_account", keep_here),
    "server key": _kept("ssh_key", share_all),
    "server machine": _kept("machine", keep_here),
    "server deployment": _kept("deployment", keep_here),
    "server share": _kept("provider_account", keep_here, "provider_account.share"),
    "server stop sharing": _kept("ssh_key", share_all, "key.stop_sharing"),
    "server hand over": _kept("machine", keep_here, "machine.hand_over"),
    **{f"server team {each.value}": _away(each) for each in Connection},
}
