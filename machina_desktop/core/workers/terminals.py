"""Shells on machines, put together: who may, which keys and pins, the way there, and what is told afterwards."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from machina_desktop.core.config import environment
from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.services.sealing import MAYBE_DONE
from machina_desktop.core.services.terminals import (
    BASTION,
    CloseTerminal,
    OpenTerminal,
    PinHostKey,
    PinPrintedHostKey,
    ReachableMachine,
    RecordJumpHost,
    RecordTerminal,
    TerminalAccess,
    is_private,
)
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.ssh.hop import Ask, Hop
from machina_desktop.core.ssh.known_hosts import remember
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.sync.gateway import Gateway
from machina_desktop.core.workers.hosted_session import HostedSession
from machina_desktop.core.workers.shell_process import CAN_HAND_OVER, Shells
from machina_desktop.core.workers.shell_wire import Way
from machina_desktop.core.workers.ways import Ways

# These speak SSH, which a window leaves to another process.
if TYPE_CHECKING:
    from machina_desktop.core.ssh.connection import Connection
    from machina_desktop.core.terminal.session import Session
    from machina_desktop.core.workers.dialled_line import DialledLine

R = TypeVar("R")
S = TypeVar("S", "HostedSession", "Session")
LOG = logging.getLogger(__name__)
POLL_S = 0.5
TELL_S = 15.0
"""So long the home may take to hear that a shell has ended."""
AGAIN_S = 10.0
STOP_S = 2.0
_NO_WAY = frozenset({"E-SSH-REFUSED", "E-SSH-TIMEOUT", "E-SSH-UNREACHABLE"})


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a session shall run: the login shell, or a command; without ``has_terminal`` its streams are pipes."""

    command: str = ""
    has_terminal: bool = True


class Terminals:
    """Opens shells for the person of this host. Its methods may be called on the loop's thread; they do not block.

    Attributes:
        ways: How machines are reached from this computer.
        shells: The process that shells run in.
        open_lines: Ids of terminals that somebody was let in to and whose end the home has not heard of yet.
    """

    def __init__(self, gateway: Gateway, loop: asyncio.AbstractEventLoop, ways: Ways) -> None:
        self.ways = ways
        self._gateway = gateway
        self._loop = loop
        # One that is over may be reconnected for as long as somebody holds it.
        self._sessions: weakref.WeakSet[HostedSession | Session] = weakref.WeakSet()
        self.shells = Shells()
        self.open_lines: set[str] = set()
        self._told = threading.Condition()
        self._is_stopping = False

    def open(self, machine_id: str, columns: int, lines: int, kept: KeptShell | None = None) -> HostedSession | Session:
        """A session that leads to that machine and has begun to connect; it runs in a process of its own.

        With ``kept`` it leads to that shell each time that it is connected, else to a new one.
        """
        wish = Wish() if kept is None else Wish(command=kept.command)
        if not CAN_HAND_OVER:
            return self.open_here(machine_id, columns, lines, wish)
        return self._started(HostedSession(self.shells, self._lead(machine_id, wish), columns, lines))

    def open_here(self, machine_id: str, columns: int, lines: int, wish: Wish | None = None) -> Session:
        """The same in this process, for who has nothing else to do."""
        from machina_desktop.core.terminal.session import Session  # noqa: PLC0415 - brings paramiko

        return self._started(Session(self.line(machine_id, wish), columns, lines))

    def line(self, machine_id: str, wish: Wish | None = None) -> DialledLine:
        """What opens connections to that machine, for whoever runs something else than a session on them."""
        from machina_desktop.core.workers.dialled_line import DialledLine  # noqa: PLC0415 - brings paramiko

        return DialledLine(self._lead(machine_id, wish))

    def _lead(self, machine_id: str, wish: Wish | None) -> MachineLead:
        return MachineLead(self, machine_id, wish or Wish())

    def _started(self, session: S) -> S:
        self._sessions.add(session)
        session.start()
        return session

    def connect(self, machine_id: str, ask: Ask, is_over: Callable[[], bool]) -> Connection:
        """A connection to that machine without a shell, for files and tunnels. Blocks; never on the loop's thread.

        Raises:
            MachinaError: it cannot be reached, or nobody may.
        """
        opened = self.line(machine_id).open(ask, is_over)
        # What is done over the connection leaves its own trace.
        opened.ended(None)
        return opened.connection

    async def stop(self) -> None:
        """End all sessions, and wait a moment for what they have to tell the home. On the loop."""
        for session in tuple(self._sessions):
            session.close()
        with self._told:
            self._is_stopping = True
            self._told.notify_all()
        await asyncio.to_thread(self._wait_for_lines)
        await asyncio.to_thread(self.shells.stop)

    def _wait_for_lines(self) -> None:
        with self._told:
            self._told.wait_for(lambda: not self.open_lines, STOP_S)

    def begun(self, terminal_id: str) -> None:
        """Somebody has been let in; :meth:`stop` waits until they are :meth:`done`."""
        with self._told:
            self.open_lines.add(terminal_id)

    def done(self, terminal_id: str) -> None:
        """All is told of a shell."""
        with self._told:
            self.open_lines.discard(terminal_id)
            self._told.notify_all()

    def tell(self, note: Request[None]) -> None:
        """Have a trace recorded, again and again while the team's home is away; blocks, until this host stops.

        Raises:
            MachinaError: the home refuses it, or could not be asked any more.
        """
        while True:
            try:
                self.call(note, _never, TELL_S)
            except MachinaError as error:
                with self._told:
                    if error.code not in MAYBE_DONE or self._told.wait_for(lambda: self._is_stopping, AGAIN_S):
                        raise
            else:
                return

    def call(self, ask: Request[R], is_over: Callable[[], bool], timeout_s: float = 120.0) -> R:
        """What the gateway answers, waited for on another thread than the loop's."""
        if self._loop.is_closed():
            raise _given_up()
        future = asyncio.run_coroutine_threadsafe(self._gateway.call(ask), self._loop)
        waited = 0.0
        while not is_over() and waited < timeout_s:
            try:
                return future.result(POLL_S)
            except concurrent.futures.TimeoutError:
                if future.done():
                    raise
                waited += POLL_S
            except concurrent.futures.CancelledError:
                break
        future.cancel()
        raise _given_up()


class MachineLead:
    """Lets the person in to one machine, through the door that everything goes through."""

    def __init__(self, terminals: Terminals, machine_id: str, wish: Wish) -> None:
        self._terminals = terminals
        self._machine_id = machine_id
        self._wish = wish

    def visit(self, is_over: Callable[[], bool]) -> MachineVisit:
        """Ask the home, then find the way; blocks.

        Raises:
            MachinaError: nobody may, or the way cannot be found.
        """
        access = self._terminals.call(OpenTerminal(machine_id=self._machine_id), is_over)
        self._terminals.begun(access.terminal_id)
        visit = MachineVisit(self._terminals, access)
        try:
            route = self._terminals.ways.route(access)
        except MachinaError as error:
            visit.ended(0)
            raise visit.explained(error) from error
        wish = ShellWish(
            command=self._wish.command,
            columns=80 if self._wish.has_terminal else 0,
            variables=_variables(),
            forwards_agent=route[-1].forwards_agent,
        )
        visit.way = Way(route=route, wish=wish)
        return visit


class MachineVisit:
    """One admission to a machine; the home hears of its end.

    Attributes:
        way: How the machine is reached and what is to run there.
    """

    way: Way

    def __init__(self, terminals: Terminals, access: TerminalAccess) -> None:
        self._terminals = terminals
        self._access = access
        self._machines = {each.machine.machine_id: each.machine for each in access.route}

    def pin(self, hop: Hop, key: HostKey, is_over: Callable[[], bool]) -> None:
        """Give a host key to the home; one accepted of a jump host of the person's own stays here and is noted."""
        if machine := self._machines.get(hop.about):
            ask = PinPrintedHostKey if hop.printed else PinHostKey
            pin = ask(machine_id=hop.about, host_key=key.fingerprint, instead_of=machine.host_key)
            try:
                self._terminals.call(pin, is_over)
            except MachinaError as error:
                # What proves itself does so again next time; what a person has recognised would be lost.
                if not hop.printed or error.code not in MAYBE_DONE:
                    raise
                LOG.warning("a host key was not pinned: %s %s", error.code, error)
            return
        host, port, wanted = hop.target.host, hop.target.port, self._access.route[-1].machine
        note = RecordJumpHost(
            team_id=wanted.team_id, machine_id=wanted.machine_id, host=host, port=port, host_key=key.fingerprint
        )
        self._terminals.call(note, is_over)
        remember(self._terminals.ways.known_hosts, host, port, key)

    def explained(self, error: MachinaError) -> MachinaError:
        """Why it failed, with where its keys are kept, or how to reach what has a private address only."""
        return _with_next_step(error, self._access.route)

    def ended(self, seconds: float | None) -> None:
        """Tell the home, as soon as it can be reached."""
        # It may be away for long, and nobody shall wait for it.
        threading.Thread(
            target=self._tell, args=(None if seconds is None else round(seconds),), name="ssh-trace", daemon=True
        ).start()

    def _tell(self, seconds: int | None) -> None:
        machine, terminal_id = self._access.route[-1].machine, self._access.terminal_id
        about = {"team_id": machine.team_id, "machine_id": machine.machine_id, "terminal_id": terminal_id}
        try:
            if not self._access.is_recorded:
                self._terminals.tell(RecordTerminal(**about))
            if seconds is not None:
                self._terminals.tell(CloseTerminal(**about, seconds=seconds))
        except MachinaError as error:
            LOG.warning("the end of a terminal was not recorded: %s %s", error.code, error)
        finally:
            self._terminals.done(terminal_id)


def _with_next_step(error: MachinaError, route: tuple[ReachableMachine, ...]) -> MachinaError:
    """The error, with what is known of the machine's keys where the login failed, or of the way where that did."""
    reachable = route[-1]
    if error.code in _NO_WAY and len(route) == 1 and is_private(reachable.machine):
        return Unavailable(
            error.message,
            hint=f"{reachable.machine.name} has a private address only. Join its network, such as by VPN, or give a "
            f"machine of the same account that has a public address the tag {BASTION}: the way then leads over that.",
            code=error.code,
        )
    if error.code not in {"E-SSH-KEY", "E-SSH-AUTH"} or not reachable.elsewhere:
        return error
    names = ", ".join(reachable.elsewhere)
    return Unavailable(
        error.message,
        hint=f"The private half of {names} is kept elsewhere: connect from the computer that has it, "
        "import it here as well, or add a key of yours to your SSH agent.",
        code=error.code,
    )


def _variables() -> dict[str, str]:
    language = environment().get("LANG", "")
    return {"LANG": language if "utf" in language.lower() else "C.UTF-8", "COLORTERM": "truecolor"}


def _given_up() -> Unavailable:
    return Unavailable("The terminal was given up.", hint="Connect again.", code="E-SSH-GIVEN-UP")


def _never() -> bool:
    return False
