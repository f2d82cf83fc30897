"""Signing out of a server: what is lost is named first, edits that were never sent above all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.intent import Intent
from machina_desktop.core.domain.server import Server
from machina_desktop.core.services.servers import SignOutOfServer
from machina_desktop.views import tasks
from machina_desktop.views.server_watch import ServerWatch, servers_of
from machina_desktop.views.server_words import host_of
from machina_desktop.views.widgets.dialogs import ConfirmDialog

_NAMED = 4


def ask_to_sign_out(bridge: Bridge, server: Server, *, tell: Callable[[str], None], parent: QWidget) -> ConfirmDialog:
    """Ask, and sign out when the person says so; ``tell`` is told in words that it is done."""
    watch, host = servers_of(bridge), host_of(server.url)
    dialog = ConfirmDialog(
        _tr("Sign out of {0}?").format(host),
        losses=tuple(_losses(watch, server)),
        confirm=_tr("Sign out"),
        parent=parent,
    )
    dialog.setObjectName("sign_out")
    dialog.primary.setObjectName("sign_out.confirm")
    dialog.cancel.setObjectName("sign_out.cancel")

    def signed_out(_none: None) -> None:
        watch.refresh()
        tell(_tr("You are signed out of {0}").format(host))

    def sign_out() -> None:
        # The page with the card may be gone before the answer is.
        ask = SignOutOfServer(server_id=server.server_id)
        tasks.ask(bridge, ask, owner=bridge, done=signed_out)

    dialog.accepted.connect(sign_out)
    dialog.open()
    return dialog


def _losses(watch: ServerWatch, server: Server) -> Iterator[str]:
    teams = watch.teams_at(server.url)
    ids = {team.team_id for team in teams}
    if unsent := tuple(each for each in watch.intents if each.team_id in ids):
        yield _tr("Edits the server does not have are lost: {0}.").format(_named(unsent))
    if teams:
        yield _tr("{0} and everything of it goes from this computer; on the server all stays as it is.").format(
            _listed(tuple(team.name for team in teams))
        )
    yield _tr("Credentials and private keys that only this computer keeps for it are wiped.")


def _named(intents: tuple[Intent, ...]) -> str:
    return _listed(tuple(dict.fromkeys(each.title or each.entity_id for each in intents)))


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return _tr("{0} and {1} more").format(shown, more) if more > 0 else shown


def _tr(text: str) -> str:
    return QCoreApplication.translate("Servers", text)
