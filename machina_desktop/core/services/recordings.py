"""Recordings of terminals: how they are made, what is known of them, how they are found, and when they go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.recording import (
    FoundLine,
    RecordedLine,
    Recording,
    RecordingDecision,
    RecordingFiles,
    RecordingForm,
    RecordingState,
    RecordingStep,
    clean_title,
    superfluous,
)
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, NotFound
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.recording_policy import decision_on
from machina_desktop.core.services.sealing import MAYBE_DONE
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.terminal.recording_files import (
    RecordingFolder,
    copy_to_new,
    is_alive,
    this_process,
)
from machina_desktop.core.terminal_settings import RECORDING_DAYS, RECORDING_MEGABYTES

ALL = 1_000_000
AT_ONCE = 20_000
"""So many lines are indexed in one transaction; others may write between."""
MOST_INDEXED = 500_000
EVERY_MACHINE = "*"


def _new_recording_id() -> str:
    return new_id("recording")


# What there is


@dataclass(frozen=True, kw_only=True)
class ListRecordings(Request[tuple[Recording, ...]]):
    """Recordings on this computer, newest first; ``search`` looks through machines, titles and people."""

    team_id: str
    machine_id: str = ""
    search: str = ""


@dataclass(frozen=True, kw_only=True)
class GetRecording(Request[RecordingFiles]):
    """One recording and its files."""

    recording_id: str


@dataclass(frozen=True, kw_only=True)
class SearchRecordings(Request[tuple[FoundLine, ...]]):
    """Lines of recordings that hold all of these words, each perhaps only its beginning; newest recordings first."""

    team_id: str
    text: str
    machine_id: str = ""
    limit: int = 200


@use_case("recording.list", "GET /api/device/recordings")
def list_recordings(tx: Transaction, _actor: Actor, ask: ListRecordings) -> tuple[Recording, ...]:
    """By their beginning."""
    of = {"machine_id": ask.machine_id} if ask.machine_id else {}
    return tx.list(
        Recording, of, team_id=ask.team_id, search=ask.search, order_by="began_at", descending=True, limit=ALL
    )


@use_case("recording.get", "GET /api/device/recordings/{recording_id}")
async def get_recording(context: Context, actor: Actor, ask: GetRecording) -> RecordingFiles:
    """The row and where its files lie."""
    return _files(context, await context.read(actor, lambda tx: tx.get(Recording, ask.recording_id)))


@use_case("recording.search", "GET /api/device/recording-lines")
def search_recordings(tx: Transaction, _actor: Actor, ask: SearchRecordings) -> tuple[FoundLine, ...]:
    """From the index."""
    limit = max(1, min(ask.limit, 1000))
    found = tx.recordings.search(ask.team_id, ask.text, machine_id=ask.machine_id, limit=limit)
    ids = tuple({line.recording_id for line in found})
    known = {each.recording_id: each for each in tx.list(Recording, recording_id=ids, limit=ALL)} if ids else {}
    return tuple(
        FoundLine(recording=known[hit.recording_id], line=hit.line, at_ms=hit.at_ms, text=hit.text, spans=hit.spans)
        for hit in found
        if hit.recording_id in known
    )


def _files(context: Context, recording: Recording) -> RecordingFiles:
    folder = RecordingFolder(context.paths.recordings)
    has_text = recording.state is not RecordingState.RECORDING
    return RecordingFiles(
        recording=recording,
        cast=str(folder.cast(recording.recording_id)),
        text=str(folder.text(recording.recording_id)) if has_text else "",
    )


# How one is made


@dataclass(frozen=True, kw_only=True)
class StartRecording(Request[RecordingFiles]):
    """Begin a recording of a terminal; whoever asks then writes the file that is named."""

    machine_id: str
    terminal_id: str
    columns: int
    rows: int
    title: str = ""
    recording_id: str = field(default_factory=_new_recording_id)


@dataclass(frozen=True, kw_only=True)
class EndRecording(Request[Recording]):
    """Say what was written; the text is made and indexed."""

    recording_id: str
    duration_ms: int
    left_out_bytes: int = 0
    title: str = ""
    exit_status: int | None = None


@dataclass(frozen=True, kw_only=True)
class NoteRecording(Request[None]):
    """Let the team's audit trail know what became of a recording."""

    recording_id: str
    team_id: str
    machine_id: str
    step: RecordingStep

    @property
    def audit_detail(self) -> str:
        """What happened, and to a terminal of which machine."""
        return f"{self.step}, machine:{self.machine_id}"


@dataclass(frozen=True, kw_only=True)
class KeepRecording(Request[Recording]):
    """Store what is known of a recording, and index lines of it from ``first`` on."""

    recording: Recording
    lines: tuple[RecordedLine, ...] = ()
    first: int = 0


@use_case("recording.start", "POST /api/device/recordings", is_internal=True)
async def start_recording(context: Context, actor: Actor, ask: StartRecording) -> RecordingFiles:
    """Leave the trace, then the row."""

    def look(tx: Transaction) -> tuple[Machine, RecordingDecision]:
        machine = tx.get(Machine, ask.machine_id)
        return machine, decision_on(tx, machine)

    machine, decision = await context.read(actor, look)
    tag = "" if decision.rule is None else decision.rule.tag or EVERY_MACHINE
    made = Recording(
        recording_id=ask.recording_id,
        team_id=machine.team_id,
        machine_id=machine.machine_id,
        machine_name=machine.name,
        terminal_id=ask.terminal_id,
        user_id=actor.user_id,
        user_name=actor.display_name,
        title=clean_title(ask.title),
        tag=tag,
        has_input=decision.has_input,
        state=RecordingState.RECORDING,
        began_at=now(),
        columns=ask.columns,
        rows=ask.rows,
        holder=this_process(),
    )
    is_noted = await _noted(context, actor, made, RecordingStep.STARTED)
    kept = await context.record(actor, KeepRecording(recording=replace(made, is_noted=is_noted)))
    return _files(context, kept)


@use_case("recording.end", "POST /api/device/recordings/{recording_id}/end", is_internal=True)
async def end_recording(context: Context, actor: Actor, ask: EndRecording) -> Recording:
    """Make the text and the index, and leave the trace."""
    stored = await context.read(actor, lambda tx: tx.get(Recording, ask.recording_id))
    if stored.state is not RecordingState.RECORDING:
        return stored
    ended = replace(
        stored,
        state=RecordingState.COMPLETE,
        duration_ms=ask.duration_ms,
        left_out_bytes=ask.left_out_bytes,
        title=clean_title(ask.title) or stored.title,
        exit_status=ask.exit_status,
    )
    return await _end(context, actor, ended)


@use_case("recording.note", "POST /api/machines/{machine_id}/recordings", is_for_devices=True)
def note_recording(tx: Transaction, _actor: Actor, ask: NoteRecording) -> None:
    """Leaves its trace in the audit trail; recordings themselves stay where they were made."""
    if tx.find(Machine, machine_id=ask.machine_id, team_id=ask.team_id) is None:
        raise NotFound("The team has no such machine.")


@use_case("recording.keep", "PUT /api/device/recording", is_internal=True, is_audited=False)
def keep_recording(tx: Transaction, _actor: Actor, ask: KeepRecording) -> Recording:
    """Add the row or write over it."""
    stored = tx.find(Recording, recording_id=ask.recording.recording_id)
    number = 0 if stored is None else stored.number
    if ask.lines:
        number = tx.recordings.add(ask.lines, number=number, first=ask.first)
    kept = replace(ask.recording, number=number)
    if stored is None:
        tx.add(kept)
    else:
        tx.replace(kept)
    return kept


async def _end(context: Context, actor: Actor, ended: Recording) -> Recording:
    # It brings the terminal's engine, which no other request needs.
    from machina_desktop.core.terminal.recording_text import finish  # noqa: PLC0415

    folder = RecordingFolder(context.paths.recordings)
    made = await asyncio.to_thread(finish, folder, ended.recording_id, most_lines=MOST_INDEXED)
    is_noted = await _noted(context, actor, ended, RecordingStep.ENDED)
    kept = replace(
        ended,
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        line_count=made.line_count,
        duration_ms=ended.duration_ms or made.duration_ms,
        is_noted=ended.is_noted and is_noted,
    )
    for first in range(0, max(1, len(made.lines)), AT_ONCE):
        lines = made.lines[first : first + AT_ONCE]
        kept = await context.record(actor, KeepRecording(recording=kept, lines=lines, first=first))
    return kept


async def _noted(context: Context, actor: Actor, recording: Recording, step: RecordingStep) -> bool:
    """Whether the team's home knows; one that is away keeps nobody from recording."""
    try:
        await context.record(actor, _note(recording, step))
    except MachinaError as error:
        if error.code not in MAYBE_DONE:
            raise
        return False
    return True


def _note(recording: Recording, step: RecordingStep) -> NoteRecording:
    return NoteRecording(
        team_id=recording.team_id,
        machine_id=recording.machine_id,
        recording_id=recording.recording_id,
        step=step,
    )


# How one leaves


@dataclass(frozen=True, kw_only=True)
class ExportRecording(Request[str]):
    """Copy a recording to a new file that only its owner can read; answers the file's path."""

    recording_id: str
    to: str
    form: RecordingForm = RecordingForm.CAST


@dataclass(frozen=True, kw_only=True)
class DeleteRecording(Request[None]):
    """Delete a recording, its text and what the search knows of it."""

    recording_id: str


@dataclass(frozen=True, kw_only=True)
class ForgetRecording(Request[None]):
    """Remove what is known of a recording whose files are gone."""

    recording_id: str


@dataclass(frozen=True, kw_only=True)
class TidyRecordings(Request[int]):
    """End recordings whose program is gone, and delete those that are too old or take too much room.

    Answers how many were deleted.
    """


@use_case("recording.export", "POST /api/device/recordings/{recording_id}/export")
async def export_recording(context: Context, actor: Actor, ask: ExportRecording) -> str:
    """Copy in a thread; no copy leaves without its trace."""
    files = _files(context, await context.read(actor, lambda tx: tx.get(Recording, ask.recording_id)))
    source = files.cast if ask.form is RecordingForm.CAST else files.text
    if not source:
        raise Conflict("The recording has not ended yet.", hint="Its text is made when it ends.", code="E-RECORDING")
    await context.record(actor, _note(files.recording, RecordingStep.EXPORTED))
    return str(await asyncio.to_thread(copy_to_new, Path(source), ask.to))


@use_case("recording.delete", "DELETE /api/device/recordings/{recording_id}")
async def delete_recording(context: Context, actor: Actor, ask: DeleteRecording) -> None:
    """Leave the trace, then let go of the files and the row."""
    stored = await context.read(actor, lambda tx: tx.get(Recording, ask.recording_id))
    if stored.state is RecordingState.RECORDING and is_alive(stored.holder):
        raise Conflict("The recording goes on.", hint="Close its terminal first.", code="E-RECORDING")
    await _delete(context, actor, stored)


@use_case("recording.forget", "DELETE /api/device/recording/{recording_id}", is_internal=True, is_audited=False)
def forget_recording(tx: Transaction, _actor: Actor, ask: ForgetRecording) -> None:
    """Remove the row and the lines."""
    stored = tx.get(Recording, ask.recording_id)
    tx.recordings.remove(stored.number)
    tx.delete(stored)


@use_case("recording.tidy", "POST /api/device/recordings/tidy")
async def tidy_recordings(context: Context, actor: Actor, _ask: TidyRecordings) -> int:
    """What cannot be done now, for a team's home is away, is left for the next time."""
    folder = RecordingFolder(context.paths.recordings)
    files = await asyncio.to_thread(folder.names)
    stored = await context.read(actor, lambda tx: tx.list(Recording, order_by="began_at", limit=ALL))
    for name in files - {each.recording_id for each in stored}:
        # Of a team that the person is no longer in.
        await asyncio.to_thread(folder.remove, name)
    ended = [each if each.sha256 else await _recovered(context, actor, each) for each in stored]
    deleted = 0
    days, room_bytes = context.settings.get(RECORDING_DAYS), context.settings.get(RECORDING_MEGABYTES) * 1_000_000
    whole = [each for each in ended if each is not None and each.sha256]
    for each in superfluous(whole, since=now() - timedelta(days=days) if days else None, room_bytes=room_bytes):
        try:
            await _delete(context, actor, each)
        except MachinaError as error:
            if error.code not in MAYBE_DONE:
                raise
            continue
        deleted += 1
    return deleted


async def _recovered(context: Context, actor: Actor, stored: Recording) -> Recording | None:
    """A recording whose program is gone, ended; ``None`` where nothing was written."""
    if is_alive(stored.holder):
        return stored
    try:
        return await _end(context, actor, replace(stored, state=RecordingState.INTERRUPTED))
    except (NotFound, InvalidInput):
        await _delete(context, actor, stored)
        return None


async def _delete(context: Context, actor: Actor, stored: Recording) -> None:
    await context.record(actor, _note(stored, RecordingStep.DELETED))
    await asyncio.to_thread(RecordingFolder(context.paths.recordings).remove, stored.recording_id)
    await context.record(actor, ForgetRecording(recording_id=stored.recording_id))
