"""Shared servers, as this computer knows them: signing in, joining teams there, and the edits that wait for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.server import FoundServer, Server, ServerStatus
from machina_desktop.core.domain.team import Actor, Team
from machina_desktop.core.errors import Conflict
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context, Servers
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ListServers(Request[tuple[ServerStatus, ...]]):
    """The servers this computer is signed in to, and how the line to each of them is."""


@dataclass(frozen=True, kw_only=True)
class ProbeServer(Request[FoundServer]):
    """Look whether a server answers at an address as people type it: ``host``, ``host:port`` or a whole URL."""

    url: str


@dataclass(frozen=True, kw_only=True)
class SignInAtServer(Request[Server]):
    """Sign in to a server with the account one has there; the copies of its teams are then made and kept.

    ``device_name`` is what the session is listed as there; empty for this computer's name.
    """

    url: str
    email: str
    password: Secret
    device_name: str = ""


@dataclass(frozen=True, kw_only=True)
class RegisterAtServer(Request[Server]):
    """Make an account at a server and sign in; ``code`` is an invite, where the server wants one."""

    url: str
    email: str
    display_name: str
    password: Secret
    code: Secret = field(default_factory=lambda: Secret(""))
    device_name: str = ""


@dataclass(frozen=True, kw_only=True)
class JoinAtServer(Request[Team]):
    """Join a team of a server with an invite code; answers when the team can be worked with here."""

    server_id: str
    code: Secret


@dataclass(frozen=True, kw_only=True)
class CreateTeamAtServer(Request[Team]):
    """Make a team that lives on a server; answers when it can be worked with here."""

    server_id: str
    name: str
    handle: str


@dataclass(frozen=True, kw_only=True)
class SignOutOfServer(Request[None]):
    """End the session there, if the server can be reached, and remove the copies of its teams from this computer."""

    server_id: str


@dataclass(frozen=True, kw_only=True)
class ReconnectServer(Request[None]):
    """Try the line to a server now instead of in a while."""

    server_id: str


@dataclass(frozen=True, kw_only=True)
class ListIntents(Request[tuple[Intent, ...]]):
    """Edits made here for teams whose home is elsewhere, oldest first; of all teams without ``team_id``."""

    team_id: str = ""
    state: IntentState | None = None


@dataclass(frozen=True, kw_only=True)
class RetryIntent(Request[Intent]):
    """Make an edit that was refused anew, on the rows as they are now; answers the new edit."""

    op_id: str


@dataclass(frozen=True, kw_only=True)
class DismissIntent(Request[None]):
    """Forget an edit that was refused, lost, or still waits; a row it changed here is as its home has it again."""

    op_id: str


@use_case("server.list", "GET /api/device/servers")
async def list_servers(context: Context, _actor: Actor, _ask: ListServers) -> tuple[ServerStatus, ...]:
    """Servers by address."""
    return await _lines(context).statuses()


@use_case("server.probe", "GET /api/device/servers/probe")
async def probe_server(context: Context, _actor: Actor, ask: ProbeServer) -> FoundServer:
    """What is found there, before anything is typed that should not reach a wrong place."""
    return await _lines(context).probe(ask.url)


@use_case("server.sign_in", "POST /api/device/servers", is_audited=False)
async def sign_in_at_server(context: Context, _actor: Actor, ask: SignInAtServer) -> Server:
    """The password goes to the server and is not kept; the session's token is sealed in the vault."""
    return await _lines(context).sign_in(ask.url, ask.email, ask.password, device_name=ask.device_name)


@use_case("server.register", "POST /api/device/servers/accounts", is_audited=False)
async def register_at_server(context: Context, _actor: Actor, ask: RegisterAtServer) -> Server:
    """As signing in, with an account that is made first."""
    return await _lines(context).register(
        ask.url, ask.email, ask.display_name, password=ask.password, code=ask.code, device_name=ask.device_name
    )


@use_case("server.join", "POST /api/device/servers/{server_id}/teams/join", is_audited=False)
async def join_at_server(context: Context, _actor: Actor, ask: JoinAtServer) -> Team:
    """The team's home lets in whoever has the code."""
    return await _lines(context).join(ask.server_id, ask.code)


@use_case("server.create_team", "POST /api/device/servers/{server_id}/teams", is_audited=False)
async def create_team_at_server(context: Context, _actor: Actor, ask: CreateTeamAtServer) -> Team:
    """Whoever makes it is its administrator there."""
    return await _lines(context).create_team(ask.server_id, ask.name, ask.handle)


@use_case("server.sign_out", "DELETE /api/device/servers/{server_id}", is_audited=False)
async def sign_out_of_server(context: Context, _actor: Actor, ask: SignOutOfServer) -> None:
    """What its teams have here is removed, secrets that were typed in here included."""
    await _lines(context).sign_out(ask.server_id)


@use_case("server.reconnect", "POST /api/device/servers/{server_id}/reconnect", is_audited=False)
async def reconnect_server(context: Context, _actor: Actor, ask: ReconnectServer) -> None:
    """It only wakes whoever waits; how it goes is told by the connection's state."""
    await _lines(context).reconnect(ask.server_id)


@use_case("intent.list", "GET /api/device/intents")
def list_intents(tx: Transaction, _actor: Actor, ask: ListIntents) -> tuple[Intent, ...]:
    """In the order they were made; those that were taken are told only when they are asked for."""
    wanted = {"team_id": ask.team_id} if ask.team_id else {}
    shown = (ask.state,) if ask.state else tuple(each for each in IntentState if each is not IntentState.ACCEPTED)
    return tx.list(Intent, wanted, state=shown, order_by="number", limit=ALL)


@use_case("intent.retry", "POST /api/device/intents/{op_id}/retry", is_audited=False)
async def retry_intent(context: Context, _actor: Actor, ask: RetryIntent) -> Intent:
    """The person has seen what their edit would replace."""
    return await _lines(context).retry(ask.op_id)


@use_case("intent.dismiss", "DELETE /api/device/intents/{op_id}", is_audited=False)
async def dismiss_intent(context: Context, _actor: Actor, ask: DismissIntent) -> None:
    """What was accepted cannot be taken back this way."""
    await _lines(context).dismiss(ask.op_id)


def _lines(context: Context) -> Servers:
    if context.servers is None:
        raise Conflict("Only a person's own computer signs in to servers.", code="E-NO-SERVERS")
    return context.servers
