"""What hostile output tries, and does not get: its own text typed back, the clipboard, a title told, a hung window."""

from __future__ import annotations

import random
import time

import pytest

from machina_desktop.core.terminal.events import ClipboardAsked, TitleChanged, Told
from machina_desktop.core.terminal.terminal import Terminal
from tests.terminal.hostile import ANSWERS, CODED, EVIL, HEX, HOSTILE, SETS_CLIPBOARD


def after(data: bytes) -> tuple[Terminal, bytes, list[Told]]:
    replies: list[bytes] = []
    told: list[Told] = []
    terminal = Terminal(80, 24, reply=replies.append, tell=told.append)
    terminal.feed(data)
    return terminal, b"".join(replies), told


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 120


@pytest.mark.parametrize("sequence", HOSTILE)
def test_nothing_the_attacker_chose_is_typed_back(sequence: str) -> None:
    for data in (sequence.encode(), sequence.encode() * 3, (sequence + "\x1b\\\x1b[6n").encode()):
        _, replies, _ = after(data)
        assert ANSWERS.match(replies), replies
        assert not any(chosen.encode().lower() in replies.lower() for chosen in (EVIL, HEX, CODED))


@pytest.mark.parametrize("sequence", HOSTILE)
def test_the_clipboard_is_asked_for_and_titles_are_clean(sequence: str) -> None:
    terminal, _, told = after(sequence.encode())
    asked = [event for event in told if isinstance(event, ClipboardAsked)]
    assert [event.text for event in asked] == [EVIL] * len(asked)
    assert bool(asked) == bool(SETS_CLIPBOARD.search(sequence))
    assert all(event.title.isprintable() for event in told if isinstance(event, TitleChanged))
    assert terminal.title.isprintable()


@pytest.mark.parametrize(
    "begin, end",
    [
        ("\x1b]0;", "\x07"),
        ("\x1b]8;;http://", "\x07"),
        ("\x1b]52;c;", "\x07"),
        ("\x1bP$q", "\x1b\\"),
        ("\x1b_", "\x1b\\"),
    ],
)
def test_a_string_without_measure_is_swallowed_in_bounded_room(begin: str, end: str) -> None:
    terminal, replies, told = after(begin.encode() + b"A" * 3_000_000 + end.encode() + b"after")
    assert terminal.row(0).text == "after"
    assert (replies, told) == (b"", [])


def test_a_sequence_without_measure_is_swallowed() -> None:
    terminal, _, _ = after(b"\x1b[" + b"1;" * 500_000 + b"mafter")
    assert (terminal.row(0).text, terminal.row(0).runs) == ("after", ())


def test_a_title_has_a_measure_and_no_controls_and_no_turned_writing() -> None:
    terminal, _, _ = after("\x1b]2;\u202eabc\x01\u200b{}\x07".format("x" * 9000).encode())
    assert terminal.title == "abc" + "x" * 253


def test_links_give_way_to_newer_ones() -> None:
    terminal, _, _ = after(b"".join(b"\x1b]8;;http://h/%d\x07x" % number for number in range(10_000)))
    assert len(terminal.screen.links._by_number) <= 4096
    assert terminal.link_at(0, 0) is None or terminal.link_at(0, 0).address.startswith("http://h/")


def test_a_cell_does_not_grow_without_measure() -> None:
    terminal, _, _ = after(b"a" + "\u0301\u0302".encode() * 100_000)
    assert len(terminal.row(0).clusters[0]) <= 16


@pytest.mark.parametrize(
    "sequence", ["\x1b[9999b", "\x1b[9999L", "\x1b[9999@", "\x1b[9999T", "\x1b[9999I", "\x1b[?45h\x1b[9999D"]
)
def test_large_counts_take_no_time(sequence: str) -> None:
    began = time.process_time()
    after(b"x" + sequence.encode() * 500)
    assert time.process_time() - began < 1.5


def test_random_bytes_neither_raise_nor_hang() -> None:
    choose = random.Random(5)
    terminal = Terminal(80, 24)
    for _ in range(30):
        terminal.feed(choose.randbytes(16_384))
        terminal.resize(choose.randint(1, 120), choose.randint(1, 50))
    assert len(terminal.row(0).text) <= terminal.columns


def test_invalid_utf8_is_shown_as_replacement() -> None:
    terminal, _, _ = after(b"a\xffb\xc3(\xe2\x82c\xed\xa0\x80d")
    assert terminal.row(0).text.replace("\ufffd", "?").startswith("a?b?(?c")


def test_a_line_of_fifty_megabytes_passes() -> None:
    terminal = Terminal(80, 24, scrollback=10_000)
    chunk = b"0123456789" * 100_000
    for _ in range(50):
        terminal.feed(chunk)
    terminal.feed(b"end")
    assert 30_000 <= terminal.scrolled <= 30_000 + 600
    assert terminal.top + terminal.cursor.y == 50_000_003 // 80
    assert terminal.row(terminal.cursor.y).text == "end"


def test_a_storm_of_sizes_keeps_the_text() -> None:
    choose = random.Random(6)
    terminal = Terminal(80, 24)
    lines = [f"{number} " + "word " * choose.randint(0, 60) for number in range(500)]
    terminal.feed("\r\n".join(lines).encode())
    for _ in range(100):
        terminal.resize(choose.randint(2, 200), choose.randint(1, 70))
    terminal.resize(1000, 24)
    rows = [terminal.row(y).text for y in range(-terminal.scrolled, terminal.cursor.y + 1)]
    assert rows == [line.rstrip() for line in lines]
