"""Servers at the edges of the window: status line, banner, list, badge, toasts, commands, the settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from machina_desktop.core.domain.intent import IntentState
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.team import Team
from machina_desktop.core.services import teams
from machina_desktop.core.services.servers import ReconnectServer, SignOutOfServer
from machina_desktop.views.apps.settings import SettingsPage
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.outbox_dialog import OutboxDialog
from machina_desktop.views.popup import Popup, PopupRow
from machina_desktop.views.server_card import ServerCard
from machina_desktop.views.server_trust import TrustKeyDialog
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.text import Label
from tests.fakes.gateway import FakeGateway, turn, until
from tests.fakes.people_rows import HOME, team
from tests.fakes.rows import TEAM_ID
from tests.fakes.server_answers import FINGERPRINT, SERVER_ID, intent, server, status
from tests.fakes.shell import Open, Opened, filled


def shared(connection: Connection = Connection.LIVE, **fields: object) -> Callable[[FakeGateway], object]:
    """A gateway whose team lives on a server."""

    def prepare(gateway: FakeGateway) -> None:
        row = team(home=HOME)
        gateway.rows[Team][TEAM_ID] = row
        gateway.servers.statuses = (status(connection, **fields),)
        gateway.answers[teams.ListTeams] = lambda _ask: (row,)

    return prepare


async def opened(open_window: Open, prepare: Callable[[FakeGateway], object]) -> Opened:
    return await filled(open_window(prepare=prepare))


async def test_without_a_server_the_line_at_the_bottom_says_nothing_of_one(open_window: Open) -> None:
    made = await filled(open_window())
    await turn()
    assert not made.window.status.servers.is_wanted()
    assert not made.desk.servers.banner.isVisible()


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (Connection.LIVE, "Live"),
        (Connection.OFFLINE, "Offline since"),
        (Connection.SIGNED_OUT, "Sign in again"),
        (Connection.OUTDATED, "Versions differ"),
    ],
)
async def test_the_line_at_the_bottom_tells_how_the_server_is(
    open_window: Open, connection: Connection, said: str
) -> None:
    made = await opened(open_window, shared(connection))
    await until(lambda: made.window.status.servers.text().startswith(said))


async def test_a_team_whose_home_is_away_says_so_above_its_pages(open_window: Open) -> None:
    made = await opened(open_window, shared(Connection.OFFLINE, waiting=2))
    banner = made.desk.servers.banner
    await until(banner.isVisible)
    assert "2 edits wait" in banner.text()
    assert "runs need the server" in banner.text()
    QTest.mouseClick(banner.button, Qt.MouseButton.LeftButton)
    await until(lambda: made.gateway.asked_of(ReconnectServer))
    made.gateway.servers.tell(Connection.LIVE)
    await until(lambda: not banner.isVisible())
    assert made.window.sidebar.sync.text() == "machina.example.org"


async def test_a_session_that_has_ended_leads_to_signing_in_again(open_window: Open) -> None:
    made = await opened(open_window, shared(Connection.SIGNED_OUT))
    await until(made.desk.servers.banner.isVisible)
    QTest.mouseClick(made.desk.servers.banner.button, Qt.MouseButton.LeftButton)
    await until(lambda: made.window.findChild(ConnectDialog))
    dialog = made.window.findChild(ConnectDialog)
    assert dialog is not None
    await until(lambda: dialog.windowTitle() == "Sign in again")
    dialog.reject()


async def test_the_list_of_servers_leads_to_edits_and_settings(open_window: Open) -> None:
    made = await opened(open_window, shared(Connection.OFFLINE))
    made.gateway.servers.put(intent(1), intent(2, IntentState.REFUSED))
    await until(lambda: "1 edit needs you" in made.window.status.servers.text())
    made.window.status.servers.click()
    await until(lambda: isinstance(QApplication.activePopupWidget(), Popup))
    popup = made.desk.servers.popup
    assert popup is not None
    assert [row.accessibleName().partition(",")[0] for row in popup.rows()] == [
        "machina.example.org",
        "Try now",
        "1 edit waits · 1 edit needs you",
        "Connect to a server…",
    ]
    edits = popup.findChild(PopupRow, "server.popup.edits")
    assert edits is not None
    edits.click()
    await until(lambda: made.window.findChild(OutboxDialog))


async def test_an_edit_that_is_refused_is_told_once_and_counted(open_window: Open) -> None:
    made = await opened(open_window, shared())
    made.gateway.servers.put(intent(1))
    await until(lambda: "1 edit waits" in made.window.status.servers.text())
    made.gateway.servers.put(intent(1, IntentState.REFUSED))
    await until(made.toasts)
    assert made.toasts() == ["The server did not take your edit of web-1"]
    assert made.window.sidebar.entry("teams").badge() == 1
    made.window.notices.dismiss_all()
    made.gateway.servers.put(intent(1, IntentState.REFUSED), intent(2))
    await until(lambda: "1 edit waits" in made.window.status.servers.text())
    assert made.toasts() == []


async def test_what_was_refused_before_the_window_opened_is_counted_only(open_window: Open) -> None:
    def prepare(gateway: FakeGateway) -> None:
        shared()(gateway)
        gateway.servers.put(intent(1, IntentState.REFUSED))

    made = await opened(open_window, prepare)
    await until(lambda: made.window.sidebar.entry("teams").badge() == 1)
    assert made.toasts() == []


async def test_the_palette_connects_and_shows_the_edits(open_window: Open) -> None:
    made = await opened(open_window, shared(Connection.OFFLINE))
    await until(made.window.status.servers.is_wanted)
    titles = {command.title for command in made.window.commands.available()}
    assert {"Connect to a server…", "Reconnect to machina.example.org"} <= titles
    assert made.window.commands.run("outbox.show")
    dialog = made.window.findChild(OutboxDialog)
    assert dialog is not None
    assert dialog.empty.isVisible()
    dialog.reject()


class TestSettings:
    async def _page(self, made: Opened) -> SettingsPage:
        made.window.open_app("settings", "servers")
        await until(lambda: isinstance(made.window.pages.page(), SettingsPage))
        page = made.window.pages.page()
        assert isinstance(page, SettingsPage)
        return page

    async def test_without_a_server_it_says_what_one_is_good_for(self, open_window: Open) -> None:
        page = await self._page(await filled(open_window()))
        await until(page.servers.empty.isVisible)
        assert page.servers.cards() == ()

    async def test_a_card_tells_account_state_and_teams(self, open_window: Open) -> None:
        page = await self._page(await opened(open_window, shared(Connection.OFFLINE)))
        await until(page.servers.cards)
        (card,) = page.servers.cards()
        said = " ".join(label.text() for label in card.findChildren(Label))
        assert "ada@example.org" in said
        assert "The server does not answer." in said
        await until(lambda: card.findChild(QAbstractButton, f"settings.server.team.{TEAM_ID}"))
        assert card.reconnect.isVisible()
        assert not card.sign_in.isVisible()

    async def test_details_ask_the_server_for_its_version(self, open_window: Open) -> None:
        page = await self._page(await opened(open_window, shared()))
        await until(page.servers.cards)
        (card,) = page.servers.cards()
        card.details.set_open(True)
        await until(lambda: _value(card, "version") == "0.4.0")
        assert _value(card, "device") == server().device_id

    async def test_a_new_key_of_the_runners_is_trusted_by_its_fingerprint_only(self, open_window: Open) -> None:
        made = await opened(open_window, shared())
        page = await self._page(made)
        await until(lambda: page.servers.cards() and not page.servers.cards()[0].trust.isHidden())
        page.servers.cards()[0].trust.click()
        dialog = made.window.findChild(TrustKeyDialog)
        assert dialog is not None
        for typed, told in (("not one", "32 digits"), ("00" * 16, "another key")):
            dialog.fingerprint.set_text(typed)
            dialog.primary.click()
            await until(lambda told=told: told in dialog.fingerprint.error())
        dialog.fingerprint.set_text(" ".join(FINGERPRINT[at : at + 4].upper() for at in range(0, 32, 4)))
        dialog.primary.click()
        await until(lambda: "The runners' new key is trusted" in made.toasts())

    async def test_signing_out_names_unsent_edits_first(self, open_window: Open) -> None:
        made = await opened(open_window, shared())
        made.gateway.servers.put(intent(1, title="db-primary"))
        page = await self._page(made)
        await until(lambda: page.servers.cards() and "1 edit waits" in page.servers.cards()[0]._edits.text())
        page.servers.cards()[0].sign_out.click()
        await until(lambda: made.window.findChild(ConfirmDialog, "sign_out"))
        question = made.window.findChild(ConfirmDialog, "sign_out")
        assert question is not None
        losses = [label.text() for label in question.findChildren(Label) if label.text().startswith("–")]
        assert "db-primary" in losses[0]
        assert "Personal" in losses[1]
        assert made.gateway.asked_of(SignOutOfServer) == []
        question.primary.click()
        await until(lambda: [ask.server_id for ask in made.gateway.asked_of(SignOutOfServer)] == [SERVER_ID])
        await until(page.servers.empty.isVisible)


def _value(card: ServerCard, key: str) -> str:
    widget = card._facts.widget(key)
    return widget.text()  # type: ignore[attr-defined, no-any-return]
