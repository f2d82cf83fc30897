"""Power and what belongs to it: one command after the other, each begun once and waited for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import Instance
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.providers.base import HookContext
from machina_desktop.core.providers.cloud_api import pause
from machina_desktop.core.providers.cloud_errors import BUSY, CONFLICT, FAULT, clean

T = TypeVar("T")
_PASSING = frozenset({"E-OFFLINE", BUSY, FAULT})
_SAY_S = 15.0
"""How often a wait is told of when nothing else is."""


class Command(StrEnum):
    """What a provider is asked to begin."""

    REBOOT = "reboot"
    RESET = "reset"
    START = "start"
    SHUT_DOWN = "shut down"
    POWER_OFF = "power off"
    REBUILD = "rebuild"
    SNAPSHOT = "snapshot"
    RESCUE_ON = "rescue system on"
    RESCUE_OFF = "rescue system off"


@dataclass(kw_only=True)
class Waits:
    """How long things are waited for, in seconds.

    Attributes:
        poll_s: Between two looks at something that is under way.
        busy_s: For what somebody else began to end.
        away_s: For a provider that cannot be asked while something is under way there.
        action_s: For an action to end; copies of disks take long.
        shutdown_s: For a system to go down by itself before it is switched off.
        settle_s: For so long a machine that was just made may be missing from lists.
        ssh_s: For a new machine to answer.
        keys_s: For one that answers to print its host keys.
    """

    poll_s: float = 2.0
    busy_s: float = 600.0
    away_s: float = 300.0
    action_s: float = 3600.0
    shutdown_s: float = 90.0
    settle_s: float = 30.0
    ssh_s: float = 180.0
    keys_s: float = 20.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an action is.

    Attributes:
        percent: 0 to 100; ``None`` where it is not told.
        problem: Why it failed, in the provider's words; empty unless it did.
    """

    is_done: bool
    percent: int | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One machine's power action, and how its provider is asked.

    Attributes:
        title: What the provider is called.
        bills_when_off: As :class:`~machina_desktop.core.providers.cloud.Cloud` has it.
        begin: Has it begin a command; the action's id, empty where only the machine shows how far it is.
            Raises :class:`CloudError` E-CLOUD-CONFLICT while another action is under way.
        progress: How far that action has come.
        look: The machine as it is.
    """

    title: str
    context: HookContext
    waits: Waits
    bills_when_off: bool
    begin: Callable[[Command], Awaitable[str]]
    progress: Callable[[str, Command], Awaitable[Progress]]
    look: Callable[[], Awaitable[Instance]]

    async def wait(self) -> None:
        """Until the next look.

        Raises:
            Cancelled: the run was cancelled.
        """
        await pause(self.waits.poll_s, self.context.cancelled.is_set)

    async def hear(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to what is asked of something under way, which goes on while nobody can ask.

        Raises:
            Unavailable: it could not be asked for ``waits.away_s``, or says no.
        """
        until: float | None = None
        while True:
            try:
                return await ask()
            except Unavailable as error:
                at = time.monotonic()
                if error.code not in _PASSING or (until is not None and at > until):
                    raise
                if until is None:
                    until = at + self.waits.away_s
                    self.context.log(f"It cannot be asked how far it is: {error.message}")
            await self.wait()


async def do(errand: Errand, action: str) -> None:
    """One of ``reboot``, ``stop``, ``start``, ``rebuild``, ``snapshot``, ``rescue``, until it is done.

    Raises:
        Unavailable: E-POWER, it failed or did not end in time; ``E-CLOUD-…``.
        InvalidInput: the option ``mode`` of a rescue is neither ``on`` nor ``off``.
        Cancelled: the run was cancelled; what was begun goes on at the provider.
    """
    steps = {"reboot": _reboot, "stop": _stop, "start": _start, "rescue": _rescue}
    if step := steps.get(action):
        await step(errand)
        return
    await _finish(errand, {"rebuild": Command.REBUILD, "snapshot": Command.SNAPSHOT}[action])


async def _reboot(errand: Errand) -> None:
    if await _status(errand) == MachineStatus.STOPPED:
        raise _failed(errand, "is off and cannot be rebooted", hint="Start it.")
    await _finish(errand, Command.REBOOT)


async def _start(errand: Errand) -> None:
    if await _status(errand) == MachineStatus.RUNNING:
        errand.context.log("It is running already.")
        return
    await _finish(errand, Command.START)


async def _stop(errand: Errand) -> None:
    log = errand.context.log
    if await _status(errand) == MachineStatus.STOPPED:
        log("It is off already.")
        return
    try:
        action_id = await _begun(errand, Command.SHUT_DOWN)
        problem = await _ended(errand, action_id, Command.SHUT_DOWN)
    except Unavailable as error:
        if error.code != "E-CLOUD-REFUSED":
            raise
        problem = error.message
    until = time.monotonic() + (0.0 if problem else errand.waits.shutdown_s)
    while (await errand.hear(errand.look)).status != MachineStatus.STOPPED:
        if time.monotonic() >= until:
            log(f"Its system does not go down by itself{f' ({problem})' if problem else ''}; it is switched off.")
            await _finish(errand, Command.POWER_OFF)
            break
        await errand.wait()
    price = "and so does its price" if errand.bills_when_off else "and only that is still paid for"
    log(f"It is off; its disk stays, {price}.")


async def _rescue(errand: Errand) -> None:
    mode = errand.context.options.get("mode", "on")
    if mode not in {"on", "off"}:
        raise InvalidInput("A rescue system is switched on or off.", field="mode")
    await _finish(errand, Command.RESCUE_ON if mode == "on" else Command.RESCUE_OFF)
    is_off = await _status(errand) == MachineStatus.STOPPED
    # A system that needs rescue may not heed anything gentler.
    await _finish(errand, Command.START if is_off else Command.RESET)
    if mode == "on":
        errand.context.log("The rescue system has a host key of its own, and lets the account's keys in as root.")


async def _finish(errand: Errand, command: Command) -> None:
    action_id = await _begun(errand, command)
    if problem := await _ended(errand, action_id, command):
        raise _failed(
            errand, f"failed to {command}: {problem.rstrip('.')}", hint="Look at its console, then try again."
        )
    errand.context.log(f"Done: {command}.")


async def _begun(errand: Errand, command: Command) -> str:
    """Begin it; refused because another action is under way, it is begun when that has ended."""
    until = time.monotonic() + errand.waits.busy_s
    errand.context.log(f"Asking {errand.title}: {command}.")
    is_told = False
    while True:
        try:
            return await errand.begin(command)
        except Unavailable as error:
            if error.code != CONFLICT or time.monotonic() > until:
                raise
            if not is_told:
                errand.context.log(f"Waiting: {error.message}")
            is_told = True
        await errand.wait()


async def _ended(errand: Errand, action_id: str, command: Command) -> str:
    """Wait for the action; why it failed, empty when it did not.

    Raises:
        Unavailable: E-POWER, it did not end in time.
    """
    began = told = time.monotonic()
    percent = 0
    while not (seen := await errand.hear(lambda: errand.progress(action_id, command))).is_done:
        at = time.monotonic()
        if at - began > errand.waits.action_s:
            raise _failed(errand, f"was not done with {command} in time", hint=f"Look at it at {errand.title}.")
        if seen.percent is not None and seen.percent >= percent + 10:
            percent, told = seen.percent, at
            errand.context.log(f"{command}: {percent} %")
        elif at - told > _SAY_S:
            told = at
            errand.context.log(f"{command}: waiting for {at - began:.0f} s")
        await errand.wait()
    return clean(seen.problem)


async def _status(errand: Errand) -> str:
    return (await errand.look()).status


def _failed(errand: Errand, what: str, *, hint: str) -> Unavailable:
    return Unavailable(f"{errand.context.machine.name} {what}.", hint=hint, code="E-POWER")
