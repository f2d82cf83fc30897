"""The core's only composition root: opens store and vault, builds the dispatcher, starts the workers."""

from __future__ import annotations

import asyncio
import getpass
import importlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING

from machina_desktop.core.config import ENGINE, Paths, Settings, environment
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Bug, Conflict, MachinaError
from machina_desktop.core.events import EventBus, VaultChanged
from machina_desktop.core.services import catalogue  # noqa: F401 - fills the registry of use cases
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.dispatch import Dispatcher
from machina_desktop.core.services.teams import Settle
from machina_desktop.core.store.database import Database
from machina_desktop.core.sync.connections import Connections, Credentials
from machina_desktop.core.sync.gateway import RoutingGateway
from machina_desktop.core.sync.home import Home
from machina_desktop.core.sync.person import Person, remembered
from machina_desktop.core.sync.team_copy import Desk
from machina_desktop.core.terraform.engine import Engine, find_engine
from machina_desktop.core.vault.hardening import harden_process
from machina_desktop.core.vault.seals import Opener
from machina_desktop.core.vault.vault import Vault
from machina_desktop.core.workers.account_checks import AccountChecks
from machina_desktop.core.workers.deployer import RUNNER, Deployer, Parts
from machina_desktop.core.workers.heartbeats import BeatTimes, Heartbeats
from machina_desktop.core.workers.sign_ins import FailedSignIns
from machina_desktop.core.workers.supervisor import Supervisor
from machina_desktop.core.workers.watcher import FeedWatcher

if TYPE_CHECKING:
    from machina_desktop.core.services.passwords import Accounts
    from machina_desktop.core.workers.files import Files
    from machina_desktop.core.workers.terminals import Terminals

LOG = logging.getLogger(__name__)
RESTART_S = 5.0


class Host:
    """One running core: the desktop's or the command line's. Everything but the constructor needs its loop.

    With ``accounts`` it also keeps the accounts of those who use it over the network, and hears agents of machines.
    """

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        bus: EventBus,
        *,
        database: Database | None = None,
        accounts: Accounts | None = None,
        beat_times: BeatTimes | None = None,
    ) -> None:
        self.paths = paths
        self.settings = settings
        self.bus = bus
        self.vault = Vault(paths.vault_header, paths.key_file)
        self._database = database or Database.of_file(paths.database)
        self._dispatcher = Dispatcher(self._database, bus)
        self._accounts = accounts
        self._failed_sign_ins = FailedSignIns(self._database)
        self._heartbeats = Heartbeats(self._database, self._dispatcher.execute, beat_times or BeatTimes())
        self._supervisor = Supervisor()
        self._deployer: Deployer | None = None
        self._connections: Connections | None = None
        self._gateway: RoutingGateway | None = None
        self._engine: tuple[str, Engine] | None = None
        self._terminals: Terminals | None = None
        self._files: Files | None = None

    async def start(self, *, watch: bool = True, is_personal: bool = True) -> None:
        """Open everything; afterwards requests are answered. ``watch`` follows what other processes write.

        A host that is not ``is_personal`` belongs to no single person: it has no :attr:`actor` and no :attr:`gateway`,
        and its vault is neither made nor opened.

        Raises:
            Unavailable: the data folder or the database cannot be used.
        """
        harden_process()
        self.bus.attach(asyncio.get_running_loop())
        await asyncio.to_thread(self.paths.create)
        await asyncio.to_thread(self._database.open)
        if self._accounts is not None:
            await self._accounts.check(self._database)
        if is_personal:
            await self._sign_in()
        self._dispatcher.attach(
            Context(
                paths=self.paths,
                settings=self.settings,
                database=self._database,
                vault=self.vault,
                engine_status=self.engine_status,
                execute=self._dispatcher.execute,
                announce=self._announce_vault,
                accounts=self._accounts,
                servers=self._connections,
                elsewhere=self._gateway,
                hear=self._heartbeats.hear if self._accounts is not None else None,
                note_sign_in=self._failed_sign_ins.note if self._accounts is not None else None,
            )
        )
        if is_personal:
            await self._unlock_quietly()
        if watch:
            self.keep_running(FeedWatcher(self._database, self.bus).run, name="feed watcher")
        if self._accounts is not None:
            self.keep_running(self._failed_sign_ins.run, name="failed sign-ins")
            for number in range(self._heartbeats.at_once):
                self.keep_running(self._heartbeats.run, name=f"heartbeats {number + 1}")
            self.keep_running(self._heartbeats.tell, name="news of agents")
            self.keep_running(self._heartbeats.sweep, name="silent agents")

    def start_deployer(
        self,
        *,
        only: tuple[str, ...] = (),
        vault: Opener | None = None,
        assign: Callable[[], Awaitable[None]] | None = None,
        concurrency: int | None = None,
    ) -> Deployer:
        """Carry deployments out on this host; ``only`` limits it to these.

        A server gives the ``vault`` of its runners; the rest is as :class:`Parts` has it.
        """
        self._deployer = Deployer(
            Parts(
                paths=self.paths,
                settings=self.settings,
                database=self._database,
                vault=vault or self.vault,
                bus=self.bus,
                execute=self._dispatcher.execute,
                find_engine=self.find_engine,
                assign=assign,
                concurrency=concurrency,
                is_server=vault is not None,
                ask_home=None if self._gateway is None else self._gateway.ask_home,
            ),
            only=only,
        )
        self.keep_running(self._deployer.run, name="deployer")
        return self._deployer

    def start_followers(self, *, renews: bool = True) -> None:
        """Keep the copies of teams that live on servers up to date. Only on a personal host, after :meth:`start`.

        Of all programs of this computer only the one that ``renews`` gives sessions new tokens.
        """
        self.connections.follow(self._supervisor.spawn, renews=renews)

    def start_account_checks(self) -> None:
        """Verify accounts every few hours. Only on a personal host that stays, after :meth:`start`."""
        checks = AccountChecks(self.gateway, self._database, lambda: self.vault.is_open)
        self.keep_running(checks.run, name="account checks")

    @property
    def connections(self) -> Connections:
        """The servers this computer is signed in to. Only on a personal host, after :meth:`start`."""
        if self._connections is None:
            raise Bug("The host has not started.")
        return self._connections

    @property
    def dispatcher(self) -> Dispatcher:
        """What answers requests, for faces that many people ask through."""
        return self._dispatcher

    @property
    def database(self) -> Database:
        """Where everything is stored."""
        return self._database

    @property
    def actor(self) -> Actor:
        """The person signed in to this device, with the roles of this moment. Only after :meth:`start`."""
        return self.gateway.actor

    @property
    def gateway(self) -> RoutingGateway:
        """The one door, for that person. Only after :meth:`start`."""
        if self._gateway is None:
            raise Bug("The host has not started.")
        return self._gateway

    @property
    def terminals(self) -> Terminals:
        """Shells on machines, for the person of this host. Only on its loop, after :meth:`start`.

        What speaks SSH is loaded when the first one is wanted.
        """
        if self._terminals is None:
            from machina_desktop.core.workers.terminals import Terminals
            from machina_desktop.core.workers.ways import Ways

            ways = Ways(known_hosts=self.paths.home / "known_hosts")
            self._terminals = Terminals(self.gateway, asyncio.get_running_loop(), ways)
        return self._terminals

    @property
    def files(self) -> Files:
        """Files of machines and tunnels to them, as :attr:`terminals`."""
        if self._files is None:
            from machina_desktop.core.workers.files import Files

            self._files = Files(
                self.gateway,
                self.terminals.connect,
                bus=self.bus,
                paths=self.paths,
                spawn=lambda work, name: self._supervisor.spawn(work, name=name),
            )
        return self._files

    async def stop(self) -> None:
        """Let go of everything in order: workers, store. External runs go on under their launchers."""
        if self._files is not None:
            await self._files.stop()
        if self._terminals is not None:
            await self._terminals.stop()
        if self._deployer is not None:
            await self._deployer.stop()
        await self._supervisor.stop()
        if self._connections is not None:
            await self._connections.close()
        self.vault.lock()
        await asyncio.to_thread(self._database.close)

    async def find_engine(self) -> Engine:
        """The Terraform in use, looked for once and again when the setting changes.

        Raises:
            Unavailable: there is none that can be used.
        """
        chosen = self.settings.get(ENGINE)
        if self._engine is None or self._engine[0] != chosen:
            self._engine = (chosen, await asyncio.to_thread(find_engine, chosen, environment().get("PATH", "")))
        return self._engine[1]

    async def engine_status(self) -> EngineStatus:
        """Like :meth:`find_engine`, looked for anew, with what is wrong as a status."""
        self._engine = None
        try:
            engine = await self.find_engine()
        except MachinaError as error:
            return EngineStatus(problem=error.message, hint=error.hint)
        return EngineStatus(
            name=engine.name,
            version=engine.version,
            path=engine.path,
            is_bundled=engine.is_bundled,
            note=engine.note,
        )

    async def _sign_in(self) -> None:
        """Know who this computer's person is, here and at every server."""
        actor = await self._dispatcher.execute(RUNNER, Settle(display_name=_user_name()))
        person: Person = await self._database.read(RUNNER, lambda tx: remembered(tx, actor))
        self.bus.witness(person.learn)
        desk = Desk(database=self._database, bus=self.bus, person=person)
        self._connections = Connections(desk, self.vault, self._open_home)
        self._gateway = RoutingGateway(self._dispatcher.execute, person, self._database, self._connections)
        await self._connections.load()

    async def _open_home(self, url: str, credentials: Credentials | None) -> Home:
        """A line over HTTP. What speaks it is loaded when the first one is needed, and not on the loop."""
        client = await asyncio.to_thread(importlib.import_module, "machina_desktop.core.sync.server_client")
        rotation = None
        if credentials is not None and credentials.keep is not None:
            rotation = client.Rotation(expires_at=credentials.expires_at, keep=credentials.keep)
        token = None if credentials is None else credentials.token
        home: Home = client.ServerClient(url, token, settings=self.settings, rotation=rotation)
        return home

    def keep_running(self, work: Callable[[], Coroutine[object, object, None]], *, name: str) -> None:
        """Start a worker, and again after a fault of ours: without it nothing would move until the next start."""

        async def again(_error: MachinaError) -> None:
            await asyncio.sleep(RESTART_S)
            self.keep_running(work, name=name)

        self._supervisor.spawn(work(), name=name, on_error=again)

    def _announce_vault(self) -> None:
        self.bus.publish(VaultChanged(self.vault.is_open))

    async def _unlock_quietly(self) -> None:
        """Open the vault through a slot that needs no typing; else it stays locked until somebody unlocks it."""
        wanted = environment().get("MACHINA_VAULT", "")
        if wanted == "key-file" and not self.vault.exists:
            has_sealed = await self._database.has_sealed()
            try:
                await asyncio.to_thread(self.vault.create, "key-file", None, has_sealed_data=has_sealed)
            except Conflict as error:
                # Another process that started at the same moment has made it; ours is opened below.
                if error.code != "E-VAULT-EXISTS":
                    raise
            else:
                return
        slots = (wanted,) if wanted else tuple(slot for slot in self.vault.slots() if slot != "passphrase")
        for slot in slots:
            try:
                await asyncio.to_thread(self.vault.unlock, slot)
            except MachinaError as error:
                LOG.warning("the vault was not opened by its %s slot: %s", slot, error.code)
                if wanted:
                    raise
            else:
                return


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "You"
