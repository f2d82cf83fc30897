"""The queue of transfers: some at once per machine, paused, resumed, asked about, tried again; views come and go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from machina_desktop.core.domain.transfer import Direction, EntryKind, OnConflict, Transfer, TransferState, shown_name
from machina_desktop.core.errors import MachinaError, NotFound
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.transfers import FileDeed
from machina_desktop.core.ssh.sftp import Sftp, Stopped
from machina_desktop.core.ssh.sftp_copy import Watch
from machina_desktop.core.workers.file_sides import Record
from machina_desktop.core.workers.lines import AWAY, Lines
from machina_desktop.core.workers.transfer_steps import Item, Steps, size_of, steps_of

R = TypeVar("R")
LOG = logging.getLogger(__name__)
Spawn = Callable[[Coroutine[object, object, None], str], object]
"""Runs a coroutine as a task of that name, until the host stops."""

AT_ONCE = 3
TICK_S = 0.2
RETRY_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)
"""Waits before a lost connection is made again; after the last, somebody has to say it."""
_RATE_S = 3.0


@dataclass
class _Job:
    """A transfer under way, and what only its task knows.

    Attributes:
        arrived: Bytes that are there; ``passed`` are those of the items before ``at``.
    """

    transfer: Transfer
    steps: Steps
    watch: Watch = field(default_factory=Watch)
    arrived: int = 0
    items: tuple[Item, ...] | None = None
    at: int = 0
    passed: int = 0
    name: str = ""
    choice: OnConflict = OnConflict.ASK
    answer: asyncio.Future[OnConflict] | None = None
    is_wanted: bool = True
    has_slot: bool = False
    attempts: int = 0
    measured: tuple[float, int] = (0.0, 0)
    halted: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Transfers:
    """All transfers of this program. Lives on the loop; every method is quick."""

    def __init__(
        self,
        lines: Lines,
        *,
        record: Record,
        announce: Callable[[str], None],
        spawn: Spawn,
        at_once: int = AT_ONCE,
        retry_s: Sequence[float] = RETRY_S,
    ) -> None:
        """``announce`` hears the id of every transfer that is another than before, several times a second at most."""
        self._lines = lines
        self._record = record
        self._announce = announce
        self._spawn = spawn
        self._retry_s = retry_s
        self._jobs: dict[str, _Job] = {}
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(at_once))
        self._is_ticking = False

    def add(
        self,
        machine_id: str,
        direction: Direction,
        sources: Sequence[str],
        *,
        destination: str,
        is_move: bool = False,
    ) -> tuple[str, ...]:
        """Put files and folders into the queue, each as one transfer; answers their ids.

        Raises:
            Unavailable: a source has no name that could be used.
        """
        made = [
            Transfer(
                transfer_id=new_id("transfer"),
                machine_id=machine_id,
                direction=direction,
                source=source,
                destination=destination,
                is_move=is_move,
            )
            for source in sources
        ]
        jobs = [_Job(transfer=each, steps=steps_of(each)) for each in made]
        for job in jobs:
            self._jobs[job.transfer.transfer_id] = job
            self._start(job)
        return tuple(each.transfer_id for each in made)

    def all(self, machine_id: str = "") -> tuple[Transfer, ...]:
        """The transfers of a machine, or of all, oldest first."""
        return tuple(
            job.transfer for job in self._jobs.values() if not machine_id or job.transfer.machine_id == machine_id
        )

    def get(self, transfer_id: str) -> Transfer | None:
        """One of them."""
        job = self._jobs.get(transfer_id)
        return job.transfer if job is not None else None

    @property
    def unfinished(self) -> int:
        """How many would be cut off if the program ended now."""
        return sum(not job.transfer.state.is_final for job in self._jobs.values())

    def pause(self, transfer_id: str) -> None:
        """Hold it where it is; what has arrived stays."""
        job = self._job(transfer_id)
        if not job.transfer.state.is_final:
            self._halt(job, TransferState.PAUSED)

    def resume(self, transfer_id: str) -> None:
        """Go on with one that is paused, or try again one that failed or was cancelled."""
        job = self._job(transfer_id)
        if job.transfer.state is TransferState.PAUSED or job.transfer.state.is_final:
            if job.transfer.state is TransferState.DONE:
                return
            job.attempts = 0
            self._start(job)

    def cancel(self, transfer_id: str) -> None:
        """Give it up; files that have arrived stay, the unfinished one goes."""
        job = self._job(transfer_id)
        if not job.transfer.state.is_final:
            self._halt(job, TransferState.CANCELLED)
            self._spawn(self._tidy(job), "tidy after a transfer")

    def answer(self, transfer_id: str, choice: OnConflict, *, is_for_all: bool = False) -> None:
        """Say what to do about the file in the way; ``is_for_all`` holds for every other of the machine's, too."""
        job = self._job(transfer_id)
        chosen = [job]
        if is_for_all:
            machine_id = job.transfer.machine_id
            chosen = [each for each in self._jobs.values() if each.transfer.machine_id == machine_id]
            for each in chosen:
                if not each.transfer.state.is_final:
                    each.choice = choice
        for each in chosen:
            if each.answer is not None and not each.answer.done():
                each.answer.set_result(choice)

    async def ended(self, transfer_id: str) -> Transfer:
        """The transfer, once nothing happens to it any more unless somebody tries it again."""
        job = self._job(transfer_id)
        await job.ended.wait()
        return job.transfer

    def clear_finished(self, machine_id: str = "") -> None:
        """Forget those to which nothing happens any more."""
        for transfer in self.all(machine_id):
            if transfer.state.is_final:
                del self._jobs[transfer.transfer_id]
                self._announce(transfer.transfer_id)

    def stop(self) -> None:
        """Hold all of them, for the program ends; partial files stay for another time."""
        for job in self._jobs.values():
            if not job.transfer.state.is_final:
                self._halt(job, TransferState.PAUSED)

    def _job(self, transfer_id: str) -> _Job:
        try:
            return self._jobs[transfer_id]
        except KeyError:
            raise NotFound("There is no such transfer.") from None

    def _start(self, job: _Job) -> None:
        job.watch = Watch(on_bytes=_counter(job), on_resumed=_starter(job))
        job.halted = asyncio.Event()
        job.ended.clear()
        job.is_wanted = True
        self._show(job, state=TransferState.WAITING, problem=None, conflict=None)
        self._spawn(self._run(job, job.watch), f"transfer {job.transfer.transfer_id}")

    def _halt(self, job: _Job, state: TransferState) -> None:
        job.is_wanted = False
        job.watch.stop.set()
        job.halted.set()
        if job.answer is not None and not job.answer.done():
            job.answer.cancel()
        self._show(job, state=state, rate=0.0, conflict=None, problem=None)

    async def _run(self, job: _Job, watch: Watch) -> None:
        """Walk a job from where it is to its end; a lost connection is waited for."""
        slot = self._slots[job.transfer.machine_id]
        while not watch.stop.is_set():
            try:
                # One that was paused and resumed at once waits for its former self to let go.
                async with job.turn, _Slot(slot, job):
                    if watch.stop.is_set():
                        return
                    await self._carry(job, watch, slot)
            except (Stopped, asyncio.CancelledError):
                if not watch.stop.is_set():
                    raise
                return
            except MachinaError as error:
                if watch.stop.is_set():
                    return
                if not await self._is_waited_for(job, watch, error):
                    self._show(job, state=TransferState.FAILED, rate=0.0, problem=error, conflict=None)
                    return
            else:
                return

    async def _is_waited_for(self, job: _Job, watch: Watch, error: MachinaError) -> bool:
        """Wait before the next attempt; ``False`` where there shall be none."""
        if error.code not in AWAY or job.items is None or job.attempts >= len(self._retry_s):
            return False
        wait_s, job.attempts = self._retry_s[job.attempts], job.attempts + 1
        self._show(job, state=TransferState.WAITING, rate=0.0, problem=error)
        try:
            await asyncio.wait_for(job.halted.wait(), wait_s)
        except TimeoutError:
            return not watch.stop.is_set()
        return False

    async def _carry(self, job: _Job, watch: Watch, slot: asyncio.Semaphore) -> None:
        self._show(job, state=TransferState.RUNNING, problem=None)
        job.measured = (time.monotonic(), job.arrived)
        self._tick()
        if job.items is None:
            job.items = await self._work(job, lambda sftp: job.steps.items(sftp, watch.stop))
            files = sum(item.is_copied for item in job.items)
            self._show(job, files=files, size=size_of(job.items))
            await self._leave_trace(job, files)
        while job.at < len(job.items):
            if watch.stop.is_set():
                raise Stopped
            item = job.items[job.at]
            await self._take(job, item, watch, slot)
            job.at += 1
            job.passed += item.entry.size if item.is_copied else 0
            job.name = ""
            job.attempts = 0
        await self._work(job, lambda sftp: self._finish(job, sftp))
        self._show(job, state=TransferState.DONE, rate=0.0, current="", done=job.transfer.size)

    async def _take(self, job: _Job, item: Item, watch: Watch, slot: asyncio.Semaphore) -> None:
        transfer = job.transfer
        if not item.is_copied:
            if item.entry.kind is EntryKind.FOLDER:
                await self._work(job, lambda sftp: job.steps.make_folder(sftp, item))
            else:
                self._show(job, skipped=transfer.skipped + 1)
            return
        self._show(job, current=shown_name(item.below or transfer.name), is_loud=False)
        job.arrived = before = job.passed
        job.measured = (time.monotonic(), before)
        if not job.name and not await self._is_free(job, item, slot):
            self._show(job, skipped=transfer.skipped + 1, done=before + item.entry.size)
            return
        await self._work(job, lambda sftp: job.steps.copy(sftp, item, job.name, watch))
        if transfer.is_move:
            await self._work(job, lambda sftp: job.steps.remove_source(sftp, item))
        self._show(job, files_done=job.transfer.files_done + 1, done=before + item.entry.size, is_loud=False)

    async def _is_free(self, job: _Job, item: Item, slot: asyncio.Semaphore) -> bool:
        """Choose the name under which a file arrives; ``False`` where it is left out."""
        own = item.below.rpartition("/")[2] or job.steps.top
        found = await self._work(job, lambda sftp: job.steps.conflict(sftp, item))
        choice = job.choice
        if found is not None and choice is OnConflict.ASK:
            job.answer = asyncio.get_running_loop().create_future()
            self._show(job, state=TransferState.ASKING, conflict=found, rate=0.0)
            # Whoever waits for a person does not hold up the others.
            slot.release()
            job.has_slot = False
            try:
                choice = await job.answer
            finally:
                job.answer = None
                if not job.watch.stop.is_set():
                    await slot.acquire()
                    job.has_slot = True
            self._show(job, state=TransferState.RUNNING, conflict=None)
        if found is None or choice is OnConflict.OVERWRITE:
            job.name = own
        elif choice is OnConflict.RENAME:
            job.name = await self._work(job, lambda sftp: job.steps.free_name(sftp, item))
        elif choice is OnConflict.NEWER and int(item.entry.mtime) > int(found.found_mtime):
            job.name = own
        return bool(job.name)

    def _finish(self, job: _Job, sftp: Sftp) -> None:
        """What comes after the last file: folders get their times, emptied ones of a move go. In a thread."""
        folders = [item for item in job.items or () if item.entry.kind is EntryKind.FOLDER]
        for item in reversed(folders):
            job.steps.finish_folder(sftp, item)
            if job.transfer.is_move and not job.transfer.skipped:
                job.steps.remove_source(sftp, item)

    async def _leave_trace(self, job: _Job, files: int) -> None:
        transfer = job.transfer
        deed = FileDeed.UPLOAD if transfer.direction is Direction.UPLOAD else FileDeed.DOWNLOAD
        moved = "moved, " if transfer.is_move else ""
        about = f"{shown_name(transfer.source)} to {shown_name(transfer.destination)}"
        await self._record(transfer.machine_id, deed, f"{about}, {moved}{files} files, {transfer.size} bytes")

    async def _tidy(self, job: _Job) -> None:
        """Remove the partial file of a job that was given up, as far as its machine can be reached."""
        if job.items is None or job.at >= len(job.items) or not job.name:
            return
        item, name, job.name = job.items[job.at], job.name, ""
        try:
            await self._work(job, lambda sftp: job.steps.forget(sftp, item, name))
        except MachinaError as error:
            LOG.info("a partial file was left: %s", error.code)

    async def _work(self, job: _Job, work: Callable[[Sftp], R]) -> R:
        return await self._lines.work(job.transfer.machine_id, work)

    def _show(self, job: _Job, *, is_loud: bool = True, **facts: object) -> None:
        state = facts.get("state")
        if not job.is_wanted and state not in (TransferState.PAUSED, TransferState.CANCELLED):
            # Its task has not heard yet that it was halted.
            facts.pop("state", None)
        job.transfer = replace(job.transfer, **facts)  # type: ignore[arg-type]
        if job.transfer.state.is_final:
            job.ended.set()
        if is_loud:
            self._announce(job.transfer.transfer_id)

    def _tick(self) -> None:
        if not self._is_ticking:
            self._is_ticking = True
            self._spawn(self._tell_progress(), "progress of transfers")

    async def _tell_progress(self) -> None:
        """Tell several times a second how far the running ones are, until none runs."""
        try:
            while running := [job for job in self._jobs.values() if job.transfer.state is TransferState.RUNNING]:
                for job in running:
                    self._measure(job)
                await asyncio.sleep(TICK_S)
        finally:
            self._is_ticking = False

    def _measure(self, job: _Job) -> None:
        at, (since, before) = time.monotonic(), job.measured
        passed = at - since
        rate = job.transfer.rate
        if passed >= TICK_S / 2:
            weight = min(1.0, passed / _RATE_S) if rate else 1.0
            rate += weight * (max(0, job.arrived - before) / passed - rate)
            job.measured = (at, job.arrived)
        done = min(max(job.arrived, job.transfer.done), job.transfer.size)
        self._show(job, done=done, rate=rate)


def _counter(job: _Job) -> Callable[[int], None]:
    def count(arrived: int) -> None:
        job.arrived += arrived

    return count


def _starter(job: _Job) -> Callable[[int], None]:
    def begin(there: int) -> None:
        # What was copied already when a partial file is taken up again is no speed.
        job.arrived += there
        job.measured = (time.monotonic(), job.arrived)

    return begin


class _Slot:
    """One of the places of a machine, held while a job runs; the job may let go of it in between."""

    def __init__(self, places: asyncio.Semaphore, job: _Job) -> None:
        self._places = places
        self._job = job

    async def __aenter__(self) -> None:
        await self._places.acquire()
        self._job.has_slot = True

    async def __aexit__(self, *_error: object) -> None:
        if self._job.has_slot:
            self._job.has_slot = False
            self._places.release()
