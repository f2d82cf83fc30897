"""A terminal is written down as it was, in time, and without any secret that is known or that nobody saw."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from machina_desktop.core.errors import InvalidInput, NotFound, Unavailable
from machina_desktop.core.log import Redactor
from machina_desktop.core.secret import DOTS
from machina_desktop.core.terminal import recording
from machina_desktop.core.terminal.asciicast import CastEvent, CastFile, EventKind, Header, header_line, played_times
from machina_desktop.core.terminal.recording import Recorder
from machina_desktop.core.terminal.recording_input import ShownInput
from machina_desktop.core.terminal.recording_text import lines_of
from machina_desktop.core.terminal.redaction import StreamRedactor

SECRET = "hunter2-correct-horse"
HEADER = Header(columns=80, rows=24, began_at=datetime(2026, 3, 1, tzinfo=UTC), title="web-1")


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    redactor.learn(*secrets)
    return redactor


def through(redactor: Redactor, *parts: str) -> str:
    stream = StreamRedactor(redactor)
    return "".join([*(stream.feed(part) for part in parts), stream.finish()])


def recorded(path: Path, *chunks: bytes, redactor: Redactor | None = None) -> list[CastEvent]:
    recorder = Recorder(path, HEADER, redactor=redactor or Redactor())
    for chunk in chunks:
        recorder.output(chunk)
    recorder.stop()
    recorder.wait()
    return list(CastFile(path).events())


def text_of(events: list[CastEvent], kind: EventKind = EventKind.OUTPUT) -> str:
    return "".join(event.data for event in events if event.kind is kind)


# Redaction


@pytest.mark.parametrize("at", range(len(SECRET) + 1))
def test_a_secret_that_two_reads_cut_in_half_is_not_let_through(at: int) -> None:
    redactor = knowing(SECRET)
    assert through(redactor, f"key {SECRET[:at]}", f"{SECRET[at:]} end") == f"key {DOTS} end"


def test_a_secret_that_comes_a_character_at_a_time_is_not_let_through() -> None:
    assert through(knowing(SECRET), *f"a {SECRET} b {SECRET}") == f"a {DOTS} b {DOTS}"


def test_colours_inside_of_a_secret_do_not_hide_it() -> None:
    text = f"key \x1b[31m{SECRET[:5]}\x1b[1m{SECRET[5:]}\x1b[0m end"
    assert through(knowing(SECRET), text) == f"key \x1b[31m{DOTS}\x1b[1m\x1b[0m end"


@pytest.mark.parametrize("sequence", ["\x1b[38;5;12m", "\x1b]8;;https://a.example\x1b\\", "\x1b(B", "\x00", "\x07"])
def test_a_sequence_inside_of_a_secret_may_be_cut_by_reads_as_well(sequence: str) -> None:
    text = f"x{SECRET[:9]}{sequence}{SECRET[9:]}y"
    for at in range(len(text)):
        told = through(knowing(SECRET), text[:at], text[at:])
        assert SECRET[:9] not in told
        assert SECRET[9:] not in told
        assert told.startswith("x")
        assert told.endswith("y")


@given(st.lists(st.sampled_from(["a", "b", "ab", "abcabc", "abcabcabc", "c", "\x1b[m", "\n", "q"]), max_size=30))
def test_however_it_is_cut_what_comes_out_holds_no_secret(parts: list[str]) -> None:
    told = through(knowing("abcabcabc", "bcabca"), *parts)
    plain = told.replace("\x1b[m", "")
    assert "abcabcabc" not in plain
    assert "bcabca" not in plain


@given(st.lists(st.text(alphabet="xyz \x1b[]m;\\\x07\n", max_size=12), max_size=20))
def test_what_holds_no_secret_comes_out_as_it_went_in(parts: list[str]) -> None:
    assert through(knowing(SECRET), *parts) == "".join(parts)


def test_what_is_no_beginning_of_a_secret_is_not_held_back() -> None:
    stream = StreamRedactor(knowing(SECRET))
    assert stream.feed("root@web-1:~# ") == "root@web-1:~# "
    assert stream.held == 0


def test_no_more_is_held_back_than_the_longest_secret_is_long() -> None:
    redactor = knowing("ab" * 40)
    stream = StreamRedactor(redactor)
    for _ in range(500):
        stream.feed("ab")
        assert stream.held <= redactor.longest


def test_of_two_secrets_that_begin_alike_the_longer_is_waited_for() -> None:
    stream = StreamRedactor(knowing("secret-1", "secret-1-and-more"))
    assert stream.feed("secret-1") == ""
    assert stream.feed("-and-more.") == f"{DOTS}."


# What is typed


def test_what_the_terminal_shows_of_the_input_is_told() -> None:
    keyboard = ShownInput()
    told = keyboard.typed("ls") + keyboard.shown("ls") + keyboard.typed(" -l\r") + keyboard.shown(" -l\r\ntotal 0\r\n")
    assert told == "ls -l\r"


def test_a_password_that_nobody_sees_is_never_told() -> None:
    keyboard = ShownInput()
    keyboard.shown("[sudo] password for ada: ")
    told = "".join(keyboard.typed(sign) for sign in "hunter2") + keyboard.typed("\r") + keyboard.shown("\r\nok\r\n$ ")
    told += keyboard.typed("id\r") + keyboard.shown("id\r\nuid=0\r\n")
    assert told == "\rid\r"


def test_without_a_prompt_that_asks_what_is_not_shown_is_not_told_either() -> None:
    keyboard = ShownInput()
    keyboard.shown("> ")
    assert keyboard.typed("hunter2\r") + keyboard.shown("\r\nhunter2 is wrong\r\n") == "\r"


def test_at_a_prompt_that_asks_for_a_secret_even_what_is_shown_is_not_told() -> None:
    keyboard = ShownInput()
    keyboard.shown("Enter passphrase for key '/home/ada/.ssh/id': ")
    assert keyboard.typed("hunter2\r") + keyboard.shown("hunter2\r\n") == "\r"


def test_lines_that_are_typed_ahead_are_told_where_they_are_shown_one_after_the_other() -> None:
    keyboard = ShownInput()
    assert keyboard.typed("one\rtwo\r") + keyboard.shown("one\r\ntwo\r\n") == "one\rtwo\r"
    assert keyboard.typed("one\rhidden\r") + keyboard.shown("one\r\nPassword: \r\n$ ") == "one\r\r"


def test_arrows_and_control_keys_are_told_at_once() -> None:
    keyboard = ShownInput()
    assert keyboard.typed("\x1b[A\x03\x1bOP\t") == "\x1b[A\x03\x1bOP\t"


# The file


def test_the_file_is_private_from_its_first_moment_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "recordings" / "a.cast"
    recorder = Recorder(path, HEADER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with pytest.raises(Unavailable) as caught:
        Recorder(path, HEADER)
    assert caught.value.code == "E-RECORDING"
    recorder.stop()
    recorder.wait()


def test_it_is_an_asciicast_of_version_two(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    recorder = Recorder(path, HEADER)
    recorder.output("grüße ☃\r\n".encode())
    recorder.resized(100, 30)
    recorder.marked("make: 2")
    recorder.stop()
    recorder.wait()
    first, *events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first["version"] == 2
    assert (first["width"], first["height"], first["title"]) == (80, 24, "web-1")
    assert [(kind, data) for _at, kind, data in events] == [("o", "grüße ☃\r\n"), ("r", "100x30"), ("m", "make: 2")]
    assert [at for at, _kind, _data in events] == sorted(at for at, _kind, _data in events)


def test_a_character_that_two_reads_cut_is_whole_in_the_file(tmp_path: Path) -> None:
    data = "snow ☃ man".encode()
    assert text_of(recorded(tmp_path / "a.cast", data[:6], data[6:])) == "snow ☃ man"


def test_a_secret_that_two_reads_cut_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    recorded(path, b"a " + SECRET[:7].encode(), SECRET[7:].encode() + b" b\r\n", redactor=knowing(SECRET))
    assert SECRET not in path.read_text().replace('"]\n', "")
    assert SECRET[:7] not in path.read_text()
    assert SECRET[7:] not in path.read_text()


def test_input_is_kept_only_where_that_is_wanted(tmp_path: Path) -> None:
    for has_input in (False, True):
        recorder = Recorder(tmp_path / f"{has_input}.cast", HEADER, has_input=has_input)
        recorder.typed(b"ls\r")
        recorder.output(b"ls\r\n")
        recorder.stop()
        recorder.wait()
        kept = text_of(list(CastFile(tmp_path / f"{has_input}.cast").events()), EventKind.INPUT)
        assert kept == ("ls\r" if has_input else "")


def test_what_has_become_of_it_is_told_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    recorder = Recorder(path, HEADER)
    recorder.output(b"hello")
    recorder.stop()
    written = recorder.wait()
    assert written.size_bytes == path.stat().st_size
    assert written.sha256 == __import__("hashlib").sha256(path.read_bytes()).hexdigest()
    assert written.problem == ""
    assert not recorder.is_recording


def test_what_the_disk_has_no_time_for_is_left_out_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    fsync = os.fsync
    monkeypatch.setattr(recording, "SYNC_S", 0.0)
    monkeypatch.setattr(os, "fsync", lambda file: (gate.wait(), fsync(file)))
    path = tmp_path / "a.cast"
    recorder = Recorder(path, HEADER)
    # Whoever waited for the disk here would wait for ever.
    for _ in range(40):
        recorder.output(b"x" * (1 << 20))
    gate.set()
    recorder.stop()
    written = recorder.wait()
    assert written.left_out_bytes >= 20 << 20
    kept = list(CastFile(path).events())
    assert kept[-1].data == f"{written.left_out_bytes} bytes were left out"
    assert len(text_of(kept)) + written.left_out_bytes == 40 << 20


def test_a_recording_has_a_largest_size(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.cast", HEADER, largest=2000)
    for _ in range(10):
        recorder.output(b"y" * 1000)
    recorder.stop()
    written = recorder.wait()
    assert written.size_bytes < 4000
    assert written.left_out_bytes == 8000


def test_a_disk_that_fails_ends_the_recording_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "SYNC_S", 0.0)
    monkeypatch.setattr(os, "fsync", full)
    ended = threading.Event()
    recorder = Recorder(tmp_path / "a.cast", HEADER, on_end=ended.set)
    recorder.output(b"x")
    assert ended.wait(10)
    assert not recorder.is_recording
    recorder.output(b"more")
    assert recorder.wait().problem == "The recording ended: No space left on device."


# Reading


def test_a_file_that_was_cut_off_is_read_to_its_last_whole_event(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    path.write_bytes(header_line(HEADER) + b'[0.5, "o", "one"]\n[0.2, "o", "two"]\n[1.5, "z", "?"]\n[2.0, "o", "thr')
    assert list(CastFile(path).events()) == [
        CastEvent(500, EventKind.OUTPUT, "one"),
        CastEvent(500, EventKind.OUTPUT, "two"),
    ]


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b'{"version": 1, "width": 80, "height": 24}', b'{"version":2,"width":1e9,"height":1}']
)
def test_what_is_no_asciicast_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.cast"
    path.write_bytes(line)
    with pytest.raises(InvalidInput) as caught:
        CastFile(path)
    assert caught.value.code == "E-CAST"


def test_a_file_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        CastFile(tmp_path / "a.cast")


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_no_line_of_a_file_makes_the_reader_fail(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("cast") / "a.cast"
    path.write_bytes(header_line(HEADER) + b"\n".join(lines))
    for event in CastFile(path).events():
        assert event.at_ms >= 0


def test_no_pause_is_played_longer_than_asked() -> None:
    events = [CastEvent(at, EventKind.OUTPUT, "x") for at in (0, 1000, 61_000, 61_500)]
    assert played_times(events, longest_pause_ms=2000) == [0, 1000, 3000, 3500]


# Its text


def read(tmp_path: Path, *chunks: bytes, columns: int = 20, rows: int = 5) -> list[str]:
    path = tmp_path / "a.cast"
    recorder = Recorder(path, Header(columns=columns, rows=rows, began_at=HEADER.began_at))
    for chunk in chunks:
        recorder.output(chunk)
    recorder.stop()
    recorder.wait()
    return [line.text for line in lines_of(CastFile(path))]


def test_its_text_is_what_could_be_read_without_sequences(tmp_path: Path) -> None:
    data = b"\x1b[1;32mone\x1b[0m\r\ntwo \xe2\x98\x83\r\n\xe6\xbc\xa2\xe5\xad\x97 ok\r\n" + b"x\r\n" * 20 + b"end"
    assert read(tmp_path, data) == ["one", "two ☃", "漢字 ok", *["x"] * 20, "end"]


def test_a_line_that_was_wrapped_is_one_line_of_the_text(tmp_path: Path) -> None:
    assert read(tmp_path, b"a" * 50 + b"\r\nb\r\n" + b"\r\n" * 6) == ["a" * 50, "b", *[""] * 7]


def test_what_was_written_over_is_told_as_it_was_at_last(tmp_path: Path) -> None:
    assert read(tmp_path, b"10 %\r", b"100 %\r\ndone\r\n")[:2] == ["100 %", "done"]


def test_what_is_drawn_on_the_alternate_screen_is_not_in_the_text(tmp_path: Path) -> None:
    assert read(tmp_path, b"before\r\n\x1b[?1049hdrawn\x1b[?1049lafter\r\n")[:2] == ["before", "after"]


def test_another_width_tells_no_line_twice_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    recorder = Recorder(path, Header(columns=40, rows=4, began_at=HEADER.began_at))
    for step in range(60):
        recorder.output(f"line {step:02} {'-' * 25}\r\n".encode())
        recorder.resized(20 + step, 4 + step % 5)
    recorder.stop()
    recorder.wait()
    lines = [line.text for line in lines_of(CastFile(path)) if line.text]
    assert lines == [f"line {step:02} {'-' * 25}" for step in range(60)]


def test_a_line_of_the_text_knows_when_it_was_first_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.cast"
    events = "".join(f'[{at}.0, "o", "line {at}\\r\\n"]\n' for at in range(1, 30))
    path.write_bytes(header_line(Header(columns=20, rows=5, began_at=HEADER.began_at)) + events.encode())
    lines = list(lines_of(CastFile(path)))
    assert [(line.at_ms, line.text) for line in lines[:-1]] == [(at * 1000, f"line {at}") for at in range(1, 30)]
