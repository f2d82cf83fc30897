"""One server process from its start to its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType

import uvicorn

from machina_desktop.core.config import Paths, Settings, environment
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.services.passwords import COST, Accounts, Passwords, stored_pepper
from machina_desktop.core.store.database import Database
from machina_desktop.core.terraform.workspace import run_lock
from machina_desktop.core.workers.heartbeats import BeatTimes
from machina_desktop.server.app import Parts, Server
from machina_desktop.server.config import ServerConfig
from machina_desktop.server.copies import in_use, server_lock
from machina_desktop.server.runner_config import read_runner_config
from machina_desktop.server.streams import Times

LOG = logging.getLogger(__name__)
HEADER_BYTES = 16 << 10
STOP_S = 10
IDLE_S = 75
BACKLOG = 1024


class Web(uvicorn.Server):
    """uvicorn, which would wait for streams that never end by themselves."""

    def __init__(self, server: Server) -> None:
        super().__init__(_uvicorn_config(server))
        self._streams = server.streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Only now: whoever waits for it may tell us to end at once, and signals are listened to from here on.
        for each in sockets or ():
            LOG.info("serving at %s port %d", *each.getsockname()[:2])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Unlike uvicorn's own, this does not raise the signal again: an orderly end is a success. And only the main
        # thread hears signals.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        former = {number: signal.signal(number, self._handed_on(loop)) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _handed_on(self, loop: asyncio.AbstractEventLoop) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.handle_exit, number, frame)

        return handle


def database_of(config: ServerConfig, paths: Paths) -> Database:
    """The database the configuration names."""
    return Database.of_url(config.database_url) if config.database_url else Database.of_file(paths.database)


async def serve(config: ServerConfig, paths: Paths, *, times: Times | None = None, password_cost: int = COST) -> None:
    """Answer until the process is told to end; then streams end, requests finish and everything is let go of.

    Raises:
        MachinaError: the data folder, the database or the port cannot be used.
    """
    await asyncio.to_thread(paths.create)
    async with _alone(config, paths):
        await _serve(config, paths, listen(config), times or Times(), password_cost)


@contextlib.asynccontextmanager
async def _alone(config: ServerConfig, paths: Paths) -> AsyncIterator[None]:
    """Of a SQLite file there is one server, which restoring can tell from none; PostgreSQL serves many."""
    if config.database_url:
        yield
        return
    async with run_lock(server_lock(paths), waits=False) as is_ours:
        if not is_ours:
            raise in_use()
        yield


async def _serve(config: ServerConfig, paths: Paths, listener: socket.socket, times: Times, password_cost: int) -> None:
    try:
        async with opened(config, paths, times=times, password_cost=password_cost, is_working=True) as server:
            if await server.is_without_accounts():
                LOG.warning(
                    "nobody has an account yet; whoever registers first administers this server: %s", config.public_url
                )
            # What stands now lives as long as the process: looking through it again and again would cost each answer.
            gc.collect()
            gc.freeze()
            await Web(server).serve(sockets=[listener])
    finally:
        listener.close()


@contextlib.asynccontextmanager
async def opened(
    config: ServerConfig,
    paths: Paths,
    *,
    times: Times,
    beat_times: BeatTimes | None = None,
    password_cost: int = COST,
    is_working: bool = False,
) -> AsyncIterator[Server]:
    """The application on a host of its own, which keeps accounts and belongs to no single person.

    With ``is_working`` it carries runs out, where the configuration lets it.

    Raises:
        MachinaError: the data folder or the database cannot be used.
    """
    passwords = Passwords(await asyncio.to_thread(stored_pepper, paths.pepper), cost=password_cost)
    host = Host(
        paths,
        Settings(paths.settings),
        EventBus(),
        database=database_of(config, paths),
        accounts=Accounts(passwords=passwords, registration=config.registration),
        beat_times=beat_times,
    )
    try:
        await host.start(is_personal=False)
        if config.carries_out:
            await _join_runners(host, paths, is_working=is_working)
        server = Server(Parts(config=config, host=host, times=times))
        host.keep_running(server.streams.rights.run, name="rights of readers")
        yield server
    finally:
        await host.stop()
        await asyncio.to_thread(passwords.close)


async def _join_runners(host: Host, paths: Paths, *, is_working: bool) -> None:
    """Have the key of this home's runners, which on SQLite are this very process; ``is_working`` begins to work."""
    # What opens secrets is never loaded by a process that only answers requests (trust.md 4.6).
    from machina_desktop.server.running import registered_vault  # noqa: PLC0415

    config = read_runner_config(environment(), paths)
    vault = await registered_vault(config, host)
    if is_working:
        host.start_deployer(vault=vault, concurrency=config.concurrency)


def listen(config: ServerConfig) -> socket.socket:
    """A socket that listens at the configured address.

    Raises:
        Unavailable: ``E-PORT``.
    """
    family = socket.AF_INET6 if ":" in config.bind else socket.AF_INET
    # With the protocol named, asyncio sends at once; else a body waits 40 ms for its head to be acknowledged.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.bind, config.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"Nothing can listen at {config.bind} port {config.port}: {error.strerror}.",
            hint="Set PORT to a free port, or end what uses it.",
            code="E-PORT",
        ) from error
    return listener


def _uvicorn_config(server: Server) -> uvicorn.Config:
    return uvicorn.Config(
        server.application,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # Whose request it is, our own gate decides.
        proxy_headers=False,
        server_header=False,
        date_header=True,
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=STOP_S,
    )
