"""What the fake gateway answers about shared servers: one that is there to be found, and what was signed in to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from machina_desktop.core.domain.account import Registration
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.server import Connection, FoundServer, Server, ServerStatus
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound, Unauthenticated, Unavailable
from machina_desktop.core.events import ConnectionChanged
from machina_desktop.core.ids import now
from machina_desktop.core.services import handing_over, moving, servers
from tests.fakes.people_answers import CODE
from tests.fakes.people_rows import HOME
from tests.fakes.rows import AT

if TYPE_CHECKING:
    from tests.fakes.gateway import FakeGateway

PASSWORD = "correct horse battery staple"
EMAIL = "ada@example.org"
SERVER_ID = "server-01home"
DEVICE_ID = "device-01laptop"
FINGERPRINT = "3f9c" * 8


def server(**fields: Any) -> Server:
    """The server of the tests, which Ada is signed in to."""
    made: dict[str, Any] = {
        "server_id": SERVER_ID,
        "url": HOME,
        "user_id": "user-90ada",
        "email": EMAIL,
        "display_name": "Ada Lovelace",
        "session_id": "session-01home",
        "device_id": DEVICE_ID,
        "connected_at": AT,
    }
    return Server(**{**made, **fields})


def status(connection: Connection = Connection.LIVE, **fields: Any) -> ServerStatus:
    """How the line to it is."""
    reason = "" if connection is Connection.LIVE else "The server does not answer."
    since = now() - timedelta(minutes=7)
    return ServerStatus(**{"server": server(), "connection": connection, "reason": reason, "since": since, **fields})


def intent(number: int = 1, state: IntentState = IntentState.WAITING, **fields: Any) -> Intent:
    """An edit that waits, or what became of it: of the notes of a machine."""
    is_refused = state is IntentState.REFUSED
    at: datetime = now() - timedelta(minutes=9 - number)
    made: dict[str, Any] = {
        "op_id": f"op-{number:02}",
        "team_id": "team-01acme",
        "number": number,
        "name": "UpdateMachine",
        "ask": "{}",
        "entity": "machine",
        "entity_id": "machine-01",
        "title": "web-1",
        "seen": {"notes": "Runs the shop.\nAsk Grace first.", "tags": ["prod"]},
        "ours": {"notes": "Runs the shop.\nAsk Linus first.\nRestart at night.", "tags": ["prod", "shop"]},
        "theirs": {"notes": "Runs the shop.\nAsk Grace or Ken first.", "tags": ["prod"]} if is_refused else {},
        "state": state,
        "error_code": "E-EDITED-MEANWHILE" if is_refused else "",
        "error_message": "Somebody else has changed web-1 meanwhile." if is_refused else "",
        "error_hint": "Look at both and decide." if is_refused else "",
        "made_at": at,
        "settled_at": now() if state is not IntentState.WAITING else None,
    }
    return Intent(**{**made, **fields})


class ServerAnswers:
    """Answers, and the state they are made from.

    Attributes:
        found: What answers at any address but ``nowhere.example.org``.
        statuses: The servers this computer is signed in to.
        intents: The outbox.
        taken_handle: A handle that a team at the server has already.
    """

    def __init__(self, gateway: FakeGateway) -> None:
        self._gateway = gateway
        self.found = FoundServer(
            url=HOME, is_plain=False, version="0.4.0", registration=Registration.INVITE, has_accounts=True
        )
        self.statuses: tuple[ServerStatus, ...] = ()
        self.intents: tuple[Intent, ...] = ()
        self.taken_handle = ""

    def answers(self) -> dict[type[Any], Callable[[Any], object]]:
        """A function for each kind of request."""
        return {
            servers.ListServers: lambda _ask: self.statuses,
            servers.ProbeServer: self._probe,
            servers.SignInAtServer: self._sign_in,
            servers.RegisterAtServer: self._register,
            servers.JoinAtServer: self._join,
            servers.CreateTeamAtServer: self._create_team,
            servers.SignOutOfServer: lambda ask: self._forget(ask.server_id),
            servers.ReconnectServer: lambda ask: self.tell(Connection.CONNECTING, ask.server_id),
            servers.ListIntents: self._list_intents,
            servers.RetryIntent: self._retry,
            servers.DismissIntent: lambda ask: self._settle(ask.op_id),
            handing_over.ShareSecret: lambda ask: self._set_custody(ask, Custody.SERVER),
            handing_over.StopSharingSecret: lambda ask: self._set_custody(ask, Custody.LOCAL),
            handing_over.HandOver: self._hand_over,
            handing_over.TrustRunnerKey: self._trust,
            moving.MoveTeam: self._move,
        }

    def tell(self, connection: Connection, server_id: str = SERVER_ID, **fields: Any) -> None:
        """The line to a server is another one from now on."""
        kept = tuple(each for each in self.statuses if each.server.server_id != server_id)
        known = next((each.server for each in self.statuses if each.server.server_id == server_id), server())
        self.statuses = (*kept, status(connection, server=known, **fields))
        self._gateway.bus.publish(ConnectionChanged(server_id, connection.value))

    def put(self, *intents: Intent) -> None:
        """The outbox holds these from now on."""
        self.intents = intents
        waiting = sum(each.state is IntentState.WAITING for each in intents)
        refused = sum(each.state.wants_attention for each in intents)
        self.statuses = tuple(replace(each, waiting=waiting, refused=refused) for each in self.statuses)
        for each in self.statuses:
            self._gateway.bus.publish(ConnectionChanged(each.server.server_id, each.connection.value))

    def _probe(self, ask: servers.ProbeServer) -> FoundServer:
        if "nowhere" in ask.url:
            raise Unavailable("There is no server at this address.", hint="Check how it is spelled.", code="E-NO-HOST")
        return replace(self.found, url=ask.url, is_plain=ask.url.startswith("http:") and "127.0.0.1" not in ask.url)

    def _sign_in(self, ask: servers.SignInAtServer) -> Server:
        if ask.password.reveal() != PASSWORD:
            raise Unauthenticated("Address or password is wrong.", hint="Try again.", code="E-LOGIN")
        made = server(url=ask.url, email=ask.email)
        self.statuses = (status(server=made),)
        self._gateway.bus.publish(ConnectionChanged(made.server_id, Connection.LIVE.value))
        return made

    def _register(self, ask: servers.RegisterAtServer) -> Server:
        if self.found.registration is Registration.INVITE and self.found.has_accounts and ask.code.reveal() != CODE:
            raise InvalidInput("This code lets nobody in.", field="code", code="E-INVITE")
        if ask.email == "taken@example.org":
            raise Conflict("This address has an account already.", hint="Sign in instead.", code="E-EMAIL-TAKEN")
        made = server(url=ask.url, email=ask.email, display_name=ask.display_name)
        self.statuses = (status(server=made),)
        self._gateway.bus.publish(ConnectionChanged(made.server_id, Connection.LIVE.value))
        return made

    def _join(self, ask: servers.JoinAtServer) -> Team:
        if ask.code.reveal() != CODE:
            raise InvalidInput("This code lets nobody in.", field="code", code="E-INVITE")
        return self._bring("team-09nord", "Nordlicht", "nord", ask.server_id)

    def _create_team(self, ask: servers.CreateTeamAtServer) -> Team:
        if ask.handle == "taken":
            raise Conflict("The handle taken is taken.", hint="Choose another handle.", code="E-HANDLE-TAKEN")
        return self._bring("team-10new", ask.name, ask.handle, ask.server_id)

    def _bring(self, team_id: str, name: str, handle: str, server_id: str) -> Team:
        home = next(each.server.url for each in self.statuses if each.server.server_id == server_id)
        roles = (*self._gateway.actor.team_roles, (team_id, TeamRole.MEMBER))
        self._gateway.actor = replace(self._gateway.actor, team_roles=roles)
        at = now()
        made = Team(team_id=team_id, name=name, handle=handle, home=home, created_by="", created_at=at, updated_at=at)
        return self._gateway.put(made)

    def _forget(self, server_id: str) -> None:
        self.statuses = tuple(each for each in self.statuses if each.server.server_id != server_id)
        self.intents = ()
        self._gateway.bus.publish(ConnectionChanged(server_id, Connection.SIGNED_OUT.value))

    def _list_intents(self, ask: servers.ListIntents) -> tuple[Intent, ...]:
        return tuple(
            each for each in self.intents if ask.team_id in {"", each.team_id} and ask.state in {None, each.state}
        )

    def _retry(self, ask: servers.RetryIntent) -> Intent:
        return replace(self._settle(ask.op_id), op_id=f"{ask.op_id}-again", state=IntentState.WAITING)

    def _settle(self, op_id: str) -> Intent:
        found = next((each for each in self.intents if each.op_id == op_id), None)
        if found is None:
            raise NotFound("The edit is not here any more.")
        self.put(*(each for each in self.intents if each.op_id != op_id))
        return found

    def _set_custody(
        self, ask: handing_over.ShareSecret | handing_over.StopSharingSecret, custody: Custody
    ) -> handing_over.CustodyChanged:
        shape: type[Any] = ProviderAccount if ask.account_id else SSHKey
        record_id = ask.account_id or ask.key_id
        self._gateway.put(replace(self._gateway.get(shape, record_id), custody=custody))
        advice = handing_over.SHARED if custody is Custody.SERVER else handing_over.STOPPED
        return handing_over.CustodyChanged(record_id=record_id, custody=custody, advice=advice)

    def _hand_over(self, ask: handing_over.HandOver) -> Machine:
        return self._gateway.put(replace(self._gateway.get(Machine, ask.machine_id), state_keeper=""))

    def _move(self, ask: moving.MoveTeam) -> Team:
        if ask.server_id and self.taken_handle and ask.handle in {"", self.taken_handle}:
            raise Conflict("The handle is taken there.", hint="Choose another one.", code="E-HANDLE-TAKEN")
        home = next((each.server.url for each in self.statuses if each.server.server_id == ask.server_id), "")
        row = self._gateway.get(Team, ask.team_id)
        return self._gateway.put(replace(row, home=home, handle=ask.handle or row.handle))

    def _trust(self, ask: handing_over.TrustRunnerKey) -> None:
        if ask.fingerprint != FINGERPRINT:
            raise Conflict("The server shows another key than that; nothing was changed.", code="E-RUNNER-KEY")
