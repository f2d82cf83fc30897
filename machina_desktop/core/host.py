"""The core's only composition root: opens store and vault, builds the dispatcher, starts the workers."""

from __future__ import annotations

import asyncio
import getpass
import logging
from collections.abc import Callable, Coroutine
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
from machina_desktop.core.sync.gateway import LocalGateway
from machina_desktop.core.sync.person import Person, remembered
from machina_desktop.core.terraform.engine import Engine, find_engine
from machina_desktop.core.vault.hardening import harden_process
from machina_desktop.core.vault.vault import Vault
from machina_desktop.core.workers.deployer import RUNNER, Deployer, Parts
from machina_desktop.core.workers.heartbeats import BeatTimes, Heartbeats
from machina_desktop.core.workers.supervisor import Supervisor
from machina_desktop.core.workers.watcher import FeedWatcher

if TYPE_CHECKING:
    from machina_desktop.core.services.passwords import Accounts

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
        self._heartbeats = Heartbeats(self._database, self._dispatcher.execute, beat_times or BeatTimes())
        self._supervisor = Supervisor()
        self._deployer: Deployer | None = None
        self._person: Person | None = None
        self._engine: tuple[str, Engine] | None = None

    async def start(self, *, watch: bool = True, is_personal: bool = True) -> None:
        """Open everything; afterwards requests are answered. ``watch`` follows what other processes write.

        A host that is not ``is_personal`` belongs to no single person: it has no :attr:`actor` and no :attr:`gateway`.

        Raises:
            Unavailable: the data folder or the database cannot be used.
        """
        harden_process()
        self.bus.attach(asyncio.get_running_loop())
        await asyncio.to_thread(self.paths.create)
        await asyncio.to_thread(self._database.open)
        if self._accounts is not None:
            await self._accounts.check(self._database)
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
                hear=self._heartbeats.hear if self._accounts is not None else None,
            )
        )
        if is_personal:
            self._person = await self._signed_in()
        await self._unlock_quietly(is_personal=is_personal)
        if watch:
            self._keep_running(FeedWatcher(self._database, self.bus).run, name="feed watcher")
        if self._accounts is not None:
            self._keep_running(self._heartbeats.run, name="heartbeats")
            self._keep_running(self._heartbeats.tell, name="news of agents")
            self._keep_running(self._heartbeats.sweep, name="silent agents")

    def start_deployer(self, *, only: tuple[str, ...] = ()) -> Deployer:
        """Carry deployments out on this host; ``only`` limits it to these."""
        self._deployer = Deployer(
            Parts(
                paths=self.paths,
                settings=self.settings,
                database=self._database,
                vault=self.vault,
                bus=self.bus,
                execute=self._dispatcher.execute,
                find_engine=self.find_engine,
            ),
            only=only,
        )
        self._keep_running(self._deployer.run, name="deployer")
        return self._deployer

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
    def gateway(self) -> LocalGateway:
        """The one door, for that person. Only after :meth:`start`."""
        if self._person is None:
            raise Bug("The host has not started.")
        return LocalGateway(self._dispatcher.execute, self._person)

    async def stop(self) -> None:
        """Let go of everything in order: workers, store. External runs go on under their launchers."""
        if self._deployer is not None:
            await self._deployer.stop()
        await self._supervisor.stop()
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

    async def _signed_in(self) -> Person:
        actor = await self._dispatcher.execute(RUNNER, Settle(display_name=_user_name()))
        person = await self._database.read(RUNNER, lambda tx: remembered(tx, actor))
        self.bus.witness(person.learn)
        return person

    def _keep_running(self, work: Callable[[], Coroutine[object, object, None]], *, name: str) -> None:
        """Start a worker, and again after a fault of ours: without it nothing would move until the next start."""

        async def again(_error: MachinaError) -> None:
            await asyncio.sleep(RESTART_S)
            self._keep_running(work, name=name)

        self._supervisor.spawn(work(), name=name, on_error=again)

    def _announce_vault(self) -> None:
        self.bus.publish(VaultChanged(self.vault.is_open))

    async def _unlock_quietly(self, *, is_personal: bool) -> None:
        """Open the vault through a slot that needs no typing; else it stays locked until somebody unlocks it.

        A host of no single person has nobody to ask: without a vault it makes one with a key file (spec 9.3).
        """
        wanted = environment().get("MACHINA_VAULT", "")
        if not wanted and not is_personal and not self.vault.exists:
            wanted = "key-file"
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
