"""One run's Terraform commands: started under a launcher, found again after a crash, followed line by line."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from machina_desktop.core.domain.log_line import LogLevel
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.process import Command, Launch, Outcome, end_leftovers, launch
from machina_desktop.core.tasks import settle_cancels
from machina_desktop.core.terraform import cli
from machina_desktop.core.workers.log_pump import LogPump

LOG = logging.getLogger(__name__)

# A plan changes nothing, so a second interrupt may follow by itself; an apply gets it on the user's word only.
PLAN_GRACE_S = 10.0


LAUNCHES = "launches"
"""The folder below a run folder that holds, by deployment and phase, what was launched."""


class Interrupted(Exception):
    """The user's cancel has ended a step."""


@dataclass
class Meaning:
    """What Terraform's output has told so far; written by the reading thread, read after it has ended."""

    outputs: dict[str, object] = field(default_factory=dict)
    problem: str = ""
    asks_init: bool = False
    planned: int = 0
    done: int = 0
    dumps: list[bytes] = field(default_factory=list)

    def learn(self, decoded: cli.Decoded) -> None:
        """Take in one line."""
        self.outputs.update(decoded.outputs or {})
        self.problem = self.problem or decoded.problem
        self.asks_init = self.asks_init or decoded.asks_init
        self.planned += decoded.planned
        self.done += decoded.done
        if decoded.state_dump is not None:
            self.dumps.append(decoded.state_dump)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where and how a run's commands are started.

    Attributes:
        cwd: The machine's run folder.
        launches: One folder per phase, which holds the launch's record and output.
        credentials: Asks for the provider's own environment variables, each time that commands are started.
        once: Those that it gets beside them while an apply makes something.
        proxy: Variables that name the proxy; ``None`` for those of our own environment.
        mirror: Folder that plugins are taken from instead of a registry; empty for none.
    """

    deployment_id: str
    cwd: Path
    launches: Path
    config_file: Path
    plugin_cache: Path
    credentials: Callable[[], Awaitable[Mapping[str, str]]]
    once: Mapping[str, str]
    proxy: Mapping[str, str] | None = None
    mirror: str = ""


class Commands:
    """Executes the phases of one run. Lives on the loop.

    Attributes:
        cancelled: Set once a person has asked to cancel; provider hooks look at it, too.
        plan: What was approved; ``None`` until that is known.
    """

    def __init__(
        self, surroundings: Surroundings, pump: LogPump, publish: Callable[[ProgressMade], None], *, cancel_level: int
    ) -> None:
        self._in = surroundings
        self._pump = pump
        self._publish = publish
        self._launch: Launch | None = None
        self._cancel_level = 0
        self.cancelled = threading.Event()
        self.plan: PlanSummary | None = None
        if cancel_level:
            self.cancel(cancel_level)

    def cancel(self, level: int) -> None:
        """Pass a person's cancel on to whatever runs now, and start nothing more."""
        self._cancel_level = max(level, self._cancel_level)
        self.cancelled.set()
        if self._launch is not None:
            self._launch.request_cancel(self._cancel_level)

    def raise_if_cancelled(self) -> None:
        """Stop here when a person has asked to cancel.

        Raises:
            Interrupted: so it is.
        """
        if self.cancelled.is_set():
            raise Interrupted

    def folder(self, phase: str) -> Path:
        """Where the launch of that phase keeps its record and output."""
        return self._in.launches / phase

    def has_begun(self, phase: str) -> bool:
        """Whether a command of that phase was ever started, by this process or an earlier one."""
        earlier = Launch.attach(self.folder(phase))
        return earlier is not None and (bool(earlier.begun) or earlier.outcome() is None)

    async def execute(
        self, phase: str, commands: tuple[Command, ...], *, again: bool = False
    ) -> tuple[Outcome, Meaning]:
        """Run the commands, or attach to the launch that an earlier process began; ``again`` runs them anew.

        A launcher that died before it began any of them changed nothing, so they are run once more.

        Raises:
            Interrupted: cancelled before they were started.
        """
        outcome, meaning, has_begun = await self._execute(phase, commands, again=again)
        if outcome.lost and not has_begun:
            self._pump.say("recover", f"The {phase} was cut off before it began. Starting it again.")
            outcome, meaning, _ = await self._execute(phase, commands, again=True)
        return outcome, meaning

    async def _execute(
        self, phase: str, commands: tuple[Command, ...], *, again: bool
    ) -> tuple[Outcome, Meaning, bool]:
        """The outcome, what was printed, and whether any command was begun."""
        attached = Launch.attach(self.folder(phase)) if not again and self.has_begun(phase) else None
        if attached is None:
            # In this order: an earlier output must be gone before it counts as unread, or it would be logged twice.
            await asyncio.to_thread(self._make_room, phase)
            for command in commands:
                await self._pump.begin_anew(f"{phase}/{command.output}")
            self.raise_if_cancelled()
            attached = await asyncio.to_thread(self._start, phase, commands, await self._credentials(phase))
        else:
            self._pump.say("recover", f"Found the {phase} of an earlier start again.")
        self._launch = attached
        if self._cancel_level:
            attached.request_cancel(self._cancel_level)
        try:
            outcome, meaning = await self._follow(attached, phase, commands)
        finally:
            self._launch = None
        return outcome, meaning, bool(attached.begun)

    async def _credentials(self, phase: str) -> Mapping[str, str]:
        is_making = phase == "apply" and self.plan is not None and self.plan.add > 0
        return {**await self._in.credentials(), **(self._in.once if is_making else {})}

    def _make_room(self, phase: str) -> None:
        folder = self.folder(phase)
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._in.plugin_cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            cli.write_config(self._in.config_file, mirror=Path(self._in.mirror) if self._in.mirror else None)
        except OSError as error:
            raise Unavailable(
                f"The run folder {self._in.cwd} cannot be written: {error.strerror}.",
                hint="Free space on the disk, or make the folder writable.",
                code="E-RUN-FOLDER",
            ) from error

    def _start(self, phase: str, commands: tuple[Command, ...], credentials: Mapping[str, str]) -> Launch:
        environment = cli.terraform_environment(
            config_file=self._in.config_file,
            plugin_cache=self._in.plugin_cache,
            credentials=credentials,
            proxy=self._in.proxy,
        )
        LOG.info("%s: starting %s", self._in.deployment_id, phase)
        return launch(self.folder(phase), commands, cwd=self._in.cwd, environment=environment)

    async def _follow(self, started: Launch, phase: str, commands: tuple[Command, ...]) -> tuple[Outcome, Meaning]:
        meaning, ended = Meaning(), asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch(started, phase), name=f"watch {phase}")
                watcher.add_done_callback(lambda _task: ended.set())
                for command in commands:
                    if command.output.endswith(".jsonl"):
                        await self._follow_output(started, phase, command, meaning, ended)
        except ExceptionGroup as group_of_one:
            settle_cancels()
            raise group_of_one.exceptions[0] from group_of_one
        outcome = watcher.result()
        if outcome.lost or outcome.leftovers or any(code < 0 for code in outcome.codes):
            await asyncio.to_thread(end_leftovers, started)
        return outcome, meaning

    async def _follow_output(
        self, started: Launch, phase: str, command: Command, meaning: Meaning, ended: asyncio.Event
    ) -> None:
        def learn(decoded: cli.Decoded) -> None:
            meaning.learn(decoded)
            if decoded.planned or decoded.done:
                total = self.plan.operations if self.plan is not None else meaning.planned
                self._publish(ProgressMade(self._in.deployment_id, phase, done=meaning.done, total=total))

        await self._pump.follow(
            started.output(command.output),
            source=f"{phase}/{command.output}",
            phase=phase,
            ended=ended,
            on_decoded=learn,
        )
        text = await asyncio.to_thread(_read_text, started.errors(command.output))
        if text:
            self._pump.say(phase, text, level=LogLevel.WARNING)

    async def _watch(self, started: Launch, phase: str) -> Outcome:
        """Wait for the end; a cancelled plan that does not stop gets its second interrupt by itself."""
        while True:
            try:
                async with asyncio.timeout(PLAN_GRACE_S):
                    return await started.wait()
            except TimeoutError:
                if self._cancel_level and phase != "apply":
                    started.request_cancel(2)


def is_busy(run_folder: Path) -> bool:
    """Whether anything that was launched for the machine still runs, whoever began it. Blocking."""
    while True:
        # Another thread or process may be removing what is listed here.
        with suppress(FileNotFoundError):
            launches = [Launch.attach(folder) for folder in run_folder.glob(f"{LAUNCHES}/*/*")]
            return any(launch is not None and launch.outcome() is None for launch in launches)


def has_applied(run_folder: Path) -> bool:
    """Whether an apply is on record there, under way or ended. Blocking."""
    return any(run_folder.glob(f"{LAUNCHES}/*/apply"))


def _read_text(path: Path, *, limit: int = 4000) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(limit).strip()
    except FileNotFoundError:
        return ""
