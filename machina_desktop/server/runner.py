"""``machina-runner``: carries out the runs of a home on PostgreSQL, on any number of hosts."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time

from machina_desktop.core import log
from machina_desktop.core.config import LOG_LEVEL, Paths, Settings, environment
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.process import host_name
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.runner_keys import foreign_key
from machina_desktop.core.store.database import Database
from machina_desktop.core.workers.deployer import Deployer
from machina_desktop.core.workers.holders import runner_id
from machina_desktop.core.workers.queue import RunQueue
from machina_desktop.core.workers.supervisor import Supervisor
from machina_desktop.server.exit_code import exit_code_of
from machina_desktop.server.pulse import Pulse, told
from machina_desktop.server.runner_config import RunnerConfig, read_runner_config
from machina_desktop.server.running import described, own_public_key, registered_vault, rotate, shown_key

LOG = logging.getLogger(__name__)
BEAT_S = 5.0
METRICS_S = 60.0

EPILOG = """\
environment:
  DATABASE_URL                postgresql://…, the database of the servers it works for
  MACHINA_HOME                data folder of its own: run folders, plugins and, by default, the key
  MACHINA_RUNNER_KEY          file of the private key; by default .data/.runner_key in the data folder, made at the
                              first start. All runners of an installation share one key
  MACHINA_RUNNER_CONCURRENCY  runs at once, 5 by default

exit codes: 0 success, 1 failure, 2 wrong configuration
"""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; 0 for success, 1 for a failure, 2 for a wrong configuration, 130 interrupted."""
    asked = _parser().parse_args(arguments)
    return exit_code_of(lambda: _do(asked))


def _do(asked: argparse.Namespace) -> int:
    paths = Paths.default()
    if asked.command == "status":
        return _status(paths)
    config = read_runner_config(environment(), paths)
    if asked.command == "key":
        print(asyncio.run(_key(config, paths)))
    elif asked.command == "rotate-key":
        print(asyncio.run(_rotated(config, paths)))
    else:
        log.configure_stream(sys.stderr, level=Settings(paths.settings).get(LOG_LEVEL))
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        asyncio.run(Runner(config, paths).run())
    return 0


class Runner:
    """One runner process from its start to its orderly end."""

    def __init__(self, config: RunnerConfig, paths: Paths) -> None:
        self._config = config
        self._paths = paths
        self._url = _address(config)
        self._host = _host(config, paths)
        self._supervisor = Supervisor()
        self._stopping = asyncio.Event()
        self._failure: MachinaError | None = None

    async def run(self) -> None:
        """Carry runs out until told to end; what is at work then goes on under its launcher.

        Raises:
            MachinaError: the data folder, the database or the key cannot be used, or the key was replaced meanwhile.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        queue = RunQueue(self._url, self._host.database, host_name(self._paths.home))
        pulse = Pulse(self._paths.runners)
        try:
            await self._host.start(is_personal=False)
            vault = await registered_vault(self._config, self._host)
            await queue.open()
            deployer = self._host.start_deployer(vault=vault, assign=queue.assign, concurrency=self._config.concurrency)
            self._supervisor.spawn(
                queue.work(deployer.carry_out, concurrency=self._config.concurrency), name="queue", on_error=self._fail
            )
            self._supervisor.spawn(
                self._beat(pulse, deployer, vault.recipient.public_key), name="pulse", on_error=self._fail
            )
            LOG.info("carrying out as %s with key %s", runner_id(deployer.host), described(vault.recipient.public_key))
            await self._stopping.wait()
            LOG.info("ending; %d runs go on under their launchers", len(deployer.running))
        finally:
            await self._supervisor.stop()
            await self._host.stop()
            await queue.close()
            await asyncio.to_thread(pulse.end)
        if self._failure is not None:
            raise self._failure

    async def _fail(self, error: MachinaError) -> None:
        self._failure = error
        self._stopping.set()

    async def _beat(self, pulse: Pulse, deployer: Deployer, public_key: bytes) -> None:
        """Tell that this process lives, and look whether its key is still the registered one."""
        told_at = 0.0
        while True:
            try:
                key = await shown_key(self._host)
            except MachinaError as error:
                LOG.warning("the database does not answer: %s %s", error.code, error)
            else:
                if key is None or key.raw != public_key:
                    raise foreign_key()
                await asyncio.to_thread(pulse.beat, running=len(deployer.running))
            if time.monotonic() - told_at >= METRICS_S:
                told_at = time.monotonic()
                LOG.info("runner running=%d taken=%d ended=%d", len(deployer.running), deployer.taken, deployer.ended)
            await asyncio.sleep(BEAT_S)


def _status(paths: Paths) -> int:
    lines, is_alive = told(paths.runners)
    print("\n".join(lines) if lines else "No runner has been started with this data folder.")
    return 0 if is_alive else 1


async def _key(config: RunnerConfig, paths: Paths) -> str:
    host = _host(config, paths)
    try:
        await host.start(is_personal=False, watch=False)
        own, registered = await own_public_key(config), await shown_key(host)
    finally:
        await host.stop()
    lines = [f"file         {config.key}"]
    lines.append(f"fingerprint  {described(own) if own else '(no key on this host yet)'}")
    lines.append(
        f"registered   {described(registered.raw) if registered else '(none yet; the first start registers one)'}"
    )
    if own is not None and registered is not None and registered.raw == own:
        lines.append("To start a runner on another host, copy the file there by a safe way, readable by the runner's")
        lines.append("user only (mode 0600), and name it in MACHINA_RUNNER_KEY.")
    elif registered is not None:
        lines.append("This host has not the registered key: copy the file from a host that has.")
    return "\n".join(lines)


async def _rotated(config: RunnerConfig, paths: Paths) -> str:
    host = _host(config, paths)
    try:
        await host.start(is_personal=False, watch=False)
        done = await rotate(config, host)
    finally:
        await host.stop()
    return (
        f"Sealed {done} secrets and states to a new key, {config.key}.\n"
        "Copy it to the other hosts of runners, then start them. The former key lies beside it, for backups that were\n"
        "made before; delete it when none needs it."
    )


def _host(config: RunnerConfig, paths: Paths) -> Host:
    database = Database.of_url(_address(config), connections=6)
    return Host(paths, Settings(paths.settings), EventBus(), database=database)


def _address(config: RunnerConfig) -> Secret:
    if config.database_url is None:
        raise InvalidInput(
            "DATABASE_URL is not set.",
            field="DATABASE_URL",
            hint="Name the servers' PostgreSQL database. With SQLite, machina-server carries runs out itself.",
            code="E-CONFIG",
        )
    return config.database_url


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="machina-runner",
        description="Carries out the runs of a team's server on PostgreSQL.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("run", help="carry runs out until told to end (the default)")
    commands.add_parser("status", help="whether a runner of this data folder is alive: 0 when it is, else 1")
    commands.add_parser("key", help="show the key of this host, and how another host gets it")
    commands.add_parser("rotate-key", help="make a new key and seal everything again to it; stop all runners before")
    return parser


if __name__ == "__main__":
    sys.exit(main())
