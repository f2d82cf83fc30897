"""What a run prints is stored line by line, once and in order, without secrets and control characters."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import DOTS
from machina_desktop.core.terraform.cli import Decoded
from machina_desktop.core.workers.log_pump import BATCH_LINES, TEXT_LIMIT, WAITING_LINES, LogPump
from tests.fakes.hosts import until

SECRET = "log-pump-secret-81f3"
REDACTOR.learn(SECRET)


@dataclass
class Kept:
    """What was appended: lines and cursors together, as in one transaction."""

    lines: list[LogLine] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    failures: int = 0

    async def append(self, lines: tuple[LogLine, ...], cursors: Mapping[str, int]) -> None:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise Unavailable("The disk is full; nothing was changed.", code="E-DISK-FULL")
        self.lines += lines
        self.cursors.update(cursors)
        self.batches.append(len(lines))

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def ignore(_decoded: Decoded) -> None:
    """Learn nothing."""


def said(text: str) -> bytes:
    return json.dumps({"@level": "info", "@message": text, "type": "log"}).encode() + b"\n"


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def say_all(pump: LogPump, phase: str) -> None:
    for number in range(500):
        pump.say(phase, str(number))


async def follow(kept: Kept, path: Path, ended: asyncio.Event, learnt: list[Decoded] | None = None) -> None:
    pump = LogPump(kept.append, kept.cursors)
    learn = ignore if learnt is None else learnt.append
    await pump.follow(path, source="apply", phase="apply", ended=ended, on_decoded=learn)


async def test_the_lines_of_a_growing_file_are_kept_in_order(tmp_path: Path) -> None:
    kept, path, ended = Kept(), tmp_path / "apply.jsonl", asyncio.Event()
    following = asyncio.ensure_future(follow(kept, path, ended))
    for number in range(20):
        half = said(f"line {number}")
        write(path, half[:10])
        await asyncio.sleep(0.002)
        write(path, half[10:])
    await until(lambda: len(kept.lines) == 20)
    write(path, said("last")[:-1])
    ended.set()
    await following
    assert kept.texts == [*(f"line {number}" for number in range(20)), "last"]


@given(cut=st.integers(0, 600), stop=st.integers(0, 40))
@settings(max_examples=60)
async def test_whoever_goes_on_after_a_crash_neither_loses_nor_doubles_a_line(
    tmp_path_factory: pytest.TempPathFactory, cut: int, stop: int
) -> None:
    path = tmp_path_factory.mktemp("run") / "apply.jsonl"
    data = b"".join(said(f"line {number}") for number in range(40))
    kept, ended = Kept(), asyncio.Event()
    write(path, data[:cut])
    following = asyncio.ensure_future(follow(kept, path, ended))
    for _ in range(stop):
        await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])
    write(path, data[cut:])
    ended.set()
    learnt: list[Decoded] = []
    await follow(kept, path, ended, learnt)
    assert kept.texts == [f"line {number}" for number in range(40)]
    assert len(learnt) == 40


async def test_the_output_of_a_command_run_again_is_read_from_its_start(tmp_path: Path) -> None:
    kept, path, ended = Kept(cursors={"apply": 70}), tmp_path / "apply.jsonl", asyncio.Event()
    write(path, said("one") + said("two"))
    ended.set()
    pump = LogPump(kept.append, kept.cursors)
    await pump.begin_anew("apply")
    assert kept.cursors == {"apply": 0}, "a reader after a crash would begin in the middle"
    await pump.follow(path, source="apply", phase="apply", ended=ended, on_decoded=ignore)
    assert kept.texts == ["one", "two"]
    assert kept.cursors == {"apply": len(said("one") + said("two"))}


async def test_no_secret_is_kept_in_any_form(tmp_path: Path) -> None:
    kept, path, ended = Kept(), tmp_path / "apply.jsonl", asyncio.Event()
    write(path, said(f"password={SECRET}") + f"raw {SECRET} text\n".encode() + said(f"hex {SECRET.encode().hex()}"))
    ended.set()
    await follow(kept, path, ended)
    pump = LogPump(kept.append, {})
    pump.say("bootstrap", f"first {SECRET}\nlog-pump-\x1b[31msecret-81f3\nthird")
    await pump.flush()
    assert kept.texts == [f"password={DOTS}", f"raw {DOTS} text", f"hex {DOTS}", f"first {DOTS}", DOTS, "third"]


async def test_no_part_of_a_secret_survives_where_a_line_is_cut(tmp_path: Path) -> None:
    kept, path, ended = Kept(), tmp_path / "apply.jsonl", asyncio.Event()
    for room in range(1, len(SECRET)):
        write(path, said("x" * (TEXT_LIMIT - 1 - room) + SECRET + "y" * 100))
    ended.set()
    await follow(kept, path, ended)
    assert len(kept.lines) == len(SECRET) - 1
    assert not any(SECRET[0] in text for text in kept.texts)


@pytest.mark.parametrize("text", ["\x1b[2Jcleared", "a\x00b", "a\u202eb", "\x1b]0;title\x07shell", "a\tb"])
async def test_our_own_lines_hold_no_control_characters(text: str) -> None:
    kept = Kept()
    pump = LogPump(kept.append, {})
    pump.say("bootstrap", text)
    await pump.flush()
    assert all(line.isprintable() for line in kept.texts)


async def test_a_long_line_is_cut() -> None:
    kept = Kept()
    pump = LogPump(kept.append, {})
    pump.say("bootstrap", "x" * 100_000)
    await pump.flush()
    assert len(kept.texts[0]) == TEXT_LIMIT + 1


async def test_what_threads_say_arrives_whole(tmp_path: Path) -> None:
    kept = Kept()
    pump = LogPump(kept.append, {})
    running = asyncio.ensure_future(pump.run())
    threads = [threading.Thread(target=say_all, args=(pump, name)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    await until(lambda: len(kept.lines) == 1500)
    running.cancel()
    for phase in ("a", "b", "c"):
        assert [line.text for line in kept.lines if line.phase == phase] == [str(number) for number in range(500)]
    assert len(kept.batches) < 100


async def test_many_lines_are_kept_in_batches() -> None:
    kept = Kept()
    pump = LogPump(kept.append, {})
    for number in range(BATCH_LINES * 2 + 1):
        pump.say("bootstrap", str(number))
    await pump.flush()
    assert kept.batches == [BATCH_LINES, BATCH_LINES, 1]


async def test_lines_that_could_not_be_stored_are_stored_with_the_next() -> None:
    kept = Kept(failures=1)
    pump = LogPump(kept.append, {})
    pump.say("bootstrap", "one", level=LogLevel.WARNING)
    with pytest.raises(MachinaError):
        await pump.flush()
    pump.say("bootstrap", "two")
    await pump.flush()
    assert kept.texts == ["one", "two"]
    assert kept.lines[0].level is LogLevel.WARNING


async def test_half_a_character_does_not_stop_the_log() -> None:
    kept = Kept()
    pump = LogPump(kept.append, {})
    pump.say("bootstrap", "file \udcff is odd")
    await pump.flush()
    assert kept.texts == ["file ? is odd"]
    assert to_json(kept.texts[0])


async def test_while_nothing_can_be_stored_memory_stays_bounded_and_the_gap_is_told() -> None:
    kept = Kept()
    pump = LogPump(kept.append, {})
    pump.say("apply", "\n".join(str(number) for number in range(WAITING_LINES + 5)))
    pump.say("apply", "too late")
    await pump.flush()
    pump.say("apply", "again")
    await pump.flush()
    assert kept.texts[:WAITING_LINES] == [str(number) for number in range(WAITING_LINES)]
    assert kept.texts[WAITING_LINES:] == [
        "6 lines were left out here: they could not be stored in time.",
        "again",
    ]
