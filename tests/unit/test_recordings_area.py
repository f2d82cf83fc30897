"""Recordings: made where wanted or required, found by their words, kept no longer than said, told to the trail."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from machina_desktop.core.domain.recording import (
    Recording,
    RecordingFiles,
    RecordingForm,
    RecordingPolicy,
    RecordingState,
)
from machina_desktop.core.domain.team import Actor, TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.services import recordings
from machina_desktop.core.services.machines import UpdateMachine
from machina_desktop.core.services.recording_policy import (
    AddRecordingRule,
    DecideRecording,
    RemoveRecordingRule,
    SetRecordingPolicy,
)
from machina_desktop.core.services.recordings import (
    DeleteRecording,
    EndRecording,
    ExportRecording,
    GetRecording,
    ListRecordings,
    SearchRecordings,
    StartRecording,
    TidyRecordings,
)
from machina_desktop.core.terminal.asciicast import Header
from machina_desktop.core.terminal.recording import Recorder
from machina_desktop.core.terminal_settings import RECORDING_DAYS, RECORDING_MEGABYTES
from tests.fakes.hosts import ON_ONE_STORE, Core, core

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def machine(made: Core, name: str = "web-1", *tags: str) -> str:
    return (await made.create(name, tags=tags)).machine_id


async def begun(made: Core, machine_id: str, text: str = "") -> tuple[RecordingFiles, Recorder]:
    files = await made.call(StartRecording(machine_id=machine_id, terminal_id="terminal-1", columns=80, rows=24))
    header = Header(columns=80, rows=24, began_at=files.recording.began_at)
    recorder = Recorder(Path(files.cast), header, has_input=files.recording.has_input)
    recorder.output(text.encode())
    return files, recorder


async def recorded(made: Core, machine_id: str, text: str = "hello\r\n", **end: object) -> Recording:
    files, recorder = await begun(made, machine_id, text)
    recorder.stop()
    written = await asyncio.to_thread(recorder.wait)
    return await made.call(
        EndRecording(
            recording_id=files.recording.recording_id,
            duration_ms=max(1, written.duration_ms),
            left_out_bytes=written.left_out_bytes,
            **end,  # type: ignore[arg-type]
        )
    )


def files_of(made: Core) -> list[str]:
    folder = made.paths.recordings
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def contents(*files: str) -> tuple[list[bytes], set[int]]:
    """What the files hold, and their modes."""
    paths = [Path(file) for file in files]
    return [path.read_bytes() for path in paths], {stat.S_IMODE(path.stat().st_mode) for path in paths}


def append(file: str, data: bytes) -> None:
    with Path(file).open("ab") as opened:
        opened.write(data)


# Who decides


@ON_ONE_STORE
async def test_nothing_is_recorded_unless_somebody_wants_it(made: Core) -> None:
    machine_id = await machine(made)
    decision = await made.call(DecideRecording(machine_id=machine_id))
    assert (decision.policy, decision.has_input, decision.rule) == (RecordingPolicy.OFF, False, None)


@ON_ONE_STORE
async def test_a_person_decides_for_each_machine(made: Core) -> None:
    first, second = await machine(made, "a"), await machine(made, "b")
    for policy in (RecordingPolicy.ASK, RecordingPolicy.ON):
        told = await made.call(SetRecordingPolicy(machine_id=first, policy=policy, has_input=True))
        assert (told.policy, told.has_input) == (policy, True)
    assert (await made.call(DecideRecording(machine_id=second))).policy is RecordingPolicy.OFF


@pytest.mark.parametrize("tag", ["env:prod", "ENV:Prod", ""])
@ON_ONE_STORE
async def test_what_an_administrator_requires_nobody_turns_off(made: Core, tag: str) -> None:
    machine_id = await machine(made, "web-1", "env:prod")
    rule = await made.call(AddRecordingRule(team_id=made.team_id, tag=tag))
    told = await made.call(SetRecordingPolicy(machine_id=machine_id, policy=RecordingPolicy.OFF))
    assert (told.policy, told.rule) == (RecordingPolicy.ON, rule)
    assert (await recorded(made, machine_id)).tag == (tag or "*")
    await made.call(RemoveRecordingRule(rule_id=rule.rule_id))
    assert (await made.call(DecideRecording(machine_id=machine_id))).policy is RecordingPolicy.OFF


@ON_ONE_STORE
async def test_a_rule_is_about_machines_of_its_tag_only(made: Core) -> None:
    machine_id = await machine(made, "web-1", "env:dev")
    await made.call(AddRecordingRule(team_id=made.team_id, tag="env:prod", has_input=True))
    assert (await made.call(DecideRecording(machine_id=machine_id))).rule is None
    await made.call(UpdateMachine(machine_id=machine_id, tags=("env:prod",)))
    assert (await made.call(DecideRecording(machine_id=machine_id))).has_input


async def test_members_make_no_rules_and_one_tag_has_one_rule(made: Core) -> None:
    member = Actor(user_id="user-x", display_name="X", team_roles=((made.team_id, TeamRole.MEMBER),))
    with pytest.raises(Forbidden):
        await made.door(member).call(AddRecordingRule(team_id=made.team_id, tag="a"))
    await made.call(AddRecordingRule(team_id=made.team_id, tag="a"))
    with pytest.raises(Conflict):
        await made.call(AddRecordingRule(team_id=made.team_id, tag="A"))


# What is kept


@ON_ONE_STORE
async def test_a_recording_has_a_row_two_private_files_and_its_digest(made: Core) -> None:
    done = await recorded(made, await machine(made), "one\r\ntwo\r\n", exit_status=3, title="make\x07 all")
    files = await made.call(GetRecording(recording_id=done.recording_id))
    (cast, text), modes = contents(files.cast, files.text)
    assert (text, modes) == (b"one\ntwo\n\n", {0o600})
    assert done.sha256 == hashlib.sha256(cast).hexdigest()
    assert done.size_bytes == len(cast) + len(text)
    assert (done.state, done.exit_status, done.title) == (RecordingState.COMPLETE, 3, "make all")
    assert await made.call(ListRecordings(team_id=made.team_id)) == (done,)


@ON_ONE_STORE
async def test_the_trail_tells_of_each_step_and_names_the_recording(made: Core, tmp_path: Path) -> None:
    done = await recorded(made, await machine(made))
    await made.call(ExportRecording(recording_id=done.recording_id, to=str(tmp_path / "a.cast")))
    await made.call(DeleteRecording(recording_id=done.recording_id))
    told = [(event.action, event.target) for event in await made.audit() if event.action.startswith("recording.")]
    assert told == [(f"recording.{step}", done.recording_id) for step in ("start", "end", "export", "delete")]


@ON_ONE_STORE
async def test_a_copy_is_private_and_never_written_over_a_file(made: Core, tmp_path: Path) -> None:
    done = await recorded(made, await machine(made), "secretless\r\n")
    to = tmp_path / "copy.txt"
    ask = ExportRecording(recording_id=done.recording_id, to=str(to), form=RecordingForm.TEXT)
    assert await made.call(ask) == str(to)
    assert contents(str(to)) == ([b"secretless\n\n"], {0o600})
    with pytest.raises(Conflict) as caught:
        await made.call(ask)
    assert caught.value.code == "E-FILE-EXISTS"


@ON_ONE_STORE
async def test_what_is_deleted_leaves_no_file_no_row_and_no_word(made: Core) -> None:
    kept = await recorded(made, await machine(made, "a"), "kept marmalade\r\n")
    gone = await recorded(made, await machine(made, "b"), "gone marmalade\r\n")
    await made.call(DeleteRecording(recording_id=gone.recording_id))
    assert files_of(made) == [f"{kept.recording_id}.cast", f"{kept.recording_id}.txt"]
    found = await made.call(SearchRecordings(team_id=made.team_id, text="marmalade"))
    assert [hit.recording.recording_id for hit in found] == [kept.recording_id]
    with pytest.raises(NotFound):
        await made.call(GetRecording(recording_id=gone.recording_id))


@ON_ONE_STORE
async def test_a_recording_that_goes_on_is_not_deleted(made: Core) -> None:
    files, recorder = await begun(made, await machine(made))
    with pytest.raises(Conflict):
        await made.call(DeleteRecording(recording_id=files.recording.recording_id))
    recorder.stop()


# What is found


@pytest.mark.parametrize(
    ("asked", "spans"),
    [
        ("nginx", ("nginx",)),
        ("NGI", ("nginx",)),
        ("10.0.0.7", ("10.0.0.7",)),
        ("/etc/nginx", ("etc/nginx",)),
        ("upstream failed", ("upstream", "failed")),
        ("grusse", ("Grüße",)),
    ],
)
@ON_ONE_STORE
async def test_lines_are_found_by_their_words_and_by_beginnings(made: Core, asked: str, spans: tuple[str, ...]) -> None:
    text = "one\r\n/etc/nginx/nginx.conf: upstream 10.0.0.7:80 failed, Gr\u00fc\u00dfe\r\nlast\r\n".replace("ß", "ss")
    await recorded(made, await machine(made), text)
    [hit] = await made.call(SearchRecordings(team_id=made.team_id, text=asked))
    assert hit.line == 1
    marked = {hit.text[hit.spans[at] : hit.spans[at + 1]] for at in range(0, len(hit.spans), 2)}
    assert {span.replace("ß", "ss") for span in spans} <= marked


@ON_ONE_STORE
async def test_what_looks_like_a_query_is_only_words(made: Core) -> None:
    await recorded(made, await machine(made), 'a "quoted" AND NOT b* (c) NEAR\r\n')
    for text in ('"quoted"', "AND NOT", "b*", "(c)", "NEAR", '"', "*", "", "a:b"):
        await made.call(SearchRecordings(team_id=made.team_id, text=text))
    assert await made.call(SearchRecordings(team_id=made.team_id, text="quoted AND"))
    assert not await made.call(SearchRecordings(team_id=made.team_id, text='" * ('))


@ON_ONE_STORE
async def test_a_very_long_recording_is_whole_though_only_its_first_lines_are_found_by_their_words(
    made: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "MOST_INDEXED", 5)
    text = "\r\n".join(f"marmalade {number}" for number in range(60))
    kept = await recorded(made, await machine(made), text)
    assert kept.line_count == 60
    files = await made.call(GetRecording(recording_id=kept.recording_id))
    [written], _ = contents(files.text)
    assert written.decode().splitlines() == text.splitlines()
    found = await made.call(SearchRecordings(team_id=made.team_id, text="marmalade"))
    assert sorted(hit.line for hit in found) == [0, 1, 2, 3, 4]


@ON_ONE_STORE
async def test_a_search_stays_in_its_team_and_machine(made: Core) -> None:
    first, second = await machine(made, "a"), await machine(made, "b")
    one = await recorded(made, first, "marmalade\r\n")
    await recorded(made, second, "marmalade\r\n")
    found = await made.call(SearchRecordings(team_id=made.team_id, text="marmalade", machine_id=first))
    assert [hit.recording for hit in found] == [one]
    with pytest.raises(NotFound):
        await made.call(SearchRecordings(team_id="team-other", text="marmalade"))


@ON_ONE_STORE
async def test_more_lines_than_one_transaction_takes_are_all_found(made: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("machina_desktop.core.services.recordings.AT_ONCE", 10)
    done = await recorded(made, await machine(made), "".join(f"row{line}x\r\n" for line in range(95)))
    for line in (0, 9, 10, 94):
        [hit] = await made.call(SearchRecordings(team_id=made.team_id, text=f"row{line}x"))
        assert (hit.line, hit.recording) == (line, done)


# What goes


@ON_ONE_STORE
async def test_recordings_that_are_too_old_go(made: Core) -> None:
    old, new = await recorded(made, await machine(made, "a")), await recorded(made, await machine(made, "b"))
    made.host.settings.set(RECORDING_DAYS, 30)
    then = (now() - timedelta(days=31)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    made.sql("UPDATE recording SET began_at = ? WHERE recording_id = ?", then, old.recording_id)
    assert await made.call(TidyRecordings()) == 1
    assert await made.call(ListRecordings(team_id=made.team_id)) == (new,)


@ON_ONE_STORE
async def test_when_there_is_too_much_the_oldest_go(made: Core) -> None:
    machine_id = await machine(made)
    all_of_them = [await recorded(made, machine_id) for _ in range(4)]
    made.sql("UPDATE recording SET size_bytes = 400000")
    made.host.settings.set(RECORDING_MEGABYTES, 1)
    assert await made.call(TidyRecordings()) == 2
    left = await made.call(ListRecordings(team_id=made.team_id))
    assert [each.recording_id for each in left] == [each.recording_id for each in all_of_them[:1:-1]]


@ON_ONE_STORE
async def test_a_recording_whose_program_died_is_ended_with_what_it_wrote(made: Core) -> None:
    files, recorder = await begun(made, await machine(made), "marmalade\r\n")
    recorder.stop()
    await asyncio.to_thread(recorder.wait)
    append(files.cast, b'[7.5, "o", "cut')
    assert await made.call(TidyRecordings()) == 0
    assert (await made.call(ListRecordings(team_id=made.team_id)))[0].state is RecordingState.RECORDING
    made.sql("UPDATE recording SET holder = '999999:1.0:x'")
    await made.call(TidyRecordings())
    [ended] = await made.call(ListRecordings(team_id=made.team_id))
    assert (ended.state, ended.line_count) == (RecordingState.INTERRUPTED, 2)
    assert await made.call(SearchRecordings(team_id=made.team_id, text="marmalade"))


@ON_ONE_STORE
async def test_files_that_nothing_is_known_of_are_removed(made: Core) -> None:
    kept = await recorded(made, await machine(made))
    (made.paths.recordings / "recording-unknown.cast").write_text("x")
    await made.call(TidyRecordings())
    assert files_of(made) == [f"{kept.recording_id}.cast", f"{kept.recording_id}.txt"]
