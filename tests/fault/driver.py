"""The application in the role of the victim: carries deployments out until it is killed, or until none is open.

Started once as ``python -m tests.fault.driver HOME ENGINE MODULE`` (ENGINE ``-`` for the one found); imports
everything, then forks one child per line that it reads: ``DIE CREATE CANCEL``, where DIE names the point at which the
child kills itself (``-`` for none), CREATE is how many machines there shall be in all, and CANCEL is ``cancel`` when it
shall cancel what is being applied. It prints the child's pid, and
``exit PID CODE`` once it has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from machina_desktop.core.config import ENGINE, Paths, Settings
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.process import Launch
from machina_desktop.core.services.deployments import CancelDeployment, ListDeployments, ReadLog
from machina_desktop.core.services.dispatch import Dispatcher
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.providers import AddAccount, ListAccounts
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.terraform.workspace import Workspace
from machina_desktop.core.workers import commands
from machina_desktop.core.workers.run import Run
from tests.fakes import provider


def main() -> None:
    home, engine, module = sys.argv[1:4]
    engine = "" if engine == "-" else engine
    os.environ["MACHINA_VAULT"] = "key-file"
    provider.install(provider.RecordProvider(module))
    for line in sys.stdin:
        die, create, cancel = line.split()
        pid = os.fork()
        if pid == 0:
            _arm(die)
            asyncio.run(_work(Path(home), engine, int(create), cancels=cancel == "cancel"))
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("exit", pid, os.waitstatus_to_exitcode(status), flush=True)


async def _work(home: Path, engine: str, create: int, *, cancels: bool) -> None:
    paths = Paths(home)
    paths.create()
    settings = Settings(paths.settings)
    if settings.get(ENGINE) != engine:
        settings.set(ENGINE, engine)
    host = Host(paths, settings, EventBus())
    await host.start(watch=False)
    team_id = host.actor.team_roles[0][0]
    accounts = await host.gateway.call(ListAccounts(team_id=team_id))
    if not accounts:
        accounts = (await host.gateway.call(AddAccount(team_id=team_id, type=ProviderType.SANDBOX, label="here")),)
    known = await host.gateway.call(ListDeployments(team_id=team_id))
    for number in range(len(known), create):
        await host.gateway.call(
            CreateMachine(
                team_id=team_id,
                account_id=accounts[0].provider_account_id,
                name=f"m{number}",
                auto_approve=True,
            )
        )
    deployer = host.start_deployer()
    while await _open(host, team_id) or deployer.running:
        await asyncio.sleep(0.02)
        if cancels:
            await _cancel_applying(host, team_id)
    await host.stop()


async def _open(host: Host, team_id: str) -> tuple[Deployment, ...]:
    return await host.gateway.call(ListDeployments(team_id=team_id, only_open=True))


async def _cancel_applying(host: Host, team_id: str) -> None:
    for run in await _open(host, team_id):
        log = await host.gateway.call(ReadLog(deployment_id=run.deployment_id))
        if any(line.text.endswith(": create...") for line in log.lines) and not run.cancel_level:
            with contextlib.suppress(MachinaError):  # it may have ended meanwhile
                await host.gateway.call(CancelDeployment(deployment_id=run.deployment_id))


def _die(*_arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(point: str) -> None:
    """Have this process die at ``point``: ``after:Request``, ``before:Request`` or the name of a step below."""
    when, _, name = point.partition(":")
    if when in {"before", "after"}:
        _arm_request(when, name)
    elif when in _STEPS:
        _STEPS[when]()


def _arm_request(when: str, name: str) -> None:
    request, _, phase = name.partition("/")
    original = Dispatcher.execute

    async def execute(self: Dispatcher, actor: Actor, ask: Request[object]) -> object:
        is_it = type(ask).__name__ == request and phase in {"", getattr(ask, "phase", "")}
        if is_it and when == "before":
            _die()
        result = await original(self, actor, ask)
        if is_it:
            _die()
        return result

    Dispatcher.execute = execute  # type: ignore[method-assign, assignment]


def _after(owner: object, name: str) -> None:
    original: Callable[..., object] = getattr(owner, name)

    def wrapped(*arguments: object, **named: object) -> object:
        result = original(*arguments, **named)
        _die()
        return result

    setattr(owner, name, wrapped)


def _after_launch_of(phase: str) -> None:
    original = commands.launch

    def wrapped(folder: Path, *arguments: object, **named: object) -> object:
        started = original(folder, *arguments, **named)  # type: ignore[arg-type]
        if folder.name == phase:
            _die()
        return started

    commands.launch = wrapped  # type: ignore[assignment]


_STEPS: dict[str, Callable[[], None]] = {
    "laid-out": lambda: _after(Workspace, "lay_out"),
    "plan-launched": lambda: _after_launch_of("plan"),
    "apply-launched": lambda: _after_launch_of("apply"),
    "interrupt-asked": lambda: _after(Launch, "request_cancel"),
    "cleaning": lambda: setattr(Run, "clean_up", _die),
}

if __name__ == "__main__":
    main()
