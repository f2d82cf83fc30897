"""The servers this computer is signed in to: sessions begun and ended, tokens kept sealed, one follower for each."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from machina_desktop.core.domain.account import SessionKind, lifetime
from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.origins import is_plain, origin_of
from machina_desktop.core.domain.server import FoundServer, Replica, Server, ServerStatus
from machina_desktop.core.domain.team import Team, User
from machina_desktop.core.errors import Bug, Conflict, Locked, MachinaError, NotFound, Unavailable
from machina_desktop.core.events import Changed, ConnectionChanged, Event, VaultChanged
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.accounts import Login, Register
from machina_desktop.core.services.authentication import SignedIn
from machina_desktop.core.services.invites import JoinTeam
from machina_desktop.core.services.server_description import NAME, DescribeServer
from machina_desktop.core.services.sessions import Logout
from machina_desktop.core.services.teams import CreateTeam
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.transaction import SealedPlace, Transaction
from machina_desktop.core.sync.follower import Follower
from machina_desktop.core.sync.home import Home
from machina_desktop.core.sync.team_copy import COPIER, Desk
from machina_desktop.core.sync.team_moves import TeamMoves

if TYPE_CHECKING:
    from machina_desktop.core.store.sql_transaction import SqlTransaction
    from machina_desktop.core.vault.vault import Vault

R = TypeVar("R")
ALL = 1_000_000
GOODBYE_S = 5.0
RESTART_S = 5.0
"""After a fault of ours, a follower is begun again that much later."""
TABLE, TOKEN, EXPIRES = "server", "token", "expires_at"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a session is continued with.

    Attributes:
        keep: Stores a new token in place of this one; ``None`` where another program sees to that.
    """

    token: Secret
    expires_at: datetime
    keep: Callable[[SignedIn], Awaitable[None]] | None


class OpenHome(Protocol):
    """Makes a line to a server."""

    async def __call__(self, url: str, credentials: Credentials | None) -> Home:
        """A line to the server at ``url``, for anybody or as whoever the credentials belong to."""
        ...


class Spawn(Protocol):
    """Starts a task that is watched over."""

    def __call__(
        self,
        work: Coroutine[object, object, None],
        *,
        name: str,
        on_error: Callable[[MachinaError], Awaitable[None]] | None = None,
    ) -> asyncio.Task[None]:
        """Run ``work`` until it ends; an error is told to ``on_error``."""
        ...


class Connections:
    """All servers of this computer; what use cases about servers reach. Lives on the loop."""

    def __init__(self, desk: Desk, vault: Vault, open_home: OpenHome) -> None:
        self._desk = desk
        self._vault = vault
        self._open_home = open_home
        self._followers: dict[str, Follower] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._spawn: Spawn | None = None
        self._renews = False
        self._movers = TeamMoves(desk)

    # The life of a host

    async def load(self) -> None:
        """Know the servers that are stored. Nothing is asked of them yet."""
        for server in await self._desk.database.read(COPIER, lambda tx: tx.list(Server, order_by="url", limit=ALL)):
            if server.server_id not in self._followers:
                self._add(server)

    def follow(self, spawn: Spawn, *, renews: bool) -> None:
        """Follow all servers from now on, also those that are signed in to later, by this program or another.

        Of several programs that use one session, one ``renews`` its token.
        """
        self._spawn, self._renews = spawn, renews
        for server_id in self._followers:
            self._start(server_id)
        self._desk.bus.subscribe(self._hear)

    async def close(self) -> None:
        """Let go of all lines; the tasks have been ended before."""
        for follower in self._followers.values():
            await follower.forget_line()

    def _hear(self, event: Event) -> None:
        if isinstance(event, VaultChanged) and event.is_open:
            for follower in self._followers.values():
                follower.wake()
        if isinstance(event, Changed) and self._spawn is not None:
            homes = {str((change.row or {}).get("home", "")) for change in event.changes if change.entity == "team"}
            if homes - {"", *(follower.server.url for follower in self._followers.values())}:
                # Another program of this computer has signed in there.
                self._spawn(self._learn(), name="learn of servers")

    async def _learn(self) -> None:
        """Know the servers that another program has signed in to, and who the person is there."""
        known = set(self._followers)
        await self.load()
        for server_id in self._followers.keys() - known:
            server = self._followers[server_id].server
            self._desk.person.settle(server.url, _user_of(server))
            for team_id in await self._copied(server_id):
                # What was heard of the team so far was about somebody unknown.
                self._desk.bus.publish(Changed(await self._desk.database.changes_after(team_id, 0)))
            self._start(server_id)

    def _add(self, server: Server) -> Follower:
        server_id = server.server_id

        async def open_home() -> Home:
            return await self._open_home(server.url, await self._credentials(server_id))

        follower = Follower(self._desk, server, open_home)
        follower.decide = lambda home: self._movers.decide(follower, home)
        self._followers[server_id] = follower
        return follower

    def _start(self, server_id: str) -> None:
        if self._spawn is None:
            return
        follower = self._followers[server_id]

        async def again(_error: MachinaError) -> None:
            await asyncio.sleep(RESTART_S)
            if self._followers.get(server_id) is follower:
                self._start(server_id)

        self._tasks[server_id] = self._spawn(follower.run(), name=f"follower of {follower.server.url}", on_error=again)

    # What gateways ask

    def at(self, home: str) -> Follower | None:
        """The follower of the server at that origin."""
        return next((each for each in self._followers.values() if each.server.url == home), None)

    def all(self) -> tuple[Follower, ...]:
        """The followers of all servers."""
        return tuple(self._followers.values())

    def of(self, server_id: str) -> Follower:
        """The follower of that server.

        Raises:
            NotFound: this computer is not signed in to it.
        """
        try:
            return self._followers[server_id]
        except KeyError:
            raise NotFound("This computer is not signed in to that server.", hint="Sign in first.") from None

    def home_of(self, team_id: str) -> Follower | None:
        """The follower of the server a team lives on; ``None`` for a team of this computer."""
        home = self._desk.person.home_of(team_id)
        return self.at(home) if home else None

    # Servers, for use cases

    async def statuses(self) -> tuple[ServerStatus, ...]:
        """See :class:`Servers`."""
        await self.load()
        counts = await self._desk.database.read(COPIER, self._counts)
        return tuple(
            ServerStatus(
                server=each.server,
                connection=each.state,
                reason=each.reason or each.trouble,
                since=each.since,
                waiting=counts.get(each.server.server_id, (0, 0))[0],
                refused=counts.get(each.server.server_id, (0, 0))[1],
            )
            for each in sorted(self._followers.values(), key=lambda each: each.server.url)
        )

    @staticmethod
    def _counts(tx: Transaction) -> dict[str, tuple[int, int]]:
        teams: dict[str, tuple[str, ...]] = {}
        for replica in tx.list(Replica, limit=ALL):
            teams[replica.server_id] = (*teams.get(replica.server_id, ()), replica.team_id)
        unlooked = tuple(state for state in IntentState if state.wants_attention)
        return {
            server_id: (
                tx.count(Intent, team_id=team_ids, state=IntentState.WAITING),
                tx.count(Intent, team_id=team_ids, state=unlooked),
            )
            for server_id, team_ids in teams.items()
        }

    async def probe(self, url: str) -> FoundServer:
        """See :class:`Servers`."""
        origin = origin_of(url)
        home = await self._open_home(origin, None)
        try:
            said = await home.call(DescribeServer())
        finally:
            await home.close()
        if said.name != NAME:
            raise Unavailable(f"{origin} is no server of Machina.", hint="Check the address.", code="E-SERVER-ANSWER")
        return FoundServer(
            url=origin,
            is_plain=is_plain(origin),
            version=said.version,
            registration=said.registration,
            has_accounts=said.has_accounts,
        )

    async def sign_in(self, url: str, email: str, password: Secret, *, device_name: str) -> Server:
        """See :class:`Servers`."""
        name = device_name or platform.node()
        return await self._enter(url, Login(email=email, password=password, kind=SessionKind.DEVICE, device_name=name))

    async def register(
        self, url: str, email: str, display_name: str, *, password: Secret, code: Secret, device_name: str
    ) -> Server:
        """See :class:`Servers`."""
        ask = Register(
            email=email,
            display_name=display_name,
            password=password,
            code=code,
            kind=SessionKind.DEVICE,
            device_name=device_name or platform.node(),
        )
        return await self._enter(url, ask)

    async def join(self, server_id: str, code: Secret) -> Team:
        """See :class:`Servers`."""
        return await self._arrive(server_id, JoinTeam(code=code))

    async def create_team(self, server_id: str, name: str, handle: str) -> Team:
        """See :class:`Servers`."""
        return await self._arrive(server_id, CreateTeam(name=name, handle=handle))

    async def move(self, team_id: str, server_id: str, handle: str) -> Team:
        """See :class:`Servers`."""
        origin = self._desk.person.home_of(team_id)
        known = await self._movers.move_of(team_id)
        at = self.at(origin) if origin else None
        follower = self.of(known.server_id) if known else self.of(server_id) if server_id else at
        if (
            follower is None
            or (not known and server_id and origin)
            or (known and server_id not in {"", known.server_id})
        ):
            raise Conflict(
                "The team cannot move there from where it is." if origin or known else "The team lives here already.",
                hint="Bring it to this computer first." if origin else "",
                code="E-NOT-LOCAL",
            )
        return await self._movers.move(follower, team_id, to_server=bool(server_id), handle=handle)

    async def sign_out(self, server_id: str) -> None:
        """See :class:`Servers`."""
        follower = self.of(server_id)
        await self._movers.forget(server_id)
        try:
            async with asyncio.timeout(GOODBYE_S):
                home = await follower.home()
                await home.call(Logout())
        except (MachinaError, TimeoutError):
            # It ends there by itself, or by the person's hand in the list of sessions.
            pass
        await self._stop(server_id)
        try:
            for team_id in await self._copied(server_id):
                await follower.copy_of(team_id).purge()
        except MachinaError:
            # The server stays in the list, for another try.
            self._start(server_id)
            raise
        await self._forget(follower.server)
        del self._followers[server_id]
        self._desk.person.depart(follower.server.url)
        self._desk.bus.publish(ConnectionChanged(server_id, "signed_out"))

    async def reconnect(self, server_id: str) -> None:
        """See :class:`Servers`."""
        self.of(server_id).wake()

    async def retry(self, op_id: str) -> Intent:
        """See :class:`Servers`."""
        follower, team_id = await self._home_of_edit(op_id)
        intent = await follower.copy_of(team_id).make_again(op_id)
        follower.nudge(team_id)
        return intent

    async def dismiss(self, op_id: str) -> None:
        """See :class:`Servers`."""
        follower, team_id = await self._home_of_edit(op_id)
        await follower.copy_of(team_id).dismiss(op_id)
        follower.nudge(team_id)

    # Sessions

    async def _enter(self, url: str, ask: Request[SignedIn]) -> Server:
        if not self._vault.is_open:
            # The token would have no place.
            raise Locked("The vault is locked.", hint="Unlock it and try again.", code="E-VAULT-LOCKED")
        origin = origin_of(url)
        await self.load()
        home = await self._open_home(origin, None)
        try:
            signed = await home.call(ask)
        finally:
            await home.close()
        known = self.at(origin)
        if known is not None and known.server.user_id != signed.user.user_id:
            # Somebody else works here now; what the former one could see is not theirs.
            await self.sign_out(known.server.server_id)
            known = None
        return await self._settle(origin, signed, known)

    async def _settle(self, origin: str, signed: SignedIn, known: Follower | None) -> Server:
        server = Server(
            server_id=known.server.server_id if known else new_id("server"),
            url=origin,
            user_id=signed.user.user_id,
            email=signed.user.email,
            display_name=signed.user.display_name,
            session_id=signed.session_id,
            device_id=known.server.device_id if known else new_id("device"),
            connected_at=now(),
        )
        await self._keep(server, signed)
        self._desk.person.settle(origin, signed.user)
        follower = known or self._add(server)
        if known is not None:
            await known.forget_line()
            known.be_signed_in(server)
        for team_id in await follower.refresh(await follower.home()):
            await follower.catch_up(team_id)
        if known is None:
            self._start(server.server_id)
        self._desk.bus.publish(ConnectionChanged(server.server_id, follower.state.value))
        return server

    async def _keep(self, server: Server, signed: SignedIn) -> None:
        """Store who is signed in, the token sealed; only then is it used."""
        REDACTOR.learn(signed.token.reveal())
        sealed = await asyncio.to_thread(self._sealed, server.server_id, signed)

        def work(tx: SqlTransaction) -> None:
            known = tx.find(Server, server_id=server.server_id)
            if known is None:
                tx.add(server)
            else:
                # The key it showed first stays the one that secrets are sealed to, whoever signs in anew.
                tx.replace(replace(server, runner_key=known.runner_key))
            for place, envelope in sealed:
                tx.save_sealed(place, envelope)

        await self._desk.database.write(COPIER, _anything, work)

    def _sealed(self, server_id: str, signed: SignedIn) -> tuple[tuple[SealedPlace, bytes], ...]:
        secrets = {TOKEN: signed.token, EXPIRES: Secret(signed.expires_at.isoformat())}
        return tuple(
            (
                SealedPlace(team_id="", table=TABLE, record_id=server_id, field=name),
                self._vault.seal("", TABLE, server_id, name, 1, secret),
            )
            for name, secret in secrets.items()
        )

    async def _credentials(self, server_id: str) -> Credentials:
        """What the session is continued with.

        Raises:
            Locked: the vault is locked.
        """
        sealed = await self._desk.database.read(COPIER, lambda tx: tx.read_sealed("", TABLE, server_id))

        def unseal() -> dict[str, Secret]:
            return {
                place.field: self._vault.open_("", TABLE, server_id, place.field, place.version, envelope)
                for place, envelope in sealed
            }

        opened = await asyncio.to_thread(unseal)
        if TOKEN not in opened:
            raise Bug("A server is stored without its token.")
        REDACTOR.learn(opened[TOKEN].reveal())
        expires = opened.get(EXPIRES)
        return Credentials(
            token=opened[TOKEN],
            expires_at=datetime.fromisoformat(expires.reveal()) if expires else now() + lifetime(SessionKind.DEVICE),
            keep=(lambda signed: self._renew(server_id, signed)) if self._renews else None,
        )

    async def _renew(self, server_id: str, signed: SignedIn) -> None:
        follower = self.of(server_id)
        follower.server = replace(follower.server, session_id=signed.session_id)
        await self._keep(follower.server, signed)

    async def _forget(self, server: Server) -> None:
        def work(tx: SqlTransaction) -> None:
            tx.delete_sealed("", TABLE, server.server_id)
            if tx.find(Server, server_id=server.server_id) is not None:
                tx.delete(server)

        await self._desk.database.write(COPIER, _anything, work)

    # Teams and edits

    async def _arrive(self, server_id: str, ask: Request[Team]) -> Team:
        """A team of the server that the person is in from now on, as its copy has it."""
        follower = self.of(server_id)
        team = await follower.ask(ask, op_id=new_id("op"))
        home = await follower.home()
        await follower.copy_of(team.team_id).pull(home)
        return await self._desk.database.read(COPIER, lambda tx: tx.get(Team, team.team_id))

    async def _home_of_edit(self, op_id: str) -> tuple[Follower, str]:
        def find(tx: Transaction) -> tuple[str, str]:
            intent = tx.find(Intent, op_id=op_id)
            replica = tx.find(Replica, team_id=intent.team_id) if intent else None
            if intent is None or replica is None:
                raise NotFound("There is no such edit.", hint="It may have been dealt with already.")
            return replica.server_id, intent.team_id

        server_id, team_id = await self._desk.database.read(COPIER, find)
        return self.of(server_id), team_id

    async def _copied(self, server_id: str) -> tuple[str, ...]:
        found = await self._desk.database.read(COPIER, lambda tx: tx.list(Replica, server_id=server_id, limit=ALL))
        return tuple(replica.team_id for replica in found)

    async def _stop(self, server_id: str) -> None:
        task = self._tasks.pop(server_id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        await self._followers[server_id].forget_line()


def _user_of(server: Server) -> User:
    return User(
        user_id=server.user_id, email=server.email, display_name=server.display_name, created_at=server.connected_at
    )


def _anything(_team_id: str, _tags: object = None) -> None:
    """What concerns servers is this computer's own."""
